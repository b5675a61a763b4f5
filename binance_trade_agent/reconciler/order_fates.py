"""The fate of our orders: looked for by client order id until the exchange shows them, or until they are proven to be nowhere."""

from collections.abc import Sequence

from binance_trade_agent.domain.errors import BadAnswerError, ExchangeError, ExchangeRefusedError, IllegalTransitionError, RateLimitedError
from binance_trade_agent.domain.facts import OrderSettled
from binance_trade_agent.domain.money import ZERO, total
from binance_trade_agent.domain.order import Fill, JournaledOrder, OrderEvent, OrderReport, OrderState, next_state
from binance_trade_agent.domain.risk import RiskRule
from binance_trade_agent.ports.book import Settled
from binance_trade_agent.reconciler.case import Case

MISSES_TO_PROVE_ABSENCE = 2
MISSES_APART_MS = 1_000
"""Two looks in the same instant may be answered by the same lagging replica, so they count as one."""

MOST_TRADES_A_CALL = 1000


class OrderFates:
    """What became of the orders that the journal holds as open."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._misses: dict[str, tuple[int, int]] = {}  # how often an order was missed after its fence, and when last

    async def settle_each(self, differences: list[str]) -> tuple[tuple[Settled, ...], list[ExchangeError]]:
        """Look for each order that is open; those that moved, and the answers that the exchange refused to give."""
        moved: list[Settled] = []
        refusals: list[ExchangeError] = []
        for order_id in [order.intent.client_order_id for order in self._case.journal.open_orders()]:
            # Read again: an order in flight may have landed while another one was looked for.
            order = self._case.journal.order(order_id)
            if order is None or order_id in self._case.in_flight():
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
                await self._case.halt(symbol, RiskRule.UNSETTLED_ORDER, text)
            else:
                moved += [settled] if settled else []
        return tuple(moved), refusals

    async def _settle(self, order: JournaledOrder, differences: list[str]) -> Settled | None:
        if order.state is OrderState.INTENDED:
            return await self.record(order, OrderEvent.GIVE_UP, detail="the process ended between the journal entry and the send")
        report = await self._case.exchange.get_order(order.intent.symbol, order.intent.client_order_id)
        if report is None:
            return await self._missed(order, differences)
        self._misses.pop(order.intent.client_order_id, None)
        return await self.follow(order, report)

    async def _missed(self, order: JournaledOrder, differences: list[str]) -> Settled | None:
        """The exchange showed no such order; queries read replicas that lag, so only the fence and a second look prove anything."""
        order_id = order.intent.client_order_id
        if order.state not in {OrderState.SENT, OrderState.UNKNOWN}:
            differences.append(f"{order.intent.symbol}: the exchange does not know order {order_id}, which it had accepted")
            return None
        if order.state is OrderState.SENT:
            return await self.record(order, OrderEvent.LOSE_SIGHT, detail="the process ended before an answer came")
        fence_ms = order.send_deadline_ms + self._case.exchange.recv_window_ms + self._case.rules.grace_ms
        if self._case.exchange.server_time_ms() <= fence_ms:
            return None
        # That was an estimate from our own clock, which may have been set forward since: the exchange's own word counts.
        now_ms = await self._case.exchange.get_server_time()
        count, last_ms = self._misses.get(order_id, (0, fence_ms))
        if now_ms <= fence_ms or (count and now_ms < last_ms + MISSES_APART_MS):
            return None
        self._misses[order_id] = (count + 1, now_ms)
        if count + 1 < MISSES_TO_PROVE_ABSENCE:
            return None
        del self._misses[order_id]
        return await self.record(order, OrderEvent.PROVE_ABSENT, detail="absent twice after the fence")

    async def follow(self, order: JournaledOrder, report: OrderReport) -> Settled | None:
        """Move our record to where the exchange has the order; nothing moves on a report that is older than our record."""
        fills: Sequence[Fill] = ()
        if report.executed_quantity > order.executed_quantity:
            fills = await self.fills_of(report)
            if not is_all_of(fills, report):
                return None  # the trade list lags behind the order; the next look has both
        event = event_of(report)
        is_stale = report.executed_quantity < order.executed_quantity
        if is_stale or (not fills and next_state(order.state, event) is order.state):
            return None
        return await self.record(order, event, report=report, fills=fills)

    async def fills_of(self, report: OrderReport) -> tuple[Fill, ...]:
        """Every trade of the order that is listed."""
        if report.executed_quantity == ZERO:
            return ()
        fills = await self._case.exchange.get_my_trades(report.symbol, order_id=report.order_id)
        if len(fills) < MOST_TRADES_A_CALL:
            return fills
        # These are the newest; an order in so many parts is read from its first.
        everything: tuple[Fill, ...] = ()
        while len(fills) >= MOST_TRADES_A_CALL:
            start = everything[-1].trade_id + 1 if everything else 0
            fills = await self._case.exchange.get_my_trades(report.symbol, order_id=report.order_id, from_trade_id=start)
            everything += fills
        return everything

    async def record(
        self, order: JournaledOrder, event: OrderEvent, *, detail: str = "", report: OrderReport | None = None, fills: Sequence[Fill] = ()
    ) -> Settled:
        """Write an event of the order, with what came with it."""
        settled = await self._case.journal.record_event(
            order.intent.client_order_id, event, time_ms=self._case.clock.now_ms(), detail=detail, report=report, fills=fills
        )
        self._case.observer.observe(OrderSettled(settled.order))
        return settled


def is_all_of(fills: Sequence[Fill], report: OrderReport) -> bool:
    """Whether `fills` are everything that the order has executed."""
    return total(fill.quantity for fill in fills) == report.executed_quantity


def event_of(report: OrderReport) -> OrderEvent:
    """The report as an event; an order that is being cancelled may have traded before."""
    event = report.status.event
    return OrderEvent.PARTIAL_FILL if event is OrderEvent.ACCEPT and report.executed_quantity > 0 else event
