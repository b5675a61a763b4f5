"""The in-process transport: latency on the loop's clock, requests that outlive their caller, and faults by name."""

import asyncio
import hashlib
import hmac
from urllib.parse import urlencode

import httpx
import pytest
from hand_clocks import StillClock
from httpx_bridge import UnderHttpx
from one_quote_exchange import START_MS, D, OneQuoteMarket

from binance_trade_agent.domain.errors import FateUnknownError, NotSentError
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.faults.kinds import FaultKind
from binance_trade_agent.simulation.faults.plan import Fault
from binance_trade_agent.simulation.in_process import InProcessTransport
from binance_trade_agent.simulation.virtual_loop import run_virtual

ORDER = "/api/v3/order"
PLACE = f"POST {ORDER}"


@pytest.fixture
def exchange():
    exchange = SimulatedExchange(OneQuoteMarket(), StillClock(START_MS))
    exchange.open_account("key", "secret", {"USDT": D(1_000)})
    yield exchange
    exchange.close()


def client_of(transport: InProcessTransport) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=UnderHttpx(transport), base_url="http://exchange.invalid", headers={"X-MBX-APIKEY": "key"}, trust_env=False
    )


def buy_target() -> str:
    query = urlencode({"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1", "timestamp": START_MS})
    return f"{ORDER}?{query}&signature={hmac.new(b'secret', query.encode(), hashlib.sha256).hexdigest()}"


async def test_requests_reach_the_exchange_unchanged(exchange):
    async with client_of(InProcessTransport(exchange)) as client:
        answer = await client.post(buy_target())
        assert (answer.status_code, answer.json()["status"]) == (200, "FILLED")
        assert answer.headers["content-type"].startswith("application/json")
        prices = await client.get("/api/v3/ticker/price", params={"symbols": '["BTCUSDT"]'})
        assert prices.json() == [{"symbol": "BTCUSDT", "price": "100.00000000"}]


def test_latency_passes_on_the_loops_own_clock(exchange):
    async def measure() -> float:
        loop = asyncio.get_running_loop()
        async with client_of(InProcessTransport(exchange, latency_ms=80)) as client:
            before = loop.time()
            await client.get("/api/v3/ping")
            return loop.time() - before

    assert run_virtual(measure()) == pytest.approx(0.08)


@pytest.mark.parametrize(("after_s", "trades"), [(0.03, 0), (0.05, 1)])
def test_a_cancelled_request_is_carried_out_once_it_has_arrived(exchange, after_s, trades):
    async def place_and_give_up() -> None:
        async with client_of(InProcessTransport(exchange, latency_ms=80)) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(after_s):
                    await client.post(buy_target())

    run_virtual(place_and_give_up())
    assert len(exchange.trades("key")) == trades


@pytest.mark.parametrize(
    ("kind", "error", "trades"),
    [
        (FaultKind.LOSE_ANSWER, FateUnknownError, 1),
        (FaultKind.LOSE_REQUEST, FateUnknownError, 0),
        (FaultKind.REFUSE_CONNECT, NotSentError, 0),
    ],
)
def test_lost_messages(exchange, kind, error, trades):
    async def lose() -> None:
        transport = InProcessTransport(exchange)
        transport.faults.append(Fault(kind, PLACE))
        async with client_of(transport) as client:
            assert (await client.get("/api/v3/ping")).status_code == 200
            with pytest.raises(error):
                await client.post(buy_target())
            assert len(exchange.trades("key")) == trades
            assert (await client.post(buy_target())).status_code == 200

    run_virtual(lose())


@pytest.mark.parametrize(("kind", "trades"), [(FaultKind.ANSWER_5XX_EXECUTED, 1), (FaultKind.ANSWER_5XX_NOT_EXECUTED, 0)])
async def test_a_5xx_does_not_tell_whether_it_was_executed(exchange, kind, trades):
    transport = InProcessTransport(exchange)
    transport.faults.append(Fault(kind, status=504))
    async with client_of(transport) as client:
        answer = await client.post(buy_target())
    assert (answer.status_code, answer.json()["code"]) == (504, -1007)
    assert len(exchange.trades("key")) == trades
