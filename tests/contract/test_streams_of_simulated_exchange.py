"""Every kind of stream over a real socket from the simulated exchange, and local order books that agree with its REST face."""

import asyncio
from collections import Counter
from collections.abc import Collection
from random import Random

from far_side import FarSide, far_side
from recorder import Recorder
from scripted_streams import Ear

from binance_trade_agent.binance.streams import stream_names
from binance_trade_agent.binance.streams.market_stream import StreamListener
from binance_trade_agent.binance.streams.market_streams import MarketStreams
from binance_trade_agent.binance.streams.order_book_keeper import OrderBookKeeper
from binance_trade_agent.binance.streams.stream_names import StreamKind, parse_stream
from binance_trade_agent.domain.stream_facts import OrderBookLost, StreamLatency

PATIENCE_S = 30.0


async def until(condition) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in a server that offers no event
            await asyncio.sleep(0.02)


def streams_of(side: FarSide, listener: StreamListener, recorder: Recorder) -> MarketStreams:
    return MarketStreams(
        side.url.replace("http://", "ws://"), listener, server_ms=side.exchange.clock.now_ms, random=Random(1), observer=recorder
    )


def every_kind(symbol: str) -> Collection[str]:
    return [
        stream_names.kline_stream(symbol, "1m"),
        stream_names.kline_stream(symbol, "1h"),
        stream_names.trade_stream(symbol),
        stream_names.aggregate_trade_stream(symbol),
        stream_names.book_ticker_stream(symbol),
        stream_names.mini_ticker_stream(symbol),
        stream_names.average_price_stream(symbol),
        stream_names.depth_stream(symbol),
        stream_names.depth_stream(symbol, is_fast=True),
    ]


async def test_every_kind_of_stream_brings_events():
    ear, recorder = Ear(), Recorder()
    async with far_side() as side:
        streams = streams_of(side, ear, recorder)
        names = [*every_kind("BTCUSDT"), *every_kind("ETHUSDT")]
        await streams.subscribe(names)
        assert all(streams.is_live(name) for name in names)
        await until(lambda: {name for name, _ in ear.events} == set(names))
        await streams.close()
    counts = Counter(parse_stream(name).kind for name, _ in ear.events)
    assert set(counts) == set(StreamKind)
    assert all(event.symbol == parse_stream(name).symbol for name, event in ear.events)
    assert all(abs(fact.latency_ms) < 10_000 for fact in recorder.of(StreamLatency))
    assert ear.gaps == []


async def test_local_order_books_agree_with_what_the_exchange_says_by_rest():
    recorder = Recorder()
    async with far_side() as side, side.by_hand() as client:
        keeper = OrderBookKeeper(client.get_order_book, random=Random(2), observer=recorder)
        streams = streams_of(side, keeper, recorder)
        keeper.follow_on(streams)
        await keeper.keep(["BTCUSDT", "ETHUSDT"])
        await until(lambda: keeper.is_live("BTCUSDT") and keeper.is_live("ETHUSDT"))
        book = keeper.book("BTCUSDT")
        compared = 0
        async with asyncio.timeout(PATIENCE_S):
            while compared < 3:
                told = await client.get_order_book("BTCUSDT", 1_000)
                if book.last_update_id == told.last_update_id:
                    held = book.top(1_000)
                    assert (held.bids, held.asks) == (told.bids, told.asks)
                    compared += 1
                await asyncio.sleep(0.05)
        assert recorder.of(OrderBookLost) == []
        await keeper.close()
        await streams.close()
