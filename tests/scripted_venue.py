"""A transport that answers AsyncBinanceClient as a test scripts it, and the client over it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import httpx
from httpx_bridge import fetched
from recorder import Recorder

from binance_trade_agent.async_binance_client import AsyncBinanceClient, Connection
from binance_trade_agent.binance.rest_transport import RestRequest, RestResponse, RestTransport
from binance_trade_agent.domain.facts import RequestDone
from binance_trade_agent.domain.order import OrderIntent, OrderType, Purpose, Side
from binance_trade_agent.simulation.clocks import VirtualClock

START_MS = 1_750_000_000_000
KEY, SECRET = "K" * 64, "S" * 64
FAR_DEADLINE_MS = START_MS + 10**9

Answer = httpx.Response | Exception
Handler = Callable[[httpx.Request], Awaitable[Answer] | Answer]


def requests_of(observer: Recorder, endpoint: str) -> list[RequestDone]:
    """What `observer` was told of requests to `endpoint`."""
    return [fact for fact in observer.of(RequestDone) if fact.endpoint == endpoint]


@dataclass
class Venue(httpx.AsyncBaseTransport):
    """A transport, ours and httpx's, that answers the time itself (its clock is `skew_ms` ahead) and hands everything else to `handle`."""

    handle: Handler
    skew_ms: int = 0
    latency_s: float = 0.02
    requests: list[httpx.Request] = field(default_factory=list)
    time_requests: int = 0
    closed: int = 0

    async def fetch(self, request: RestRequest) -> RestResponse:
        return await fetched(self, request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(self.latency_s / 2)
        if request.url.path == "/api/v3/time":
            self.time_requests += 1
            answer: Any = httpx.Response(200, json={"serverTime": VirtualClock(START_MS).now_ms() + self.skew_ms})
        else:
            self.requests.append(request)
            answer = self.handle(request)
            if isinstance(answer, Awaitable):
                answer = await answer
        await asyncio.sleep(self.latency_s / 2)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def aclose(self) -> None:
        self.closed += 1


def query_of(request: httpx.Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.url.query.decode(), keep_blank_values=True).items()}


def order_body(request: httpx.Request, **changes: Any) -> dict[str, Any]:
    """The FULL answer to the new order in `request`, filled at once."""
    query = query_of(request)
    filled = {
        "symbol": query["symbol"],
        "orderId": 11,
        "clientOrderId": query["newClientOrderId"],
        "transactTime": START_MS,
        "price": query.get("price", "0.00"),
        "origQty": query["quantity"],
        "executedQty": query["quantity"],
        "cummulativeQuoteQty": "50.00",
        "status": "FILLED",
        "timeInForce": "GTC",
        "type": query["type"],
        "side": query["side"],
        "fills": [{"price": "50000.00", "qty": query["quantity"], "commission": "0.05", "commissionAsset": "USDT", "tradeId": 5}],
    }
    return filled | changes


def accept(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=order_body(request))


def always(status: int, body: Any = None, **headers: str) -> Handler:
    content = body if isinstance(body, bytes) else json.dumps(body if body is not None else {}).encode()
    return lambda _request: httpx.Response(status, content=content, headers=headers)


def one_after_another(*answers: Any) -> Handler:
    """Each answer once; the last one for good."""
    left = list(answers)

    def handle(request: httpx.Request) -> Answer:
        answer = left.pop(0) if len(left) > 1 else left[0]
        return answer(request) if callable(answer) else answer

    return handle


def refusal(status: int, code: int, **headers: str) -> Handler:
    return always(status, {"code": code, "msg": "no"}, **headers)


def connection(venue: RestTransport, observer: Recorder | None = None, **changes: Any) -> Connection:
    options: dict[str, Any] = {"api_key": KEY, "api_secret": SECRET, "observer": observer or Recorder()} | changes
    return Connection("https://exchange.test", venue, VirtualClock(START_MS), **options)


@asynccontextmanager
async def opened(handle: Handler, observer: Recorder | None = None, *, synced: bool = True, **changes: Any) -> AsyncIterator[Any]:
    """(client, venue) with a client that knows the exchange's clock."""
    venue_options = {name: changes.pop(name) for name in ("skew_ms", "latency_s") if name in changes}
    venue = Venue(handle, **venue_options)
    async with AsyncBinanceClient(connection(venue, observer, **changes)) as client:
        if synced:
            await client.sync_clock()
        yield client, venue


def intent(**changes: Any) -> OrderIntent:
    values: dict[str, Any] = {
        "client_order_id": "bta-a1-1",
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "type": OrderType.MARKET,
        "quantity": Decimal("0.00100000"),
        "reference_price": Decimal(50_000),
        "purpose": Purpose.ENTRY,
        "created_ms": START_MS,
        "correlation_id": "c",
        "reason": "r",
    }
    return OrderIntent(**(values | changes))


PRICE = always(200, {"symbol": "BTCUSDT", "price": "50000.10"})
