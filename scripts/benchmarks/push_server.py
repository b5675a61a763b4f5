"""The far side of streams and ticks, in a process of its own: pushes events as Binance does, and takes orders, with the time of each.

Started by `push_server()`; it prints its port for streams and its port for orders, and ends when its input does.
"""

import asyncio
import contextlib
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import picows
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport

from benchmarks import canned
from benchmarks.certificate import trusted_by_all, write_certificate
from benchmarks.measuring import on_core

SYMBOLS = tuple(f"COIN{index}USDT" for index in range(10))
LAST_UPDATE_ID = 9_999_999_999
"""The update id of the frames after a flood: whoever sees it has seen everything before it."""

_SERVER_CORE = 1
_QUIET_S = 0.5
_LAST_FRAMES = 20
_LAST_FRAME_EVERY_S = 0.05
_FRAMES_A_STEP = 50

# Orders that trade at once take their count back, and those that succeed cost no weight, as the real exchange's answers tell, too.
_ORDER_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-MBX-USED-WEIGHT-1M: 1\r\n"
    b"X-MBX-ORDER-COUNT-10S: 0\r\nX-MBX-ORDER-COUNT-1D: 0\r\nContent-Length: %d\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class PushServer:
    """Where it listens, whom clients must trust, and how many best prices it floods a connection with, or how many candles a second."""

    stream_url: str
    order_url: str
    certificate: Path
    flood: int
    per_second: int
    process: "subprocess.Popen[str]"

    def moments(self) -> tuple[dict[int, int], dict[int, int]]:
        """When (ns, monotonic) each event left and its order came, by number, since the last call."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("the server was started without pipes")
        self.process.stdin.write("moments\n")
        self.process.stdin.flush()
        sent, arrived = json.loads(self.process.stdout.readline())
        return {int(number): ns for number, ns in sent.items()}, {int(number): ns for number, ns in arrived.items()}


@contextmanager
def push_server(*, flood: int = 0, ticks: int = 0, per_second: int = 0) -> Iterator[PushServer]:
    """The server, running within: it floods each connection with best prices, or sends candles at an even pace to each."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        certificate, key = write_certificate(Path(name))
        command = [sys.executable, "-m", "benchmarks.push_server", str(certificate), str(key), str(flood), str(ticks), str(per_second)]
        paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        with on_core(_SERVER_CORE):
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=paths)
        with process:
            if process.stdout is None or process.stdin is None:
                raise RuntimeError("the server was started without pipes")
            stream_port, order_port = process.stdout.readline().split()
            with trusted_by_all(certificate):
                urls = (f"wss://127.0.0.1:{stream_port}", f"https://127.0.0.1:{order_port}")
                yield PushServer(*urls, certificate, flood, per_second, process)
            process.stdin.close()


def best_prices(number: int, *, combined: bool) -> bytes:
    """One `bookTicker` frame; on `/stream` it comes inside an envelope, on `/ws` it does not."""
    symbol, near = SYMBOLS[number % len(SYMBOLS)], 67_000 + number % 251
    return _framed(symbol.lower() + "@bookTicker", _best(number, symbol, near), combined=combined)


def _best(update_id: int, symbol: str, near: int) -> dict[str, str | int]:
    sizes = {"B": f"{update_id % 13}.{update_id % 89:02}100000", "A": f"{update_id % 11}.{update_id % 83:02}200000"}
    return {"u": update_id, "s": symbol, "b": f"{near}.12000000", "a": f"{near}.13000000", **sizes}


def closed_candle(number: int) -> bytes:
    """One `kline` frame that closes the candle of minute `number`."""
    open_ms, near = canned.START_MS + number * canned.MINUTE_MS, 100 + (number * 37) % 11
    candle = {
        "t": open_ms,
        "T": open_ms + canned.MINUTE_MS - 1,
        "s": SYMBOLS[0],
        "i": "1m",
        "f": number,
        "L": number + 9,
        "n": 10,
        "x": True,
    }
    prices = {"o": f"{near}.10000000", "c": f"{near}.20000000", "h": f"{near}.30000000", "l": f"{near}.00000000"}
    volumes = {"v": "1000.00000000", "q": "100000.00000000", "V": "500.00000000", "Q": "50000.00000000", "B": "0"}
    event = {"e": "kline", "E": open_ms + canned.MINUTE_MS, "s": SYMBOLS[0], "k": {**candle, **prices, **volumes}}
    return _framed(SYMBOLS[0].lower() + "@kline_1m", event, combined=True)


def _framed(stream: str, event: object, *, combined: bool) -> bytes:
    return canned.compact({"stream": stream, "data": event} if combined else event)


class Pusher(WSListener):
    """One connection: answers subscriptions, and some time after the first one pushes what it has to push."""

    def __init__(self, path: str, push: Callable[["Pusher"], "asyncio.Future[None]"]) -> None:
        super().__init__()
        self.combined = path.startswith("/stream")
        self.transport: WSTransport | None = None
        self.may_write = asyncio.Event()
        self.may_write.set()
        self._subscribed_by_path = "@" in path
        self._push = push
        self._task: asyncio.Future[None] | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The upgrade is done."""
        self.transport = transport
        if self._subscribed_by_path:
            self._task = self._push(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A request to subscribe, or a farewell."""
        if frame.msg_type is WSMsgType.TEXT:
            transport.send(WSMsgType.TEXT, canned.compact({"result": None, "id": json.loads(frame.get_payload_as_bytes())["id"]}))
            self._task = self._task or self._push(self)
        elif frame.msg_type is WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Nobody listens any more."""
        self.transport = None
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        self.may_write.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        self.may_write.set()

    async def send(self, frame: bytes) -> None:
        """One frame, when there is room for it."""
        await self.may_write.wait()
        if self.transport is not None:
            self.transport.send(WSMsgType.TEXT, frame)


async def flood(pusher: Pusher, count: int) -> None:
    """Best prices as fast as they are taken, after a pause, and at last frames that say that it is over."""
    frames = [best_prices(number, combined=pusher.combined) for number in range(count)]
    await asyncio.sleep(_QUIET_S)
    for number, frame in enumerate(frames):
        await pusher.send(frame)
        if number % _FRAMES_A_STEP == 0:
            await asyncio.sleep(0)
    for number in range(_LAST_FRAMES):
        symbol = SYMBOLS[number % len(SYMBOLS)]
        await pusher.send(_framed(symbol.lower() + "@bookTicker", _best(LAST_UPDATE_ID, symbol, 1), combined=pusher.combined))
        await asyncio.sleep(_LAST_FRAME_EVERY_S)


async def pace(pusher: Pusher, count: int, per_second: int, sent: dict[int, int]) -> None:
    """Closed candles at an even pace. It spins between them: a timer of the event loop would be late by up to a millisecond."""
    frames = [closed_candle(number) for number in range(count)]
    await asyncio.sleep(_QUIET_S)
    start_ns = time.monotonic_ns()
    for number, frame in enumerate(frames):
        while time.monotonic_ns() < start_ns + number * 1_000_000_000 // per_second:  # noqa: ASYNC110 - time itself is waited for
            await asyncio.sleep(0)
        sent[number] = time.monotonic_ns()
        await pusher.send(frame)


class OrderTaker(asyncio.Protocol):
    """Answers the few requests of a trading client, and notes when each order came; its number stands at the end of its id."""

    def __init__(self, arrived: dict[int, int]) -> None:
        self._arrived = arrived
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """A request, or a part of one."""
        came_ns = time.monotonic_ns()
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            body = self._answer(head, came_ns)
            self._transport.write(_ORDER_HEAD % len(body) + body)

    def _answer(self, head: bytes, came_ns: int) -> bytes:
        if b"/api/v3/time" in head:
            return canned.compact({"serverTime": time.time_ns() // 1_000_000})
        if b"/api/v3/exchangeInfo" in head:
            return canned.exchange_info(list(SYMBOLS))
        found = re.search(rb"symbol=(\w+)&side=(\w+)&.*newClientOrderId=([\w-]*?)(\d+)&", head)
        if found is None:
            return b"{}"
        symbol, side, prefix, number = (part.decode() for part in found.groups())
        self._arrived[int(number)] = came_ns
        return canned.compact(_filled(symbol, side, prefix + number, int(number)))


def _filled(symbol: str, side: str, client_order_id: str, number: int) -> dict[str, object]:
    fill = {"price": "100.00000000", "qty": "1.00000000", "commission": "0.10000000", "commissionAsset": "USDT", "tradeId": number + 1}
    ids = {"symbol": symbol, "orderId": number + 1, "orderListId": -1, "clientOrderId": client_order_id}
    amounts = {"price": "0.00000000", "origQty": "1.00000000", "executedQty": "1.00000000", "cummulativeQuoteQty": "100.00000000"}
    kind = {"status": "FILLED", "timeInForce": "GTC", "type": "MARKET", "side": side, "selfTradePreventionMode": "NONE"}
    now_ms = time.time_ns() // 1_000_000
    return {**ids, "transactTime": now_ms, "workingTime": now_ms, **amounts, "origQuoteOrderQty": "0.00000000", **kind, "fills": [fill]}


async def serve(certificate: str, key: str, flooded: int, ticks: int, per_second: int) -> None:
    """Listen until the input ends."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, _context: None)  # clients may leave as they like
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    sent: dict[int, int] = {}
    arrived: dict[int, int] = {}

    def push(pusher: Pusher) -> "asyncio.Future[None]":
        return asyncio.ensure_future(flood(pusher, flooded) if flooded else pace(pusher, ticks, per_second, sent))

    streams = await picows.ws_create_server(
        lambda request: Pusher(request.path.decode(), push), "127.0.0.1", 0, ssl=context, max_frame_size=1 << 20
    )
    orders = await loop.create_server(lambda: OrderTaker(arrived), "127.0.0.1", 0, ssl=context)
    print(*(server.sockets[0].getsockname()[1] for server in (streams, orders)), flush=True)
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while await lines.readline():
        print(json.dumps([sent, arrived]), flush=True)
        sent.clear()
        arrived.clear()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(*sys.argv[1:3], *map(int, sys.argv[3:])))
