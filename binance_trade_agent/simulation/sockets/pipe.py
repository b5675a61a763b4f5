"""Pipe: a WebSocket connection within this process, the exchange's end and the client's; nothing of it is real but the frames."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from binance_trade_agent.domain.errors import NotSentError
from binance_trade_agent.simulation.sockets.frames import CloseCode, FrameReader, Opcode
from binance_trade_agent.simulation.sockets.wire import Message, MessageKind

MOST_UNREAD = 10_000
"""Messages of a client that the exchange has not looked at; it reads as they come, so more are a fault of the program."""

_LOST = "the connection was lost"
_SHOWN_REASON_CHARACTERS = 120


class PipeListener(Protocol):
    """Who is told of messages at the client's end."""

    def on_text(self, message: bytes) -> None:
        """A whole text message, valid UTF-8."""
        ...

    def on_close(self, reason: str) -> None:
        """The connection serves no more and no message will follow; exactly once."""
        ...


class Pipe:
    """The exchange's end; see Wire. `client` is the other one."""

    def __init__(self, listener: PipeListener, most_message_bytes: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._sent = asyncio.Queue[Message | None](MOST_UNREAD)
        self._is_over = False
        self.client = PipedSocket(self, listener, most_message_bytes)

    async def messages(self) -> AsyncIterator[Message]:
        """See Wire."""
        while (message := await self._sent.get()) is not None:
            yield message

    def write(self, frames: bytes) -> None:
        """See Wire. The client hears of it in the loop's next turn, as from a real socket."""
        self._loop.call_soon(self.client.receive, frames)

    def unsent_bytes(self) -> int:
        """See Wire."""
        return 0

    def abort(self) -> None:
        """See Wire."""
        self.hear_end()
        self._loop.call_soon(self.client.lose, _LOST)

    async def close(self, code: int, reason: bytes) -> None:
        """See Wire."""
        shown = reason.decode(errors="replace")[:_SHOWN_REASON_CHARACTERS]
        self._loop.call_soon(self.client.lose, f"the server closed the connection with code {code}: {shown!r}")
        await self.client.wait_closed()
        self.hear_end()

    def hear(self, kind: MessageKind, data: str | bytes) -> None:
        """The client says something; NotSentError when the exchange does not read."""
        if self._is_over:
            return
        try:
            self._sent.put_nowait((kind, data))
        except asyncio.QueueFull:
            raise NotSentError(f"the exchange has not read the last {MOST_UNREAD} messages") from None

    def hear_end(self) -> None:
        """The client is gone."""
        if not self._is_over:
            self._is_over = True
            while self._sent.full():
                self._sent.get_nowait()
            self._sent.put_nowait(None)


class PipedSocket:
    """The client's end: text in and out, pings answered, and the end told once with its reason."""

    def __init__(self, pipe: Pipe, listener: PipeListener, most_message_bytes: int) -> None:
        self._pipe = pipe
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._reader = FrameReader(most_message_bytes)
        self._end_reason: str | None = None
        self._gone = asyncio.Event()
        self._received_s = self._loop.time()

    @property
    def is_open(self) -> bool:
        """Whether messages can still come and go."""
        return self._end_reason is None

    @property
    def received_s(self) -> float:
        """When the last frame of any kind came, pings included, by the event loop's clock."""
        return self._received_s

    def send_text(self, message: bytes) -> None:
        """Send one text message; NotSentError when the connection had ended before."""
        if self._end_reason is not None:
            raise NotSentError(f"nothing can be sent: {self._end_reason}")
        self._pipe.hear(MessageKind.TEXT, message.decode())

    def close(self, reason: str = "the connection was closed by us") -> None:
        """End it; the listener has been told when this returns. Nothing happens when it had ended before."""
        self._pipe.hear_end()
        self.lose(reason)

    async def wait_closed(self) -> None:
        """Return when the connection is over."""
        await self._gone.wait()

    def receive(self, data: bytes) -> None:
        """Bytes from the exchange."""
        self._reader.feed(data)
        while self._end_reason is None:
            try:
                frame = self._reader.next_frame()
                if frame is None:
                    return
                self._take(*frame)
            except ValueError as error:
                self._fail(str(error))

    def lose(self, reason: str) -> None:
        """The connection is over."""
        if self._end_reason is None:
            self._end_reason = reason
            self._gone.set()
            self._listener.on_close(reason)

    def _take(self, opcode: int, payload: bytes) -> None:
        self._received_s = self._loop.time()
        match opcode:
            case Opcode.TEXT:
                payload.decode()  # UnicodeDecodeError is a ValueError
                self._hand_over(payload)
            case Opcode.PING:
                self._pipe.hear(MessageKind.PONG, payload)
            case Opcode.PONG:
                pass
            case _:
                raise ValueError(f"the server sent a frame of kind {opcode}, code {CloseCode.UNSUPPORTED_DATA.value}")

    def _hand_over(self, payload: bytes) -> None:
        try:
            self._listener.on_text(payload)
        except Exception as error:
            self._fail(f"a message could not be handled: {type(error).__name__}")

    def _fail(self, reason: str) -> None:
        self._pipe.hear_end()
        self.lose(reason[:_SHOWN_REASON_CHARACTERS])
