"""One WebSocket connection as the exchange sees it: sends whole frames, pings, and ends what breaks the rules."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from binance_trade_agent.simulation.faults.kinds import FaultKind, FaultPoint, Garbage
from binance_trade_agent.simulation.faults.plan import Fault, FaultPlan
from binance_trade_agent.simulation.sockets.delay_line import DelayLine
from binance_trade_agent.simulation.sockets.frames import CloseCode, Opcode, frame
from binance_trade_agent.simulation.sockets.rules import ConnectionRules
from binance_trade_agent.simulation.sockets.wire import MessageKind, Wire

T = TypeVar("T")

MessageHandler = Callable[[str], None]


class SocketSession:
    """A connection whose opening handshake is done, on `wire`.

    What a slow client leaves unread is bounded by the rules' `most_unsent_bytes`. Half of the round trip `latency_s` passes
    in each direction. With `counts_messages` the client may send only so many messages a second.
    """

    def __init__(
        self,
        wire: Wire,
        rules: ConnectionRules,
        faults: FaultPlan,
        *,
        ip: str,
        path: str,
        latency_s: float,
        counts_messages: bool,
    ) -> None:
        self._wire = wire
        self._rules = rules
        self._faults = faults
        self._counts_messages = counts_messages
        self.ip = ip
        self.path = path
        self._loop = asyncio.get_running_loop()
        self._outgoing = DelayLine[bytes](latency_s / 2, self._write)
        self._incoming = DelayLine[str](latency_s / 2, self._hand_over)
        self._handler: MessageHandler | None = None
        self._received_s: deque[float] = deque(maxlen=rules.messages_per_second)
        self._pings_s: dict[bytes, float] = {}  # unanswered, oldest first; the pong timeout bounds them
        self._timers: list[asyncio.TimerHandle] = []
        self._closing: asyncio.Task[None] | None = None
        self._is_open = True
        self._is_stalled = False
        self._ended = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """True until one side ends it."""
        return self._is_open

    def send(self, frames: bytes) -> None:
        """Send whole frames; a client that has too much unread is cut off."""
        if not self._is_open:
            return
        fault = self._faults.take(FaultPoint.CONNECTION, self.path)
        if fault is not None:
            self._suffer(fault)
        self._put(self._outgoing, frames)

    def cut(self) -> None:
        """Break the connection off without a closing handshake, as a network does."""
        self._is_open = False
        self._wire.abort()

    def stall(self, *, is_stalled: bool) -> None:
        """Send nothing more, not even a ping, and keep the socket; or go on. What was not sent meanwhile is lost."""
        self._is_stalled = is_stalled
        self._pings_s.clear()

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake; it ends within the rules' close_timeout_s."""
        if self._is_open:
            self._is_open = False
            self._closing = self._loop.create_task(self._shake_hands(code, reason))

    async def wait_closed(self) -> None:
        """Return when `run` is over."""
        await self._ended.wait()

    async def run(self, handler: MessageHandler) -> None:
        """Hand every text message to `handler` until the connection is over, whoever ends it."""
        self._handler = handler
        self._schedule(self._rules.lifetime_s, lambda: self.close(CloseCode.GOING_AWAY, "the connection has reached its age"))
        self._schedule(self._rules.ping_interval_s, self._ping)
        try:
            async for kind, data in self._wire.messages():
                self._receive(kind, data)
            if self._closing is not None:
                await self._closing
        finally:
            self._is_open = False
            for timer in self._timers:
                timer.cancel()
            self._incoming.clear()
            self._outgoing.clear()
            self._ended.set()

    async def _shake_hands(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(self._rules.close_timeout_s):
                await self._wire.close(code, reason.encode())
        except TimeoutError:
            self._wire.abort()

    def _schedule(self, delay_s: float, action: Callable[[], None]) -> None:
        self._timers = [timer for timer in self._timers if timer.when() > self._loop.time()]
        self._timers.append(self._loop.call_later(delay_s, action))

    def _suffer(self, fault: Fault) -> None:
        """A fault strikes the connection while something is about to be sent."""
        random = self._faults.random(FaultPoint.CONNECTION)
        match fault.kind:
            case FaultKind.CUT:
                self.cut()
            case FaultKind.STALL:
                self.stall(is_stalled=True)
                self._schedule(fault.delay.drawn_s(random), lambda: self.stall(is_stalled=False))
            case FaultKind.GARBAGE:
                self._put(self._outgoing, random.choice(tuple(Garbage)).value)

    def _put(self, line: DelayLine[T], thing: T) -> None:
        try:
            line.put(thing)
        except OverflowError:
            self.cut()

    def _write(self, frames: bytes) -> None:
        if not self._is_open or self._is_stalled:
            return
        if self._wire.unsent_bytes() + len(frames) > self._rules.most_unsent_bytes:
            self.cut()
            return
        self._wire.write(frames)

    def _ping(self) -> None:
        """Binance pings with a payload and wants that payload back; a pong with another one proves nothing."""
        now_s = self._loop.time()
        oldest_s = next(iter(self._pings_s.values()), now_s)
        if now_s - oldest_s >= self._rules.pong_timeout_s:
            self.cut()
            return
        payload = b"%d" % round(now_s * 1_000_000)
        if not self._is_stalled:
            self._pings_s[payload] = now_s
        self.send(frame(Opcode.PING, payload))
        self._schedule(self._rules.ping_interval_s, self._ping)

    def _receive(self, kind: MessageKind, data: str | bytes) -> None:
        if not self._is_open or kind is MessageKind.UNREADABLE:
            return
        if self._counts_messages and self._is_too_fast():
            self.close(CloseCode.POLICY_VIOLATION, "Too many requests")
        elif kind is MessageKind.PING and isinstance(data, bytes):
            self.send(frame(Opcode.PONG, data))
        elif kind is MessageKind.PONG and isinstance(data, bytes):
            self._receive_pong(data)
        elif kind is MessageKind.TEXT and isinstance(data, str):
            self._put(self._incoming, data)
        else:
            self.close(CloseCode.UNSUPPORTED_DATA, "text frames only")

    def _receive_pong(self, payload: bytes) -> None:
        """A pong answers its ping and all that were sent before it."""
        if payload in self._pings_s:
            answered_s = self._pings_s[payload]
            self._pings_s = {sent: time_s for sent, time_s in self._pings_s.items() if time_s > answered_s}

    def _is_too_fast(self) -> bool:
        now_s = self._loop.time()
        received = self._received_s
        is_too_fast = len(received) == received.maxlen and now_s - received[0] < 1.0
        received.append(now_s)
        return is_too_fast

    def _hand_over(self, text: str) -> None:
        if self._is_open and self._handler is not None:
            self._handler(text)
