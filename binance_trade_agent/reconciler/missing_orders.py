"""Missing orders: when an order that the exchange does not show counts as never placed, and when as forgotten."""

from binance_trade_agent.domain.errors import AgentError, ExchangeRefusedError, RateLimitedError
from binance_trade_agent.domain.money import total
from binance_trade_agent.domain.order import Fill, JournaledOrder, OrderEvent, OrderState
from binance_trade_agent.ports.book import Settled
from binance_trade_agent.reconciler.case import Case
from binance_trade_agent.reconciler.order_records import OrderRecords

MISSES_TO_PROVE_ABSENCE = 2
MISSES_APART_MS = 1_000
"""Two looks in the same instant may be answered by the same lagging replica, so they count as one."""

MISSES_TO_BE_FORGOTTEN = 6
FORGOTTEN_APART_MS = 60_000
"""An accepted order is there until the contrary is beyond doubt: five minutes, and then it is not in the list of open orders either."""

_UNANSWERED = frozenset({OrderState.SENT, OrderState.UNKNOWN})


class MissingOrders:
    """Counts the looks that did not find an order; times are the exchange's."""

    def __init__(self, case: Case, records: OrderRecords) -> None:
        self._case = case
        self._records = records
        self._misses: dict[str, tuple[int, int]] = {}  # how often an order was missed, and when last

    def found(self, order: JournaledOrder) -> None:
        """The order is there: what was counted is void."""
        self._misses.pop(order.intent.client_order_id, None)

    async def missed(self, order: JournaledOrder, differences: list[str]) -> Settled | None:
        """The exchange showed no such order; queries read replicas that lag, so only time and further looks prove anything."""
        if order.state not in _UNANSWERED:
            return await self._missed_accepted(order, differences)
        if order.state is OrderState.SENT:
            return await self._records.record(order, OrderEvent.LOSE_SIGHT, detail="the process ended before an answer came")
        fence_ms = self._fence_ms(order)
        if self._case.exchange.server_time_ms() <= fence_ms:
            return None
        # That was an estimate from our own clock, which may have been set forward since: the exchange's own word counts.
        now_ms = await self._case.exchange.get_server_time()
        if now_ms <= fence_ms or self._count(order, now_ms, MISSES_APART_MS) < MISSES_TO_PROVE_ABSENCE:
            return None
        self.found(order)
        return await self._records.record(order, OrderEvent.PROVE_ABSENT, detail="absent twice after the fence")

    async def settle_by_hand(self, client_order_id: str, reason: str) -> JournaledOrder:
        """End an open order that the exchange does not show, on an operator's word; one that it shows is followed to where it stands.

        Its trades are looked for all the same, and the fence of an unanswered order holds. Raises AgentError with what stands against it.
        """
        order = self._case.journal.order(client_order_id)
        if order is None:
            stored = await self._case.journal.find_order(client_order_id)
            raise AgentError(f"order {client_order_id} " + ("is not in the book" if stored is None else f"has ended as {stored.state}"))
        if client_order_id in self._case.in_flight():
            raise AgentError(f"order {client_order_id} is being sent right now; ask again in a minute")
        try:
            report = await self._case.exchange.get_order(order.intent.symbol, client_order_id)
        except RateLimitedError:
            raise
        except ExchangeRefusedError:
            report = None  # it will not speak of the order, so the operator's word is all there is
        if report is not None:
            settled = await self._records.follow(order, report)
            return settled.order if settled is not None else order
        if order.state in _UNANSWERED:
            await self._require_after_fence(order)
        return (await self._end(order, f"settled by hand: {reason}")).order

    async def _missed_accepted(self, order: JournaledOrder, differences: list[str]) -> Settled | None:
        symbol, order_id = order.intent.symbol, order.intent.client_order_id
        differences.append(f"{symbol}: the exchange does not know order {order_id}, which it had accepted")
        now_ms = await self._case.exchange.get_server_time()
        if self._count(order, now_ms, FORGOTTEN_APART_MS) < MISSES_TO_BE_FORGOTTEN:
            return None
        if order_id in {report.client_order_id for report in await self._case.exchange.get_open_orders(symbol)}:
            self.found(order)
            return None
        self.found(order)
        differences.append(f"{symbol}: order {order_id} was missed {MISSES_TO_BE_FORGOTTEN} times and counts as forgotten by the exchange")
        return await self._end(order, f"forgotten by the exchange: missed {MISSES_TO_BE_FORGOTTEN} times, and not among the open orders")

    async def _end(self, order: JournaledOrder, detail: str) -> Settled:
        """Write the end of an order that is nowhere: with the trades that are listed of it."""
        if order.state is OrderState.INTENDED:
            return await self._records.record(order, OrderEvent.GIVE_UP, detail=detail)
        if order.state is OrderState.SENT:
            order = (await self._records.record(order, OrderEvent.LOSE_SIGHT, detail=detail)).order
        if order.state is OrderState.UNKNOWN:
            return await self._records.record(order, OrderEvent.PROVE_ABSENT, detail=detail)
        fills = await self._trades(order)
        is_filled = total(fill.quantity for fill in fills) == order.intent.quantity
        return await self._records.record(order, OrderEvent.FILL if is_filled else OrderEvent.EXPIRE, detail=detail, fills=fills)

    async def _trades(self, order: JournaledOrder) -> tuple[Fill, ...]:
        if order.order_id is None:
            return ()
        try:
            return await self._records.trades_of(order.intent.symbol, order.order_id)
        except RateLimitedError:
            raise
        except ExchangeRefusedError:
            return ()  # of a symbol that is no longer listed; what has traded there is in the book as far as it was ever told

    async def _require_after_fence(self, order: JournaledOrder) -> None:
        fence_ms, now_ms = self._fence_ms(order), await self._case.exchange.get_server_time()
        if now_ms <= fence_ms:
            wait_s = (fence_ms - now_ms) // 1_000 + 1
            raise AgentError(f"order {order.intent.client_order_id} may still reach the exchange; ask again in {wait_s} s")

    def _fence_ms(self, order: JournaledOrder) -> int:
        return order.send_deadline_ms + self._case.exchange.recv_window_ms + self._case.rules.grace_ms

    def _count(self, order: JournaledOrder, now_ms: int, apart_ms: int) -> int:
        """How many looks that stand `apart_ms` from each other have missed the order, this one included."""
        order_id = order.intent.client_order_id
        count, last_ms = self._misses.get(order_id, (0, now_ms - apart_ms))
        if now_ms < last_ms + apart_ms:
            return count
        self._misses[order_id] = (count + 1, now_ms)
        return count + 1
