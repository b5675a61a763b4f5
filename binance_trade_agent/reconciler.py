"""Reconciler: makes our book agree with the exchange, at start, after gaps and on a timer, and never sends an order.

What it settles, in this order:
    1. orders of ours whose fate is open: looked for by client order id until the exchange shows them, or until the fence has passed
       and two looks agree that they were never placed
    2. open orders of the account that our journal does not hold as open: late resurrections are adopted and halt their symbol
    3. trades since the newest booked one, whoever made them
    4. balances against the ledger
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from binance_trade_agent.domain.account import AccountInfo
from binance_trade_agent.domain.client_order_id import number_of
from binance_trade_agent.domain.errors import BookMismatchError, IllegalTransitionError
from binance_trade_agent.domain.facts import OrderSettled, Reconciled
from binance_trade_agent.domain.money import ZERO, plain, total
from binance_trade_agent.domain.order import Fill, JournaledOrder, OrderEvent, OrderReport, OrderState, next_state
from binance_trade_agent.domain.risk import RiskRule
from binance_trade_agent.ports.book import OrderJournal, Settled
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.exchange import Exchange
from binance_trade_agent.ports.observer import NullObserver, Observer

MISSES_TO_PROVE_ABSENCE = 2
MOST_TRADES_A_CALL = 1000
LOOKS_AT_BALANCES = 3

Halt = Callable[[str, RiskRule, str], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class ReconcilerRules:
    """What is compared, and how a difference is met.

    `epoch` names the account in our client order ids; trades before `opened_ms` belong to nobody here. `grace_ms` is added to the
    fence of unknown orders (server time). `external_entries`: a balance that no trade explains is booked as a deposit or withdrawal
    (a real account), or raises BookMismatchError (the embedded exchange, where nobody can deposit).
    """

    symbols: tuple[str, ...]
    epoch: str
    opened_ms: int
    grace_ms: int = 30_000
    external_entries: bool = True


class Reconciler:
    """Compares journal and exchange and mends the journal.

    `in_flight` names orders that are being sent right now and must be left alone; `halt` stops a symbol for a rule and a reason.
    """

    def __init__(
        self,
        exchange: Exchange,
        journal: OrderJournal,
        rules: ReconcilerRules,
        *,
        clock: Clock,
        in_flight: Callable[[], Collection[str]],
        halt: Halt,
        observer: Observer | None = None,
    ) -> None:
        self._exchange = exchange
        self._journal = journal
        self._rules = rules
        self._clock = clock
        self._in_flight = in_flight
        self._halt = halt
        self._observer = observer or NullObserver()
        self._misses: dict[str, int] = {}

    async def settle_open_orders(self) -> tuple[Settled, ...]:
        """Look for every order whose fate is open; returns those that moved. Raises ExchangeError when the exchange cannot be asked."""
        moved = []
        for order in self._journal.open_orders():
            if order.intent.client_order_id in self._in_flight():
                continue
            settled = await self._settle(order)
            if settled is not None:
                moved.append(settled)
        return tuple(moved)

    async def reconcile(self) -> Reconciled:
        """Compare everything once. Raises ExchangeError, BookError, or BookMismatchError when a difference has no rule to mend it."""
        started_ms = self._clock.monotonic_ms()
        settled = await self.settle_open_orders()
        differences = await self._adopt_open_orders()
        fills = await self._book_missing_trades(differences)
        fills += await self._compare_balances(differences)
        result = Reconciled(len(settled), fills, tuple(differences), self._clock.monotonic_ms() - started_ms)
        self._observer.observe(result)
        return result

    # -- one order of ours -------------------------------------------------------------------------------------------------

    async def _settle(self, order: JournaledOrder) -> Settled | None:
        if order.state is OrderState.INTENDED:
            return await self._record(order, OrderEvent.GIVE_UP, detail="the process ended between the journal entry and the send")
        report = await self._exchange.get_order(order.intent.symbol, order.intent.client_order_id)
        if report is None:
            return await self._missed(order)
        self._misses.pop(order.intent.client_order_id, None)
        return await self._follow(order, report)

    async def _missed(self, order: JournaledOrder) -> Settled | None:
        """The exchange showed no such order; queries read replicas that lag, so only the fence and a second look prove anything."""
        if order.state not in {OrderState.SENT, OrderState.UNKNOWN}:
            return None
        if order.state is OrderState.SENT:
            return await self._record(order, OrderEvent.LOSE_SIGHT, detail="the process ended before an answer came")
        fence_ms = order.send_deadline_ms + self._exchange.recv_window_ms + self._rules.grace_ms
        if self._exchange.server_time_ms() <= fence_ms:
            return None
        order_id = order.intent.client_order_id
        self._misses[order_id] = self._misses.get(order_id, 0) + 1
        if self._misses[order_id] < MISSES_TO_PROVE_ABSENCE:
            return None
        del self._misses[order_id]
        return await self._record(order, OrderEvent.PROVE_ABSENT, detail="absent twice after the fence")

    async def _follow(self, order: JournaledOrder, report: OrderReport) -> Settled | None:
        """Move our record to where the exchange has the order; nothing moves on a report that is older than our record."""
        fills: Sequence[Fill] = ()
        if report.executed_quantity > order.executed_quantity:
            fills = await self._fills_of(report)
            if total(fill.quantity for fill in fills) != report.executed_quantity:
                return None  # the trade list lags behind the order; the next look has both
        event = report.status.event
        is_stale = report.executed_quantity < order.executed_quantity or (
            event is OrderEvent.ACCEPT and order.state is OrderState.PARTIALLY_FILLED
        )
        if is_stale or (not fills and next_state(order.state, event) is order.state):
            return None
        return await self._record(order, event, report=report, fills=fills)

    async def _fills_of(self, report: OrderReport) -> tuple[Fill, ...]:
        if report.executed_quantity == ZERO:
            return ()
        return await self._exchange.get_my_trades(report.symbol, order_id=report.order_id)

    async def _record(
        self, order: JournaledOrder, event: OrderEvent, *, detail: str = "", report: OrderReport | None = None, fills: Sequence[Fill] = ()
    ) -> Settled:
        settled = await self._journal.record_event(
            order.intent.client_order_id, event, time_ms=self._clock.now_ms(), detail=detail, report=report, fills=fills
        )
        self._observer.observe(OrderSettled(settled.order))
        return settled

    # -- the account -------------------------------------------------------------------------------------------------------

    async def _adopt_open_orders(self) -> list[str]:
        differences = []
        for report in await self._exchange.get_open_orders():
            if self._is_known(report.client_order_id):
                continue
            if number_of(report.client_order_id, self._rules.epoch) is None:
                differences.append(f"{report.symbol}: open order {report.order_id} is not ours")
            else:
                differences.append(await self._adopt(report))
        return differences

    def _is_known(self, client_order_id: str) -> bool:
        return self._journal.order(client_order_id) is not None or client_order_id in self._in_flight()

    async def _adopt(self, report: OrderReport) -> str:
        """An order of ours that our journal holds as ended, or not at all, is alive: take it over and halt its symbol."""
        text = f"{report.symbol}: order {report.client_order_id} is on the exchange although the book had ended it"
        fills = await self._fills_of(report)
        if total(fill.quantity for fill in fills) != report.executed_quantity:
            return f"{text}; its trades are not all listed yet"
        try:
            settled = await self._journal.record_event(
                report.client_order_id, report.status.event, time_ms=self._clock.now_ms(), detail="adopted", report=report, fills=fills
            )
        except IllegalTransitionError:
            return f"{report.symbol}: the exchange's list still shows order {report.client_order_id}, which has ended"
        self._observer.observe(OrderSettled(settled.order))
        await self._halt(report.symbol, RiskRule.UNSETTLED_ORDER, text)
        return text

    async def _book_missing_trades(self, differences: list[str]) -> int:
        found = 0
        for symbol in self._rules.symbols:
            found += await self._book_trades_of(symbol, differences)
        return found

    async def _book_trades_of(self, symbol: str, differences: list[str]) -> int:
        found = 0
        newest = self._journal.last_trade_id(symbol)
        while True:
            trades = await self._exchange.get_my_trades(symbol, from_trade_id=None if newest is None else newest + 1)
            for order_id, fills in _by_order(trades, self._rules.opened_ms).items():
                found += await self._book_order_trades(symbol, order_id, fills, differences)
            if newest is None or len(trades) < MOST_TRADES_A_CALL:
                return found
            newest = trades[-1].trade_id

    async def _book_order_trades(self, symbol: str, order_id: int, fills: Sequence[Fill], differences: list[str]) -> int:
        report = await self._exchange.get_order(symbol, order_id=order_id)
        if report is None or number_of(report.client_order_id, self._rules.epoch) is None:
            new = await self._journal.record_foreign_fills(fills)
            differences.extend(f"{symbol}: trade {fill.trade_id} was made by somebody else and is booked" for fill in new)
            return len(new)
        if report.client_order_id in self._in_flight():
            return 0
        order = self._journal.order(report.client_order_id)
        if order is None:
            differences.append(await self._adopt(report))
            return len(fills)
        settled = await self._follow(order, report)
        return len(settled.new_fills) if settled else 0

    async def _compare_balances(self, differences: list[str]) -> int:
        """Compare until two looks agree, because a trade may fall between two requests; returns the trades found on the way."""
        found = 0
        before: dict[str, Decimal] | None = None
        for _ in range(LOOKS_AT_BALANCES):
            gaps = self._gaps(await self._exchange.get_account())
            if not gaps:
                return found
            if gaps == before:
                await self._explain(gaps, differences)
                return found
            before = gaps
            found += await self._book_missing_trades(differences)
        differences.extend(f"{asset}: the balance keeps moving, off by {plain(gap)}" for asset, gap in (before or {}).items())
        return found

    def _gaps(self, account: AccountInfo) -> dict[str, Decimal]:
        """What the exchange has more (or less) than the ledger, by asset."""
        assets = sorted({*account.balances, *self._journal.balances})
        gaps = {asset: account.total(asset) - self._journal.balance(asset) for asset in assets}
        return {asset: gap for asset, gap in gaps.items() if gap != 0}

    async def _explain(self, gaps: dict[str, Decimal], differences: list[str]) -> None:
        if self._journal.open_orders():
            differences.extend(f"{asset}: off by {plain(gap)} while orders are unsettled" for asset, gap in gaps.items())
            return
        listed = ", ".join(f"{asset} {plain(gap)}" for asset, gap in gaps.items())
        if not self._rules.external_entries:
            raise BookMismatchError(f"the exchange's balances differ from the book by {listed}, and no trade explains it")
        now_ms = self._clock.now_ms()
        for asset, gap in gaps.items():
            await self._journal.record_external(asset, gap, f"reconcile:{asset}:{now_ms}", now_ms)
            differences.append(f"{asset}: {plain(gap)} came or went without a trade; booked as an external entry")


def _by_order(trades: Sequence[Fill], opened_ms: int) -> dict[int, list[Fill]]:
    grouped: dict[int, list[Fill]] = {}
    for trade in trades:
        if trade.time_ms >= opened_ms:
            grouped.setdefault(trade.order_id, []).append(trade)
    return grouped
