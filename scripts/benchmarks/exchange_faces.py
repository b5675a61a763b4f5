"""`bench exchange`, faces: signed requests in process and over HTTP, WebSocket API calls, and stream messages to one client."""

import asyncio
import hmac
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import count
from urllib.parse import urlencode

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from benchmarks.exchange_server import KEY, SECRET, ExchangeServer, exchange_server, opened_exchange, without_limits
from benchmarks.measuring import Plan, frozen_heap
from benchmarks.report import Table, Target
from binance_trade_agent.simulation.exchange import SimulatedExchange

SYMBOLS = tuple(f"COIN{number}USDT" for number in range(500))
SYMBOL = "BTCUSDT"
CONNECTIONS = 10
KINDS_BY_CONNECTION = (("depth5@100ms", "depth10@100ms"), ("depth20@100ms", "bookTicker"))
"""A connection may have 1,024 streams, which is 10,240 events a second at most; so the client has two."""

LEAST_IN_PROCESS = 5_000
LEAST_OVER_HTTP = 3_000
LEAST_MESSAGES = 10_000

_HTTP_REQUESTS = 20_000
_STREAM_SECONDS = 3.0
_LONGEST_START_S = 60.0
_HEADERS = {"X-MBX-APIKEY": KEY}
_NOTES = (
    "One core for the exchange; who asks sits on the other one. Costs are the exchange's own CPU time: in process that of `face.handle`, "
    "over HTTP and for streams that of the server's process. An order is a LIMIT order that rests, and each is canceled by the next "
    "request. Nothing is kept on disk. Request limits are off. Streams are partial books of 500 symbols in three depths, ten times a "
    "second each, and their best prices, on two connections."
)

Request = tuple[str, str, str]
"""Method, path and signed query."""


def signed(method: str, path: str, **params: object) -> Request:
    """A request, signed now."""
    query = urlencode({**params, "timestamp": time.time_ns() // 1_000_000})
    return method, f"/api/v3/{path}", f"{query}&signature={hmac.digest(SECRET.encode(), query.encode(), 'sha256').hex()}"


def requests(prefix: str) -> dict[str, Callable[[], Request]]:
    """What is asked, by name; each call makes the next request of its kind. Client order ids begin with `prefix`."""
    return {
        "account": lambda: signed("GET", "account", omitZeroBalances="true"),
        "open orders": lambda: signed("GET", "openOrders", symbol=SYMBOL),
        "order test": lambda: signed("POST", "order/test", **_order(prefix)),
        "order and cancel": _alternating(prefix),
    }


def _order(client_id: str) -> dict[str, object]:
    kind = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "newOrderRespType": "RESULT"}
    return {**kind, "quantity": "0.01", "price": "30000.00", "newClientOrderId": client_id}


def _alternating(prefix: str) -> Callable[[], Request]:
    numbers = count()

    def make() -> Request:
        number, is_cancel = divmod(next(numbers), 2)
        client_id = f"{prefix}-{number}"
        if is_cancel:
            return signed("DELETE", "order", symbol=SYMBOL, origClientOrderId=client_id)
        return signed("POST", "order", **_order(client_id))

    return make


def in_process(plan: Plan) -> Table:
    """What one request costs that never sees a socket, without the cost of signing it."""
    exchange = opened_exchange((SYMBOL,))
    with without_limits(), frozen_heap():
        rows = [(name, *_face_cost(exchange, make, plan)) for name, make in requests("bench").items()]
    exchange.close()
    targets = [
        Target(f"in process, {name}: signed requests/s", per_second, LEAST_IN_PROCESS, at_least=True) for name, _, per_second in rows
    ]
    return Table("The exchange in process", ("request", "µs each", "requests/s"), rows, targets, (_NOTES,))


def _face_cost(exchange: SimulatedExchange, make: Callable[[], Request], plan: Plan) -> tuple[float, float]:
    wanted = max(int(plan.turn_s * LEAST_IN_PROCESS), 20)
    costs = []
    for _ in range(plan.rounds):
        waiting = iter([make() for _ in range(2 * wanted)])
        costs.append(_turn_us(exchange, waiting, 2 * wanted))
    cost_us = statistics.median(costs)
    return cost_us, 1e6 / cost_us


def _turn_us(exchange: SimulatedExchange, waiting: Iterator[Request], number: int) -> float:
    began = time.process_time()
    for method, path, query in waiting:
        answer = exchange.face.handle(method, path, query, b"", _HEADERS, "127.0.0.1")
        if answer.status != 200:
            raise RuntimeError(f"{method} {path} was answered with {answer.status}: {answer.body!r}")
    return (time.process_time() - began) / number * 1e6


async def over_sockets(
    symbols: tuple[str, ...] = SYMBOLS, *, requests_a_kind: int = _HTTP_REQUESTS, stream_s: float = _STREAM_SECONDS
) -> list[Table]:
    """What the server's process burns for requests over HTTP and for stream messages, and how many it gets done."""
    with exchange_server((SYMBOL, *symbols)) as server:
        http = [(name, *await _http_cost(server, name, requests_a_kind)) for name in requests("")]
        messages = await _stream_cost(server, symbols, stream_s)
    requests_table = Table(
        "The exchange over HTTP",
        ("request", "µs of CPU each", "requests/s on one core"),
        http,
        [Target(f"over HTTP, {name}: requests/s on one core", per_second, LEAST_OVER_HTTP, at_least=True) for name, _, per_second in http],
    )
    cost_us, per_second = messages
    streams_table = Table(
        "The exchange's streams",
        ("streams", "µs of CPU a message", "messages/s on one core", "messages/s that there were"),
        [(f"books of {len(symbols)} symbols", cost_us, 1e6 / cost_us, per_second)],
        [Target("stream messages/s to one client, on one core", 1e6 / cost_us, LEAST_MESSAGES, at_least=True)],
    )
    return [requests_table, streams_table]


async def _http_cost(server: ExchangeServer, name: str, number: int) -> tuple[float, float]:
    """CPU time of the server for each request, and how many a core would get done."""
    before_s = server.cpu_s
    each = number // CONNECTIONS
    await asyncio.gather(*(_ask(server.port, requests(f"connection-{index}")[name], each) for index in range(CONNECTIONS)))
    cost_us = max(server.cpu_s - before_s, 0.01) / (each * CONNECTIONS) * 1e6
    return cost_us, 1e6 / cost_us


async def _ask(port: int, make: Callable[[], Request], number: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(number):
        method, path, query = make()
        writer.write(f"{method} {path}?{query} HTTP/1.1\r\nHost: exchange\r\nX-MBX-APIKEY: {KEY}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        body = await reader.readexactly(length)
        if b" 200 " not in head.partition(b"\r")[0]:
            raise RuntimeError(f"{method} {path} was answered with {head[:40]!r}: {body!r}")
    writer.close()
    await writer.wait_closed()


class _Ear(WSListener):
    """Counts what comes."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = 0

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """One event."""
        self.heard += frame.msg_type is WSMsgType.TEXT


async def _stream_cost(server: ExchangeServer, symbols: tuple[str, ...], seconds: float) -> tuple[float, float]:
    """µs of the server's CPU time for each message, and messages a second."""
    connections = [await ws_connect(_Ear, _address(server, symbols, kinds)) for kinds in KINDS_BY_CONNECTION]
    async with asyncio.timeout(_LONGEST_START_S):
        while any(ear.heard < 2 * len(symbols) for _, ear in connections):  # noqa: ASYNC110 - books are made when they are asked for
            await asyncio.sleep(0.1)
    heard, cpu_s, began_s = sum(ear.heard for _, ear in connections), server.cpu_s, time.monotonic()
    await asyncio.sleep(seconds)
    heard, cpu_s, passed_s = sum(ear.heard for _, ear in connections) - heard, server.cpu_s - cpu_s, time.monotonic() - began_s
    for transport, _ in connections:
        transport.disconnect()
    return max(cpu_s, 0.01) / max(heard, 1) * 1e6, heard / passed_s


def _address(server: ExchangeServer, symbols: tuple[str, ...], kinds: tuple[str, ...]) -> str:
    names = "/".join(f"{symbol.lower()}@{kind}" for symbol in symbols for kind in kinds)
    return f"ws://127.0.0.1:{server.port}/stream?streams={names}"


async def measure(plan: Plan) -> list[Table]:
    """All tables of this subject."""
    return [in_process(plan), *await over_sockets()]
