"""PortfolioManager: the account's book in memory, always what the database has committed: cash, positions, orders, profit."""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, TypeVar

from msgspec.structs import replace

from binance_trade_agent.domain.client_order_id import client_order_id, number_of
from binance_trade_agent.domain.decision import TradeDecision
from binance_trade_agent.domain.errors import BookError, IllegalTransitionError
from binance_trade_agent.domain.facts import BookMarked, ExternalBooked, FillBooked
from binance_trade_agent.domain.ledger import post_external
from binance_trade_agent.domain.money import ZERO, plus, total
from binance_trade_agent.domain.order import Fill, JournaledOrder, OrderEvent, OrderIntent, OrderReport, OrderState
from binance_trade_agent.domain.portfolio import EquityPoint, PortfolioSnapshot, PortfolioView
from binance_trade_agent.domain.risk import ModeChange, Reservation, RiskState, Uncounted
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.portfolio_manager.holdings import Holdings
from binance_trade_agent.portfolio_manager.summary import portfolio_snapshot
from binance_trade_agent.ports.book import BookStore, Settled
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.storage.fate import see_through
from binance_trade_agent.telemetry.timing import async_time_function

T = TypeVar("T")


class PortfolioManager:
    """The OrderJournal, and the book's figures for risk and people.

    Equity is the ledger's balance of `quote_asset` and the positions of the symbols traded in it, at their marks; what the
    account holds of other assets (deposits, BNB for fees) is in `balances` and not part of equity. `rules` name each symbol's assets.

    Call `open` first. Memory changes only after the database has committed, so a BookError leaves it as it was; a caller that
    is cancelled gets CancelledError after its write is booked here too, or has failed. One symbol's orders are booked one
    after another, those of different symbols together.
    """

    def __init__(self, store: BookStore, *, quote_asset: str, rules: Mapping[str, SymbolRules], observer: Observer, clock: Clock) -> None:
        self._store = store
        self._quote_asset = quote_asset
        self._rules = dict(rules)
        self._observer = observer
        self._clock = clock
        self._epoch: str | None = None
        self._next_number = 1
        self._holdings = Holdings()
        self._open_orders: dict[str, JournaledOrder] = {}
        self._trades_seen: dict[str, int] = {}
        self._modes: dict[str, ModeChange] = {}
        self._risk_state: RiskState | None = None
        self._uncounted = Uncounted()
        self._initial_value: Decimal | None = None
        self._opened_ms: int | None = None
        self._orders = 0
        self._marks: Mapping[str, Decimal] = MappingProxyType({})
        self._symbol_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._mode_lock = asyncio.Lock()

    async def open(self) -> None:
        """Read the book; raises BookError."""
        state = await self._store.load()
        self._epoch = state.epoch
        self._next_number = state.next_order_number
        self._holdings = Holdings.of(state)
        self._open_orders = {order.intent.client_order_id: order for order in state.open_orders}
        self._trades_seen = dict(state.trades_seen)
        self._modes = dict(state.modes)
        self._risk_state = state.risk_state
        self._uncounted = state.uncounted
        self._initial_value = state.initial_value
        self._opened_ms = state.opened_ms
        self._orders = state.orders

    def set_rules(self, rules: Mapping[str, SymbolRules]) -> None:
        """Take new trading rules; symbols that are missing in `rules` keep the old ones, because their fills may still come."""
        self._rules.update(rules)

    def rules_of(self, symbol: str) -> SymbolRules | None:
        """The trading rules of `symbol` as they were last told; None when they never were."""
        return self._rules.get(symbol)

    # -- The journal: what execution and reconciliation write --

    async def record_intent(self, intent: OrderIntent, reservation: Reservation, send_deadline_ms: int) -> None:
        """See OrderJournal.record_intent; BookError also for a symbol whose quote asset is not the one that is accounted in."""
        rules = self._rules.get(intent.symbol)
        if rules is None or rules.quote_asset != self._quote_asset:
            known = "unknown" if rules is None else rules.quote_asset
            raise BookError(f"{intent.symbol} has the quote asset {known}, and the book accounts in {self._quote_asset}")
        await _carried_through(self._insert_intent(intent, reservation, send_deadline_ms))

    async def record_event(
        self,
        client_order_id: str,
        event: OrderEvent,
        *,
        time_ms: int,
        detail: str = "",
        report: OrderReport | None = None,
        fills: Sequence[Fill] = (),
    ) -> Settled:
        """See OrderJournal.record_event; each new fill is reported as FillBooked."""
        return await _carried_through(self._settle(client_order_id, event, time_ms, detail, report, tuple(fills)))

    async def record_mode(self, change: ModeChange) -> None:
        """See OrderJournal.record_mode."""
        await _carried_through(self._insert_mode(change))

    async def record_external(self, asset: str, amount: Decimal, reference: str, time_ms: int) -> None:
        """See OrderJournal.record_external."""
        await _carried_through(self._book_external(asset, amount, reference, time_ms))

    async def record_write_down(self, symbol: str, quantity: Decimal, time_ms: int) -> None:
        """See OrderJournal.record_write_down; reported as PositionWrittenDown."""
        await _carried_through(self._write_down(symbol, quantity, time_ms))

    def shortfalls(self) -> Mapping[str, Decimal]:
        """See OrderJournal.shortfalls."""
        return self._holdings.shortfalls()

    async def record_foreign_fills(self, fills: Sequence[Fill]) -> tuple[Fill, ...]:
        """See OrderJournal.record_foreign_fills; late fills of an order of ours count for it. One transaction for each symbol."""
        by_symbol: dict[str, list[Fill]] = defaultdict(list)
        for fill in fills:
            by_symbol[fill.symbol].append(fill)
        new_fills: list[Fill] = []
        for symbol, group in by_symbol.items():
            new_fills += await _carried_through(self._book_foreign(symbol, group))
        return tuple(new_fills)

    async def record_trades_seen(self, symbol: str, trade_id: int) -> None:
        """See OrderJournal.record_trades_seen."""
        await self._store.set_trades_seen(symbol, trade_id)
        self._trades_seen[symbol] = trade_id

    async def find_order(self, client_order_id: str) -> JournaledOrder | None:
        """See OrderJournal.find_order."""
        return await self._store.find_order(client_order_id)

    async def never_placed(self, since_ms: int) -> tuple[JournaledOrder, ...]:
        """See OrderJournal.never_placed."""
        return await self._store.never_placed(since_ms)

    async def unbooked(self, fills: Sequence[Fill]) -> tuple[Fill, ...]:
        """See OrderJournal.unbooked."""
        return await self._store.unbooked(fills)

    async def contradicted(self, fills: Sequence[Fill]) -> tuple[Fill, ...]:
        """See OrderJournal.contradicted."""
        return await self._store.contradicted(fills)

    async def order_of_trade(self, symbol: str, trade_id: int) -> JournaledOrder | None:
        """See OrderJournal.order_of_trade."""
        return await self._store.order_of_trade(symbol, trade_id)

    def open_orders(self) -> tuple[JournaledOrder, ...]:
        """See OrderJournal.open_orders."""
        return tuple(sorted(self._open_orders.values(), key=self._age))

    def order(self, client_order_id: str) -> JournaledOrder | None:
        """See OrderJournal.order."""
        return self._open_orders.get(client_order_id)

    def last_trade_id(self, symbol: str) -> int | None:
        """See OrderJournal.last_trade_id."""
        return self._holdings.last_trade_ids.get(symbol)

    def trades_seen(self, symbol: str) -> int | None:
        """See OrderJournal.trades_seen."""
        return self._trades_seen.get(symbol)

    def balance(self, asset: str) -> Decimal:
        """See OrderJournal.balance."""
        return self._holdings.balances.get(asset, ZERO)

    # -- The figures: what risk and people read --

    @property
    def epoch(self) -> str:
        """The account's name in client order ids; BookError before `open`."""
        if self._epoch is None:
            raise BookError("the book is not open")
        return self._epoch

    @property
    def quote_asset(self) -> str:
        """The asset that everything is accounted in."""
        return self._quote_asset

    @property
    def balances(self) -> Mapping[str, Decimal]:
        """The ledger's wallet sums per asset."""
        return MappingProxyType(dict(self._holdings.balances))

    @property
    def modes(self) -> Mapping[str, ModeChange]:
        """The last change of mode of the account (`*`) and of each symbol that has had one."""
        return MappingProxyType(dict(self._modes))

    @property
    def risk_state(self) -> RiskState | None:
        """What risk remembered at the last finished pass; None before the first."""
        return self._risk_state

    @property
    def uncounted(self) -> Uncounted:
        """What was in the book when it was opened and may not be in its `risk_state`."""
        return self._uncounted

    @property
    def booked_fills(self) -> int:
        """How many fills are booked."""
        return self._holdings.fills

    @property
    def initial_value(self) -> Decimal | None:
        """What was put in; None until `set_initial`."""
        return self._initial_value

    @property
    def opened_ms(self) -> int | None:
        """When it was put in; trades before are none of this book's. None until `set_initial`."""
        return self._opened_ms

    @property
    def held_symbols(self) -> tuple[str, ...]:
        """The symbols that something is held of, by name."""
        return tuple(
            sorted(symbol for symbol, position in self._holdings.positions_in(self._quote_asset).items() if position.quantity != 0)
        )

    def next_client_order_id(self) -> str:
        """An id that was never used and will not be given again; BookError before `open`."""
        number = self._next_number
        self._next_number = number + 1
        return client_order_id(self.epoch, number)

    def number_orders_from(self, number: int) -> None:
        """Give the next order `number` at least; the counter never goes back."""
        self._next_number = max(self._next_number, number)

    async def set_initial(self, value: Decimal, time_ms: int) -> None:
        """Remember what was put in and when; the first call counts for good."""
        await _carried_through(self._set_initial(value, time_ms))

    def mark(self, prices: Mapping[str, Decimal]) -> None:
        """Value positions at `prices` from now on; symbols that are missing keep their last mark."""
        self._marks = MappingProxyType({**self._marks, **prices})

    def view(self, time_ms: int | None = None) -> PortfolioView:
        """The book as it stands, frozen; `time_ms` is now when it is None."""
        return PortfolioView(
            time_ms=self._clock.now_ms() if time_ms is None else time_ms,
            quote_asset=self._quote_asset,
            cash=self.balance(self._quote_asset),
            positions=MappingProxyType(self._holdings.positions_in(self._quote_asset)),
            marks=self._marks,
            open_orders=self.open_orders(),
        )

    def snapshot(self, time_ms: int | None = None) -> PortfolioSnapshot:
        """The whole book for people; before `set_initial` the initial value is the equity itself, so profit reads 0."""
        view = self.view(time_ms)
        return portfolio_snapshot(view, self._holdings, self._initial_value, self._orders, self._modes)

    @async_time_function("portfolio.finish_pass")
    async def finish_pass(self, decisions: Sequence[TradeDecision], risk_state: RiskState, time_ms: int) -> PortfolioSnapshot:
        """Record a pass with the equity it ended at, and report BookMarked. Raises BookError."""
        return await _carried_through(self._record_pass(tuple(decisions), risk_state, time_ms))

    async def save_risk_state(self, risk_state: RiskState) -> None:
        """Keep what risk remembers when it changed outside a pass. Raises BookError."""
        await self._store.save_risk_state(risk_state)

    # -- Each write and what it changes in memory; these run to their end even when their caller is cancelled --

    async def _insert_intent(self, intent: OrderIntent, reservation: Reservation, send_deadline_ms: int) -> None:
        async with self._symbol_locks[intent.symbol]:
            await self._store.insert_intent(intent, reservation, send_deadline_ms)
            order = JournaledOrder(intent, OrderState.INTENDED, send_deadline_ms, None, ZERO, intent.created_ms)
            self._open_orders[intent.client_order_id] = order
            self._orders += 1

    async def _settle(
        self, order_id: str, event: OrderEvent, time_ms: int, detail: str, report: OrderReport | None, fills: tuple[Fill, ...]
    ) -> Settled:
        symbol = self._symbol_of(order_id, report, fills)
        has_fills = bool(fills or (report and report.fills))
        async with self._symbol_locks[symbol]:
            rules = self._rules_for(symbol, has_fills=has_fills)
            try:
                settled = await self._store.settle(order_id, event, time_ms, detail, report, fills, rules)
            except IllegalTransitionError:
                await self._require_known(order_id)
                raise
            if settled.order.state.is_terminal:
                self._open_orders.pop(order_id, None)
            else:
                self._open_orders[order_id] = settled.order
            booked = [self._holdings.take_fill(fill, rules, self._clock.monotonic_ms()) for fill in settled.new_fills]
        self._report(booked)
        return settled

    async def _require_known(self, order_id: str) -> None:
        """Raise BookError when an order has moved in the book and not here: a write was made, and was told as failed."""
        known, stored = self._open_orders.get(order_id), await self._store.find_order(order_id)
        if known is not None and stored is not None and stored.state is not known.state:
            raise BookError(
                f"order {order_id} is {stored.state} in the book and {known.state} in this process: a write that was told as failed "
                "was made; the next start reads it"
            )

    async def _book_foreign(self, symbol: str, fills: Sequence[Fill]) -> tuple[Fill, ...]:
        async with self._symbol_locks[symbol]:
            rules = self._rules_for(symbol, has_fills=True)
            new_fills = await self._store.book_foreign_fills(fills, rules)
            booked = [self._holdings.take_fill(fill, rules, self._clock.monotonic_ms()) for fill in new_fills]
            for fill in new_fills:
                order = self._open_orders.get(fill.client_order_id)
                if order is not None:
                    executed = plus(order.executed_quantity, fill.quantity)
                    self._open_orders[fill.client_order_id] = replace(order, executed_quantity=executed)
        self._report(booked)
        return new_fills

    async def _book_external(self, asset: str, amount: Decimal, reference: str, time_ms: int) -> None:
        if await self._store.book_external(asset, amount, reference, time_ms):
            self._holdings.take_transaction(post_external(asset, amount, reference, time_ms))
            self._observer.observe(ExternalBooked(asset, amount))

    async def _write_down(self, symbol: str, quantity: Decimal, time_ms: int) -> None:
        async with self._symbol_locks[symbol]:
            position = await self._store.write_down(symbol, quantity, time_ms)
            fact = self._holdings.take_write_down(position, quantity, self._marks.get(symbol))
        self._observer.observe(fact)

    async def _insert_mode(self, change: ModeChange) -> None:
        async with self._mode_lock:
            await self._store.insert_mode(change)
            self._modes[change.scope] = change

    async def _set_initial(self, value: Decimal, time_ms: int) -> None:
        if self._initial_value is None:
            await self._store.set_initial_value(value, time_ms)
            self._initial_value, self._opened_ms = value, time_ms

    async def _record_pass(self, decisions: tuple[TradeDecision, ...], risk_state: RiskState, time_ms: int) -> PortfolioSnapshot:
        snapshot = self.snapshot(time_ms)
        exposure = total(position.value for position in snapshot.positions)
        point = EquityPoint(time_ms, snapshot.equity, snapshot.cash, exposure, snapshot.realized, snapshot.unrealized)
        await self._store.record_pass(decisions, point, risk_state)
        self._risk_state = risk_state
        self._observer.observe(BookMarked(snapshot))
        return snapshot

    def _report(self, booked: Sequence[FillBooked]) -> None:
        for fact in booked:
            self._observer.observe(fact)

    def _symbol_of(self, order_id: str, report: OrderReport | None, fills: Sequence[Fill]) -> str:
        """The symbol of an order; empty for an order that is closed and an event that names none, which can have no fills either."""
        order = self._open_orders.get(order_id)
        if order is not None:
            return order.intent.symbol
        if report is not None:
            return report.symbol
        return fills[0].symbol if fills else ""

    def _rules_for(self, symbol: str, *, has_fills: bool) -> SymbolRules:
        """The rules of `symbol`; where it is no longer listed, its assets as the book knows them, which is all that booking needs."""
        rules = self._rules.get(symbol)
        if rules is not None:
            return rules
        position = self._holdings.positions.get(symbol)
        if position is not None:
            return _assets_only(symbol, position.base_asset, position.quote_asset)
        if has_fills:
            raise BookError(f"the assets of {symbol} are not known, so its trades cannot be booked; give its trading rules first")
        return _assets_only(symbol, "", "")

    def _age(self, order: JournaledOrder) -> tuple[int, int]:
        """Sorts older orders first; those of one millisecond by their number."""
        return order.intent.created_ms, number_of(order.intent.client_order_id, self.epoch) or 0


async def _carried_through(write: Coroutine[Any, Any, T]) -> T:
    return await see_through(asyncio.ensure_future(write))


def _assets_only(symbol: str, base_asset: str, quote_asset: str) -> SymbolRules:
    return SymbolRules(symbol, base_asset, quote_asset, SymbolStatus.UNKNOWN, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO)
