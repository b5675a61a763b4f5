"""The transport's pool under fire: kept connections, cancellation, closing, TLS, bounds and deadlines."""

import asyncio
import gc
import random
import selectors
from collections.abc import Awaitable, Callable

import httpx
import pytest
from misbehaving_server import OK, SECRETS, Peer, RawServer, answering, forever, hang, on_both_loops, refused, request
from recorder import Recorder

from binance_trade_agent.binance.http import connector as http_connector
from binance_trade_agent.binance.http.httpx_transport import PooledHttpxTransport
from binance_trade_agent.binance.http.pool import REPORT_INTERVAL_S
from binance_trade_agent.domain.errors import ConfigurationError, FateUnknownError, NotSentError, PoolTimeoutError
from binance_trade_agent.domain.facts import PoolAcquired, PoolChanged, PoolTimedOut
from binance_trade_agent.domain.lane import Lane

# Kept connections.


@on_both_loops
async def test_connections_serve_again():
    async with RawServer(forever) as server, PooledHttpxTransport() as transport:
        for _ in range(5):
            assert (await transport.handle_async_request(request(server))).content == b"ok"
        assert (server.accepted, transport.opened, transport.reused, transport.idle) == (1, 1, 4, 1)


@on_both_loops
async def test_a_connection_closed_while_idle_is_not_used_again():
    async with RawServer(answering(OK)) as server, PooledHttpxTransport() as transport:
        for number in range(1, 4):
            assert (await transport.handle_async_request(request(server))).content == b"ok"
            while transport.idle:  # noqa: ASYNC110  # until the close has arrived
                await asyncio.sleep(0.001)
            assert server.accepted == number


@on_both_loops
async def test_unasked_bytes_on_an_idle_connection_end_it():
    forged = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"

    async def behave(peer: Peer) -> None:
        await peer.request()
        peer.send(OK)
        await asyncio.sleep(0.02)
        peer.send(forged)
        await hang()

    async with RawServer(behave) as server, PooledHttpxTransport() as transport:
        assert (await transport.handle_async_request(request(server))).content == b"ok"
        while transport.idle:  # noqa: ASYNC110  # until the bytes have arrived
            await asyncio.sleep(0.001)
        assert (await transport.handle_async_request(request(server))).content == b"ok"
        assert server.accepted == 2


def dies_on_reuse(seen: list[bytes], *, reset: bool = False, first_byte: bytes = b"") -> Callable[[Peer], Awaitable[None]]:
    """The first connection answers once and dies on its second request; later connections answer for good."""

    async def behave(peer: Peer) -> None:
        seen.append(await peer.request())
        peer.send(OK)
        if peer.number > 1:
            await forever(peer)
        seen.append(await peer.request())
        if first_byte:
            peer.send(first_byte)
        elif reset:
            peer.reset()

    return behave


@pytest.mark.parametrize("reset", [False, True])
@on_both_loops
async def test_a_get_on_a_kept_connection_that_dies_silently_is_sent_once_more(reset):
    seen: list[bytes] = []
    async with RawServer(dies_on_reuse(seen, reset=reset)) as server, PooledHttpxTransport() as transport:
        for _ in range(2):
            assert (await transport.handle_async_request(request(server, "GET"))).content == b"ok"
        assert (len(seen), server.accepted, transport.in_use, transport.idle) == (3, 2, 0, 1)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
@on_both_loops
async def test_nothing_but_a_get_is_ever_sent_twice(method):
    seen: list[bytes] = []
    async with RawServer(dies_on_reuse(seen)) as server, PooledHttpxTransport() as transport:
        await transport.handle_async_request(request(server, "GET"))
        await refused(transport, request(server, method), FateUnknownError)
        assert (len(seen), server.accepted) == (2, 1)


@on_both_loops
async def test_a_get_is_not_sent_again_once_a_byte_has_come():
    seen: list[bytes] = []
    async with RawServer(dies_on_reuse(seen, first_byte=b"H")) as server, PooledHttpxTransport() as transport:
        await transport.handle_async_request(request(server, "GET"))
        await refused(transport, request(server, "GET"), FateUnknownError)
        assert (len(seen), server.accepted) == (2, 1)


@on_both_loops
async def test_a_get_on_a_new_connection_that_dies_is_not_sent_again():
    async with RawServer(answering(b"")) as server, PooledHttpxTransport() as transport:
        await refused(transport, request(server, "GET"), FateUnknownError)
        assert server.accepted == 1


@on_both_loops
async def test_a_get_whose_second_try_cannot_connect_still_has_an_unknown_fate():
    listening = asyncio.Event()

    async def behave(peer: Peer) -> None:
        await peer.request()
        peer.send(OK)
        await peer.request()
        server._server.close()
        listening.set()

    async with RawServer(behave) as server, PooledHttpxTransport() as transport:
        await transport.handle_async_request(request(server, "GET"))
        await refused(transport, request(server, "GET"), FateUnknownError)
        assert listening.is_set()


# Cancellation, bounds and facts.


async def storm(server: RawServer, transport: PooledHttpxTransport, seed: int) -> None:
    chance = random.Random(seed)

    async def doomed(delay_s: float) -> None:
        task = asyncio.create_task(transport.handle_async_request(request(server)))
        await asyncio.sleep(delay_s)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    for _ in range(4):
        await asyncio.gather(*(doomed(chance.uniform(0, 0.05)) for _ in range(100)))


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@on_both_loops
async def test_after_a_storm_of_cancellations_every_slot_works(secure, server_tls, client_tls, monkeypatch):
    monkeypatch.setattr(http_connector, "CLOSE_WAIT_S", 60.0)  # closing would hang if it waited for a socket that is long gone
    calm = asyncio.Event()
    together = asyncio.Barrier(10)
    delays = random.Random(7)

    async def behave(peer: Peer) -> None:
        while True:
            await peer.request()
            if calm.is_set():
                await together.wait()  # ten at once or none
            else:
                await asyncio.sleep(delays.uniform(0, 0.04))
            peer.send(OK)

    recorder = Recorder()
    async with (
        RawServer(behave, server_tls if secure else None) as server,
        PooledHttpxTransport(max_connections=10, ssl_context=client_tls, observer=recorder) as transport,
    ):
        await storm(server, transport, seed=11)
        assert (transport.in_use, transport.waiting) == (0, 0)
        calm.set()
        responses = await asyncio.gather(*(transport.handle_async_request(request(server)) for _ in range(10)))
        assert [response.content for response in responses] == [b"ok"] * 10
        assert (transport.in_use, transport.waiting, transport.idle) == (0, 0, 10)
        await asyncio.sleep(2 * REPORT_INTERVAL_S)
        assert recorder.of(PoolChanged)[-1] == PoolChanged(Lane.MARKET_DATA, 10, 0, 0, 10)
        while server.open > 10:  # noqa: ASYNC110  # sockets of cancelled requests are closed, seen from the other side too
            await asyncio.sleep(0.005)


@on_both_loops
async def test_cancelling_a_request_closes_its_connection():
    arrived, gone = asyncio.Event(), asyncio.Event()

    async def behave(peer: Peer) -> None:
        await peer.request()
        arrived.set()
        assert await peer.reader.read() == b""
        gone.set()

    async with RawServer(behave) as server, PooledHttpxTransport() as transport:
        task = asyncio.create_task(transport.handle_async_request(request(server)))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await gone.wait()
        assert (transport.in_use, transport.idle) == (0, 0)


@on_both_loops
async def test_waiting_requests_are_served_in_order():
    order: list[bytes] = []

    async def behave(peer: Peer) -> None:
        while True:
            order.append((await peer.request()).split()[1])
            peer.send(OK)

    async with RawServer(behave) as server, PooledHttpxTransport(max_connections=1) as transport:
        urls = [httpx.Request("GET", f"http://127.0.0.1:{server.port}/{number}") for number in range(30)]
        await asyncio.gather(*(transport.handle_async_request(url) for url in urls))
        assert order == [b"/%d" % number for number in range(30)]
        assert (transport.opened, transport.reused) == (1, 29)


@on_both_loops
async def test_pool_timeout_when_every_connection_is_busy():
    async def behave(peer: Peer) -> None:
        await hang()

    recorder = Recorder()
    async with RawServer(behave) as server, PooledHttpxTransport(max_connections=1, pool_timeout_s=0.05, observer=recorder) as transport:
        busy = asyncio.create_task(transport.handle_async_request(request(server)))
        await asyncio.sleep(0)
        with pytest.raises(PoolTimeoutError) as caught:
            await transport.handle_async_request(request(server))
        assert str(caught.value).startswith("POST 127.0.0.1/api/v3/order: ")
        assert not any(secret in str(caught.value) for secret in SECRETS)
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)
        assert [type(fact) for fact in recorder.facts if not isinstance(fact, PoolChanged)] == [PoolAcquired, PoolTimedOut]
    assert recorder.facts[-1] == PoolChanged(Lane.MARKET_DATA, 1, 0, 0, 0)


@on_both_loops
async def test_closing_the_transport_fails_what_is_under_way_and_refuses_what_comes():
    arrived = asyncio.Event()

    async def behave(peer: Peer) -> None:
        await peer.request()
        arrived.set()
        await hang()

    async with RawServer(behave) as server:
        transport = PooledHttpxTransport(max_connections=1)
        sent = asyncio.create_task(transport.handle_async_request(request(server)))
        await arrived.wait()
        waiting = asyncio.create_task(transport.handle_async_request(request(server)))
        await asyncio.sleep(0)
        await transport.aclose()
        with pytest.raises(FateUnknownError):
            await sent
        with pytest.raises(NotSentError):
            await waiting
        await refused(transport, request(server), NotSentError)
        await transport.aclose()


@on_both_loops
async def test_a_connection_that_comes_up_after_the_transport_was_closed_carries_nothing(server_tls, client_tls):
    async with RawServer(forever, server_tls) as server:
        transport = PooledHttpxTransport(ssl_context=client_tls)
        connecting = asyncio.create_task(transport.handle_async_request(request(server)))
        await asyncio.sleep(0)
        await transport.aclose()
        with pytest.raises(NotSentError, match="closed"):
            await connecting
        assert (transport.in_use, transport.idle) == (0, 0)


@on_both_loops
async def test_failure_and_cancellation_in_the_same_moment_leave_nothing_for_the_loop_to_complain_about():
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["message"]))
    arrived = asyncio.Event()

    async def behave(peer: Peer) -> None:
        await peer.request()
        arrived.set()
        await hang()

    async with RawServer(behave) as server:
        transport = PooledHttpxTransport(max_connections=1)
        sent = asyncio.create_task(transport.handle_async_request(request(server)))
        await arrived.wait()
        waiting = asyncio.create_task(transport.handle_async_request(request(server)))
        await asyncio.sleep(0)
        closing = asyncio.create_task(transport.aclose())  # fails both, and before they can look they are cancelled as well
        asyncio.get_running_loop().call_soon(sent.cancel)
        asyncio.get_running_loop().call_soon(waiting.cancel)
        await asyncio.gather(sent, waiting, closing, return_exceptions=True)
        assert sent.cancelled()
        assert waiting.cancelled()
        gc.collect()
        assert complaints == []


@on_both_loops
async def test_untrusted_certificate_is_not_sent(server_tls):
    async with RawServer(forever, server_tls) as server, PooledHttpxTransport() as transport:
        assert "certificate" in (await refused(transport, request(server), NotSentError)).lower()


@on_both_loops
async def test_tls_with_a_trusted_certificate(server_tls, client_tls):
    async with RawServer(forever, server_tls) as server, PooledHttpxTransport(ssl_context=client_tls) as transport:
        for _ in range(3):
            assert (await transport.handle_async_request(request(server))).content == b"ok"
        assert server.accepted <= 2  # session tickets that come late may cost one connection


def test_a_transport_refuses_a_second_event_loop():
    transport = PooledHttpxTransport()

    async def ask() -> None:
        await refused(transport, httpx.Request("POST", "http://exchange.invalid/api/v3/order"), NotSentError)

    asyncio.run(ask())
    with pytest.raises(AssertionError, match="another event loop"):
        asyncio.run(_expect_other_loop(transport))


async def _expect_other_loop(transport: PooledHttpxTransport) -> None:
    text = await refused(transport, httpx.Request("POST", "http://exchange.invalid/api/v3/order"), NotSentError)
    raise AssertionError(text)


class JumpingSelector(selectors.DefaultSelector):
    """Waits a moment of real time for sockets; where nothing happens, virtual time jumps to the next timer."""

    now_s = 0.0

    def select(self, timeout: float | None = None):
        ready = super().select(0.05)
        if not ready and timeout:
            self.now_s += timeout
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.jumping = JumpingSelector()
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.now_s


def test_deadlines_follow_a_loop_with_virtual_time():
    async def scenario() -> float:
        async def behave(peer: Peer) -> None:
            await hang()

        async with RawServer(behave) as server, PooledHttpxTransport(request_timeout_s=86_400.0) as transport:
            await refused(transport, request(server), FateUnknownError)
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        assert runner.run(scenario()) >= 86_400.0


def test_a_second_try_has_only_what_is_left_of_the_deadline():
    async def scenario() -> float:
        async def behave(peer: Peer) -> None:
            await peer.request()
            if peer.number > 1:
                await hang()
            peer.send(OK)
            await peer.request()
            await asyncio.sleep(600)

        async with RawServer(behave) as server, PooledHttpxTransport(request_timeout_s=1000.0) as transport:
            await transport.handle_async_request(request(server, "GET"))
            await refused(transport, request(server, "GET"), FateUnknownError)
            assert server.accepted == 2
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        assert 1000.0 <= runner.run(scenario()) < 1600.0


def test_bounds_that_make_no_sense_are_refused():
    for bounds in (
        {"max_connections": 0},
        {"max_connections": 5, "order_connections": 5},
        {"order_connections": -1},
        {"max_keepalive": -1},
        {"request_timeout_s": 0.0},
        {"max_body_bytes": float("nan")},
    ):
        with pytest.raises(ConfigurationError):
            PooledHttpxTransport(**bounds)
