"""A stream exchange inside the test: it follows a script, keeps the exchange's rules, and remembers who broke them."""

import asyncio
import json
from collections import deque
from collections.abc import Collection
from itertools import count
from typing import Any

from binance_trade_agent.binance.streams.events import MarketEvent
from binance_trade_agent.binance.websocket import WebSocketListener
from binance_trade_agent.domain.errors import NotSentError

PING_EVERY_S = 20.0
MOST_MESSAGES_A_SECOND = 5
MOST_STREAMS = 1_024


def frame(stream: str, data: dict[str, Any] | str) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return b'{"stream":"%s","data":%s}' % (stream.encode(), text.encode())


def trade(symbol: str, number: int, **changes: Any) -> dict[str, Any]:
    return {
        "e": "trade",
        "E": 1_000 + number,
        "s": symbol,
        "t": number,
        "p": "0.001",
        "q": "100",
        "T": 1_000 + number,
        "m": True,
        "M": True,
        **changes,
    }


def book_ticker(symbol: str, number: int, **changes: Any) -> dict[str, Any]:
    return {"u": number, "s": symbol, "b": "25.35190000", "B": "31.21000000", "a": "25.36520000", "A": "40.66000000", **changes}


def kline(symbol: str, interval: str = "1m", *, open_time_ms: int = 0, event_time_ms: int = 1_000, closed: bool = False, **changes: Any):
    inner = {
        "t": open_time_ms,
        "T": open_time_ms + 59_999,
        "s": symbol,
        "i": interval,
        "f": 100,
        "L": 200,
        "o": "0.0010",
        "c": "0.0020",
        "h": "0.0025",
        "l": "0.0015",
        "v": "1000",
        "n": 100,
        "x": closed,
        "q": "1.0000",
        "V": "500",
        "Q": "0.500",
        "B": "123456",
        **changes,
    }
    return {"e": "kline", "E": event_time_ms, "s": symbol, "k": inner}


class ScriptedSocket:
    """One connection, as `open_websocket` would return it."""

    def __init__(self, exchange: "ScriptedStreams", number: int, listener: WebSocketListener) -> None:
        self.number = number
        self.subscribed: dict[str, None] = {}
        self.messages: list[tuple[float, dict[str, Any]]] = []
        self.latency_s = 0.0
        self._busy_until_s = 0.0
        self._on_its_way: deque[bytes] = deque()
        self.is_deaf = False
        self.ending = ""
        self._exchange = exchange
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self.received_s = self.opened_s = self._loop.time()
        self._pings = self._loop.create_task(self._ping())
        self._recent: deque[float] = deque(maxlen=MOST_MESSAGES_A_SECOND)

    @property
    def is_open(self) -> bool:
        return not self.ending

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_EVERY_S)
            if not self.is_deaf:
                self.received_s = self._loop.time()
                self._count_message()

    def _count_message(self) -> None:
        now_s = self._loop.time()
        if len(self._recent) == MOST_MESSAGES_A_SECOND and now_s - self._recent[0] < 1:
            self._exchange.broken_rules.append("more than 5 messages in a second")
        self._recent.append(now_s)

    def send_text(self, message: bytes) -> None:
        if self.ending:
            raise NotSentError(self.ending)
        request = json.loads(message)
        self.messages.append((self._loop.time(), request))
        self._count_message()
        if len(message) > 4_096:
            self._exchange.broken_rules.append("a long message")
        if not self.is_deaf:
            self._loop.call_later(self._exchange.answer_after_s, self._answer, request)

    def _answer(self, request: dict[str, Any]) -> None:
        bad = [name for name in request["params"] if name in self._exchange.refused]
        if bad:
            self.send(json.dumps({"error": {"code": 2, "msg": f"Invalid request: {bad[0]}"}, "id": request["id"]}).encode())
            return
        for name in request["params"]:
            if request["method"] == "SUBSCRIBE":
                self.subscribed[name] = None
            else:
                self.subscribed.pop(name, None)
        if len(self.subscribed) > MOST_STREAMS:
            self._exchange.broken_rules.append("more than 1,024 streams")
        self.send(json.dumps({"result": None, "id": request["id"]}).encode())

    def bring(self, message: dict[str, Any] | bytes) -> None:
        """Deliver a message now."""
        if self.ending or self.is_deaf:
            return
        self.received_s = self._loop.time()
        self._listener.on_text(message if isinstance(message, bytes) else json.dumps(message, separators=(",", ":")).encode())

    def send(self, message: bytes) -> None:
        """Deliver a message after the connection's latency and in its turn, whatever the latency becomes."""
        self._busy_until_s = max(self._busy_until_s, self._loop.time() + self.latency_s)
        self._on_its_way.append(message)
        self._loop.call_at(self._busy_until_s, lambda: self.bring(self._on_its_way.popleft()))

    def drop(self, reason: str = "the connection was lost") -> None:
        """The connection ends from the exchange's side."""
        self.close(reason)

    def close(self, reason: str = "closed") -> None:
        if not self.ending:
            self.ending = reason
            self._pings.cancel()
            self._listener.on_close(reason)

    async def wait_closed(self) -> None:
        await asyncio.sleep(0)


class ScriptedStreams:
    """`open` makes the connections of MarketStreams; `refusals` is how many of the next connects fail."""

    def __init__(self) -> None:
        self.sockets: list[ScriptedSocket] = []
        self.tried_s: list[float] = []
        self.refusals = 0
        self.connect_s = 0.0
        self.answer_after_s = 0.01
        self.refused: set[str] = set()
        self.broken_rules: list[str] = []
        self._ids = count(1)

    async def open(self, url: str, listener: WebSocketListener, **bounds: Any) -> Any:
        self.tried_s.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.connect_s)
        if self.refusals:
            self.refusals -= 1
            raise NotSentError("wss://scripted/stream: the upgrade was refused with HTTP 503")
        socket = ScriptedSocket(self, len(self.sockets), listener)
        self.sockets.append(socket)
        return socket

    @property
    def up(self) -> list[ScriptedSocket]:
        return [socket for socket in self.sockets if socket.is_open]

    def publish(self, stream: str, data: dict[str, Any]) -> None:
        """An event happens: whoever is subscribed gets it, after the connection's latency."""
        for socket in self.up:
            if stream in socket.subscribed:
                socket.send(frame(stream, data))


class Ear:
    """A StreamListener that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, MarketEvent]] = []
        self.gaps: list[tuple[str, ...]] = []

    def on_event(self, stream: str, event: MarketEvent) -> None:
        self.events.append((stream, event))

    def on_gap(self, streams: Collection[str]) -> None:
        self.gaps.append(tuple(streams))

    def of(self, stream: str) -> list[MarketEvent]:
        return [event for name, event in self.events if name == stream]
