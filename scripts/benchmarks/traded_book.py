"""A book with a past: as many filled orders as are wanted, written by the book's own code, so that everything in it adds up."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from binance_trade_agent.domain.client_order_id import client_order_id
from binance_trade_agent.domain.decision import TradeDecision, Verdict
from binance_trade_agent.domain.order import (
    ExchangeStatus,
    Fill,
    OrderEvent,
    OrderIntent,
    OrderReport,
    OrderType,
    Purpose,
    Side,
)
from binance_trade_agent.domain.portfolio import EquityPoint
from binance_trade_agent.domain.risk import Reservation, RiskState
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.storage.book_store import SqliteBookStore
from binance_trade_agent.storage.sqlite_file import open_writer

T = TypeVar("T")

EPOCH = "bench"
BEGAN_MS = 1_750_000_000_000
ORDERS_A_PASS = 10
_STEP_MS = 60_000
_PRICE, _QUANTITY, _FEE = Decimal("25.5"), Decimal("1.25"), Decimal("0.031875")
_CASH = Decimal(1_000_000)
_ZERO = Decimal(0)


class _OneTransaction:
    """A SqlDatabase whose writes share one transaction: nobody awaits any of them, and 100,000 commits would take minutes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def write(self, work: Callable[[sqlite3.Connection], T], *, durable: bool) -> T:
        """What `work` returns."""
        del durable
        return work(self._connection)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns."""
        return work(self._connection)


async def make_book(path: Path, symbols: tuple[str, ...], fills: int) -> dict[str, Decimal]:
    """A new book at `path` of `fills` orders (an even number) that filled in one trade each; what it says that the account holds.

    Symbols are quoted in USDT and traded in turn, bought and sold again, with a decision each and a pass for every ORDERS_A_PASS. Its
    trade ids are below those that the simulated exchange gives.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(open_writer(str(path))) as connection:
        connection.execute("BEGIN")
        store = SqliteBookStore(_OneTransaction(connection), new_epoch=lambda: EPOCH)
        await store.load()
        await store.book_external("USDT", _CASH, "opening:USDT", BEGAN_MS)
        await store.set_initial_value(_CASH, BEGAN_MS)
        decisions: list[TradeDecision] = []
        for number in range(1, fills + 1):
            time_ms = BEGAN_MS + number // ORDERS_A_PASS * _STEP_MS
            side = Side.BUY if (number - 1) // len(symbols) % 2 == 0 else Side.SELL
            symbol = symbols[(number - 1) % len(symbols)]
            await _trade(store, symbol, side, number, time_ms)
            decisions.append(TradeDecision(symbol, f"{time_ms:x}", time_ms, Verdict.FILLED, 12.5))
            if number % ORDERS_A_PASS == 0:
                point = EquityPoint(time_ms, _CASH, _CASH, _ZERO, _ZERO, _ZERO)
                await store.record_pass(decisions, point, RiskState(_CASH, time_ms // 86_400_000, _CASH))
                decisions = []
        state = await store.load()
        connection.execute("COMMIT")
    return dict(state.balances)


async def _trade(store: SqliteBookStore, symbol: str, side: Side, number: int, time_ms: int) -> None:
    name = client_order_id(EPOCH, number)
    purpose = Purpose.ENTRY if side is Side.BUY else Purpose.EXIT
    intent = OrderIntent(name, symbol, side, OrderType.MARKET, _QUANTITY, _PRICE, purpose, time_ms, f"{time_ms:x}", "drew 17")
    value = _PRICE * _QUANTITY
    fill = Fill(symbol, number, number, name, side, _PRICE, _QUANTITY, value, _FEE, "USDT", time_ms, is_maker=False)
    status = ExchangeStatus.FILLED
    report = OrderReport(symbol, number, name, side, "MARKET", status, _ZERO, _QUANTITY, _QUANTITY, value, time_ms, (fill,))
    rules = _rules(symbol)
    await store.insert_intent(intent, Reservation(name, symbol, value), time_ms + 5_000)
    await store.settle(name, OrderEvent.SEND, time_ms, "", None, (), rules)
    await store.settle(name, OrderEvent.FILL, time_ms, "", report, (), rules)


def _rules(symbol: str) -> SymbolRules:
    return SymbolRules(symbol, symbol.removesuffix("USDT"), "USDT", SymbolStatus.TRADING, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO)
