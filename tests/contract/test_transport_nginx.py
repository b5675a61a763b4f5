"""The transport and the client against nginx: its reloads, time-outs, error pages, codings, TLS, and the death of its worker."""

import asyncio
import json
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from benchmarks.certificate import trusting, write_certificate
from benchmarks.nginx import loopback_listener, running_nginx
from far_side import KEY, SECRET, until
from misbehaving_server import Peer, RawServer, hang, on_both_loops
from server_programs import server_program

from binance_trade_agent.async_binance_client import AsyncBinanceClient, Connection
from binance_trade_agent.binance.http.httpx_transport import PooledHttpxTransport
from binance_trade_agent.domain.errors import ExchangeRefusedError, FateUnknownError, NotSentError, RateLimitedError
from binance_trade_agent.simulation.clocks import WallClock

LARGE = json.dumps([{"symbol": f"COIN{number}USDT", "price": f"{number}.50000000"} for number in range(20_000)]).encode()
WORKERS = 20


@dataclass(frozen=True)
class Nginx:
    url: str
    folder: Path
    process: subprocess.Popen

    def reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def logged(self) -> list[str]:
        return (self.folder / "access.log").read_text().split()


@pytest.fixture
def nginx(tmp_path: Path) -> Callable:
    """`with nginx(locations, server=...) as running`: nginx with these locations."""
    server_program("nginx", "nginx-light")

    @contextmanager
    def run(locations: str = "", server: str = "", http: str = "", tls: bool = False) -> Iterator[Nginx]:
        listener = loopback_listener()
        port = listener.getsockname()[1]
        files = tmp_path / "files"
        files.mkdir()
        (files / "large").write_bytes(LARGE)
        if tls:
            certificate, key = write_certificate(tmp_path)
            server += f"ssl_certificate {certificate}; ssl_certificate_key {key};"
        config = f"""
            default_type application/json;
            log_format number '$arg_n';
            {http}
            server {{
                listen 127.0.0.1:{port} {"ssl" if tls else ""};
                root {files};
                {server}
                location = /pid {{ return 200 '$pid'; }}
                {locations}
            }}
        """
        with running_nginx(tmp_path, config, listener) as process:
            yield Nginx(f"{'https' if tls else 'http'}://127.0.0.1:{port}", tmp_path, process)

    return run


async def get(transport: PooledHttpxTransport, url: str) -> httpx.Response:
    return await transport.handle_async_request(httpx.Request("GET", url))


async def post(transport: PooledHttpxTransport, url: str) -> httpx.Response:
    return await transport.handle_async_request(httpx.Request("POST", url, content=b"a=1"))


# -- connections that nginx ends ----------------------------------------------------------------------------------------------


@on_both_loops
async def test_a_keep_alive_shorter_than_ours_costs_a_new_connection_and_nothing_else(nginx):
    with nginx(server="keepalive_timeout 100ms;") as running:
        async with PooledHttpxTransport() as transport:
            for send in (get, post, get):
                opened = transport.opened
                assert (await send(transport, f"{running.url}/pid")).status_code == 200
                assert transport.opened == opened + 1
                await until(lambda: transport.idle == 0)


@on_both_loops
async def test_connections_with_few_requests_each_are_replaced_as_nginx_announces(nginx):
    with nginx(server="keepalive_requests 5;") as running:
        async with PooledHttpxTransport() as transport:
            for _ in range(50):
                assert (await post(transport, f"{running.url}/pid")).status_code == 200
            assert (transport.opened, transport.in_use, transport.idle) == (10, 0, 0)


@on_both_loops
async def test_reloads_under_traffic_lose_no_read_and_repeat_no_order(nginx):
    with nginx("location = /order { access_log access.log number; return 200 '$arg_n'; }") as running:
        unknown: list[str] = []
        answered: list[str] = []
        workers: set[str] = set()
        stopped = asyncio.Event()

        async def read(transport: PooledHttpxTransport) -> None:
            while not stopped.is_set():
                workers.add((await get(transport, f"{running.url}/pid")).text)

        async def order(transport: PooledHttpxTransport, worker: int) -> None:
            number = 0
            while not stopped.is_set():
                number += 1
                try:
                    answered.append((await post(transport, f"{running.url}/order?n={worker}-{number}")).text)
                except FateUnknownError:
                    unknown.append(f"{worker}-{number}")

        async with PooledHttpxTransport(max_connections=10) as transport:
            workers.add((await get(transport, f"{running.url}/pid")).text)
            async with asyncio.TaskGroup() as tasks:
                for worker in range(WORKERS):
                    tasks.create_task(order(transport, worker) if worker % 2 else read(transport))
                for _ in range(5):
                    before, known = len(answered), len(workers)
                    running.reload()
                    # nginx mixes up signals that come while it is still at the one before: its new worker has to be there first.
                    await until(lambda before=before, known=known: len(answered) > before + 100 and len(workers) > known)
                stopped.set()
            assert (transport.in_use, transport.waiting) == (0, 0)
        running.process.send_signal(signal.SIGQUIT)  # the log is complete when all workers are gone
        await asyncio.to_thread(running.process.wait, 60)
        carried_out = running.logged()
        assert len(carried_out) == len(set(carried_out))
        assert set(answered) <= set(carried_out) <= {*answered, *unknown}


@on_both_loops
async def test_a_worker_that_dies_amid_its_answer_leaves_the_fate_unknown_and_the_pool_whole(nginx):
    with nginx("location = /large { limit_rate 100k; }") as running:
        async with PooledHttpxTransport(max_connections=3) as transport:
            worker = int((await get(transport, f"{running.url}/pid")).text)
            reads = [asyncio.ensure_future(get(transport, f"{running.url}/large")) for _ in range(3)]
            await until(lambda: transport.in_use == 3)
            await asyncio.sleep(0.05)
            os.kill(worker, signal.SIGKILL)
            failures = await asyncio.gather(*reads, return_exceptions=True)
            assert [type(failure) for failure in failures] == [FateUnknownError] * 3
            assert (transport.in_use, transport.idle) == (0, 0)
            assert int((await get(transport, f"{running.url}/pid")).text) != worker


# -- codings ------------------------------------------------------------------------------------------------------------------


@on_both_loops
async def test_gzip_on_the_fly_comes_chunked_and_is_undone(nginx):
    with nginx(http="gzip on; gzip_types application/json; gzip_min_length 1;") as running:
        async with PooledHttpxTransport() as transport:
            for _ in range(2):
                response = await get(transport, f"{running.url}/large")
                assert response.content == LARGE
                assert {"content-encoding", "transfer-encoding"}.isdisjoint(response.headers)
            assert transport.opened == 1


@on_both_loops
@pytest.mark.parametrize(
    "settings", ["", "proxy_buffering off;", "gzip on; gzip_types application/json;", "chunked_transfer_encoding off;"]
)
async def test_chunks_of_odd_sizes_pass_through_a_proxy(nginx, settings):
    async def upstream(peer: Peer) -> None:
        await peer.request()
        pieces, rest = [], LARGE[:100_000]
        for size in (1, 2, 3, 5, 16_384, 65_537, len(rest)):
            pieces.append(b"%x;name=value\r\n%b\r\n" % (len(rest[:size]), rest[:size]) if rest[:size] else b"")
            rest = rest[size:]
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        peer.send(head + b"".join(pieces) + b"0\r\nX-Trailer: x\r\n\r\n")

    async with RawServer(upstream) as behind:
        proxied = f"location = /data {{ proxy_http_version 1.1; proxy_pass http://127.0.0.1:{behind.port}; {settings} }}"
        with nginx(proxied) as running:
            async with PooledHttpxTransport() as transport:
                for _ in range(3):
                    assert (await get(transport, f"{running.url}/data")).content == LARGE[:100_000]


# -- error pages --------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def upstreams() -> AsyncIterator[dict[str, int]]:
    """Ports of ours: `closed` is bound and refuses connections, `silent` takes a request and never answers."""

    async def silent(peer: Peer) -> None:
        await peer.request()
        await hang()

    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        async with RawServer(silent) as server:
            yield {"closed": bound.getsockname()[1], "silent": server.port}


def client_of(running: Nginx) -> AsyncBinanceClient:
    connection = Connection(running.url, PooledHttpxTransport(), WallClock(), KEY, SECRET, request_timeout_s=5, read_deadline_s=0.5)
    return AsyncBinanceClient(connection)


BAD_GATEWAY = "proxy_pass http://127.0.0.1:{closed};"
GATEWAY_TIMEOUT = "proxy_pass http://127.0.0.1:{silent}; proxy_read_timeout 50ms;"
NOW = 'map $msec $now_ms { "~^(\\d+)\\.(\\d+)$" "$1$2"; }'
TIME = "location = /api/v3/time { return 200 '{\"serverTime\":$now_ms}'; }"


@pytest.mark.parametrize(
    ("does", "error"),
    [
        (BAD_GATEWAY, FateUnknownError),
        (GATEWAY_TIMEOUT, FateUnknownError),
        ("return 503;", FateUnknownError),
        ("return 403;", ExchangeRefusedError),
        ("return 414;", ExchangeRefusedError),
        ("return 429;", RateLimitedError),
    ],
    ids=["502", "504", "503", "403", "414", "429"],
)
async def test_a_read_that_meets_an_error_page_says_what_it_is_and_quotes_no_page(nginx, does, error):
    async with upstreams() as ports:
        with nginx(f"location /api/ {{ {does.format_map(ports)} }}") as running:
            async with client_of(running) as client:
                with pytest.raises(error) as caught:
                    await client.get_latest_price("BTCUSDT")
                assert "<" not in str(caught.value)


@pytest.mark.parametrize("does", [BAD_GATEWAY, GATEWAY_TIMEOUT], ids=["502", "504"])
async def test_the_fate_of_an_order_that_meets_a_gateway_error_is_unknown(nginx, does):
    async with upstreams() as ports:
        with nginx(f"{TIME} location = /api/v3/order {{ {does.format_map(ports)} }}", http=NOW) as running:
            async with client_of(running) as client:
                with pytest.raises(FateUnknownError, match=r"order one: .*HTTP 50[24]"):
                    await client.create_order("BTCUSDT", "BUY", "MARKET", Decimal(1), client_order_id="one")


# -- TLS ----------------------------------------------------------------------------------------------------------------------


@on_both_loops
@pytest.mark.parametrize("protocol", ["TLSv1.2", "TLSv1.3"])
async def test_tls_connections_are_kept_and_their_end_is_noticed(nginx, protocol):
    with nginx(server=f"ssl_protocols {protocol}; keepalive_timeout 200ms;", tls=True) as running:
        async with PooledHttpxTransport(ssl_context=trusting(running.folder / "certificate.pem")) as transport:
            for _ in range(5):
                assert (await post(transport, f"{running.url}/pid")).status_code == 200
            assert transport.opened == 1
            assert (await get(transport, f"{running.url}/large")).content == LARGE
            await until(lambda: transport.idle == 0)
            assert (await post(transport, f"{running.url}/pid")).status_code == 200
            assert transport.opened == 2


@on_both_loops
async def test_nothing_is_sent_to_a_server_that_cannot_prove_who_it_is(nginx):
    with nginx(tls=True, server="access_log access.log number;") as running:
        async with PooledHttpxTransport() as transport:
            with pytest.raises(NotSentError, match="certificate"):
                await post(transport, f"{running.url}/order?n=1")
            assert (transport.in_use, transport.idle) == (0, 0)
        assert running.logged() == []


@on_both_loops
async def test_speaking_plainly_to_a_tls_port_is_answered_by_a_page_and_not_taken_for_more(nginx):
    with nginx(tls=True) as running:
        async with PooledHttpxTransport() as transport:
            response = await post(transport, f"{running.url.replace('https', 'http')}/pid")
            assert response.status_code == 400
            assert b"HTTPS port" in response.content
