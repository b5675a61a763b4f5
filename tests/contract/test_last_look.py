"""A halt while an order waits for its connection: no byte of the order leaves."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from urllib.parse import parse_qsl

import pytest
from misbehaving_server import Peer, RawServer, on_both_loops
from scripted_venue import FAR_DEADLINE_MS, KEY, SECRET, intent

from binance_trade_agent.async_binance_client import AsyncBinanceClient, Connection
from binance_trade_agent.binance.http.transport import PooledTransport
from binance_trade_agent.binance.limits.rate_limit import LimitKind
from binance_trade_agent.domain.errors import FateUnknownError, NotSentError
from binance_trade_agent.domain.order import OrderType, Purpose, Side
from binance_trade_agent.domain.protection import Guard
from binance_trade_agent.simulation.clocks import WallClock

FAR_MS = FAR_DEADLINE_MS * 10


class Server:
    """Answers a read when it is told to, and remembers all that came."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.may_answer = asyncio.Event()
        self.has_request = asyncio.Event()

    async def behave(self, peer: Peer) -> None:
        while True:
            self.requests.append(await peer.request())
            self.has_request.set()
            await self.may_answer.wait()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def client_of(server: RawServer, transport: PooledTransport) -> AsyncBinanceClient:
    base = f"http://127.0.0.1:{server.port}"
    return AsyncBinanceClient(Connection(base, transport, WallClock(), api_key=KEY, api_secret=SECRET, shares_clock=True))


class Halt:
    """The gate of an agent."""

    def __init__(self) -> None:
        self.is_on = False
        self.asked = 0

    def look(self) -> None:
        self.asked += 1
        if self.is_on:
            raise NotSentError("stopped at the gate")


def _order(client: AsyncBinanceClient, halt: Halt) -> Awaitable[object]:
    return client.place_order(intent(), send_deadline_ms=FAR_MS, last_look=halt.look)


def _pair(client: AsyncBinanceClient, halt: Halt) -> Awaitable[object]:
    leg = partial(intent, side=Side.SELL, purpose=Purpose.EXIT, list_id="bta-a1-p2")
    profit = leg(client_order_id="bta-a1-2", type=OrderType.LIMIT_MAKER, price=Decimal(51_000))
    stop = leg(client_order_id="bta-a1-3", type=OrderType.STOP_LOSS, stop_price=Decimal(49_000))
    pair = Guard(stop, profit)
    return client.protective_orders.place(pair, send_deadline_ms=FAR_MS, last_look=halt.look)


@pytest.mark.parametrize("halted", [True, False])
@pytest.mark.parametrize("place", [_order, _pair])
@on_both_loops
async def test_an_order_that_waits_for_a_connection_leaves_only_if_it_may_then(
    place: Callable[[AsyncBinanceClient, Halt], Awaitable[object]], halted: bool
) -> None:
    far, halt = Server(), Halt()
    async with RawServer(far.behave) as server, client_of(server, PooledTransport(max_connections=1)) as client:
        await client.sync_clock()
        reading = asyncio.ensure_future(client.ping())
        await far.has_request.wait()
        order = asyncio.ensure_future(place(client, halt))
        await asyncio.sleep(0.02)
        assert halt.asked == 0  # it has no connection yet
        halt.is_on = halted
        freed_ms = WallClock().now_ms()
        far.may_answer.set()
        await asyncio.wait([reading, order])
        assert (halt.asked, reading.exception()) == (1, None)
        orders = [request for request in far.requests if b"ClientOrderId" in request]
        if halted:
            assert orders == []
            assert isinstance(order.exception(), NotSentError)
            assert "stopped at the gate" in str(order.exception())
            assert client._rest.governor.used(LimitKind.ORDERS) == 0
        else:
            assert isinstance(order.exception(), FateUnknownError)  # "{}" is no answer to an order
            query = dict(parse_qsl(orders[0].split()[1].decode().partition("?")[2]))
            assert int(query["timestamp"]) >= freed_ms  # stamped when it had its connection, not when it was asked for
