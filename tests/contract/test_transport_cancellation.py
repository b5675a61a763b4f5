"""A request may be cancelled wherever it waits: at every single step, nothing of it stays and the next request works."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from far_side import KEY, SECRET
from misbehaving_server import OK, Peer, RawServer, forever, on_both_loops

from binance_trade_agent.async_binance_client import AsyncBinanceClient, Connection
from binance_trade_agent.binance.http.transport import PooledTransport
from binance_trade_agent.binance.rest_transport import RestRequest
from binance_trade_agent.binance.route import Route
from binance_trade_agent.domain.lane import Lane
from binance_trade_agent.simulation.clocks import WallClock

MOST_STEPS = 100


class CancelledAt:
    """Runs `work` and cancels it at its suspension number `step`: while it waits there, or in the moment in which its wait is over.

    `ended` tells that it came to its end before that.
    """

    def __init__(self, work: Coroutine[Any, Any, Any], step: int, *, once_ready: bool) -> None:
        self._work = work
        self._step = step
        self._once_ready = once_ready
        self.ended = False

    def __await__(self) -> Generator[Any, None, None]:
        steps, error = 0, None
        while True:
            try:
                waits_for = self._work.send(None) if error is None else self._work.throw(error)
            except StopIteration:
                self.ended = True
                return
            except asyncio.CancelledError:
                assert steps > self._step
                return
            is_due = steps == self._step
            steps += 1
            if is_due and waits_for is not None and not self._once_ready:
                waits_for.cancel()
            error = None
            try:
                yield waits_for
            except BaseException as ended_with:  # what the wait ended with is for the work to see
                error = ended_with
            if is_due:
                error = asyncio.CancelledError()


async def survives(transport: PooledTransport, work: Callable[[], Coroutine[Any, Any, Any]], after: Callable[[], Awaitable[None]]) -> int:
    """Cancel `work` at each of its steps in turn; `after` must work after each. The number of steps there were."""
    for once_ready in (False, True):
        for step in range(MOST_STEPS):
            attempt = CancelledAt(work(), step, once_ready=once_ready)
            await attempt
            if attempt.ended:
                break
            assert (transport.in_use, transport.waiting) == (0, 0), (step, once_ready)
            await after()
            assert (transport.in_use, transport.waiting) == (0, 0), (step, once_ready)
        else:
            raise AssertionError("it never came to its end")
    return step


def call(server: RawServer, method: str = "GET") -> RestRequest:
    scheme = server.url.partition(":")[0]
    return RestRequest(method, "/api/v3/order", "", Route(f"{scheme}://127.0.0.1:{server.port}", {}), Lane.ORDERS, 10.0)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("kept", [False, True], ids=["new", "kept"])
@on_both_loops
async def test_a_request_can_be_cancelled_at_every_step(secure: bool, kept: bool, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext):
    async with (
        RawServer(forever, server_tls if secure else None) as server,
        PooledTransport(max_connections=1, max_keepalive=int(kept), ssl_context=client_tls) as transport,
    ):

        async def works() -> None:
            assert (await transport.fetch(call(server))).body == b"ok"

        await works()
        assert await survives(transport, lambda: transport.fetch(call(server, "POST")), works) >= 1


@on_both_loops
async def test_a_request_can_be_cancelled_at_every_step_of_its_wait_in_the_pool():
    async with RawServer(forever) as server, PooledTransport(max_connections=1) as transport:

        async def works() -> None:
            assert (await transport.fetch(call(server))).body == b"ok"

        async def waits() -> None:
            first = asyncio.create_task(transport.fetch(call(server)))
            try:
                await asyncio.sleep(0)
                await transport.fetch(call(server, "POST"))
            finally:
                assert (await first).body == b"ok"

        assert await survives(transport, waits, works) >= 2


@on_both_loops
async def test_the_second_try_of_a_read_can_be_cancelled_at_every_step():
    async def behave(peer: Peer) -> None:
        await peer.request()
        peer.send(OK)
        await peer.request()  # and dies without an answer, so that a read is sent again

    async with RawServer(behave) as server, PooledTransport(max_connections=1) as transport:

        async def works() -> None:
            assert (await transport.fetch(call(server))).body == b"ok"

        async def dies_and_is_sent_again() -> None:
            await works()
            await works()

        assert await survives(transport, dies_and_is_sent_again, works) >= 3


@asynccontextmanager
async def price_server() -> AsyncIterator[RawServer]:
    bodies = {
        b"/api/v3/time": b'{"serverTime":1764000000000}',
        b"/api/v3/ticker/price": b'{"symbol":"BTCUSDT","price":"1.5"}',
        b"/api/v3/account": b'{"balances":[],"canTrade":true,"commissionRates":{"maker":"0","taker":"0"},"updateTime":1}',
    }

    async def behave(peer: Peer) -> None:
        while True:
            path = (await peer.request()).split()[1].partition(b"?")[0]
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(bodies[path]), bodies[path]))

    async with RawServer(behave) as server:
        yield server


@on_both_loops
async def test_a_call_of_the_client_can_be_cancelled_at_every_step():
    async with price_server() as server:
        transport = PooledTransport(max_connections=1, max_keepalive=0)
        connection = Connection(f"http://127.0.0.1:{server.port}", transport, WallClock(), KEY, SECRET)
        async with AsyncBinanceClient(connection) as client:

            async def works() -> None:
                assert await client.get_latest_price("BTCUSDT") > 0

            async def measured_and_asked() -> None:
                await client.sync_clock()
                await client.get_account()
                await works()

            assert await survives(transport, measured_and_asked, works) >= 7


@on_both_loops
async def test_the_pool_that_httpx_brings_is_stuck_for_good_after_a_cancellation():
    """Why there is a pool of our own (decision 1). Should this fail one day, httpx has mended it."""
    async with RawServer(forever) as server:
        stuck = []
        for step in range(MOST_STEPS):
            async with httpx.AsyncClient(limits=httpx.Limits(max_connections=1), trust_env=False) as client:
                await client.get(server.url)
                attempt = CancelledAt(client.get(server.url), step, once_ready=False)
                await attempt
                if attempt.ended:
                    break
                try:
                    await client.get(server.url, timeout=httpx.Timeout(5, pool=0.2))
                except httpx.PoolTimeout:
                    stuck.append(step)
        assert stuck != []
