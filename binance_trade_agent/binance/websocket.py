"""One WebSocket connection on picows: text messages in and out, pings answered, and every end told once with its reason.

picows 2.3 parses frames in C. What it leaves open is closed here: it returns from connecting as if all were well when the server
leaves before the upgrade, it keeps the socket of a cancelled connect, it joins no fragments and checks no UTF-8, and its own errors
come with what the server said in them.
"""

import asyncio
import logging
import socket
import ssl
from contextlib import suppress
from typing import Final, Protocol
from urllib.parse import urlsplit

import picows
from picows import WSCloseCode, WSFrame, WSHandshakeError, WSMsgType, WSTransport

from binance_trade_agent.domain.errors import NotSentError, UpgradeRefusedError

# How long a farewell may take; then the socket is closed without one.
FAREWELL_S: Final = 1.0
# Text that the server has not taken off the wire. A server that lets more pile up does not read any more.
MAX_UNSENT_BYTES: Final = 64 * 1024

_UPGRADED: Final = 101
_TEXT: Final = WSMsgType.TEXT
_BINARY: Final = WSMsgType.BINARY
_CLOSE: Final = WSMsgType.CLOSE
_PING: Final = WSMsgType.PING
_PONG: Final = WSMsgType.PONG
_CLOSED_BY_US: Final = "the connection was closed by us"
_LOST: Final = "the connection was lost"
_SHOWN_REASON_CHARACTERS: Final = 120


class WebSocketListener(Protocol):
    """Who is told of messages. Calls come in the event loop's thread; they must be quick and must not raise."""

    def on_text(self, message: bytes) -> None:
        """A whole text message, valid UTF-8. May come before `open_websocket` has returned."""
        ...

    def on_close(self, reason: str) -> None:
        """The connection serves no more and no message will follow; exactly once for each that was opened."""
        ...


async def open_websocket(
    url: str,
    listener: WebSocketListener,
    *,
    connect_timeout_s: float,
    max_message_bytes: int,
    ssl_context: ssl.SSLContext | None = None,
) -> "WebSocket":
    """A connection to `url` (ws:// or wss://), upgraded and ready, or NotSentError when none came up in `connect_timeout_s`.

    It is UpgradeRefusedError when the server answered with an HTTP status of its own.

    The error's text names host and path, never the query. Redirects are not followed, and no proxy is used. `ssl_context` serves
    wss://, else the system's trusted authorities do. A cancelled caller leaves no socket. Until this has returned `on_close` is not
    called.
    """
    connection = WebSocket(listener, max_message_bytes)
    dialler = _Dialler()
    failure: str | None
    refusal: tuple[int, str | None] | None = None
    try:
        async with asyncio.timeout(connect_timeout_s):
            await picows.ws_connect(
                lambda _request, _response: connection,
                url,
                ssl_context=ssl_context,
                websocket_handshake_timeout=None,  # the deadline above covers it
                enable_auto_pong=False,  # pings are answered below, where they also count as a sign of life
                max_frame_size=max_message_bytes,
                max_redirects=0,
                logger_name=_silent_logger(),
                socket_factory=dialler.dial,
                use_aiofastnet=False,
            )
    except BaseException as error:
        connection.give_up()
        dialler.hang_up()
        if not isinstance(error, Exception):
            raise
        refusal = _refusal(error)
        failure = _told(error, connect_timeout_s) if refusal is None else f"the upgrade was refused with HTTP {refusal[0]}"
    else:
        failure = connection.announce()
        if failure is None:
            return connection
        dialler.hang_up()
    # Raised here, so that picows' error, which quotes the server, is not chained to it.
    text = f"{_place(url)}: {failure}"
    raise NotSentError(text) if refusal is None else UpgradeRefusedError(text, *refusal)


class WebSocket(picows.WSListener):
    """An open connection, as `open_websocket` returns it.

    A message longer than `max_message_bytes`, a binary message, broken UTF-8, fragments out of order, or a listener that raises end
    it. So does a server that reads nothing any more.
    """

    def __init__(self, listener: WebSocketListener, max_message_bytes: int) -> None:
        self._listener = listener
        self._max_message_bytes = max_message_bytes
        self._loop = asyncio.get_running_loop()
        self._transport: WSTransport | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._end_reason: str | None = None
        self._is_announced = False
        self._fragments: bytearray | None = None
        self._received_s = self._loop.time()

    @property
    def is_open(self) -> bool:
        """Whether messages can still come and go."""
        return self._transport is not None and self._end_reason is None and not self._transport.is_close_frame_sent

    @property
    def received_s(self) -> float:
        """When the last frame of any kind came, pings included, by the event loop's clock."""
        return self._received_s

    def send_text(self, message: bytes) -> None:
        """Send one text message. Raises NotSentError when the connection had ended before anything of it was written."""
        transport = self._transport
        if transport is None or not self.is_open or transport.underlying_transport.is_closing():
            raise NotSentError(f"nothing can be sent: {self._end_reason or _LOST}")
        transport.send(WSMsgType.TEXT, message)

    def close(self, reason: str = _CLOSED_BY_US) -> None:
        """Say farewell and end; `on_close` has been called when this returns. Nothing happens when it had ended before."""
        if self._end_reason is None:
            self._say_farewell(WSCloseCode.OK)
            self._end(reason)

    async def wait_closed(self) -> None:
        """Return when the socket is gone. After `close` that takes FAREWELL_S at most."""
        if self._watcher is not None:
            await asyncio.wait([self._watcher])

    # What open_websocket calls.

    def announce(self) -> str | None:
        """From now on the end is told to the listener; or else the reason why there is nothing to announce."""
        if self._transport is None or self._transport.is_disconnected:
            return "the server left before the upgrade"
        if self._end_reason is not None:
            return self._end_reason
        self._is_announced = True
        return None

    def give_up(self) -> None:
        """Nobody wants this connection any more, should it still come up."""
        self._end_reason = "connecting was given up"
        self._abort()

    # What picows calls.

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The upgrade is done."""
        self._transport = transport
        transport.underlying_transport.set_write_buffer_limits(high=MAX_UNSENT_BYTES)
        self._watcher = self._loop.create_task(self._watch(transport))
        if self._end_reason is not None:
            self._abort()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame of at most `max_message_bytes`."""
        if frame.last_in_buffer:
            self._received_s = self._loop.time()
        kind = frame.msg_type
        if self._end_reason is not None:
            if kind is _CLOSE:
                self._abort()  # the farewell was returned
        elif frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._fail(WSCloseCode.PROTOCOL_ERROR, "the server used an extension that was not agreed on")
        elif kind is _TEXT and frame.fin and self._fragments is None:
            self._deliver(frame.get_payload_as_bytes())
        else:
            self._take_other(transport, kind, frame)

    def pause_writing(self) -> None:
        """MAX_UNSENT_BYTES are waiting to be sent."""
        # Not at once: this may come from within send_text, whose caller expects no on_close there.
        self._loop.call_soon(self._fail, WSCloseCode.POLICY_VIOLATION, "the server does not read what we send")

    def resume_writing(self) -> None:
        """The unsent bytes are fewer again; by then the connection has been ended."""

    def _take_other(self, transport: WSTransport, kind: WSMsgType, frame: WSFrame) -> None:
        if kind is _PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif kind is _CLOSE:
            reason = _close_reason(frame)
            self._say_farewell(WSCloseCode.OK)
            self._end(reason)
        elif kind is _BINARY:
            self._fail(WSCloseCode.UNSUPPORTED_DATA, "the server sent a binary message")
        elif kind is not _PONG:
            self._take_fragment(kind, frame)

    def _take_fragment(self, kind: WSMsgType, frame: WSFrame) -> None:
        if (kind is _TEXT) is not (self._fragments is None):
            self._fail(WSCloseCode.PROTOCOL_ERROR, "the server sent fragments out of order")
            return
        if self._fragments is None:
            self._fragments = bytearray()
        self._fragments += frame.get_payload_as_bytes()
        if len(self._fragments) > self._max_message_bytes:
            self._fail(WSCloseCode.MESSAGE_TOO_BIG, f"the server sent a message of more than {self._max_message_bytes} bytes")
        elif frame.fin:
            message, self._fragments = bytes(self._fragments), None
            self._deliver(message)

    def _deliver(self, message: bytes) -> None:
        if len(message) > self._max_message_bytes:  # picows still hands out a frame it has complained about
            self._fail(WSCloseCode.MESSAGE_TOO_BIG, f"the server sent a message of more than {self._max_message_bytes} bytes")
            return
        if not message.isascii() and not _is_utf8(message):
            self._fail(WSCloseCode.INVALID_TEXT, "the server sent text that is not UTF-8")
            return
        try:
            self._listener.on_text(message)
        except Exception as error:
            self._fail(WSCloseCode.INTERNAL_ERROR, f"a message could not be handled: {type(error).__name__}")

    def _fail(self, code: WSCloseCode, reason: str) -> None:
        if self._end_reason is None:
            self._say_farewell(code)
            self._abort()
            self._end(reason)

    def _say_farewell(self, code: WSCloseCode) -> None:
        transport = self._transport
        if transport is not None and not transport.is_close_frame_sent and not transport.underlying_transport.is_closing():
            transport.send_close(code)
            self._loop.call_later(FAREWELL_S, self._abort)

    def _abort(self) -> None:
        if self._transport is not None:
            # In the loop's next turn: uvloop closes the file descriptor at once, while picows may still be in the middle of a buffer
            # and write its own farewell to that descriptor.
            self._loop.call_soon(self._transport.disconnect, False)

    def _end(self, reason: str) -> None:
        if self._end_reason is None:
            self._end_reason = reason
            self._fragments = None
            if self._is_announced:
                self._listener.on_close(reason)

    async def _watch(self, transport: WSTransport) -> None:
        """Until the socket is gone; picows tells only here what it found wrong itself."""
        try:
            await transport.wait_disconnected()
        except picows.WSProtocolError as error:
            self._end(f"the server broke the protocol: {error}"[:_SHOWN_REASON_CHARACTERS])
        except Exception as error:
            self._end(f"{_LOST}: {type(error).__name__}")
        else:
            self._end(_LOST)


class _Dialler:
    """Opens the TCP connection that picows then uses, and keeps hold of it, so that a connect that is given up can be ended."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    async def dial(self, url: "picows.WSParsedURL") -> socket.socket:
        """A connected socket to one of the host's addresses, tried in order."""
        loop = asyncio.get_running_loop()
        failure = OSError(f"{url.host} has no address")
        for family, kind, protocol, _, address in await loop.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM):
            candidate = socket.socket(family, kind, protocol)
            candidate.setblocking(False)
            try:
                await loop.sock_connect(candidate, address)
            except OSError as error:
                candidate.close()
                failure = error
            except BaseException:
                candidate.close()
                raise
            else:
                self._socket = candidate
                return candidate
        raise failure

    def hang_up(self) -> None:
        """End what was dialled. The event loop owns the descriptor by now; it sees the end of the stream and closes it."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def _silent_logger() -> logging.Logger:
    """A logger that says nothing: what happens is told to the listener, and picows would quote the server."""
    return logging.Logger("websocket", logging.CRITICAL + 1)


def _is_utf8(message: bytes) -> bool:
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True


def _close_reason(frame: WSFrame) -> str:
    payload = frame.get_payload_as_bytes()
    if len(payload) < 2:
        return "the server closed the connection"
    code = int.from_bytes(payload[:2], "big")
    text = payload[2:].decode("utf-8", "replace")[:_SHOWN_REASON_CHARACTERS]
    shown = f": {text!r}" if text else ""
    return f"the server closed the connection with code {code}{shown}"


def _refusal(error: Exception) -> tuple[int, str | None] | None:
    """Status and Retry-After of an answer that is no upgrade; None when there was no such answer."""
    if not isinstance(error, WSHandshakeError) or error.response is None:
        return None
    status = int(error.response.status)
    return None if status == _UPGRADED else (status, error.response.headers.get("Retry-After"))


def _told(error: Exception, connect_timeout_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no connection came up in {connect_timeout_s:g} s"
    if isinstance(error, WSHandshakeError):
        return "the answer to the upgrade is malformed"
    if isinstance(error, picows.WSInvalidURL):
        return "that is no ws:// or wss:// address"
    if isinstance(error, OSError):
        return f"no connection came up: {type(error).__name__}: {error}"
    return f"no connection came up: {type(error).__name__}"


def _place(url: str) -> str:
    """Scheme, host and path of `url`: the query may hold what nobody should read."""
    with suppress(ValueError):
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"
    return "WebSocket"
