"""Our client on the WebSocket faces of the simulated exchange: streams at the pace of the demo, orders, account events, and faults."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from recorder import Recorder
from scripted_venue import intent

from binance_trade_agent.async_binance_client import AsyncBinanceClient, Connection
from binance_trade_agent.binance.connection import OrderEntry
from binance_trade_agent.binance.http.transport import PooledTransport
from binance_trade_agent.binance.streams.bounds import StreamBounds
from binance_trade_agent.binance.streams.events import CandleEvent, DepthEvent, TradeEvent
from binance_trade_agent.binance.streams.market_streams import MarketStreams
from binance_trade_agent.domain.errors import FateUnknownError
from binance_trade_agent.domain.facts import ApiSessionChanged
from binance_trade_agent.simulation.clocks import ScaledClock
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.faults.kinds import FaultKind, Garbage
from binance_trade_agent.simulation.faults.plan import Fault
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket
from binance_trade_agent.simulation.rest.http_server import RunningServer, serve

KEY, SECRET = "key-of-the-tests-0123456789", "secret-of-the-tests-9876543210"
START_MS = 1_790_000_040_000
SPEED = 120
PATIENCE_S = 30.0


@asynccontextmanager
async def demo_exchange(secret: str = SECRET) -> AsyncIterator[tuple[SimulatedExchange, RunningServer]]:
    exchange = SimulatedExchange(SyntheticMarket(["BTCUSDT", "ETHUSDT"], 7), ScaledClock(SPEED, START_MS))
    exchange.open_account(KEY, secret, {"USDT": Decimal(100_000)})
    server = await serve(exchange)
    try:
        yield exchange, server
    finally:
        await server.close()
        exchange.close()


async def until(condition: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for happens at the other end of a socket
            await asyncio.sleep(0.01)


class Listener:
    """Keeps what a stream brings."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.gaps: list[Any] = []

    def on_event(self, stream: str, event: Any) -> None:
        self.events.append(event)

    def on_gap(self, streams: Any) -> None:
        self.gaps.append(sorted(streams))

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def closed(self) -> list[int]:
        return [event.candle.open_time_ms for event in self.of(CandleEvent) if event.is_closed]


@asynccontextmanager
async def listening(exchange: SimulatedExchange, server: RunningServer, *streams: str) -> AsyncIterator[tuple[MarketStreams, Listener]]:
    listener = Listener()
    client = MarketStreams(
        f"ws://127.0.0.1:{server.port}",
        listener,
        server_ms=exchange.clock.now_ms,
        random=Random(1),
        bounds=StreamBounds(message_interval_s=0.25),
    )
    try:
        await client.subscribe(streams)
        yield client, listener
    finally:
        await client.close()


async def test_streams_at_the_pace_of_the_demo_leave_nothing_out():
    async with demo_exchange() as (exchange, server):
        names = ["btcusdt@kline_1m", "btcusdt@trade", "btcusdt@depth@100ms"]
        async with listening(exchange, server, *names) as (client, listener):
            assert all(client.is_live(name) for name in names)
            await until(lambda: len(listener.closed()) >= 4)
        assert all(after == before + 60_000 for before, after in pairwise(listener.closed()))
        assert any(not event.is_closed for event in listener.of(CandleEvent))
        assert all(after.trade_id == before.trade_id + 1 for before, after in pairwise(listener.of(TradeEvent)))
        assert all(after.first_update_id == before.final_update_id + 1 for before, after in pairwise(listener.of(DepthEvent)))
        assert listener.gaps == []


@pytest.mark.parametrize("fault", ["cut", "refused", "garbage"])
async def test_a_lost_connection_is_replaced_and_its_gap_told_once(fault):
    async with demo_exchange() as (exchange, server), listening(exchange, server, "btcusdt@trade") as (client, listener):
        await until(lambda: listener.events)
        if fault == "refused":
            server.sockets.faults.append(Fault(FaultKind.REFUSE_UPGRADE, "/stream"))
        if fault == "garbage":
            server.sockets.send_garbage(Garbage.BROKEN_FRAME)
        else:
            server.sockets.cut()
        await until(lambda: listener.gaps)
        seen = len(listener.events)
        await until(lambda: len(listener.events) > seen)
        assert client.is_live("btcusdt@trade")
        assert listener.gaps == [["btcusdt@trade"]]
        assert len(server.sockets.faults) == 0


async def test_an_announced_shutdown_is_left_without_a_gap():
    async with demo_exchange() as (exchange, server), listening(exchange, server, "btcusdt@trade") as (client, listener):
        await until(lambda: listener.events)
        server.sockets.announce_shutdown()
        await until(lambda: server.sockets.connections == 2)
        await until(lambda: server.sockets.connections == 1)
        assert client.is_live("btcusdt@trade")
        ids = [event.trade_id for event in listener.of(TradeEvent)]
        assert listener.gaps == []
        assert ids == list(range(ids[0], ids[0] + len(ids)))


class Heard:
    """Keeps the orders, fills and gaps that an account stream tells of."""

    def __init__(self) -> None:
        self.orders: list[Any] = []
        self.fills: list[Any] = []
        self.gaps: list[str] = []

    def on_order(self, report: Any) -> None:
        self.orders.append(report)

    def on_fill(self, fill: Any) -> None:
        self.fills.append(fill)

    def on_balances(self, balances: Any) -> None: ...

    def on_external_change(self, change: Any) -> None: ...

    def on_gap(self, reason: str) -> None:
        self.gaps.append(reason)


@asynccontextmanager
async def trading(
    exchange: SimulatedExchange, server: RunningServer, secret: str = SECRET
) -> AsyncIterator[tuple[AsyncBinanceClient, Heard]]:
    """A client with orders over the WebSocket API, whose session is live, and what its account stream tells."""
    observer, heard = Recorder(), Heard()
    connection = Connection(
        f"http://127.0.0.1:{server.port}",
        PooledTransport(),
        exchange.clock,
        KEY,
        secret,
        observer=observer,
        shares_clock=True,
        recv_window_ms=60_000,
        websocket_api_url=f"ws://127.0.0.1:{server.port}/ws-api/v3",
        order_entry=OrderEntry.WEBSOCKET,
    )
    async with AsyncBinanceClient(connection) as client:
        await client.sync_clock()
        stream = client.user_data_stream(heard)
        task = asyncio.ensure_future(stream.run())
        await until(lambda: stream.is_live and any(fact.is_live for fact in observer.of(ApiSessionChanged)))
        yield client, heard
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def pem() -> str:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize("kind", ["HMAC", "Ed25519"])
async def test_an_order_goes_and_comes_back_as_answer_and_as_event(kind):
    secret = SECRET if kind == "HMAC" else pem()
    async with demo_exchange(secret) as (exchange, server), trading(exchange, server, secret) as (client, heard):
        report = await client.place_order(intent(), send_deadline_ms=exchange.clock.now_ms() + 600_000)
        await until(lambda: heard.fills)
        (trade,) = exchange.trades(KEY)
        assert report.client_order_id == heard.orders[-1].client_order_id == exchange.orders(KEY)[0].client_order_id
        assert (heard.fills[0].trade_id, heard.fills[0].price, heard.fills[0].quantity) == (trade.trade_id, trade.price, trade.quantity)


@pytest.mark.parametrize(("kind", "is_executed"), [(FaultKind.CUT_EXECUTED, True), (FaultKind.ANSWER_5XX_NOT_EXECUTED, False)])
async def test_an_order_whose_answer_is_lost_is_unknown_and_told_by_its_event_if_it_was_placed(kind, is_executed):
    async with demo_exchange() as (exchange, server), trading(exchange, server) as (client, heard):
        server.sockets.faults.append(Fault(kind, "order.place"))
        with pytest.raises(FateUnknownError):
            await client.place_order(intent(), send_deadline_ms=exchange.clock.now_ms() + 600_000)
        assert [order.client_order_id for order in exchange.orders(KEY)] == ["bta-a1-1"] * is_executed
        if is_executed:
            await until(lambda: heard.fills)
            assert heard.orders[-1].client_order_id == "bta-a1-1"
