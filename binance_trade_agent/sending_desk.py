"""SendingDesk: the one way for orders of the journal to the exchange: journal first, one send, and a closed set of outcomes.

The order of steps is the safety:
    1. the intent is committed, then its SEND event is committed; a crash before the second proves that nothing was sent
    2. the gate is asked once more, because a halt may have come since the decision
    3. the request gets its connection; then the gate is asked for the last time, and it is signed and written once, with nothing awaited
       in between, so that nothing leaves after a halt; nothing here ever sends it again
    4. what became of it is committed; whatever is not a definite yes or no is Unknown and left to the reconciler
Orders that one request carries go these steps together and share its outcome. What has been begun is carried to its end even when the
caller is cancelled.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from binance_trade_agent.domain.errors import NotSentError
from binance_trade_agent.domain.facts import OrderAnswered, OrderSent
from binance_trade_agent.domain.money import total
from binance_trade_agent.domain.order import OrderEvent, OrderIntent, OrderReport
from binance_trade_agent.domain.outcome import Accepted, NotSent, Outcome, Rejected, Unknown, outcome_of_error
from binance_trade_agent.domain.risk import Approved, Refused
from binance_trade_agent.ports.book import OrderJournal, Settled
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.exchange import LastLook
from binance_trade_agent.ports.observer import NullObserver, Observer

Gate = Callable[[OrderIntent], Refused | None]

Request = Callable[[int, LastLook], Awaitable[Sequence[OrderReport]]]
"""Sends once, not after a deadline (server time, ms) nor against the last look, and gives a report for each order.

Raises as Exchange.place_order.
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of one request: its outcome, and its orders as the journal now has them, with the fills that were new."""

    outcome: Outcome
    settled: tuple[Settled, ...]


class SendingDesk:
    """Carries approved orders. `max_send_delay_ms` (server time) bounds how long after its journal entry an order may still be signed."""

    def __init__(
        self,
        journal: OrderJournal,
        *,
        gate: Gate,
        server_time_ms: Callable[[], int],
        clock: Clock,
        observer: Observer | None = None,
        max_send_delay_ms: int = 5_000,
    ) -> None:
        self._journal = journal
        self._gate = gate
        self._server_time_ms = server_time_ms
        self._clock = clock
        self._observer = observer or NullObserver()
        self._max_send_delay_ms = max_send_delay_ms
        self._sending: dict[asyncio.Task[Delivery], tuple[str, ...]] = {}
        self._drain_until_s: float | None = None

    @property
    def in_flight(self) -> frozenset[str]:
        """Client order ids that are being sent right now; nobody else may settle them meanwhile."""
        return frozenset(order_id for order_ids in self._sending.values() for order_id in order_ids)

    async def send(self, orders: Sequence[Approved], request: Request) -> Delivery:
        """Carry `orders`, all of which `request` places, and journal what became of them.

        Raises BookError when the journal cannot be written; before the send that means that there is no order. Cancelling the
        caller does not cut the orders short: they go on in a task of their own, and `drain` waits for it.
        """
        order_ids = tuple(order.intent.client_order_id for order in orders)
        task = asyncio.create_task(self._carry(orders, request), name=f"order {order_ids[0]}")
        self._sending[task] = order_ids
        task.add_done_callback(self._landed)
        return await asyncio.shield(task)

    async def drain(self, bound_s: float) -> tuple[str, ...]:
        """Return when no order is in flight, or `bound_s` seconds after this was first called; names what is in flight then."""
        now_s = asyncio.get_running_loop().time()
        self._drain_until_s = now_s + bound_s if self._drain_until_s is None else self._drain_until_s
        if self._sending:
            await asyncio.wait(list(self._sending), timeout=max(0.0, self._drain_until_s - now_s))
        return tuple(sorted(self.in_flight))

    def _landed(self, task: asyncio.Task[Delivery]) -> None:
        self._sending.pop(task, None)
        if not task.cancelled():
            task.exception()  # seen by the caller unless it was cancelled; then the open journal entry tells the reconciler

    async def _carry(self, orders: Sequence[Approved], request: Request) -> Delivery:
        intents = [order.intent for order in orders]
        deadline_ms = self._server_time_ms() + self._max_send_delay_ms
        for order in orders:
            await self._journal.record_intent(order.intent, order.reservation, deadline_ms)
        try:
            self._require_leave(intents)
        except NotSentError as error:
            return await self._record(intents, NotSent(str(error)), ())
        for intent in intents:
            await self._event(intent, OrderEvent.SEND)
        started_ms = self._clock.monotonic_ms()
        for intent in intents:
            self._observer.observe(OrderSent(intent, self._server_time_ms(), started_ms))
        outcome, reports = await self._send(intents, request, deadline_ms)
        for intent in intents:
            self._observer.observe(OrderAnswered(intent, outcome, self._clock.monotonic_ms() - started_ms))
        return await self._record(intents, outcome, reports)

    async def _send(self, intents: Sequence[OrderIntent], request: Request, deadline_ms: int) -> tuple[Outcome, Sequence[OrderReport]]:
        try:
            reports = await request(deadline_ms, lambda: self._require_leave(intents))
        except Exception as error:
            return outcome_of_error(error), ()
        if {report.client_order_id for report in reports} != {intent.client_order_id for intent in intents}:
            return Unknown("the answer does not speak of every order"), ()
        if not all(_is_complete(report) for report in reports):
            return Unknown("the answer's fills do not add up to what it says was executed"), ()
        return Accepted(reports[0]), reports

    def _require_leave(self, intents: Sequence[OrderIntent]) -> None:
        """The gate; the last time it is asked, the request has its connection and nothing is awaited any more before it is written."""
        for intent in intents:
            refused = self._gate(intent)
            if refused is not None:
                raise NotSentError(f"stopped at the gate by {refused.rule}: {refused.reason}")

    async def _record(self, intents: Sequence[OrderIntent], outcome: Outcome, reports: Sequence[OrderReport]) -> Delivery:
        told = {report.client_order_id: report for report in reports}
        settled = [await self._record_one(intent, outcome, told.get(intent.client_order_id)) for intent in intents]
        return Delivery(outcome, tuple(settled))

    async def _record_one(self, intent: OrderIntent, outcome: Outcome, told: OrderReport | None) -> Settled:
        match outcome:
            case Accepted(report):
                report = told or report
                return await self._event(intent, report.status.event, report=report)
            case Rejected(code, message):
                return await self._event(intent, OrderEvent.REJECT, detail=f"{code}: {message}")
            case NotSent(why):
                return await self._event(intent, OrderEvent.GIVE_UP, detail=why)
            case Unknown(why):
                return await self._event(intent, OrderEvent.LOSE_SIGHT, detail=why)
            case _:
                assert_never(outcome)

    async def _event(self, intent: OrderIntent, event: OrderEvent, *, detail: str = "", report: OrderReport | None = None) -> Settled:
        fills = report.fills if report else ()
        return await self._journal.record_event(
            intent.client_order_id, event, time_ms=self._clock.now_ms(), detail=detail, report=report, fills=fills
        )


def _is_complete(report: OrderReport) -> bool:
    """Whether the answer's fills make up the quantity and the value that it says were executed."""
    quantity = total(fill.quantity for fill in report.fills)
    quote_quantity = total(fill.quote_quantity for fill in report.fills)
    return quantity == report.executed_quantity and quote_quantity == report.cumulative_quote_quantity
