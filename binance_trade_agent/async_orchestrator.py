"""AsyncTradingOrchestrator: one pass of the pipeline, many symbols at once, once through from left to right.

    market agent -> signal agent -> risk agent -> execution agent -> portfolio manager

Fetching and executing run in parallel over the symbols. Risk is asked for one symbol after the other, because each approval reserves
money that the next symbol can then no longer spend.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from binance_trade_agent.cancellation_agent import Cancellations
from binance_trade_agent.domain.decision import Stage, TradeDecision
from binance_trade_agent.domain.errors import AgentError, BookError, ExchangeError
from binance_trade_agent.domain.facts import PassFinished, Reconciled, RiskRefused, StageDone
from binance_trade_agent.domain.market import CandleWindow, MarketSnapshot
from binance_trade_agent.domain.order import JournaledOrder, OrderIntent, Purpose
from binance_trade_agent.domain.portfolio import PortfolioSnapshot, PortfolioView
from binance_trade_agent.domain.risk import Approved, ModeChange, Refused, RiskRule, TradingMode
from binance_trade_agent.domain.service_facts import PassBegun
from binance_trade_agent.domain.symbol_facts import SymbolsTraded
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.domain.trade_request import Quantity, TradeRequest, exact_quantity, parsed_request
from binance_trade_agent.pass_walk import StageWatch, Way
from binance_trade_agent.ports.defaults import default
from binance_trade_agent.ports.market_feed import Batch

if TYPE_CHECKING:
    from binance_trade_agent.wiring import Components
    from binance_trade_agent.wiring.symbol_choice import Survey


class AsyncTradingOrchestrator:
    """Runs passes over the stations.

    Without arguments it builds its components from the settings, opens the book of the data folder, and reconciles it with the
    exchange when entered; with `components` the caller owns and starts them.
    """

    def __init__(self, components: "Components | None" = None) -> None:
        self._given = components
        self._entered: Components | None = components
        self._owned: AbstractAsyncContextManager[Components] | None = None
        self._busy = asyncio.Lock()
        self._passes = 0

    async def __aenter__(self) -> "AsyncTradingOrchestrator":
        if self._given is None:
            self._owned = default("components")
            self._entered = await self._owned.__aenter__()
            try:
                await self.start()
            except BaseException as error:
                await self._owned.__aexit__(type(error), error, error.__traceback__)
                raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._owned is not None:
            owned, self._owned, self._entered = self._owned, None, None
            await owned.__aexit__(kind, error, trace)

    @property
    def _components(self) -> "Components":
        if self._entered is None:
            raise RuntimeError("AsyncTradingOrchestrator is used outside its `async with` block")
        return self._entered

    async def start(self) -> Reconciled:
        """Learn the exchange's clock and make the book agree with the exchange; nothing may be traded before."""
        await self._components.client.sync_clock()
        return await self.reconcile()

    async def reconcile(self) -> Reconciled:
        """Compare book and exchange, never in the middle of a pass."""
        async with self._busy, self._risk_kept():
            result = await self._components.reconciler.reconcile()
            await self._components.cancellation.repeat()
            if self._components.protection is not None:
                self._release_settled()
                await self._mark_held(self._components.portfolio.held_symbols)
                await self._protect()
            return result

    async def settle_open_orders(self) -> None:
        """Look for orders whose fate is open, as each pass does first, never in the middle of a pass. Raises BookError."""
        async with self._busy, self._risk_kept():
            await self._settle_earlier_orders()

    async def cancel_open_orders(self, wanted: Callable[[JournaledOrder], bool], why: str) -> Cancellations:
        """Take open orders of ours off the exchange, never in the middle of a pass; `why` is written to the book. Raises BookError.

        Where no answer tells that an order has ended, its cancellation is asked for again at each comparison.
        """
        async with self._busy, self._risk_kept():
            result = await self._components.cancellation.cancel(wanted, why)
            self._release_settled()
            return result

    async def settle_by_hand(self, client_order_id: str, reason: str) -> JournaledOrder:
        """End an open order that the exchange does not show, on an operator's word; see MissingOrders. Never in the middle of a pass."""
        async with self._busy, self._risk_kept():
            order = await self._components.reconciler.settle_by_hand(client_order_id, reason)
            self._release_settled()
            return order

    @asynccontextmanager
    async def _risk_kept(self) -> AsyncIterator[None]:
        """What risk learns within (a deposit is no profit) is kept at once: the next pass may be far off, and a process may end before."""
        components, before = self._components, self._components.risk.state
        yield
        if components.risk.state != before:
            await components.portfolio.save_risk_state(components.risk.state_to_keep)

    async def execute_trading_workflow(self, symbol: str, quantity: Quantity | None = None) -> TradeDecision:
        """Take one symbol through all stations.

        `quantity` (base asset) fixes the size of the order that a BUY or SELL leads to; without it risk sizes the order. What the
        symbol's strategy says decides whether there is an order at all. Raises BookError when the book cannot be written.
        """
        async with self._busy:
            finished = await self._pass([(symbol, quantity)])
        return finished.decisions[0]

    async def execute_multi_symbol_workflow(self, requests: Sequence[TradeRequest | Mapping[str, object]]) -> list[TradeDecision]:
        """Take many symbols through all stations at once; decisions come in the order of the requests."""
        parsed = [parsed_request(request) for request in requests]
        async with self._busy:
            finished = await self._pass(parsed)
        return list(finished.decisions)

    async def run_pass(self) -> PassFinished:
        """One pass over all symbols that are traded now, those that are only sold among them."""
        async with self._busy:  # what is traded may change while another has it
            return await self._pass([(symbol, None) for symbol in self._components.traded.look()])

    async def choose_symbols(self, found: "Survey") -> SymbolsTraded:
        """Trade what was chosen from the next pass on, never in the middle of one; tells what changed."""
        async with self._busy:
            return self._components.traded.choose(found)

    async def sell_what_is_to_go(self) -> PassFinished | None:
        """A pass over the held symbols that somebody wants flat, also those that are traded no more; None when there is none."""
        components = self._components
        async with self._busy:
            symbols = [symbol for symbol in components.portfolio.held_symbols if components.risk.is_to_be_sold(symbol)]
            return await self._pass([(symbol, None) for symbol in symbols]) if symbols else None

    async def get_portfolio_snapshot(self) -> PortfolioSnapshot:
        """The book as it stands, positions marked at fresh prices."""
        components = self._components
        await self._mark_held(components.portfolio.held_symbols)
        return components.portfolio.snapshot(components.clock.now_ms())

    async def set_mode(self, scope: str, mode: TradingMode, rule: RiskRule, reason: str) -> ModeChange:
        """Change the mode of a symbol or, with scope `*`, of the account; in force at once, durable when this returns."""
        return await self._components.change_mode(scope, mode, rule, reason)

    # -- a pass ------------------------------------------------------------------------------------------------------------

    async def _pass(self, requests: Sequence[tuple[str, Quantity | None]]) -> PassFinished:
        """For who holds `_busy`."""
        symbols = [symbol for symbol, _ in requests]
        if len(set(symbols)) != len(symbols):
            raise ValueError(f"a symbol may stand only once in a pass: {symbols}")
        components = self._components
        self._passes += 1
        started_ms = components.clock.now_ms()
        correlation_id = f"{started_ms:x}-{self._passes}"
        from structlog.contextvars import bound_contextvars  # here, because it brings a console's libraries along

        with bound_contextvars(correlation_id=correlation_id):
            watch = StageWatch(components.clock)
            components.observer.observe(PassBegun(self._passes, correlation_id, len(requests)))
            ways = [Way(symbol, None if quantity is None else exact_quantity(quantity), watch.began_ms) for symbol, quantity in requests]
            await self._walk(ways, correlation_id, watch)
            with watch.over(Stage.PROTECTION):
                await self._protect()
            decisions = tuple(way.decision(correlation_id, started_ms) for way in ways)
            with watch.over(Stage.BOOK):
                await self._finish(decisions)
            duration_ms = components.clock.monotonic_ms() - watch.began_ms
            finished = PassFinished(self._passes, correlation_id, started_ms, duration_ms, decisions, watch.spent_ms, watch.between_ms)
            components.observer.observe(finished)
            return finished

    async def _walk(self, ways: Sequence[Way], correlation_id: str, watch: StageWatch) -> None:
        with watch.over(Stage.SETTLE):
            async with self._risk_kept():
                await self._settle_earlier_orders()
        with watch.over(Stage.MARKET):
            await self._fetch(ways)
        with watch.over(Stage.RISK):
            view = await self._begin()
        with watch.over(Stage.MARKET):
            rules = await self._components.market.fetch_rules([way.symbol for way in ways])
        candles = {way.symbol: way.snapshot.candles for way in ways if way.snapshot is not None}
        for way in ways:
            with watch.over(Stage.SIGNAL):
                self._decide(way)
            with watch.over(Stage.RISK):
                self._review(way, rules.get(way.symbol), view, correlation_id, candles)
        with watch.over(Stage.EXECUTION):
            async with self._risk_kept():
                await self._execute(ways)

    async def _settle_earlier_orders(self) -> None:
        components = self._components
        try:
            await components.client.ensure_synced()  # without it no order of this pass would leave, exits included
            await components.reconciler.settle_open_orders()
        except ExchangeError as error:
            components.log.warning("open orders could not be looked up; their symbols take no new entry", error=str(error))
        self._release_settled()

    def _release_settled(self) -> None:
        components = self._components
        unsettled = {order.intent.client_order_id for order in components.portfolio.open_orders()} | components.desk.in_flight
        for order_id in [order_id for order_id in components.risk.reservations if order_id not in unsettled]:
            components.risk.release(order_id)

    async def _fetch(self, ways: Sequence[Way]) -> None:
        components = self._components
        started = components.clock.monotonic_ms()
        symbols = [way.symbol for way in ways]
        others = [symbol for symbol in components.portfolio.held_symbols if symbol not in symbols]
        snapshots, _ = await asyncio.gather(components.market.fetch_snapshots(symbols), self._mark_held(others))
        duration = components.clock.monotonic_ms() - started
        components.portfolio.mark({symbol: snapshot.price for symbol, snapshot in snapshots.items()})
        for way in ways:
            self._take_snapshot(way, snapshots, duration)
        components.observer.observe(StageDone(Stage.MARKET, duration))

    def _take_snapshot(self, way: Way, snapshots: Batch[MarketSnapshot], duration_ms: float) -> None:
        way.stage_ms[Stage.MARKET] = duration_ms
        way.snapshot = snapshots.get(way.symbol)
        if way.snapshot is None:
            way.fail(snapshots.errors.get(way.symbol) or AgentError(f"no market data for {way.symbol}"))

    async def _mark_held(self, symbols: Sequence[str]) -> None:
        """Fresh prices for positions outside this pass, so that equity is not reckoned with old ones."""
        if symbols:
            components = self._components
            prices = await components.market.fetch_prices_batch(symbols)
            components.portfolio.mark(prices)

    async def _begin(self) -> PortfolioView:
        components = self._components
        await components.mode_journal.catch_up()
        view = components.portfolio.view(components.clock.now_ms())
        changes = components.risk.begin_pass(view)
        if changes:
            await components.journal_modes(*changes)
        return view

    def _decide(self, way: Way) -> None:
        if way.snapshot is None:
            return
        started = self._components.clock.monotonic_ms()
        try:
            way.signal = self._components.signals.decide(way.snapshot)
        except AgentError as error:
            way.fail(error)
        self._stage_done(way, Stage.SIGNAL, started)

    def _review(
        self, way: Way, rules: SymbolRules | None, view: PortfolioView, correlation_id: str, candles: Mapping[str, CandleWindow]
    ) -> None:
        if way.snapshot is None or way.signal is None:
            return
        started = self._components.clock.monotonic_ms()
        way.risk = self._components.risk.review(
            way.signal, way.snapshot, rules, view, correlation_id=correlation_id, quantity=way.quantity, candles_of=candles.get
        )
        self._stage_done(way, Stage.RISK, started)

    async def _execute(self, ways: Sequence[Way]) -> None:
        results = await asyncio.gather(*(self._execute_one(way) for way in ways), return_exceptions=True)
        self._release_settled()
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _execute_one(self, way: Way) -> None:
        if isinstance(way.risk, Approved) and not await self._may_leave(way.risk.intent):
            reason = "its stop-loss and take-profit on the exchange could not be withdrawn, or sold meanwhile"
            way.risk = Refused(RiskRule.UNSETTLED_ORDER, reason)
            self._components.observer.observe(RiskRefused(way.symbol, way.risk))
        if isinstance(way.risk, Approved):
            started = self._components.clock.monotonic_ms()
            try:
                way.execution = await self._components.execution.execute(way.risk)
            except BookError:
                raise
            except AgentError as error:
                way.fail(error)
            self._stage_done(way, Stage.EXECUTION, started)
        way.ended_ms = self._components.clock.monotonic_ms()

    async def _may_leave(self, intent: OrderIntent) -> bool:
        """An exit sells what its protection has locked, so that is withdrawn first; what came of it is known when this is True."""
        protection = self._components.protection
        return protection is None or intent.purpose is Purpose.ENTRY or await protection.withdraw(intent.symbol)

    async def _protect(self) -> None:
        """Have a stop-loss and take-profit on the exchange for whatever is held now."""
        components = self._components
        if components.protection is not None:
            rules = await components.market.fetch_rules(components.portfolio.held_symbols)
            await components.protection.ensure(components.portfolio.view(components.clock.now_ms()), rules)
            self._release_settled()

    def _stage_done(self, way: Way, stage: Stage, started: float) -> None:
        way.stage_done(stage, started, self._components.clock.monotonic_ms())

    async def _finish(self, decisions: tuple[TradeDecision, ...]) -> None:
        components = self._components
        started = components.clock.monotonic_ms()
        await components.portfolio.finish_pass(decisions, components.risk.state_to_keep, components.clock.now_ms())
        components.observer.observe(StageDone(Stage.BOOK, components.clock.monotonic_ms() - started))
