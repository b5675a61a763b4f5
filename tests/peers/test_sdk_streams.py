"""Binance's own SDK listens to market streams; nothing that comes is unknown to its models."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from exchange_program import RunningExchange
from features import Client, Feature, covers
from official_sdk import SYMBOL, known, official_sdk, streams
from waiting import within_patience

CLIENT = Client.SDK_STREAMS
D = Decimal


@pytest.fixture
async def connection(exchange: RunningExchange) -> AsyncIterator[Any]:
    async with streams(official_sdk(exchange)) as connected:
        yield connected


async def messages(subscribing: Any, count: int = 1) -> list[Any]:
    """The first `count` messages of a subscription, as the SDK's models, none with a field that these do not know."""
    handle = await subscribing
    queue: asyncio.Queue[Any] = asyncio.Queue()
    handle.on("message", queue.put_nowait)
    received = [known(await within_patience(queue.get())) for _ in range(count)]
    await handle.unsubscribe()
    return received


@covers(Feature.TRADE_STREAM, Feature.AGGREGATE_TRADE_STREAM)
async def test_trades(connection: Any) -> None:
    (trade,) = await messages(connection.trade(symbol=SYMBOL))
    assert (trade.e, trade.s) == ("trade", SYMBOL)
    (aggregate,) = await messages(connection.agg_trade(symbol=SYMBOL))
    assert (aggregate.e, D(aggregate.q) > 0) == ("aggTrade", True)


@covers(Feature.CANDLE_STREAM)
async def test_candles(connection: Any) -> None:
    (event,) = await messages(connection.kline(symbol=SYMBOL, interval="1m"))
    candle = event.k
    assert (candle.i, candle.T - candle.t) == ("1m", 59_999)
    assert D(candle.l) <= D(candle.c) <= D(candle.h)
    (shifted,) = await messages(connection.kline_offset(symbol=SYMBOL, interval="1d"))
    assert shifted.k.t % 86_400_000 == 16 * 3_600_000, "days begin at midnight in UTC+8"


@covers(Feature.MINI_TICKER_STREAM)
async def test_mini_tickers(connection: Any) -> None:
    (ticker,) = await messages(connection.mini_ticker(symbol=SYMBOL))
    assert D(ticker.l) <= D(ticker.c) <= D(ticker.h)
    (every,) = await messages(connection.all_mini_ticker())
    assert {each.s for each in every} <= {"BTCUSDT", "ETHUSDT", "BNBUSDT"}


@covers(Feature.TICKER_STREAM, Feature.WINDOW_TICKER_STREAM)
async def test_tickers(connection: Any) -> None:
    (ticker,) = await messages(connection.ticker(symbol=SYMBOL))
    assert D(ticker.b) < D(ticker.a)
    (hour,) = await messages(connection.rolling_window_ticker(symbol=SYMBOL, window_size="1h"))
    assert (hour.e, D(hour.l) <= D(hour.c) <= D(hour.h)) == ("1hTicker", True)
    (every,) = await messages(connection.all_market_rolling_window_ticker(window_size="4h"))
    assert {each.e for each in every} == {"4hTicker"}


@covers(Feature.BEST_PRICES_STREAM)
async def test_best_prices(connection: Any) -> None:
    (best,) = await messages(connection.book_ticker(symbol=SYMBOL))
    assert D(best.b) < D(best.a)


@covers(Feature.AVERAGE_PRICE_STREAM)
async def test_average_price(connection: Any) -> None:
    (average,) = await messages(connection.avg_price(symbol=SYMBOL))
    assert (average.e, average.i) == ("avgPrice", "5m")


@covers(Feature.REFERENCE_PRICE_STREAM)
async def test_reference_price(connection: Any) -> None:
    (price,) = await messages(connection.reference_price(symbol=SYMBOL))
    assert price.s == SYMBOL


@covers(Feature.PARTIAL_BOOK_STREAM, Feature.BOOK_STREAM)
async def test_order_books(connection: Any) -> None:
    (top,) = await messages(connection.partial_book_depth(symbol=SYMBOL, levels="10", update_speed="100ms"))
    assert (len(top.bids), len(top.asks)) == (10, 10)
    changes = await messages(connection.diff_book_depth(symbol=SYMBOL, update_speed="100ms"), 3)
    assert all(earlier.u + 1 == later.U for earlier, later in pairwise(changes))


@covers(Feature.COMBINED_STREAM)
async def test_several_streams_over_one_connection(connection: Any) -> None:
    handles = [await connection.book_ticker(symbol=symbol) for symbol in ("BTCUSDT", "ETHUSDT")]
    queue: asyncio.Queue[Any] = asyncio.Queue()
    for handle in handles:
        handle.on("message", queue.put_nowait)
    seen = set()
    while seen != {"BTCUSDT", "ETHUSDT"}:
        seen.add((await within_patience(queue.get())).s)
    assert set((await connection.list_subscribe())["result"]) == {"btcusdt@bookTicker", "ethusdt@bookTicker"}
