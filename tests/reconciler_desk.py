"""A reconciler between a real book in memory and a scripted exchange."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal

from msgspec.structs import replace
from scripted_exchange import START_CASH, ScriptedClock, ScriptedExchange

from binance_trade_agent.domain.order import OrderEvent, OrderIntent, OrderState, OrderType, Purpose, Side
from binance_trade_agent.domain.risk import Reservation, RiskRule
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.portfolio_manager import PortfolioManager
from binance_trade_agent.ports.observer import NullObserver
from binance_trade_agent.reconciler import Reconciler, ReconcilerRules
from binance_trade_agent.reconciler.case import Meet
from binance_trade_agent.storage.book_store import SqliteBookStore
from binance_trade_agent.storage.database import SqlDatabase, open_database

ZERO = Decimal(0)
NOW_MS = 1_700_000_000_000
AFTER_FENCE_MS = 60_000
RULES = {
    f"{base}USDT": SymbolRules(f"{base}USDT", base, "USDT", SymbolStatus.TRADING, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO)
    for base in ("AAA", "BBB")
}


class Desk:
    """A reconciler between a real book in memory and a scripted exchange; `restart` begins anew on the same book."""

    def __init__(self, database: SqlDatabase, exchange: ScriptedExchange, *, external_entries: bool, symbols: tuple[str, ...]) -> None:
        self.exchange = exchange
        self.clock = exchange.clock
        self.halted: dict[str, str] = {}
        self.in_flight: set[str] = set()
        self.on_halt: Callable[[], None] = lambda: None
        self.meet: Meet | None = None
        self._database = database
        self._external_entries = external_entries
        self.symbols = symbols

    async def restart(self) -> None:
        self.in_flight.clear()
        self.store = SqliteBookStore(self._database, new_epoch=lambda: "e")
        self.portfolio = PortfolioManager(self.store, quote_asset="USDT", rules=RULES, observer=NullObserver(), clock=self.clock)
        await self.portfolio.open()
        rules = ReconcilerRules(self.symbols, self.portfolio.epoch, external_entries=self._external_entries)
        self.reconciler = Reconciler(
            self.exchange, self.portfolio, rules, clock=self.clock, in_flight=lambda: self.in_flight, halt=self._halt, meet=self.meet
        )

    async def _halt(self, symbol: str, rule: RiskRule, reason: str) -> None:
        self.on_halt()
        self.halted[symbol] = reason

    async def begin(self, symbol: str = "AAAUSDT", side: Side = Side.BUY, quantity: int = 1, stop_price: Decimal | None = None) -> str:
        """An order as it stands in the journal when the request leaves."""
        name = self.portfolio.next_client_order_id()
        now_ms = self.clock.now_ms()
        intent = OrderIntent(name, symbol, side, OrderType.MARKET, Decimal(quantity), Decimal(100), Purpose.ENTRY, now_ms, "c", "because")
        intent = replace(intent, stop_price=stop_price)
        await self.portfolio.record_intent(intent, Reservation(name, symbol, Decimal(100)), now_ms + 5_000)
        await self.portfolio.record_event(name, OrderEvent.SEND, time_ms=now_ms)
        return name

    async def event(self, name: str, *events: OrderEvent) -> None:
        for event in events:
            await self.portfolio.record_event(name, event, time_ms=self.clock.now_ms())

    async def trade(self, symbol: str = "AAAUSDT", side: Side = Side.BUY) -> str:
        """An order of ours that fills at once and whose answer arrives."""
        name = await self.begin(symbol, side)
        report = self.exchange.place(name, symbol, side=side)
        await self.portfolio.record_event(name, OrderEvent.FILL, time_ms=self.clock.now_ms(), report=report, fills=report.fills)
        return name

    def pass_time(self, milliseconds: int = AFTER_FENCE_MS) -> None:
        self.clock.time_ms += milliseconds

    async def state(self, name: str) -> OrderState:
        return next(order.state for order in await self.store.all_orders() if order.intent.client_order_id == name)

    async def check_agreement(self) -> None:
        """The book holds what the exchange holds, by trades alone, and is sound in itself."""
        ours = {asset: amount for asset, amount in self.portfolio.balances.items() if amount}
        assert ours == self.exchange.wallet
        assert {fill.trade_id for fill in await self.store.all_fills()} == {trade.trade_id for trade in self.exchange.trades}
        for symbol in RULES:
            position = self.portfolio.view().positions.get(symbol)
            base = symbol.removesuffix("USDT")
            assert (position.quantity if position else ZERO) == self.exchange.wallet.get(base, ZERO)
        assert await self.store.verify() == ()


@asynccontextmanager
async def open_desk(*, external_entries: bool = False, symbols: tuple[str, ...] = tuple(RULES)) -> AsyncIterator[Desk]:
    clock = ScriptedClock(NOW_MS)
    async with open_database(":memory:", inline=True, clock=clock) as database:
        desk = Desk(database, ScriptedExchange(clock), external_entries=external_entries, symbols=symbols)
        await desk.restart()
        await desk.portfolio.record_external("USDT", START_CASH, "opening:USDT", NOW_MS)
        await desk.reconciler.reconcile()
        yield desk
