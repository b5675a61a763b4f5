"""Binance's own SDK reads market and account by REST; nothing that comes back is unknown to its models."""

from decimal import Decimal
from itertools import pairwise

import pytest
from binance_sdk_spot.spot import Spot
from exchange_program import RunningExchange
from features import Client, Feature, covers
from official_sdk import SYMBOL, known, official_sdk, rule

CLIENT = Client.SDK_REST
D = Decimal


@pytest.fixture
def sdk(exchange: RunningExchange) -> Spot:
    return official_sdk(exchange)


@covers(Feature.TIME)
def test_time_and_ping(sdk: Spot) -> None:
    answer = sdk.rest_api.time()
    assert known(answer.data()).server_time > 0
    assert [(limit.rateLimitType, limit.interval, limit.intervalNum) for limit in answer.rate_limits] == [("REQUEST_WEIGHT", "MINUTE", 1)]
    assert sdk.rest_api.ping().status == 200


@covers(Feature.MARKETS)
def test_symbols_and_their_rules(sdk: Spot) -> None:
    info = known(sdk.rest_api.exchange_info(symbols=["BTCUSDT", "ETHUSDT"]).data())
    assert [each.symbol for each in info.symbols] == ["BTCUSDT", "ETHUSDT"]
    assert {each.rate_limit_type for each in info.rate_limits} == {"REQUEST_WEIGHT", "ORDERS", "RAW_REQUESTS"}
    bitcoin = info.symbols[0]
    assert (bitcoin.status, bitcoin.base_asset, bitcoin.quote_asset) == ("TRADING", "BTC", "USDT")
    assert D(rule(bitcoin, "LOT_SIZE").step_size) > 0
    assert D(rule(bitcoin, "PRICE_FILTER").tick_size) > 0
    assert len(known(sdk.rest_api.exchange_info().data()).symbols) == 3
    assert len(known(sdk.rest_api.exchange_info(symbol_status="TRADING").data()).symbols) == 3


@covers(Feature.BOOK)
def test_order_book(sdk: Spot) -> None:
    book = known(sdk.rest_api.depth(symbol=SYMBOL, limit=20).data())
    assert len(book.bids) == len(book.asks) == 20
    assert all(D(better[0]) > D(worse[0]) for better, worse in pairwise(book.bids))
    assert D(book.bids[0][0]) < D(book.asks[0][0])


@covers(Feature.TRADES, Feature.AGGREGATE_TRADES)
def test_trades(sdk: Spot) -> None:
    recent = known(sdk.rest_api.get_trades(symbol=SYMBOL, limit=5).data())
    assert known(sdk.rest_api.historical_trades(symbol=SYMBOL, from_id=recent[0].id, limit=5).data())[0].price == recent[0].price
    aggregate = known(sdk.rest_api.agg_trades(symbol=SYMBOL, limit=5).data())
    assert [later.a - earlier.a for earlier, later in pairwise(aggregate)] == [1] * 4
    assert known(sdk.rest_api.agg_trades(symbol=SYMBOL, from_id=aggregate[2].a, limit=2).data()) == aggregate[2:4]


@covers(Feature.CANDLES)
def test_candles(sdk: Spot) -> None:
    for ask in (sdk.rest_api.klines, sdk.rest_api.ui_klines):
        candles = ask(symbol=SYMBOL, interval="5m", limit=4).data()
        assert [int(later[0]) - int(earlier[0]) for earlier, later in pairwise(candles)] == [300_000] * 3
    shifted = sdk.rest_api.klines(symbol=SYMBOL, interval="1d", limit=2, time_zone="+05:45").data()
    assert int(shifted[0][0]) % 86_400_000 == 86_400_000 - 5 * 3_600_000 - 45 * 60_000


@covers(Feature.SECOND_CANDLES)
def test_candles_of_a_second(sdk: Spot) -> None:
    candles = sdk.rest_api.klines(symbol=SYMBOL, interval="1s", limit=4).data()
    assert [int(later[0]) - int(earlier[0]) for earlier, later in pairwise(candles)] == [1_000] * 3


@covers(Feature.AVERAGE_PRICE)
def test_average_price(sdk: Spot) -> None:
    average = known(sdk.rest_api.avg_price(symbol=SYMBOL).data())
    assert D(average.price) > 0
    assert average.close_time > 0


@covers(Feature.DAY_TICKER, Feature.TRADING_DAY_TICKER, Feature.WINDOW_TICKER)
def test_tickers(sdk: Spot) -> None:
    for ask in (sdk.rest_api.ticker24hr, sdk.rest_api.ticker_trading_day, sdk.rest_api.ticker):
        one = known(ask(symbol=SYMBOL).data())
        assert D(one.low_price) <= D(one.last_price) <= D(one.high_price)
        assert D(one.price_change) == D(one.last_price) - D(one.open_price)
        assert [each.symbol for each in known(ask(symbols=["BTCUSDT", "ETHUSDT"]).data())] == ["BTCUSDT", "ETHUSDT"]
        assert known(ask(symbol=SYMBOL, type="MINI").data()).symbol == SYMBOL
    assert len(known(sdk.rest_api.ticker24hr().data())) == 3
    hour = known(sdk.rest_api.ticker(symbol=SYMBOL, window_size="1h").data())
    assert hour.close_time - hour.open_time <= 3_660_000


@covers(Feature.LAST_PRICE, Feature.BEST_PRICES)
def test_prices(sdk: Spot) -> None:
    assert D(known(sdk.rest_api.ticker_price(symbol=SYMBOL).data()).price) > 0
    assert len(known(sdk.rest_api.ticker_price().data())) == 3
    best = known(sdk.rest_api.ticker_book_ticker(symbol=SYMBOL).data())
    assert D(best.bid_price) < D(best.ask_price)
    assert len(known(sdk.rest_api.ticker_book_ticker(symbols=["BTCUSDT", "BNBUSDT"]).data())) == 2


@covers(Feature.REFERENCE_PRICE)
def test_reference_price_and_execution_rules(sdk: Spot) -> None:
    assert D(known(sdk.rest_api.reference_price(symbol=SYMBOL).data()).reference_price) > 0
    assert known(sdk.rest_api.reference_price_calculation(symbol=SYMBOL).data()).symbol == SYMBOL
    assert [each.symbol for each in known(sdk.rest_api.execution_rules(symbol=SYMBOL).data()).symbol_rules] == [SYMBOL]


@covers(Feature.BALANCES)
def test_balances(sdk: Spot) -> None:
    account = known(sdk.rest_api.get_account(omit_zero_balances=True).data())
    assert (account.account_type, account.can_trade) == ("SPOT", True)
    assert all(D(each.free) + D(each.locked) > 0 for each in account.balances)
    assert "USDT" in [each.asset for each in account.balances]
    everything = known(sdk.rest_api.get_account(omit_zero_balances=False).data())
    assert {"BTC", "ETH", "BNB", "USDT"} <= {each.asset for each in everything.balances}


@covers(Feature.COMMISSION)
def test_commission_rates(sdk: Spot) -> None:
    rates = known(sdk.rest_api.account_commission(symbol=SYMBOL).data())
    assert D(rates.standard_commission.taker) > 0
    assert rates.discount.discount_asset == "BNB"


@covers(Feature.ORDER_COUNTS)
def test_order_counts(sdk: Spot) -> None:
    counts = known(sdk.rest_api.rate_limit_order().data())
    assert [(each.interval, each.count) for each in counts] == [("SECOND", 0), ("DAY", 0)]


@covers(Feature.MY_FILTERS)
def test_filters_of_the_account(sdk: Spot) -> None:
    filters = known(sdk.rest_api.my_filters(symbol=SYMBOL).data())
    assert filters.symbol_filters
