"""TradeExecutionAgent: carries an approved intent to the exchange, journal first, one send, and a closed set of outcomes.

The order of steps is the safety:
    1. the intent is committed, then its SEND event is committed; a crash before the second proves that nothing was sent
    2. the gate is asked once more, because a halt may have come since the decision
    3. the request gets its connection; then the gate is asked for the last time, and it is signed and written once, with nothing awaited
       in between, so that nothing leaves after a halt; nothing here ever sends it again
    4. what became of it is committed; whatever is not a definite yes or no is Unknown and left to the reconciler
An order that has been begun is carried to its end even when the caller is cancelled.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from binance_trade_agent.domain.errors import ExchangeError, ExchangeRefusedError, NotSentError
from binance_trade_agent.domain.facts import OrderAnswered, OrderSent
from binance_trade_agent.domain.money import total
from binance_trade_agent.domain.order import Fill, OrderEvent, OrderIntent, OrderReport
from binance_trade_agent.domain.outcome import Accepted, NotSent, Outcome, Rejected, Unknown
from binance_trade_agent.domain.risk import Approved, Refused
from binance_trade_agent.ports.book import OrderJournal, Settled
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.exchange import Exchange
from binance_trade_agent.ports.observer import NullObserver, Observer

Gate = Callable[[OrderIntent], Refused | None]


@dataclass(frozen=True, slots=True)
class Execution:
    """What came of one intent: its outcome and the order as the journal now has it, with the fills that were new."""

    outcome: Outcome
    settled: Settled

    @property
    def fills(self) -> tuple[Fill, ...]:
        """The fills booked with the answer."""
        return self.settled.new_fills


class TradeExecutionAgent:
    """Sends approved intents. `max_send_delay_ms` (server time) bounds how long after its journal entry an order may still be signed."""

    def __init__(
        self,
        exchange: Exchange,
        journal: OrderJournal,
        *,
        gate: Gate,
        clock: Clock,
        observer: Observer | None = None,
        max_send_delay_ms: int = 5_000,
    ) -> None:
        self._exchange = exchange
        self._journal = journal
        self._gate = gate
        self._clock = clock
        self._observer = observer or NullObserver()
        self._max_send_delay_ms = max_send_delay_ms
        self._in_flight: dict[str, asyncio.Task[Execution]] = {}

    @property
    def in_flight(self) -> frozenset[str]:
        """Client order ids that are being sent right now; nobody else may settle them meanwhile."""
        return frozenset(self._in_flight)

    async def execute(self, approved: Approved) -> Execution:
        """Place the order and journal what became of it.

        Raises BookError when the journal cannot be written; before the send that means that there is no order. Cancelling the
        caller does not cut the order short: it goes on in its own task, and `drain` waits for it.
        """
        order_id = approved.intent.client_order_id
        task = asyncio.create_task(self._carry(approved), name=f"order {order_id}")
        self._in_flight[order_id] = task
        task.add_done_callback(lambda done: self._landed(order_id, done))
        return await asyncio.shield(task)

    async def drain(self) -> None:
        """Return when no order is in flight; each is bounded by the client's request deadline."""
        if self._in_flight:
            await asyncio.wait(list(self._in_flight.values()))

    def _landed(self, order_id: str, task: asyncio.Task[Execution]) -> None:
        self._in_flight.pop(order_id, None)
        if not task.cancelled():
            task.exception()  # seen by the caller unless it was cancelled; then the open journal entry tells the reconciler

    async def _carry(self, approved: Approved) -> Execution:
        intent = approved.intent
        send_deadline_ms = self._exchange.server_time_ms() + self._max_send_delay_ms
        await self._journal.record_intent(intent, approved.reservation, send_deadline_ms)
        refused = self._gate(intent)
        if refused is not None:
            return await self._record(intent, NotSent(_stopped_by(refused)))
        await self._journal.record_event(intent.client_order_id, OrderEvent.SEND, time_ms=self._clock.now_ms())
        started_ms = self._clock.monotonic_ms()
        self._observer.observe(OrderSent(intent))
        outcome = await self._send(intent, send_deadline_ms)
        self._observer.observe(OrderAnswered(intent, outcome, self._clock.monotonic_ms() - started_ms))
        return await self._record(intent, outcome)

    async def _send(self, intent: OrderIntent, send_deadline_ms: int) -> Outcome:
        try:
            report = await self._exchange.place_order(
                intent, send_deadline_ms=send_deadline_ms, last_look=lambda: self._require_leave(intent)
            )
        except NotSentError as error:
            return NotSent(str(error))
        except ExchangeRefusedError as error:
            return Rejected(error.code, error.message)
        except ExchangeError as error:
            return Unknown(str(error))
        except Exception as error:
            # Whatever else breaks here, the request may have gone out: only the exchange can tell.
            return Unknown(f"{type(error).__name__} while the order was being sent")
        return Accepted(report) if _is_complete(report) else Unknown("the answer's fills do not add up to what it says was executed")

    def _require_leave(self, intent: OrderIntent) -> None:
        """The gate, asked while the order has its connection and nothing is awaited any more before it is written."""
        refused = self._gate(intent)
        if refused is not None:
            raise NotSentError(_stopped_by(refused))

    async def _record(self, intent: OrderIntent, outcome: Outcome) -> Execution:
        match outcome:
            case Accepted(report):
                settled = await self._event(intent, report.status.event, report=report)
            case Rejected(code, message):
                settled = await self._event(intent, OrderEvent.REJECT, detail=f"{code}: {message}")
            case NotSent(why):
                settled = await self._event(intent, OrderEvent.GIVE_UP, detail=why)
            case Unknown(why):
                settled = await self._event(intent, OrderEvent.LOSE_SIGHT, detail=why)
            case _:
                assert_never(outcome)
        return Execution(outcome, settled)

    async def _event(self, intent: OrderIntent, event: OrderEvent, *, detail: str = "", report: OrderReport | None = None) -> Settled:
        fills = report.fills if report else ()
        return await self._journal.record_event(
            intent.client_order_id, event, time_ms=self._clock.now_ms(), detail=detail, report=report, fills=fills
        )


def _stopped_by(refused: Refused) -> str:
    return f"stopped at the gate by {refused.rule}: {refused.reason}"


def _is_complete(report: OrderReport) -> bool:
    """Whether the answer's fills make up the quantity and the value that it says were executed."""
    quantity = total(fill.quantity for fill in report.fills)
    quote_quantity = total(fill.quote_quantity for fill in report.fills)
    return quantity == report.executed_quantity and quote_quantity == report.cumulative_quote_quantity
