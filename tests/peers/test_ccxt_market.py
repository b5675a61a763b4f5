"""ccxt reads the market and the account."""

from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
from ccxt_exchange import SYMBOL, ccxt_binance
from exchange_program import RunningExchange
from features import Client, Feature, covers

CLIENT = Client.CCXT
MINUTE_MS = 60_000


@pytest.fixture
async def client(exchange: RunningExchange) -> AsyncIterator[Any]:
    async with ccxt_binance(exchange) as connected:
        yield connected


@covers(Feature.TIME)
async def test_the_time_is_the_present(client: Any) -> None:
    assert abs(await client.fetch_time() - client.milliseconds()) < MINUTE_MS
    assert await client.public_get_ping() == {}


@covers(Feature.MARKETS)
async def test_markets_are_spot_markets_with_steps_and_bounds(client: Any) -> None:
    assert {"BTC/USDT", "ETH/USDT", "BNB/USDT"} == set(client.markets)
    market = client.market(SYMBOL)
    assert (market["spot"], market["active"], market["type"]) == (True, True, "spot")
    assert 0 < market["precision"]["price"] < 1
    assert 0 < market["precision"]["amount"] < 1
    assert market["limits"]["amount"]["min"] > 0
    assert market["limits"]["cost"]["min"] > 0


@covers(Feature.BOOK)
async def test_the_order_book_is_sorted_and_numbered(client: Any) -> None:
    book = await client.fetch_order_book(SYMBOL, 10)
    assert len(book["bids"]) == len(book["asks"]) == 10
    assert all(better[0] > worse[0] for better, worse in pairwise(book["bids"]))
    assert all(better[0] < worse[0] for better, worse in pairwise(book["asks"]))
    assert book["bids"][0][0] < book["asks"][0][0]
    assert book["nonce"] > 0


@covers(Feature.AGGREGATE_TRADES)
async def test_trades_are_aggregate_ones_by_default(client: Any) -> None:
    trades = await client.fetch_trades(SYMBOL, limit=20)
    assert len(trades) == 20
    assert all(int(later["id"]) == int(earlier["id"]) + 1 for earlier, later in pairwise(trades))
    assert all(trade["cost"] > 0 and trade["side"] in {"buy", "sell"} for trade in trades)


@covers(Feature.TRADES)
async def test_trades_one_by_one(client: Any) -> None:
    trades = await client.fetch_trades(SYMBOL, limit=20, params={"fetchTradesMethod": "publicGetTrades"})
    older = await client.fetch_trades(
        SYMBOL, limit=5, params={"fetchTradesMethod": "publicGetHistoricalTrades", "fromId": int(trades[0]["id"])}
    )
    assert [trade["id"] for trade in older] == [trade["id"] for trade in trades[:5]]
    assert older[0]["price"] == trades[0]["price"]


@covers(Feature.CANDLES)
async def test_candles_are_whole_and_follow_each_other(client: Any) -> None:
    candles = await client.fetch_ohlcv(SYMBOL, "1m", limit=50)
    assert len(candles) == 50
    assert all(later[0] - earlier[0] == MINUTE_MS for earlier, later in pairwise(candles))
    for _, opened, high, low, closed, volume in candles:
        assert low <= min(opened, closed) <= max(opened, closed) <= high
        assert volume >= 0
    asked = await client.fetch_ohlcv(SYMBOL, "1m", since=candles[10][0], limit=5)
    assert asked == candles[10:15]


@covers(Feature.CANDLES)
async def test_candles_of_every_interval(client: Any) -> None:
    for interval in client.timeframes:
        if interval != "1s":
            candles = await client.fetch_ohlcv(SYMBOL, interval, limit=2)
            assert len(candles) == 2, interval


@covers(Feature.SECOND_CANDLES)
async def test_candles_of_a_second(client: Any) -> None:
    candles = await client.fetch_ohlcv(SYMBOL, "1s", limit=30)
    assert [later[0] - earlier[0] for earlier, later in pairwise(candles)] == [1_000] * 29


@covers(Feature.DAY_TICKER)
async def test_tickers_of_a_day(client: Any) -> None:
    ticker = await client.fetch_ticker(SYMBOL)
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert ticker["bid"] < ticker["ask"]
    assert ticker["baseVolume"] > 0
    assert ticker["change"] == pytest.approx(ticker["last"] - ticker["open"])
    assert set(await client.fetch_tickers()) == set(client.markets)


@covers(Feature.WINDOW_TICKER)
async def test_ticker_of_a_rolling_window(client: Any) -> None:
    ticker = client.parse_ticker(await client.public_get_ticker({"symbol": "BTCUSDT", "windowSize": "1h"}))
    assert ticker["symbol"] == SYMBOL
    assert ticker["low"] <= ticker["last"] <= ticker["high"]


@covers(Feature.TRADING_DAY_TICKER)
async def test_ticker_of_the_trading_day(client: Any) -> None:
    ticker = client.parse_ticker(await client.public_get_ticker_tradingday({"symbol": "BTCUSDT"}))
    assert ticker["symbol"] == SYMBOL
    assert ticker["low"] <= ticker["last"] <= ticker["high"]


@covers(Feature.AVERAGE_PRICE)
async def test_average_price(client: Any) -> None:
    average = await client.public_get_avgprice({"symbol": "BTCUSDT"})
    assert int(average["mins"]) == 5
    assert float(average["price"]) > 0


@covers(Feature.LAST_PRICE, Feature.BEST_PRICES)
async def test_prices(client: Any) -> None:
    last = await client.fetch_last_prices()
    assert all(last[symbol]["price"] > 0 for symbol in client.markets)
    best = await client.fetch_bids_asks([SYMBOL])
    assert best[SYMBOL]["bid"] < best[SYMBOL]["ask"]
    assert best[SYMBOL]["bidVolume"] > 0


@covers(Feature.REFERENCE_PRICE)
async def test_reference_price_and_execution_rules(client: Any) -> None:
    assert float((await client.public_get_referenceprice({"symbol": "BTCUSDT"}))["referencePrice"]) > 0
    rules = await client.public_get_executionrules({"symbol": "BTCUSDT"})
    assert [each["symbol"] for each in rules["symbolRules"]] == ["BTCUSDT"]


@covers(Feature.BALANCES)
async def test_balances(client: Any) -> None:
    balance = await client.fetch_balance()
    assert balance["USDT"]["free"] > 0
    assert balance["USDT"]["total"] == balance["USDT"]["free"] + balance["USDT"]["used"]
    assert balance["info"]["accountType"] == "SPOT"


@covers(Feature.COMMISSION, Feature.ORDER_COUNTS)
async def test_rates_and_counts_by_the_endpoints_own_names(client: Any) -> None:
    rates = await client.private_get_account_commission({"symbol": "BTCUSDT"})
    assert float(rates["standardCommission"]["taker"]) > 0
    counts = await client.private_get_ratelimit_order()
    assert [count["interval"] for count in counts] == ["SECOND", "DAY"]
