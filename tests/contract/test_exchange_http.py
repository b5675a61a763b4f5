"""The simulated exchange over real sockets answers byte for byte what it answers in process."""

import asyncio
import hashlib
import hmac

import aiohttp
import httpx
import pytest
from hand_clocks import StillClock
from httpx_bridge import UnderHttpx
from one_quote_exchange import START_MS, D, OneQuoteMarket
from yarl import URL

from binance_trade_agent.domain.errors import ServiceError
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.in_process import InProcessTransport
from binance_trade_agent.simulation.rest.http_server import MOST_BODY_BYTES, serve


def new_exchange() -> SimulatedExchange:
    exchange = SimulatedExchange(OneQuoteMarket(), StillClock(START_MS))
    exchange.open_account("key", "secret", {"USDT": D(1_000)})
    return exchange


@pytest.fixture
async def served():
    exchange = new_exchange()
    server = await serve(exchange)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}", headers={"X-MBX-APIKEY": "key"}) as session:
        yield exchange, session, server
    await server.close()
    exchange.close()


def signed(query: str, form: str = "") -> str:
    signature = hmac.new(b"secret", (query + form).encode(), hashlib.sha256).hexdigest()
    return f"{form or query}&signature={signature}"


BUY = f"symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&timestamp={START_MS}"

REQUESTS = [
    ("GET", "/api/v3/ping"),
    ("GET", "/api/v3/exchangeInfo?symbol=BTCUSDT"),
    ("GET", "/api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%5D"),
    ("GET", "/api/v3/depth?symbol=BTCUSDT&limit=5"),
    ("POST", f"/api/v3/order?{signed(BUY)}"),
    ("POST", f"/api/v3/order?{signed(BUY)[:-1]}"),
    ("GET", f"/api/v3/account?{signed(f'timestamp={START_MS}')}"),
    # Encoded letters are signed as they are sent; a server that tidied them up would break the signature.
    ("GET", f"/api/v3/order?{signed(f'symbol=BTC%55SDT&orderId=%31&timestamp={START_MS}')}"),
    ("DELETE", f"/api/v3/order?{signed(f'symbol=BTCUSDT&orderId=1&timestamp={START_MS}')}"),
    ("PUT", "/api/v3/order"),
    ("GET", "/api/v3/none"),
    ("GET", "/"),
]


async def test_the_wire_is_the_same_as_in_process(served):
    _, session, _ = served
    local = new_exchange()
    transport = InProcessTransport(local)
    async with httpx.AsyncClient(
        transport=UnderHttpx(transport), base_url="http://x.invalid", headers={"X-MBX-APIKEY": "key"}, trust_env=False
    ) as client:
        for method, target in REQUESTS:
            expected = await client.request(method, target)
            async with session.request(method, URL(target, encoded=True)) as answer:
                assert (answer.status, await answer.read()) == (expected.status_code, expected.content), target
                for name in ("Content-Type", "X-MBX-USED-WEIGHT-1M", "X-MBX-ORDER-COUNT-10S"):
                    assert answer.headers.get(name) == expected.headers.get(name), target
    local.close()


async def test_a_signed_form_is_read(served):
    exchange, session, _ = served
    query, form = "symbol=BTCUSDT&side=BUY", f"type=MARKET&quantity=1&timestamp={START_MS}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with session.post(f"/api/v3/order?{query}", data=signed(query, form), headers=headers) as answer:
        assert answer.status == 200
    assert len(exchange.trades("key")) == 1


async def test_what_browsers_do_not_encode_is_refused(served):
    _, session, _ = served
    query = f'timestamp={START_MS}&a="b"'
    async with session.get(URL(f"/api/v3/account?{signed(query)}", encoded=True)) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, -1022)


async def test_oversized_bodies_are_not_read(served):
    _, session, _ = served
    async with session.post("/api/v3/order", data=b"a" * (MOST_BODY_BYTES + 1)) as answer:
        assert answer.status == 413


async def test_many_requests_at_once(served):
    exchange, session, _ = served

    async def buy() -> int:
        async with session.post(f"/api/v3/order?{signed(BUY.replace('quantity=1', 'quantity=0.1'))}") as answer:
            return answer.status

    assert await asyncio.gather(*(buy() for _ in range(20))) == [200] * 20
    assert exchange.balances("key")["BTC"].free == D(2) * D("0.999")


async def test_a_port_that_is_taken_is_named(served):
    exchange, _, server = served
    with pytest.raises(ServiceError, match=str(server.port)):
        await serve(exchange, port=server.port)


async def test_a_closed_server_answers_no_more():
    exchange = new_exchange()
    server = await serve(exchange)
    await server.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", server.port)
    exchange.close()
