"""The promises of RestTransport, kept by the pool, the exchange in this process and the paper mirror alike."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hand_clocks import StillClock
from misbehaving_server import OK, Peer, RawServer, answering, hang, on_both_loops
from one_quote_exchange import START_MS, OneQuoteMarket

from binance_trade_agent.binance.http.transport import PooledTransport
from binance_trade_agent.binance.rest_transport import RestRequest, RestTransport
from binance_trade_agent.binance.route import Route
from binance_trade_agent.domain.errors import ConfigurationError, FateUnknownError, NotSentError, PoolTimeoutError
from binance_trade_agent.domain.lane import Lane
from binance_trade_agent.simulation.clocks import VirtualClock
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.in_process import InProcessTransport
from binance_trade_agent.simulation.markets.mirror import MirrorMarket
from binance_trade_agent.simulation.markets.paper_transport import PaperTransport
from binance_trade_agent.simulation.virtual_loop import run_virtual

KEY = {"Accept": "application/json", "X-MBX-APIKEY": "s3cr3t-key"}


def request_to(
    url: str, method: str = "GET", *, timeout_s: float = 5.0, query: str = "a=%C3%A9&signature=s3cr3t", lane: Lane = Lane.MARKET_DATA
) -> RestRequest:
    return RestRequest(method, "/api/v3/order", query, Route(url, KEY), lane, timeout_s)


@on_both_loops
async def test_what_is_asked_is_what_goes_over_the_wire():
    seen: list[bytes] = []

    async def behave(peer: Peer) -> None:
        while True:
            seen.append(await peer.request())
            peer.send(b"HTTP/1.1 200 OK\r\nX-MBX-USED-WEIGHT-1M:  7 \r\ncontent-length: 2\r\n\r\n{}")

    async with RawServer(behave) as server, PooledTransport() as transport:
        base = f"http://127.0.0.1:{server.port}"
        answer = await transport.fetch(request_to(f"{base}/proxy/"))
        assert (answer.status, answer.body, answer.headers.get("x-mbx-used-weight-1m")) == (200, b"{}", "7")
        assert answer.headers.get("retry-after") is None
        await transport.fetch(request_to(base, "POST", query=""))
        assert (transport.opened, transport.reused) == (1, 1)
        rest = (
            f"Accept: application/json\r\nX-MBX-APIKEY: s3cr3t-key\r\nHost: 127.0.0.1:{server.port}\r\nAccept-Encoding: gzip, deflate\r\n"
        )
        assert seen == [
            f"GET /proxy/api/v3/order?a=%C3%A9&signature=s3cr3t HTTP/1.1\r\n{rest}\r\n".encode(),
            f"POST /api/v3/order HTTP/1.1\r\n{rest}Content-Length: 0\r\n\r\n".encode(),
        ]


@on_both_loops
async def test_errors_name_the_place_and_nothing_secret():
    async with RawServer(answering(b"nonsense")) as server, PooledTransport() as transport:
        with pytest.raises(FateUnknownError) as caught:
            await transport.fetch(request_to(f"http://127.0.0.1:{server.port}/proxy"))
        assert str(caught.value).startswith("GET 127.0.0.1/proxy/api/v3/order: ")
        assert "s3cr3t" not in repr(caught.value) + repr(caught.value.__cause__)
        with pytest.raises(NotSentError) as refusal:
            await transport.fetch(request_to(f"http://127.0.0.1:{server.port}", query="a=b c&signature=s3cr3t"))
        assert "s3cr3t" not in repr(refusal.value)
        assert server.accepted == 1
    assert "s3cr3t" not in repr(Route("https://exchange.invalid", KEY))


@on_both_loops
async def test_the_deadline_counts_from_the_wait_for_a_connection_and_tells_what_was_sent():
    async def behave(peer: Peer) -> None:
        await peer.request()
        await hang()

    async with RawServer(behave) as server, PooledTransport(max_connections=1) as transport:
        url = f"http://127.0.0.1:{server.port}"
        sent = asyncio.create_task(transport.fetch(request_to(url, "POST", timeout_s=0.2)))
        await asyncio.sleep(0)
        with pytest.raises(PoolTimeoutError):
            await transport.fetch(request_to(url, "POST", timeout_s=0.05))
        with pytest.raises(FateUnknownError):
            await sent
        assert (transport.in_use, transport.idle, transport.waiting) == (0, 0, 0)


@on_both_loops
async def test_a_connection_that_becomes_free_after_the_deadline_sends_nothing():
    async with RawServer(answering(OK)) as server, PooledTransport() as transport:
        with pytest.raises(NotSentError):
            await transport.fetch(request_to(f"http://127.0.0.1:{server.port}", timeout_s=0.0))
        assert server.accepted == 0


@on_both_loops
async def test_market_data_that_takes_all_it_may_have_holds_no_order_up():
    quiet, asked = asyncio.Event(), asyncio.Event()

    async def behave(peer: Peer) -> None:
        while True:
            head = await peer.request()
            if head.startswith(b"GET"):
                asked.set()
                await quiet.wait()
            peer.send(OK)

    async with RawServer(behave) as server, PooledTransport(max_connections=5, order_connections=2) as transport:
        url = f"http://127.0.0.1:{server.port}"
        reads = [asyncio.create_task(transport.fetch(request_to(url))) for _ in range(50)]
        await asked.wait()
        orders = [transport.fetch(request_to(url, "POST", lane=Lane.ORDERS, timeout_s=10.0)) for _ in range(10)]
        assert [answer.body for answer in await asyncio.gather(*orders)] == [b"ok"] * 10
        assert (transport.in_use, transport.waiting) == (3, 47)
        quiet.set()
        assert [answer.body for answer in await asyncio.gather(*reads)] == [b"ok"] * 50
        assert (transport.in_use, transport.waiting, server.accepted) == (0, 0, 5)


@asynccontextmanager
async def in_process() -> AsyncIterator[RestTransport]:
    exchange = SimulatedExchange(OneQuoteMarket(), StillClock(START_MS))
    yield InProcessTransport(exchange, latency_ms=10_000)
    exchange.close()


@asynccontextmanager
async def paper() -> AsyncIterator[RestTransport]:
    async with in_process() as slow:
        yield PaperTransport(slow, "http://market.invalid", slow, MirrorMarket({}), VirtualClock(START_MS), resting_symbols=tuple)


@pytest.mark.parametrize("opened", [in_process, paper])
@pytest.mark.parametrize(("path", "method"), [("/api/v3/ping", "GET"), ("/api/v3/openOrders", "GET"), ("/api/v3/order", "POST")])
def test_transports_without_sockets_keep_the_deadline_too(opened, path, method):
    async def took_s() -> float:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        async with opened() as transport:
            with pytest.raises(FateUnknownError):
                await transport.fetch(RestRequest(method, path, "", Route("http://exchange.invalid", {}), Lane.ORDERS, 3.0))
        return loop.time() - started_s

    assert run_virtual(took_s()) == pytest.approx(3.0)


@pytest.mark.parametrize(
    "url",
    ["", "exchange.invalid", "ftp://exchange.invalid", "https://", "https://a:b@exchange.invalid", "https://x:port", "https://x/?q=1"],
)
def test_an_address_that_cannot_be_used_is_refused(url):
    with pytest.raises(ConfigurationError, match="base_url"):
        Route(url, {})


@pytest.mark.parametrize(
    ("url", "host_line"),
    [
        ("https://x.example", b"Host: x.example\r\n"),
        ("https://x.example:443/", b"Host: x.example\r\n"),
        ("http://x.example:443", b"Host: x.example:443\r\n"),
        ("http://[::1]:80", b"Host: [::1]\r\n"),
    ],
)
def test_the_host_line_names_a_port_only_when_it_is_not_the_usual_one(url, host_line):
    assert host_line in Route(url, {}).lines.text
