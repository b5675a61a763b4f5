"""A simulated exchange on a real socket whose time a test moves by hand, with a user who signs, and listeners to its WebSocket faces."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from hand_clocks import SteppedClock
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as _connect

from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.markets.market import Market
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket
from binance_trade_agent.simulation.rest.http_server import RunningServer, serve
from binance_trade_agent.simulation.sockets.rules import ConnectionRules

D = Decimal
KEY, SECRET = "key-of-the-tests-0123456789", "secret-of-the-tests-9876543210"
START_MS = 1_790_000_040_000  # a whole minute
PATIENCE_S = 20.0


def sign(payload: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


class SocketExchange:
    """The exchange, its server and its clock; REST is asked in process, which is the same face."""

    def __init__(self, exchange: SimulatedExchange, clock: SteppedClock, server: RunningServer) -> None:
        self.exchange = exchange
        self.clock = clock
        self.server = server
        self._asked = 0

    def _address(self) -> str:
        """Another one each time, so that no test runs into the limits of an address by what it looks at."""
        self._asked += 1
        return f"10.0.{self._asked // 250}.{self._asked % 250}"

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.server.port}"

    def get(self, path: str, **params: Any) -> Any:
        return json.loads(self.exchange.face.handle("GET", f"/api/v3/{path}", urlencode(params), b"", {}, self._address()).body)

    def signed(self, method: str, path: str, **params: Any) -> Any:
        query = urlencode({**params, "timestamp": self.clock.time_ms})
        query = f"{query}&signature={sign(query)}"
        return json.loads(self.exchange.face.handle(method, f"/api/v3/{path}", query, b"", {"X-MBX-APIKEY": KEY}, self._address()).body)

    def limit(self, side: str, price: Decimal | str, quantity: str, **params: Any) -> Any:
        order = {"symbol": "BTCUSDT", "type": "LIMIT", "timeInForce": "GTC", "side": side, "price": price, "quantity": quantity}
        return self.signed("POST", "order", **{**order, **params})

    def market(self, side: str, quantity: str, **params: Any) -> Any:
        return self.signed("POST", "order", **{"symbol": "BTCUSDT", "type": "MARKET", "side": side, "quantity": quantity, **params})


@asynccontextmanager
async def socket_exchange(
    *symbols: str, rules: ConnectionRules | None = None, latency_ms: float = 0, market: Market | None = None
) -> AsyncIterator[SocketExchange]:
    clock = SteppedClock(START_MS)
    exchange = SimulatedExchange(market or SyntheticMarket(symbols or ("BTCUSDT", "ETHUSDT"), 7), clock)
    exchange.open_account(KEY, SECRET, {"USDT": D(1_000_000), "BTC": D(100)})
    server = await serve(exchange, rules=rules, latency_ms=latency_ms)
    try:
        yield SocketExchange(exchange, clock, server)
    finally:
        await server.close()
        exchange.close()


def connect(address: str, **options: Any) -> _connect:
    """A client that reads whatever comes, so that closing never waits behind what nobody has read."""
    return _connect(address, **{"max_queue": None, "ping_interval": None, "compression": None, **options})


async def receive(socket: ClientConnection) -> Any:
    """The next message."""
    async with asyncio.timeout(PATIENCE_S):
        return json.loads(await socket.recv())


async def ask(socket: ClientConnection, message: Any) -> Any:
    """Send a message and return what comes next."""
    await socket.send(message if isinstance(message, str | bytes) else json.dumps(message))
    return await receive(socket)


async def until(socket: ClientConnection, is_last: Any) -> list[Any]:
    """Every message up to the one for which `is_last` is true."""
    messages = []
    while not messages or not is_last(messages[-1]):
        messages.append(await receive(socket))
    return messages


class LocalBook:
    """A local order book kept by web-socket-streams.md, "How to manage a local order book correctly", step by step."""

    def __init__(self, snapshot: Any) -> None:
        self.update_id = snapshot["lastUpdateId"]
        self.bids = dict(map(tuple, snapshot["bids"]))
        self.asks = dict(map(tuple, snapshot["asks"]))

    def follow(self, buffered: Iterator[Any]) -> None:
        first = True
        for event in buffered:
            if event["u"] <= self.update_id:
                continue
            if first:
                assert event["U"] <= self.update_id + 1, "the first event must reach back to the snapshot"
                first = False
            else:
                assert event["U"] == self.update_id + 1, "events were missed"
            for levels, changes in ((self.bids, event["b"]), (self.asks, event["a"])):
                for price, quantity in changes:
                    if D(quantity):
                        levels[price] = quantity
                    else:
                        levels.pop(price, None)
            self.update_id = event["u"]

    def as_depth(self) -> Any:
        return {
            "lastUpdateId": self.update_id,
            "bids": [list(level) for level in sorted(self.bids.items(), key=lambda level: -D(level[0]))],
            "asks": [list(level) for level in sorted(self.asks.items(), key=lambda level: D(level[0]))],
        }
