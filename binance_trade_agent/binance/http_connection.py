"""One HTTP/1.1 connection: writes a request in one piece, hands what comes back to a ResponseReader, and knows when it is spent.

The connection is strict about silence: bytes that come while no request is under way mean that requests and responses are out of step, so
it ends at once and never serves again.
"""

import asyncio
import select
import sys
from typing import Final, Protocol, cast

from binance_trade_agent.binance.http_request import WireRequest
from binance_trade_agent.binance.http_response import ResponseLimits, ResponseReader, WireResponse
from binance_trade_agent.binance.route import Origin
from binance_trade_agent.domain.errors import BadAnswerError, FateUnknownError, NotSentError

_UNASKED: Final = "the server sent bytes that nobody asked for"


class ConnectionOwner(Protocol):
    """Who is told of a connection's end; each call comes at most once for a connection."""

    def connection_ended(self, connection: "HttpConnection") -> None:
        """It will never be usable again."""
        ...

    def connection_closed(self, connection: "HttpConnection") -> None:
        """Its socket is gone."""
        ...


class HttpConnection(asyncio.Protocol):
    """A connection to `origin`, one request at a time.

    `closed` is done when the socket is gone; `died_silently` tells that the server ended it without a byte of response to its last request.
    """

    def __init__(self, origin: Origin, limits: ResponseLimits, owner: ConnectionOwner) -> None:
        self.origin = origin
        self.died_silently = False
        self._limits = limits
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._probe: _Probe | None = None
        self._ended = False
        self._reader: ResponseReader | None = None
        self._answer: asyncio.Future[WireResponse] | None = None

    def usable(self) -> bool:
        """Whether a connection that has served may serve again.

        That is: connected, nothing left to write, and nothing (bytes or an end) waiting to be read.
        """
        return (
            not self._ended
            and self._transport is not None
            and not self._transport.is_closing()
            and self._transport.get_write_buffer_size() == 0
            and (self._probe is None or not self._probe.readable())
        )

    async def exchange(self, request: WireRequest, deadline_s: float) -> WireResponse:
        """Send `request` and return its response; the connection ends itself when it cannot be used again.

        `deadline_s` is in loop time. Raises NotSentError when the connection had ended before anything was written, FateUnknownError for
        all that goes wrong later. After any exception, a cancellation too, the connection has ended.
        """
        # No probe here: a new TLS connection may have session tickets to read. Whoever kept a connection has asked `usable`.
        if self._transport is None or self._ended or self._transport.is_closing():
            self.abort()
            raise NotSentError("the connection was closed before anything was sent")
        reader = self._reader = ResponseReader(request.method, self._limits)
        answer: asyncio.Future[WireResponse] = self._loop.create_future()
        self._answer = answer
        timer = self._loop.call_at(deadline_s, self._expire)
        try:
            self._transport.write(request.payload)
            response = await answer
        except BaseException:
            self.abort()
            raise
        finally:
            timer.cancel()
            self._reader = self._answer = None
        if request.closes or not reader.keep_alive:
            self.abort()
        return response

    def abort(self, reason: str = "the connection was closed by us") -> None:
        """Close at once, without waiting for unsent bytes or a farewell; a request under way fails with `reason`."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(FateUnknownError(reason))
        ended_before, self._ended = self._ended, True
        if self._transport is not None:
            self._transport.abort()
        if not ended_before:
            self._owner.connection_ended(self)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open; TCP_NODELAY is set by asyncio and uvloop themselves."""
        self._transport = cast("asyncio.Transport", transport)  # by its methods: uvloop's are not of that class
        if self._ended:  # given up while it was coming up
            self._transport.abort()
            return
        self._probe = _Probe.of(self._transport)

    def data_received(self, data: bytes) -> None:
        """Bytes from the server: a piece of the response that is awaited, or a reason to end."""
        reader, answer = self._reader, self._answer
        if reader is None or answer is None or answer.done():
            self.abort(_UNASKED)
            return
        try:
            reader.feed(data)
        except BadAnswerError as error:
            self.abort(str(error))
        else:
            if reader.complete:
                answer.set_result(reader.response())

    def eof_received(self) -> bool:
        """The server will send no more."""
        self._end_of_stream(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self._end_of_stream(exc)
        self.closed.set_result(None)
        self._owner.connection_closed(self)

    def _end_of_stream(self, error: Exception | None) -> None:
        reader, answer = self._reader, self._answer
        if reader is None or answer is None or answer.done():
            self.abort()
            return
        self.died_silently = not reader.started
        if error is not None:
            self.abort(f"the connection was lost: {type(error).__name__}")
            return
        try:
            reader.feed_eof()
        except BadAnswerError as bad:
            self.abort(str(bad))
        else:
            answer.set_result(reader.response())
            self.abort()

    def _expire(self) -> None:
        self.abort("no complete response came before the deadline")


class _Probe:
    """Asks the operating system whether a socket has something to read that the event loop has not seen yet.

    A loop that was busy does not know that the server has closed meanwhile; a request written then would have an unknown fate.
    """

    def __init__(self, poll: "select.poll") -> None:
        self._poll = poll

    @classmethod
    def of(cls, transport: asyncio.Transport) -> "_Probe | None":
        """A probe for the transport's socket; None where there is no socket or no poll."""
        connected = transport.get_extra_info("socket")
        if sys.platform == "win32" or connected is None:
            return None
        poll = select.poll()
        poll.register(connected.fileno(), select.POLLIN)
        return cls(poll)

    def readable(self) -> bool:
        """Whether there are bytes, an end or an error to be read."""
        return bool(self._poll.poll(0))
