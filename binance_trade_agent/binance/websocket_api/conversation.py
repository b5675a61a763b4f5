"""Conversation: which requests on one connection wait for an answer, matched by id; no I/O.

It promises three things: ids never repeat on a connection, so an answer belongs to one request or to none; a second answer to the same
request, or one that comes after its request was given up, changes nothing; and no more than a bound of requests wait at once.
"""

from typing import Any, Generic, TypeVar

from binance_trade_agent.binance.websocket_api.messages import Answer
from binance_trade_agent.binance.websocket_api.methods import Method
from binance_trade_agent.binance.websocket_api.requests import Params, request_text
from binance_trade_agent.domain.errors import NotSentError

T = TypeVar("T")

MOST_OUTSTANDING = 200
"""More would have to wait for the exchange longer than an order may; REST's pool has its own bound."""


class Conversation(Generic[T]):
    """The requests of one connection; `T` is whatever the caller wants back with an answer."""

    def __init__(self, most_outstanding: int = MOST_OUTSTANDING) -> None:
        self._most = most_outstanding
        self._waiting: dict[int, T] = {}
        self._last_id = 0
        self.unasked = 0

    def begin(self, method: Method[Any], params: Params, waiter: T) -> tuple[int, bytes]:
        """The id and text of a new request, which waits from now on; NotSentError when too many wait already."""
        if len(self._waiting) >= self._most:
            raise NotSentError(f"{method.name} was not sent: {self._most} requests on this connection wait for an answer")
        self._last_id += 1
        text = request_text(self._last_id, method.name, params)
        self._waiting[self._last_id] = waiter
        return self._last_id, text

    def give_up(self, request_id: int) -> None:
        """Wait no more; an answer that comes all the same is unasked."""
        self._waiting.pop(request_id, None)

    def match(self, answer: Answer) -> T | None:
        """Whom the answer is for; None, and counted, when nobody waits for it."""
        request_id = answer.request_id
        waiter = self._waiting.pop(request_id, None) if isinstance(request_id, int) else None
        if waiter is None:
            self.unasked += 1
        return waiter

    def end(self) -> tuple[T, ...]:
        """Everybody who still waits, when the connection is gone; nobody waits afterwards."""
        waiting = tuple(self._waiting.values())
        self._waiting.clear()
        return waiting

    @property
    def outstanding(self) -> int:
        """How many requests wait."""
        return len(self._waiting)
