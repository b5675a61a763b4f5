"""TradeExecutionAgent: places what risk has approved, one order a decision, by way of the sending desk."""

from collections.abc import Sequence
from dataclasses import dataclass

from binance_trade_agent.domain.order import Fill, OrderReport
from binance_trade_agent.domain.outcome import Outcome
from binance_trade_agent.domain.risk import Approved
from binance_trade_agent.ports.book import Settled
from binance_trade_agent.ports.exchange import Exchange, LastLook
from binance_trade_agent.sending_desk import SendingDesk


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
    """Sends approved intents to `exchange`, each once; what that means stands in `sending_desk`."""

    def __init__(self, exchange: Exchange, desk: SendingDesk) -> None:
        self._exchange = exchange
        self._desk = desk

    async def execute(self, approved: Approved) -> Execution:
        """Place the order and journal what became of it.

        Raises BookError when the journal cannot be written; before the send that means that there is no order. Cancelling the
        caller does not cut the order short.
        """

        async def place(send_deadline_ms: int, last_look: LastLook) -> Sequence[OrderReport]:
            return [await self._exchange.place_order(approved.intent, send_deadline_ms=send_deadline_ms, last_look=last_look)]

        delivery = await self._desk.send([approved], place)
        return Execution(delivery.outcome, delivery.settled[0])
