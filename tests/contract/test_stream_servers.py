"""MarketStreams over real sockets, against a server that is not ours: subscribe, hear, lose, come back, replace, and leave nothing."""

import asyncio
import gc
import json
import os
from contextlib import asynccontextmanager, suppress
from random import Random

from misbehaving_server import on_both_loops
from recorder import Recorder
from scripted_streams import Ear, frame, trade
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from binance_trade_agent.binance.streams.bounds import StreamBounds
from binance_trade_agent.binance.streams.market_streams import MarketStreams
from binance_trade_agent.domain.stream_facts import StreamsInterrupted, StreamsRotated

BTC, COIN = "btcusdt@trade", "币安人生usdt@trade"


class StreamServer:
    """Answers subscriptions, and publishes a trade of every stream a few hundred times a second."""

    def __init__(self) -> None:
        self.connections: list[ServerConnection] = []
        self.paths: list[str] = []
        self.number = 0
        self._subscribed: dict[ServerConnection, list[str]] = {}

    async def serve(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        self.paths.append(connection.request.path)
        self._subscribed[connection] = []
        try:
            async for message in connection:
                request = json.loads(message)
                assert request["method"] == "SUBSCRIBE"
                self._subscribed[connection] += request["params"]
                await connection.send(json.dumps({"result": None, "id": request["id"]}))
        finally:
            del self._subscribed[connection]

    async def publish(self) -> None:
        while True:
            self.number += 1
            for connection, names in list(self._subscribed.items()):
                for name in names:
                    symbol = name.partition("@")[0].upper()
                    with suppress(ConnectionClosed):
                        await connection.send(frame(name, trade(symbol, self.number)).decode())
            await asyncio.sleep(0.003)


@asynccontextmanager
async def streaming(**bounds):
    server, ear, recorder = StreamServer(), Ear(), Recorder()
    async with serve(server.serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        publishing = asyncio.create_task(server.publish())
        before = asyncio.all_tasks()
        streams = MarketStreams(
            f"ws://127.0.0.1:{port}/", ear, server_ms=lambda: 0, random=Random(3), observer=recorder, bounds=StreamBounds(**bounds)
        )
        try:
            yield server, streams, ear, recorder
        finally:
            await streams.close()
            heard = len(ear.events)
            publishing.cancel()
            assert {task for task in asyncio.all_tasks() - before if "websockets" not in repr(task)} == set()
            await asyncio.sleep(0.02)
            assert len(ear.events) == heard


async def until(condition) -> None:
    while not condition():  # noqa: ASYNC110 - what is waited for happens in a server that offers no event
        await asyncio.sleep(0.005)


def numbers(ear: Ear, name: str) -> list[int]:
    return [event.trade_id for event in ear.of(name)]


@on_both_loops
async def test_events_come_in_order_and_again_after_the_connection_was_lost():
    async with streaming() as (server, streams, ear, recorder):
        await streams.subscribe([BTC, COIN])
        assert server.paths == ["/stream"]
        await until(lambda: len(ear.events) > 20)
        server.connections[0].transport.abort()
        await until(lambda: not streams.is_live(BTC))
        await until(lambda: streams.is_live(BTC) and streams.is_live(COIN))
        assert [sorted(names) for names in ear.gaps] == [sorted([BTC, COIN])]
        heard = len(ear.events)
        await until(lambda: len(ear.events) > heard + 20)
        for name in (BTC, COIN):
            seen = numbers(ear, name)
            assert seen == sorted(set(seen))
        assert len(recorder.of(StreamsInterrupted)) == 1


@on_both_loops
async def test_a_replacement_under_full_traffic_loses_and_doubles_nothing():
    async with streaming(rotate_after_s=0.3, rotate_jitter_s=0.1, overlap_s=0.2) as (server, streams, ear, recorder):
        await streams.subscribe([BTC, COIN])
        await until(lambda: len(recorder.of(StreamsRotated)) == 3)
        for name in (BTC, COIN):
            seen = numbers(ear, name)
            assert seen == list(range(seen[0], seen[-1] + 1))
        assert ear.gaps == []
        assert recorder.of(StreamsInterrupted) == []
        assert len(server.connections) == 4


@on_both_loops
async def test_coming_and_going_leaves_no_descriptor_behind():
    def descriptors() -> int:
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    async with streaming() as (server, streams, ear, _):
        await streams.subscribe([BTC])
        await streams.close()
        await until(lambda: not server._subscribed)
        before = descriptors()
    for _ in range(5):
        async with streaming() as (server, streams, ear, _):
            await streams.subscribe([BTC])
            await until(lambda: ear.events)
            if server.number % 2:
                server.connections[0].transport.abort()
            await streams.close()
            await until(lambda: not server._subscribed)
            assert descriptors() <= before + 1
