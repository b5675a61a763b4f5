"""OneSend: sends a request that changes orders exactly once, with ids that it can be looked for by.

Nothing here or below repeats it. What is not a definite answer is FateUnknownError, and names the ids.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from binance_trade_agent.binance.endpoints import Endpoint
from binance_trade_agent.binance.rest import RestCaller
from binance_trade_agent.domain.errors import ExchangeError, FateUnknownError, MoneyError, NotSentError
from binance_trade_agent.ports.exchange import LastLook

T = TypeVar("T")


@contextmanager
def refusing_contradictions() -> Iterator[None]:
    """Within it parameters that contradict each other (ValueError, MoneyError) become NotSentError, because then nothing is sent."""
    try:
        yield
    except (MoneyError, ValueError) as error:
        raise NotSentError(f"the order was not sent: {error}") from None


@dataclass(frozen=True, slots=True)
class OneSend:
    """The sender of one client. `next_id` makes a client order id that was never used.

    Nothing is signed after `send_deadline_ms` (server time), nor against `last_look`; None for no such bound.
    """

    rest: RestCaller
    next_id: Callable[[], str]
    send_deadline_ms: int | None = None
    last_look: LastLook | None = None

    async def send(
        self, endpoint: Endpoint[T], params: Mapping[str, str], ids: Collection[str], is_ours: Callable[[T], bool] = lambda _answer: True
    ) -> T:
        """Send and return the answer, provided that it speaks of our orders.

        `ids` are what the request can be looked for by. The exchange's clock is measured first when it is not known. Raises
        NotSentError when the request provably did not leave, ExchangeRefusedError for a definite no, and FateUnknownError for all
        else, an answer about other orders included.
        """
        try:
            await self.rest.clock_sync.ensure()
        except ExchangeError as error:
            raise NotSentError(f"{endpoint.name} was not sent: the exchange's clock is not known: {error}") from None
        try:
            answer = await self.rest.change(endpoint, params, send_deadline_ms=self.send_deadline_ms, last_look=self.last_look)
        except FateUnknownError as error:
            raise FateUnknownError(f"{', '.join(ids)}: {error}") from None
        if not is_ours(answer):
            raise FateUnknownError(f"{', '.join(ids)}: the answer to {endpoint.name} speaks of other orders")
        return answer
