"""Reconciler: makes our book agree with the exchange, at start, after gaps and on a timer, and never sends an order.

What it settles, in this order:
    1. orders of ours whose fate is open: looked for by client order id until the exchange shows them, or until the fence has passed
       and two looks agree that they were never placed
    2. open orders of the account that our journal does not hold as open: late resurrections are adopted and halt their symbol
    3. the exchange's trade list, gone through once from where it was left, whoever made the trades
    4. balances against the ledger
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from binance_trade_agent.domain.account import AccountInfo
from binance_trade_agent.domain.client_order_id import number_of
from binance_trade_agent.domain.errors import (
    BadAnswerError,
    BookMismatchError,
    ExchangeError,
    ExchangeRefusedError,
    IllegalTransitionError,
    RateLimitedError,
)
from binance_trade_agent.domain.facts import OrderSettled, Reconciled
from binance_trade_agent.domain.money import ZERO, plain, total
from binance_trade_agent.domain.order import Fill, JournaledOrder, OrderEvent, OrderReport, OrderState, next_state
from binance_trade_agent.domain.risk import RiskRule
from binance_trade_agent.ports.book import OrderJournal, Settled
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.exchange import Exchange
from binance_trade_agent.ports.observer import NullObserver, Observer

MISSES_TO_PROVE_ABSENCE = 2
MISSES_APART_MS = 1_000
"""Two looks in the same instant may be answered by the same lagging replica, so they count as one."""

MOST_TRADES_A_CALL = 1000
LOOKS_AT_BALANCES = 3
LOOKS_APART_MS = 5_000
"""Balances lag behind orders: only a difference that lasts this long is taken for one."""

NO_TRADE = -1

Halt = Callable[[str, RiskRule, str], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class ReconcilerRules:
    """What is compared, and how a difference is met.

    `symbols` are those whose trades are looked at. `epoch` names the account in our client order ids. `grace_ms` is added to the
    fence of unknown orders (server time). `external_entries`: a balance that no trade explains is booked as a deposit or withdrawal
    (a real account), or raises BookMismatchError (the embedded exchange, where nobody can deposit).
    """

    symbols: tuple[str, ...]
    epoch: str
    grace_ms: int = 30_000
    external_entries: bool = True


async def newest_trade_ids(exchange: Exchange, symbols: Iterable[str]) -> dict[str, int]:
    """The newest trade id of the account in each symbol, NO_TRADE where it has none."""
    newest = {}
    for symbol in symbols:
        trades = await exchange.get_my_trades(symbol)
        newest[symbol] = trades[-1].trade_id if trades else NO_TRADE
    return newest


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
        self._misses: dict[str, tuple[int, int]] = {}  # how often an order was missed after its fence, and when last

    async def settle_open_orders(self) -> tuple[Settled, ...]:
        """Look for every order whose fate is open; returns those that moved.

        Raises ExchangeError: at once when the exchange does not answer, after the other orders when it refuses to speak of one.
        """
        moved, refusals = await self._settle_each([])
        if refusals:
            raise refusals[0]
        return moved

    async def follow(self, report: OrderReport) -> Settled | None:
        """Take what the exchange said of an open order of ours outside of a query; None when nothing moved.

        A word that contradicts the book halts the symbol. Raises ExchangeError when the trades cannot be read.
        """
        order = self._journal.order(report.client_order_id)
        if order is None:
            return None
        try:
            return await self._follow(order, report)
        except IllegalTransitionError as error:
            text = f"{report.symbol}: the exchange's word on order {report.client_order_id} contradicts the book: {error}"
            await self._halt(report.symbol, RiskRule.UNSETTLED_ORDER, text)
            return None

    async def reconcile(self) -> Reconciled:
        """Compare everything once. Raises ExchangeError, BookError, or BookMismatchError when a difference has no rule to mend it."""
        started_ms = self._clock.monotonic_ms()
        differences: list[str] = []
        settled, _ = await self._settle_each(differences)
        await self._compare_open_orders(differences)
        fills = await self._book_missing_trades(differences)
        fills += await self._compare_balances(differences)
        once_each = tuple(dict.fromkeys(differences))
        result = Reconciled(len(settled), fills, once_each, self._clock.monotonic_ms() - started_ms)
        self._observer.observe(result)
        return result

    # -- orders of ours that are open --------------------------------------------------------------------------------------

    async def _settle_each(self, differences: list[str]) -> tuple[tuple[Settled, ...], list[ExchangeError]]:
        moved: list[Settled] = []
        refusals: list[ExchangeError] = []
        for order_id in [order.intent.client_order_id for order in self._journal.open_orders()]:
            # Read again: an order in flight may have landed while another one was looked for.
            order = self._journal.order(order_id)
            if order is None or order_id in self._in_flight():
                continue
            symbol = order.intent.symbol
            try:
                settled = await self._settle(order, differences)
            except RateLimitedError:
                raise
            except (ExchangeRefusedError, BadAnswerError) as error:
                refusals.append(error)
                differences.append(f"{symbol}: order {order_id} cannot be looked up: {error}")
            except IllegalTransitionError as error:
                text = f"{symbol}: the exchange's word on order {order_id} contradicts the book: {error}"
                differences.append(text)
                await self._halt(symbol, RiskRule.UNSETTLED_ORDER, text)
            else:
                moved += [settled] if settled else []
        return tuple(moved), refusals

    async def _settle(self, order: JournaledOrder, differences: list[str]) -> Settled | None:
        if order.state is OrderState.INTENDED:
            return await self._record(order, OrderEvent.GIVE_UP, detail="the process ended between the journal entry and the send")
        report = await self._exchange.get_order(order.intent.symbol, order.intent.client_order_id)
        if report is None:
            return await self._missed(order, differences)
        self._misses.pop(order.intent.client_order_id, None)
        return await self._follow(order, report)

    async def _missed(self, order: JournaledOrder, differences: list[str]) -> Settled | None:
        """The exchange showed no such order; queries read replicas that lag, so only the fence and a second look prove anything."""
        order_id = order.intent.client_order_id
        if order.state not in {OrderState.SENT, OrderState.UNKNOWN}:
            differences.append(f"{order.intent.symbol}: the exchange does not know order {order_id}, which it had accepted")
            return None
        if order.state is OrderState.SENT:
            return await self._record(order, OrderEvent.LOSE_SIGHT, detail="the process ended before an answer came")
        fence_ms = order.send_deadline_ms + self._exchange.recv_window_ms + self._rules.grace_ms
        if self._exchange.server_time_ms() <= fence_ms:
            return None
        # That was an estimate from our own clock, which may have been set forward since: the exchange's own word counts.
        now_ms = await self._exchange.get_server_time()
        count, last_ms = self._misses.get(order_id, (0, fence_ms))
        if now_ms <= fence_ms or (count and now_ms < last_ms + MISSES_APART_MS):
            return None
        self._misses[order_id] = (count + 1, now_ms)
        if count + 1 < MISSES_TO_PROVE_ABSENCE:
            return None
        del self._misses[order_id]
        return await self._record(order, OrderEvent.PROVE_ABSENT, detail="absent twice after the fence")

    async def _follow(self, order: JournaledOrder, report: OrderReport) -> Settled | None:
        """Move our record to where the exchange has the order; nothing moves on a report that is older than our record."""
        fills: Sequence[Fill] = ()
        if report.executed_quantity > order.executed_quantity:
            fills = await self._fills_of(report)
            if not _is_all_of(fills, report):
                return None  # the trade list lags behind the order; the next look has both
        event = _event_of(report)
        is_stale = report.executed_quantity < order.executed_quantity
        if is_stale or (not fills and next_state(order.state, event) is order.state):
            return None
        return await self._record(order, event, report=report, fills=fills)

    async def _fills_of(self, report: OrderReport) -> tuple[Fill, ...]:
        if report.executed_quantity == ZERO:
            return ()
        fills = await self._exchange.get_my_trades(report.symbol, order_id=report.order_id)
        if len(fills) < MOST_TRADES_A_CALL:
            return fills
        # These are the newest; an order in so many parts is read from its first.
        everything: tuple[Fill, ...] = ()
        while len(fills) >= MOST_TRADES_A_CALL:
            start = everything[-1].trade_id + 1 if everything else 0
            fills = await self._exchange.get_my_trades(report.symbol, order_id=report.order_id, from_trade_id=start)
            everything += fills
        return everything

    async def _record(
        self, order: JournaledOrder, event: OrderEvent, *, detail: str = "", report: OrderReport | None = None, fills: Sequence[Fill] = ()
    ) -> Settled:
        settled = await self._journal.record_event(
            order.intent.client_order_id, event, time_ms=self._clock.now_ms(), detail=detail, report=report, fills=fills
        )
        self._observer.observe(OrderSettled(settled.order))
        return settled

    # -- orders that the journal does not hold as open -----------------------------------------------------------------------

    async def _compare_open_orders(self, differences: list[str]) -> None:
        for report in await self._exchange.get_open_orders():
            order_id = report.client_order_id
            if self._journal.order(order_id) is not None or order_id in self._in_flight():
                continue
            if not self._is_ours(report):
                differences.append(f"{report.symbol}: open order {report.order_id} is not ours")
                continue
            stored = await self._journal.find_order(order_id)
            if stored is not None and stored.state is OrderState.NEVER_PLACED:
                await self._adopt(stored, report, differences)
            elif stored is not None and stored.state in {OrderState.FILLED, OrderState.CANCELED, OrderState.EXPIRED}:
                differences.append(f"{report.symbol}: the list of open orders still shows {order_id}, which has ended as {stored.state}")
            else:
                await self._alarm(report, f"is open, although it {_standing(stored)}", differences)

    async def _adopt(self, stored: JournaledOrder, report: OrderReport, differences: list[str]) -> Settled:
        """An order that was held to be never placed is there after all: halt its symbol, then take it over.

        Trades that are not listed yet leave it open, so that the next look completes it.
        """
        await self._alarm(report, "is there, although the book had found it to be never placed", differences)
        fills = await self._fills_of(report)
        event = _event_of(report)
        if not _is_all_of(fills, report):
            event = OrderEvent.PARTIAL_FILL if fills else OrderEvent.ACCEPT
        return await self._record(stored, event, detail="adopted", report=report, fills=fills)

    async def _alarm(self, report: OrderReport, what: str, differences: list[str]) -> None:
        """Halt the symbol before anything of the order is booked: whoever dies in between will see it again, and halt again."""
        text = f"{report.symbol}: order {report.client_order_id} {what}"
        differences.append(text)
        await self._halt(report.symbol, RiskRule.UNSETTLED_ORDER, text)

    def _is_ours(self, report: OrderReport) -> bool:
        return number_of(report.client_order_id, self._rules.epoch) is not None

    # -- trades --------------------------------------------------------------------------------------------------------------

    async def _book_missing_trades(self, differences: list[str]) -> int:
        found = 0
        for symbol in self._rules.symbols:
            try:
                found += await self._book_trades_of(symbol, differences)
            except RateLimitedError:
                raise
            except ExchangeRefusedError as error:
                differences.append(f"{symbol}: its trades cannot be read: {error}")
        return found

    async def _book_trades_of(self, symbol: str, differences: list[str]) -> int:
        """Go on through the trade list; how far is remembered apart from what is booked, because answers book trades ahead of it."""
        found = 0
        seen = await self._trades_seen(symbol)
        while True:
            trades = await self._exchange.get_my_trades(symbol, from_trade_id=seen + 1)
            postponed: list[int] = []
            for order_id, fills in _by_order(await self._journal.unbooked(trades)).items():
                booked = await self._book_order_trades(symbol, order_id, fills, differences)
                postponed += [fills[0].trade_id] if booked is None else []
                found += booked or 0
            newest = min(postponed) - 1 if postponed else trades[-1].trade_id if trades else seen
            if newest > seen:
                await self._journal.record_trades_seen(symbol, newest)
            if postponed or len(trades) < MOST_TRADES_A_CALL:
                return found
            seen = newest

    async def _trades_seen(self, symbol: str) -> int:
        """Where to go on. A symbol that was never looked at begins here and now: what it did before is in the balances."""
        seen = self._journal.trades_seen(symbol)
        if seen is None:
            seen = self._journal.last_trade_id(symbol)
        if seen is None:
            seen = (await newest_trade_ids(self._exchange, (symbol,)))[symbol]
            await self._journal.record_trades_seen(symbol, seen)
        return seen

    async def _book_order_trades(self, symbol: str, order_id: int, fills: Sequence[Fill], differences: list[str]) -> int | None:
        """How many trades were booked; None when they must wait until more is known of their order."""
        report = await self._exchange.get_order(symbol, order_id=order_id)
        if report is None or not self._is_ours(report):
            new = await self._journal.record_foreign_fills(fills)
            differences.extend(f"{symbol}: trade {fill.trade_id} was made by somebody else and is booked" for fill in new)
            return len(new)
        if report.client_order_id in self._in_flight():
            return None
        order = self._journal.order(report.client_order_id)
        if order is not None:
            settled = await self._follow(order, report)
            return len(settled.new_fills) if settled else None
        stored = await self._journal.find_order(report.client_order_id)
        if stored is not None and stored.state is OrderState.NEVER_PLACED:
            return len((await self._adopt(stored, report, differences)).new_fills)
        await self._alarm(report, f"has traded, although it {_standing(stored)}", differences)
        return len(await self._journal.record_foreign_fills([replace(fill, client_order_id=report.client_order_id) for fill in fills]))

    # -- balances ------------------------------------------------------------------------------------------------------------

    async def _compare_balances(self, differences: list[str]) -> int:
        """Compare until two looks agree, because a trade may fall between two requests; returns the trades found on the way."""
        found = 0
        before: Mapping[str, Decimal] = {}
        for _ in range(LOOKS_AT_BALANCES):
            gaps = self._gaps(await self._exchange.get_account())
            if not gaps:
                return found
            if gaps == before:
                await self._explain(gaps, differences)
                return found
            before = gaps
            found += await self._book_missing_trades(differences)
            if not all(order.is_resting for order in self._journal.open_orders()):
                differences.extend(f"{asset}: off by {plain(gap)} while orders are unsettled" for asset, gap in gaps.items())
                return found
            await self._clock.sleep_until(self._clock.now_ms() + LOOKS_APART_MS)
            # Trades lag, too: what the balances show already may be listed only now.
            found += await self._book_missing_trades(differences)
        differences.extend(f"{asset}: the balance keeps moving, off by {plain(gap)}" for asset, gap in before.items())
        return found

    def _gaps(self, account: AccountInfo) -> dict[str, Decimal]:
        """What the exchange has more (or less) than the ledger, by asset."""
        assets = sorted({*account.balances, *self._journal.balances})
        gaps = {asset: account.total(asset) - self._journal.balance(asset) for asset in assets}
        return {asset: gap for asset, gap in gaps.items() if gap != 0}

    async def _explain(self, gaps: Mapping[str, Decimal], differences: list[str]) -> None:
        listed = ", ".join(f"{asset} {plain(gap)}" for asset, gap in gaps.items())
        if not self._rules.external_entries:
            raise BookMismatchError(f"the exchange's balances differ from the book by {listed}, and no trade explains it")
        now_ms = self._clock.now_ms()
        for asset, gap in gaps.items():
            await self._journal.record_external(asset, gap, f"reconcile:{asset}:{now_ms}", now_ms)
            differences.append(f"{asset}: {plain(gap)} came or went without a trade; booked as an external entry")


def _is_all_of(fills: Sequence[Fill], report: OrderReport) -> bool:
    return total(fill.quantity for fill in fills) == report.executed_quantity


def _event_of(report: OrderReport) -> OrderEvent:
    """The report as an event; an order that is being cancelled may have traded before."""
    event = report.status.event
    return OrderEvent.PARTIAL_FILL if event is OrderEvent.ACCEPT and report.executed_quantity > 0 else event


def _standing(stored: JournaledOrder | None) -> str:
    return "is not in the book (was an older copy of the book put back?)" if stored is None else f"had ended as {stored.state} in the book"


def _by_order(trades: Sequence[Fill]) -> dict[int, list[Fill]]:
    grouped: dict[int, list[Fill]] = {}
    for trade in trades:
        grouped.setdefault(trade.order_id, []).append(trade)
    return grouped
