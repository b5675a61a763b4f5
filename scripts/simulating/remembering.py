"""Remembering: what a process has in memory when it begins, and when it ends in order, compared with what its book says."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from binance_trade_agent.domain.order import JournaledOrder
from binance_trade_agent.domain.risk import TradingMode
from binance_trade_agent.portfolio_manager import PortfolioManager
from binance_trade_agent.risk_management_agent import RiskManagementAgent
from binance_trade_agent.storage.book_state import read_state
from simulating.checks import Check, Finding


def memory_findings(portfolio: PortfolioManager, path: Path) -> Iterator[Finding]:
    """One finding for each figure that a restart would change."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        state = read_state(connection)
    compared = {
        "balances": (_without_zeros(portfolio.balances), _without_zeros(state.balances)),
        "positions": (dict(portfolio.view(0).positions), dict(state.positions)),
        "open orders": (_by_id(portfolio.open_orders()), _by_id(state.open_orders)),
        "modes": (dict(portfolio.modes), dict(state.modes)),
        "newest trades": ({symbol: portfolio.last_trade_id(symbol) for symbol in state.last_trade_ids}, dict(state.last_trade_ids)),
        "trades seen": ({symbol: portfolio.trades_seen(symbol) for symbol in state.trades_seen}, dict(state.trades_seen)),
    }
    for what, (remembered, kept) in compared.items():
        if remembered != kept:
            yield Finding(Check.REPLAY, f"{what} were {remembered} in memory when the process ended, and its book says {kept}")


def mode_findings(risk: RiskManagementAgent, written: Mapping[str, str]) -> Iterator[Finding]:
    """One finding for each scope that a process which begins takes for freer than the book says (`written`, newest mode by scope)."""
    for scope, mode in sorted(written.items()):
        if risk.mode_for(scope).severity < TradingMode(mode).severity:
            yield Finding(Check.HALT_HOLDS, f"a process begins with {scope} {risk.mode_for(scope)}, and its book says {mode}")


def _by_id(orders: Iterable[JournaledOrder]) -> list[JournaledOrder]:
    return sorted(orders, key=lambda order: order.intent.client_order_id)


def _without_zeros(amounts: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {name: amount for name, amount in amounts.items() if amount}
