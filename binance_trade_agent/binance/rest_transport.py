"""RestTransport: how requests reach an exchange, whatever lies between: a pool of sockets, this process, or a mirror of a market."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from binance_trade_agent.binance.route import Route
from binance_trade_agent.domain.lane import Lane


class RestRequest(msgspec.Struct, frozen=True, gc=False):
    """One request. `path` and `query` are the bytes that go over the wire: percent-encoded, and signed where that is due.

    `lane` says among whom it waits for a connection. `timeout_s` bounds the whole of it, from that wait to the last byte of the
    answer. With `seal` the query is not complete yet: see `leaving_query`.
    """

    method: str
    path: str
    query: str
    route: Route
    lane: Lane
    timeout_s: float
    body: bytes = b""
    seal: Callable[[str], str] | None = None

    def leaving_query(self) -> str:
        """The query as it leaves. Asked once, when the request has its connection, and with nothing awaited between this and the write.

        `seal` stamps and signs it then, so that no time passes between the last look at whether it may leave and its leaving. It raises
        NotSentError where it may not; then nothing is written.
        """
        return self.query if self.seal is None else self.seal(self.query)

    def __repr__(self) -> str:
        """Without the query, which may be signed."""
        return f"RestRequest({self.method} {self.path})"


class HeaderLookup(Protocol):
    """The headers of an answer."""

    def get(self, name: str, /) -> str | None:
        """The value of the header `name`, which is given in lower case; None when there is none."""
        ...


class RestResponse(msgspec.Struct, frozen=True):
    """A complete answer; `body` is decoded."""

    status: int
    headers: HeaderLookup
    body: bytes


class RestTransport(Protocol):
    """Carries requests; one implementation per way to an exchange."""

    async def fetch(self, request: RestRequest) -> RestResponse:
        """Send `request` and return its complete answer, within `request.timeout_s`.

        What leaves is `request.leaving_query()`. Raises NotSentError (PoolTimeoutError among them) when it provably did not leave,
        FateUnknownError when it may have been carried out; RateLimitedError where it was held back. Texts hold no query, header or
        body. It never sends twice what changes anything.
        """
        ...

    async def aclose(self) -> None:
        """Close what is open; requests under way fail."""
        ...
