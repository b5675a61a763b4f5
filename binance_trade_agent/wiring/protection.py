"""Protection on the exchange, connected to the stations that it asks, when the settings want it."""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from binance_trade_agent.async_binance_client import AsyncBinanceClient
from binance_trade_agent.domain.risk import ModeChange, RiskRule, TradingMode
from binance_trade_agent.portfolio_manager import PortfolioManager
from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.protection_agent import ProtectionAgent, ProtectionRules
from binance_trade_agent.reconciler import Reconciler
from binance_trade_agent.risk_management_agent import RiskManagementAgent
from binance_trade_agent.sending_desk import SendingDesk
from binance_trade_agent.settings import Settings
from binance_trade_agent.settings.choices import Protection, Venue


def protection_agent(
    settings: Settings,
    client: AsyncBinanceClient,
    portfolio: PortfolioManager,
    risk: RiskManagementAgent,
    reconciler: Reconciler,
    *,
    desk: SendingDesk,
    tighten: Callable[[str, TradingMode, RiskRule, str], Awaitable[None]],
    record_mode: Callable[[ModeChange], Awaitable[None]],
    observer: Observer,
) -> ProtectionAgent | None:
    """The agent, or None with PROTECTION=off, of which real money is warned."""
    choice = settings.protection
    if choice is Protection.OFF:
        if settings.trading_mode is Venue.LIVE:
            _log().warning("PROTECTION is off: while this daemon is away, nothing sells at a stop-loss; see docs/risk.md")
        return None

    async def give_up(symbol: str, reason: str) -> None:
        if choice is Protection.EXCHANGE_OR_HALT:
            await tighten(symbol, TradingMode.HALTED, RiskRule.UNPROTECTED, reason)
        elif risk.mode_for(symbol) is not TradingMode.HALTED and not risk.is_to_be_sold(symbol):
            # Sold and not bought again, or buying and selling would go round for its fees. Written even where entries are stopped
            # already: this record is what has the position sold, by the next process if need be.
            change = risk.change_mode(symbol, TradingMode.REDUCING, RiskRule.UNPROTECTED, reason, client.clock.now_ms())
            await record_mode(change)

    rules = ProtectionRules(
        plan=risk.protection_for,
        mode_for=risk.mode_for,
        hold=risk.hold,
        follow=reconciler.follow,
        give_up=give_up,
        next_order_id=portfolio.next_client_order_id,
        trailing_step=settings.protection_trailing_step_pct,
    )
    return ProtectionAgent(client, client.protective_orders, portfolio, desk, rules, clock=client.clock, observer=observer)


def _log() -> Any:
    return structlog.get_logger(component="protection")
