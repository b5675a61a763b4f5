"""python-binance reads the market and the account."""

from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import pairwise

import pytest
from binance import AsyncClient
from exchange_program import RunningExchange
from features import Client, Feature, covers
from python_binance import SYMBOL, python_binance

CLIENT = Client.PYTHON_BINANCE
D = Decimal
MINUTE_MS = 60_000


@pytest.fixture
async def client(exchange: RunningExchange) -> AsyncIterator[AsyncClient]:
    async with python_binance(exchange) as connected:
        yield connected


@covers(Feature.TIME)
async def test_time_and_ping(client: AsyncClient) -> None:
    assert await client.ping() == {}
    assert (await client.get_server_time())["serverTime"] > 0
    assert abs(client.timestamp_offset) < MINUTE_MS


@covers(Feature.MARKETS)
async def test_symbols_and_their_rules(client: AsyncClient) -> None:
    info = await client.get_exchange_info()
    assert {each["symbol"] for each in info["symbols"]} == {"BTCUSDT", "ETHUSDT", "BNBUSDT"}
    assert {each["rateLimitType"] for each in info["rateLimits"]} >= {"REQUEST_WEIGHT", "ORDERS"}
    symbol = await client.get_symbol_info(SYMBOL)
    assert symbol is not None
    assert (symbol["status"], symbol["baseAsset"], symbol["quoteAsset"]) == ("TRADING", "BTC", "USDT")
    assert {"PRICE_FILTER", "LOT_SIZE"} <= {each["filterType"] for each in symbol["filters"]}


@covers(Feature.BOOK)
async def test_order_book(client: AsyncClient) -> None:
    for limit in (5, 100):
        book = await client.get_order_book(symbol=SYMBOL, limit=limit)
        assert len(book["bids"]) <= limit
        assert all(D(better[0]) > D(worse[0]) for better, worse in pairwise(book["bids"]))
        assert D(book["bids"][0][0]) < D(book["asks"][0][0])


@covers(Feature.TRADES)
async def test_trades(client: AsyncClient) -> None:
    recent = await client.get_recent_trades(symbol=SYMBOL, limit=10)
    assert [later["id"] - earlier["id"] for earlier, later in pairwise(recent)] == [1] * 9
    assert await client.get_historical_trades(symbol=SYMBOL, fromId=recent[0]["id"], limit=10) == recent


@covers(Feature.AGGREGATE_TRADES)
async def test_aggregate_trades(client: AsyncClient) -> None:
    trades = await client.get_aggregate_trades(symbol=SYMBOL, limit=10)
    assert [later["a"] - earlier["a"] for earlier, later in pairwise(trades)] == [1] * 9
    walked = []
    async for trade in client.aggregate_trade_iter(SYMBOL, last_id=trades[0]["a"]):
        walked.append(trade)
        if len(walked) == 5:
            break
    assert walked == trades[1:6]


@covers(Feature.CANDLES)
async def test_candles(client: AsyncClient) -> None:
    candles = await client.get_klines(symbol=SYMBOL, interval="1m", limit=20)
    assert [later[0] - earlier[0] for earlier, later in pairwise(candles)] == [MINUTE_MS] * 19
    assert all(len(candle) == 12 and candle[6] == candle[0] + MINUTE_MS - 1 for candle in candles)
    assert len(await client.get_historical_klines(SYMBOL, "1h", "2 days ago UTC")) in {48, 49}
    walked = [each async for each in await client.get_historical_klines_generator(SYMBOL, "1m", "30 minutes ago UTC")]
    assert len(walked) in {30, 31}


@covers(Feature.CANDLES)
async def test_candles_for_pictures(client: AsyncClient) -> None:
    assert len(await client.get_ui_klines(symbol=SYMBOL, interval="5m", limit=7)) == 7


@covers(Feature.SECOND_CANDLES)
async def test_candles_of_a_second(client: AsyncClient) -> None:
    candles = await client.get_klines(symbol=SYMBOL, interval="1s", limit=20)
    assert [later[0] - earlier[0] for earlier, later in pairwise(candles)] == [1_000] * 19


@covers(Feature.AVERAGE_PRICE)
async def test_average_price(client: AsyncClient) -> None:
    assert D((await client.get_avg_price(symbol=SYMBOL))["price"]) > 0


@covers(Feature.DAY_TICKER)
async def test_ticker_of_a_day(client: AsyncClient) -> None:
    ticker = await client.get_ticker(symbol=SYMBOL)
    assert D(ticker["lowPrice"]) <= D(ticker["lastPrice"]) <= D(ticker["highPrice"])
    assert D(ticker["priceChange"]) == D(ticker["lastPrice"]) - D(ticker["openPrice"])
    assert ticker["lastId"] - ticker["firstId"] + 1 == ticker["count"]
    assert len(await client.get_ticker()) == 3


@covers(Feature.WINDOW_TICKER)
async def test_ticker_of_a_window(client: AsyncClient) -> None:
    ticker = await client.get_symbol_ticker_window(symbol=SYMBOL, windowSize="1h")
    assert D(ticker["lowPrice"]) <= D(ticker["lastPrice"]) <= D(ticker["highPrice"])


@covers(Feature.TRADING_DAY_TICKER)
async def test_ticker_of_the_trading_day(client: AsyncClient) -> None:
    ticker = await client.v3_get_ticker_trading_day(symbol=SYMBOL)
    assert D(ticker["lowPrice"]) <= D(ticker["lastPrice"]) <= D(ticker["highPrice"])


@covers(Feature.LAST_PRICE, Feature.BEST_PRICES)
async def test_prices(client: AsyncClient) -> None:
    assert D((await client.get_symbol_ticker(symbol=SYMBOL))["price"]) > 0
    assert {each["symbol"] for each in await client.get_all_tickers()} == {"BTCUSDT", "ETHUSDT", "BNBUSDT"}
    best = await client.get_orderbook_ticker(symbol=SYMBOL)
    assert D(best["bidPrice"]) < D(best["askPrice"])
    assert len(await client.get_orderbook_tickers()) == 3


@covers(Feature.BALANCES, Feature.COMMISSION, Feature.ORDER_COUNTS)
async def test_account(client: AsyncClient) -> None:
    account = await client.get_account()
    assert (account["accountType"], account["canTrade"]) == ("SPOT", True)
    held = await client.get_asset_balance(asset="USDT")
    assert held is not None
    assert D(held["free"]) > 0
    rates = await client.v3_get_account_commission(symbol=SYMBOL)
    assert D(rates["standardCommission"]["maker"]) > 0
    assert [each["interval"] for each in await client.get_current_order_count()] == ["SECOND", "DAY"]
