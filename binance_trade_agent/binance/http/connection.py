"""One HTTP/1.1 connection: writes a request in one piece, hands what comes back to a ResponseReader, and knows when it is spent.

The connection is strict about silence: bytes that come while no request is under way mean that requests and responses are out of step, so
it ends at once and never serves again.
"""

import asyncio
import select
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol, cast

from binance_trade_agent.binance.http.request import WireRequest
from binance_trade_agent.binance.http.response import ResponseLimits, ResponseReader, WireResponse
from binance_trade_agent.binance.http.whole_responses import WholeResponses
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


class HttpConnection(asyncio.BufferedProtocol):
    """A connection to `origin`, one request at a time.

    `closed` is done when the socket is gone; `died_silently` tells that the server ended it without a byte of response to its last request.
    What comes is read into `buffer`, which all connections of an event loop may share, because it is taken out again in the same go.
    Without one, a loop makes an object of its largest read for every small answer over TLS, and in a process whose memory happens to be
    laid out for it each of them costs two system calls and page faults, half as much as the rest of a call.
    """

    def __init__(self, origin: Origin, limits: ResponseLimits, buffer: memoryview, owner: ConnectionOwner) -> None:
        self.origin = origin
        self.died_silently = False
        self._limits = limits
        self._buffer = buffer
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._write: Callable[[bytes], None] | None = None
        self._unread: Callable[[], Sequence[object]] | None = None
        self._ended = False
        self._whole_responses = WholeResponses(limits)
        self._answer: asyncio.Future[WireResponse] | None = None  # while a request is under way
        self._reader: ResponseReader | None = None  # once a part of its response has come
        self._method = ""
        self._closes = False
        self._deadline_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_s = 0.0

    def usable(self) -> bool:
        """Whether a connection that has served is still connected, with nothing left to write."""
        transport = self._transport
        return not self._ended and transport is not None and not transport.is_closing() and transport.get_write_buffer_size() == 0

    def is_silent(self) -> bool:
        """Whether a kept connection is open, and nothing (bytes or an end) waits to be read that the event loop has not seen yet."""
        return not self._ended and (self._unread is None or not self._unread())

    def send(self, request: WireRequest, deadline_s: float) -> "asyncio.Future[WireResponse]":
        """Write `request`; the future holds its response, or FateUnknownError for all that goes wrong from now on.

        `deadline_s` is in loop time. The connection ends itself when it cannot be used again, so it does after every exception. Whoever
        gives the future up calls `abort`. Raises NotSentError when the connection had ended before anything was written.
        """
        # No look ahead here: a new TLS connection may have session tickets to read. Whoever kept a connection has asked `is_silent`.
        write = self._write
        if self._transport is None or write is None or self._ended or self._transport.is_closing():
            self.abort()
            raise NotSentError("the connection was closed before anything was sent")
        self._method = request.method
        self._closes = request.closes
        answer: asyncio.Future[WireResponse] = self._loop.create_future()
        self._answer = answer
        self._deadline_s = deadline_s
        if self._timer is None or self._timer_due_s > deadline_s:
            self._set_timer()
        write(request.payload)
        return answer

    def abort(self, reason: str = "the connection was closed by us") -> None:
        """Close at once, without waiting for unsent bytes or a farewell; a request under way fails with `reason`."""
        answer, self._answer, self._reader = self._answer, None, None
        self._whole_responses.forget()
        if answer is not None and not answer.done():
            answer.set_exception(FateUnknownError(reason))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ended_before, self._ended = self._ended, True
        if self._transport is not None:
            self._transport.abort()
        if not ended_before:
            self._owner.connection_ended(self)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport, write: Callable[[bytes], None] | None = None) -> None:
        """The connection is open; TCP_NODELAY is set by asyncio and uvloop themselves. A layer in between has its own way to `write`."""
        self._transport = cast("asyncio.Transport", transport)  # by its methods: uvloop's are not of that class
        self._write = write or self._transport.write
        if self._ended:  # given up while it was coming up
            self._transport.abort()
            return
        self._unread = _unread_of(self._transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to put what comes next."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes from the server: a piece of the response that is awaited, or a reason to end."""
        if self._answer is None:
            self.abort(_UNASKED)
            return
        data = self._buffer[:nbytes]
        response = self._whole_responses.read(data) if self._reader is None and self._method != "HEAD" else None
        if response is not None:
            self._hand_out(response, is_over=self._closes)
        else:
            self._read(bytes(data))

    def _read(self, data: bytes) -> None:
        """Take a piece of the response, or one that takes thought."""
        reader = self._reader
        if reader is None:
            reader = self._reader = ResponseReader(self._method, self._limits)
        try:
            reader.feed(data)
        except BadAnswerError as error:
            self.abort(str(error))
        else:
            if reader.complete:
                self._hand_out(reader.response(), is_over=self._closes or not reader.keep_alive)

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
        if self._answer is None:
            self.abort()
            return
        reader = self._reader
        self.died_silently = reader is None
        if error is not None:
            self.abort(f"the connection was lost: {type(error).__name__}")
            return
        if reader is None or self.origin.scheme == "https":
            # Whoever can cut the connection below TLS could shorten a body of which nothing but that end tells where it ends.
            self.abort("the connection was closed before the response was complete, or without its length having been told")
            return
        try:
            reader.feed_eof()
        except BadAnswerError as bad:
            self.abort(str(bad))
        else:
            self._hand_out(reader.response(), is_over=True)

    def _hand_out(self, response: WireResponse, *, is_over: bool) -> None:
        """Give the response to who waits for it; from here on every byte is one that nobody asked for."""
        answer, self._answer, self._reader = self._answer, None, None
        if answer is not None and not answer.done():
            answer.set_result(response)
        if is_over:
            self.abort()

    def _set_timer(self) -> None:
        """Come back at the deadline. The timer outlives its request, so that the next one, due later, needs no new one."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due_s = self._deadline_s
        self._timer = self._loop.call_at(self._deadline_s, self._look_at_deadline)

    def _look_at_deadline(self) -> None:
        self._timer = None
        if self._answer is None:
            return
        if self._loop.time() < self._deadline_s:
            self._set_timer()
        else:
            self.abort("no complete response came before the deadline")


def _unread_of(transport: asyncio.Transport) -> Callable[[], Sequence[object]] | None:
    """What asks the operating system whether a socket has bytes, an end or an error to be read; None where there is no socket or no poll.

    An event loop that was busy does not know yet that the server has closed meanwhile; a request written then would have an unknown fate.
    """
    connected = transport.get_extra_info("socket")
    if sys.platform == "win32" or connected is None:
        return None
    poll = select.poll()
    poll.register(connected.fileno(), select.POLLIN)
    return partial(poll.poll, 0)
