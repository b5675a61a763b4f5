"""The REST face in the words of Binance's documents: shapes and error codes."""

import orjson
import pytest
from one_quote_exchange import KEY, LIMIT, SECRET, START_MS, Client, D, code_of, sign

from binance_trade_agent.domain.errors import ConfigurationError


@pytest.fixture
def client():
    client = Client()
    yield client
    client.exchange.close()


# --- public endpoints ------------------------------------------------------------------------------------------------------------------


def test_ping_and_time(client):
    assert client.get("ping") == {}
    assert client.get("time") == {"serverTime": START_MS}


def test_exchange_info_says_what_is_enforced(client):
    info = client.get("exchangeInfo", symbols='["BTCUSDT","ETHUSDT"]')
    assert {limit["rateLimitType"] for limit in info["rateLimits"]} == {"REQUEST_WEIGHT", "ORDERS", "RAW_REQUESTS"}
    btc, eth = info["symbols"]
    assert (btc["symbol"], btc["status"], btc["baseAsset"], btc["quoteAsset"]) == ("BTCUSDT", "TRADING", "BTC", "USDT")
    filters = {entry["filterType"]: entry for entry in btc["filters"]}
    assert filters["PRICE_FILTER"] == {
        "filterType": "PRICE_FILTER",
        "minPrice": "0.01000000",
        "maxPrice": "1000000.00000000",
        "tickSize": "0.01000000",
    }
    assert filters["LOT_SIZE"]["stepSize"] == "0.00100000"
    assert filters["MARKET_LOT_SIZE"]["maxQty"] == "50.00000000"
    assert filters["NOTIONAL"] == {
        "filterType": "NOTIONAL",
        "minNotional": "5.00000000",
        "applyMinToMarket": True,
        "maxNotional": "9000000.00000000",
        "applyMaxToMarket": False,
        "avgPriceMins": 5,
    }
    assert "MIN_NOTIONAL" in {entry["filterType"] for entry in eth["filters"]}


def test_exchange_info_selects_symbols(client):
    def names(**params):
        return [symbol["symbol"] for symbol in client.get("exchangeInfo", **params)["symbols"]]

    assert names() == ["BTCUSDT", "ETHUSDT", "OLDUSDT"]
    assert names(symbol="ETHUSDT") == ["ETHUSDT"]
    assert names(symbolStatus="BREAK") == ["OLDUSDT"]
    assert client.get("exchangeInfo", symbol="BTCUSDT", showPermissionSets="false")["symbols"][0]["permissionSets"] == []
    assert client.get("exchangeInfo", symbol="BTCUSDT")["symbols"][0]["permissionSets"] == [["SPOT"]]


def test_depth_shows_the_ladder_and_resting_orders(client):
    client.order(**LIMIT | {"price": "99.5", "quantity": "0.25"})
    book = client.get("depth", symbol="BTCUSDT", limit=1)
    assert book["bids"] == [["99.50000000", "1.25000000"]]
    assert book["asks"] == [["100.50000000", "1.00000000"]]
    assert isinstance(book["lastUpdateId"], int)


def test_tickers_for_one_some_and_all(client):
    assert client.get("ticker/price", symbol="BTCUSDT") == {"symbol": "BTCUSDT", "price": "100.00000000"}
    assert [entry["symbol"] for entry in client.get("ticker/price", symbols='["ETHUSDT","BTCUSDT"]')] == ["ETHUSDT", "BTCUSDT"]
    assert len(client.get("ticker/price")) == 3
    assert client.get("ticker/bookTicker", symbol="BTCUSDT") == {
        "symbol": "BTCUSDT",
        "bidPrice": "99.50000000",
        "bidQty": "1.00000000",
        "askPrice": "100.50000000",
        "askQty": "1.00000000",
    }
    assert client.get("ticker/bookTicker", symbol="OLDUSDT")["askPrice"] == "0.00000000"


def test_klines(client):
    ((open_ms, *prices, close_ms, quote_volume, trades, _, _, unused),) = client.get("klines", symbol="BTCUSDT", interval="1h")
    assert open_ms % 3_600_000 == 0
    assert close_ms == open_ms + 3_599_999
    assert prices == ["100.00000000", "101.00000000", "99.50000000", "100.00000000", "10.00000000"]
    assert (quote_volume, trades, unused) == ("1000.00000000", 3, "0")


# --- what is wrong with a request ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("ticker/price", "symbol=NONE", -1121),
        ("ticker/price", "symbol=btcusdt", -1100),
        ("ticker/price", "symbol=", -1105),
        ("ticker/price", "symbol=BTCUSDT&symbols=%5B%22BTCUSDT%22%5D", -1128),
        ("ticker/price", "symbols=%5B%22BTCUSDT%22%2C%22BTCUSDT%22%5D", -1151),
        ("ticker/price", "symbols=%5B%22BTCUSDT%22%2C%22NONE%22%5D", -1121),
        ("ticker/price", "symbols=BTCUSDT", -1135),
        ("ticker/price", "symbols=%5B1%5D", -1100),
        ("ticker/price", "symbol=BTCUSDT&symbol=BTCUSDT", -1101),
        ("ping", "a=1", -1101),
        ("depth", "symbol=BTCUSDT&colour=red", -1104),
        ("depth", "limit=5", -1102),
        ("depth", "symbol=BTCUSDT&limit=ten", -1100),
        ("depth", "symbol=BTCUSDT&limit=0", -1130),
        ("klines", "symbol=BTCUSDT", -1102),
        ("klines", "symbol=BTCUSDT&interval=7m", -1120),
        ("klines", "symbol=BTCUSDT&interval=1m&startTime=99999999999999999999", -1108),
        ("exchangeInfo", "symbolStatus=ASLEEP", -1122),
    ],
)
def test_refused_public_requests(client, path, query, code):
    answer = client.raw("GET", path, query)
    assert (answer.status, orjson.loads(answer.body)["code"]) == (400, code)


def test_unknown_paths_and_methods(client):
    assert client.raw("GET", "nothing").status == 404
    assert client.raw("PUT", "order").status == 405


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "NONE"}, -1121),
        ({"side": "HOLD"}, -1117),
        ({"side": None}, -1102),
        ({"type": "GUESS"}, -1116),
        ({"type": "STOP_LOSS"}, -1106),
        ({"timeInForce": "GTX"}, -1115),
        ({"timeInForce": None}, -1102),
        ({"price": None}, -1102),
        ({"quantity": None}, -1102),
        ({"quantity": "1,5"}, -1100),
        ({"quantity": "1.123456789"}, -1111),
        ({"quantity": "99999999999999"}, -1108),
        ({"quantity": "1.0001"}, -1013),
        ({"price": "90.001"}, -1013),
        ({"price": "0"}, -1013),
        ({"quoteOrderQty": "10"}, -1106),
        ({"type": "MARKET", "timeInForce": None}, -1106),
        ({"type": "MARKET", "price": None}, -1106),
        ({"type": "MARKET", "price": None, "timeInForce": None, "quoteOrderQty": "10"}, -1128),
        ({"type": "MARKET", "price": None, "timeInForce": None, "quantity": None}, -1102),
        ({"type": "LIMIT_MAKER"}, -1106),
        ({"newClientOrderId": "no spaces"}, -1100),
        ({"newOrderRespType": "LONG"}, -1130),
        ({"selfTradePreventionMode": "SOME"}, -1130),
        ({"icebergQty": "600"}, -1013),
        ({"icebergQty": "0.1", "timeInForce": "IOC"}, -1013),
        ({"icebergQty": "0.001"}, -1013),  # too many parts
        ({"type": "MARKET", "price": None, "timeInForce": None, "icebergQty": "0.1"}, -1106),
        ({"stopPrice": "80"}, -1106),
        ({"trailingDelta": "100"}, -1106),
        ({"type": "STOP_LOSS_LIMIT"}, -1102),
        ({"type": "STOP_LOSS_LIMIT", "timeInForce": None, "stopPrice": "80"}, -1102),
        ({"type": "STOP_LOSS_LIMIT", "trailingDelta": "5"}, -1013),
        ({"type": "STOP_LOSS_LIMIT", "stopPrice": "80.001"}, -1013),
        ({"type": "STOP_LOSS", "stopPrice": "200"}, -1106),
        ({"type": "TAKE_PROFIT", "timeInForce": None, "stopPrice": "200"}, -1106),
        ({"strategyType": "999999"}, -1134),
        ({"pegPriceType": "BEST"}, -1210),
        ({"pegPriceType": "PRIMARY_PEG", "pegOffsetType": "TICKS", "pegOffsetValue": "1"}, -1211),
        ({"pegPriceType": "PRIMARY_PEG", "pegOffsetValue": "1"}, -1128),
        ({"pegOffsetType": "PRICE_LEVEL", "pegOffsetValue": "1"}, -1106),
        ({"pegPriceType": "PRIMARY_PEG", "pegOffsetType": "PRICE_LEVEL", "pegOffsetValue": "101"}, -1130),
        ({"pegPriceType": "PRIMARY_PEG", "pegOffsetType": "PRICE_LEVEL", "pegOffsetValue": "100"}, -2010),
        ({"pegPriceType": "PRIMARY_PEG", "timeInForce": "IOC"}, -1013),
        ({"type": "LIMIT_MAKER", "timeInForce": None, "pegPriceType": "MARKET_PEG"}, -1013),
        ({"type": "MARKET", "price": None, "timeInForce": None, "pegPriceType": "MARKET_PEG"}, -1013),
        ({"symbol": "OLDUSDT"}, -1013),
        ({"quantity": "500"}, -2010),
    ],
)
def test_refused_orders(client, changes, code):
    params = {name: value for name, value in (LIMIT | changes).items() if value is not None}
    if "side" in changes and changes["side"] is None:
        answer = client.signed("POST", "order", symbol="BTCUSDT", **params)
    else:
        answer = client.order(**params)
    assert answer["code"] == code
    assert client.exchange.orders(KEY) == []
    assert client.exchange.balances(KEY)["USDT"].free == 10_000


# --- orders and account ----------------------------------------------------------------------------------------------------------------


def test_a_full_answer_has_the_documents_shape(client):
    assert client.order(quantity="1.5", newClientOrderId="mine") == {
        "symbol": "BTCUSDT",
        "orderId": 1,
        "orderListId": -1,
        "clientOrderId": "mine",
        "transactTime": START_MS,
        "price": "0.00000000",
        "origQty": "1.50000000",
        "executedQty": "1.50000000",
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": "151.00000000",
        "status": "FILLED",
        "timeInForce": "GTC",
        "type": "MARKET",
        "side": "BUY",
        "workingTime": START_MS,
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "fills": [
            {"price": "100.50000000", "qty": "1.00000000", "commission": "0.00100000", "commissionAsset": "BTC", "tradeId": 1},
            {"price": "101.00000000", "qty": "0.50000000", "commission": "0.00050000", "commissionAsset": "BTC", "tradeId": 2},
        ],
    }


def test_answers_of_less_detail(client):
    ack = client.order(quantity="0.1", newOrderRespType="ACK")
    assert set(ack) == {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
    assert "fills" not in client.order(quantity="0.1", newOrderRespType="RESULT")
    assert set(client.order(type="LIMIT_MAKER", quantity="1", price="90")) == set(ack)


def test_expired_orders_say_why(client):
    answer = client.order(quantity="40")
    assert (answer["status"], answer["expiryReason"], answer["executedQty"]) == ("EXPIRED", "INSUFFICIENT_LIQUIDITY", "3.00000000")
    assert client.signed("GET", "order", symbol="BTCUSDT", orderId=answer["orderId"])["expiryReason"] == "INSUFFICIENT_LIQUIDITY"


def test_an_order_from_the_cradle_to_the_grave(client):
    placed = client.order(**LIMIT, newClientOrderId="mine")
    assert placed["status"] == "NEW"
    assert placed["fills"] == []
    found = client.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="mine")
    assert found["orderId"] == placed["orderId"]
    assert {"time", "updateTime", "isWorking", "stopPrice", "icebergQty", "workingTime"} <= set(found)
    assert [order["orderId"] for order in client.signed("GET", "openOrders", symbol="BTCUSDT")] == [placed["orderId"]]
    assert client.signed("GET", "openOrders") == client.signed("GET", "openOrders", symbol="BTCUSDT")
    assert client.order(**LIMIT, newClientOrderId="mine")["msg"] == "Duplicate order sent."
    canceled = client.signed("DELETE", "order", symbol="BTCUSDT", origClientOrderId="mine", newClientOrderId="cancel-1")
    assert (canceled["status"], canceled["origClientOrderId"], canceled["clientOrderId"]) == ("CANCELED", "mine", "cancel-1")
    assert client.signed("GET", "openOrders") == []
    assert client.signed("DELETE", "order", symbol="BTCUSDT", origClientOrderId="mine")["code"] == -2011
    assert client.signed("GET", "order", symbol="BTCUSDT", orderId=placed["orderId"])["status"] == "CANCELED"


def test_cancel_all(client):
    client.order(**LIMIT)
    client.order(**LIMIT)
    canceled = client.signed("DELETE", "openOrders", symbol="BTCUSDT")
    assert [order["status"] for order in canceled] == ["CANCELED", "CANCELED"]
    assert client.signed("DELETE", "openOrders", symbol="BTCUSDT")["code"] == -2011


def test_orders_that_do_not_exist(client):
    assert client.signed("GET", "order", symbol="BTCUSDT", orderId=99)["code"] == -2013
    assert client.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="none")["code"] == -2013
    assert client.signed("GET", "order", symbol="BTCUSDT")["code"] == -1102
    assert client.signed("DELETE", "order", symbol="BTCUSDT", orderId=99)["code"] == -2011
    client.order(**LIMIT, newClientOrderId="mine")
    assert client.signed("GET", "order", symbol="BTCUSDT", orderId=1, origClientOrderId="other")["code"] == -2039


def test_other_peoples_orders_do_not_exist(client):
    client.order(**LIMIT)
    client.exchange.open_account("other", "other", {})
    query = f"symbol=BTCUSDT&orderId=1&timestamp={START_MS}"
    answer = client.raw("GET", "order", f"{query}&signature={sign(query, 'other')}", key="other")
    assert code_of(answer) == (400, -2013)


def test_test_orders_are_checked_and_not_placed(client):
    params = {"symbol": "BTCUSDT", "side": "BUY", **LIMIT}
    assert client.signed("POST", "order/test", **params) == {}
    rates = client.signed("POST", "order/test", **params, computeCommissionRates="true")
    assert rates["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}
    assert client.signed("POST", "order/test", **params | {"price": "90.001"})["msg"] == "Filter failure: PRICE_FILTER"
    assert client.exchange.orders(KEY) == []


def test_account(client):
    client.order(**LIMIT)
    account = client.signed("GET", "account", omitZeroBalances="true")
    assert account["balances"] == [
        {"asset": "BTC", "free": "10.00000000", "locked": "0.00000000"},
        {"asset": "USDT", "free": "9910.00000000", "locked": "90.00000000"},
    ]
    assert (account["makerCommission"], account["canTrade"], account["accountType"]) == (10, True, "SPOT")
    assert account["commissionRates"]["taker"] == "0.00100000"
    everything = client.signed("GET", "account")["balances"]
    assert [balance["asset"] for balance in everything] == ["BTC", "ETH", "OLD", "USDT"]
    assert client.signed("GET", "account/commission", symbol="BTCUSDT")["standardCommission"]["maker"] == "0.00100000"


def test_my_trades(client):
    client.order(quantity="1.5")
    client.order(side="SELL", quantity="1")
    trades = client.signed("GET", "myTrades", symbol="BTCUSDT")
    assert [trade["id"] for trade in trades] == [1, 2, 3]
    assert trades[2] == {
        "symbol": "BTCUSDT",
        "id": 3,
        "orderId": 2,
        "orderListId": -1,
        "price": "99.50000000",
        "qty": "1.00000000",
        "quoteQty": "99.50000000",
        "commission": "0.09950000",
        "commissionAsset": "USDT",
        "time": START_MS,
        "isBuyer": False,
        "isMaker": False,
        "isBestMatch": True,
    }

    def ids(**params):
        return [trade["id"] for trade in client.signed("GET", "myTrades", symbol="BTCUSDT", **params)]

    assert ids(limit=2) == [2, 3]
    assert ids(fromId=2, limit=1) == [2]
    assert ids(orderId=1) == [1, 2]
    assert ids(orderId=1, fromId=2) == [2]
    assert ids(startTime=START_MS, limit=1) == [1]
    assert ids(endTime=START_MS - 1) == []
    refused = client.signed("GET", "myTrades", symbol="BTCUSDT", fromId=1, startTime=1)
    assert refused["code"] == -1128
    assert client.signed("GET", "myTrades", symbol="BTCUSDT", startTime=1, endTime=1 + 86_400_001)["code"] == -1127


def test_all_orders(client):
    for _ in range(3):
        client.order(quantity="0.1")

    def ids(**params):
        return [order["orderId"] for order in client.signed("GET", "allOrders", symbol="BTCUSDT", **params)]

    assert (ids(), ids(limit=2), ids(orderId=2), ids(orderId=1, limit=1)) == ([1, 2, 3], [2, 3], [2, 3], [1])


# --- the exchange itself ---------------------------------------------------------------------------------------------------------------


def test_an_account_that_is_opened_again_keeps_its_balances(client):
    client.order(quantity="1")
    assert client.exchange.open_account(KEY, SECRET, {"USDT": D(1)}) == 1
    assert client.exchange.balances(KEY)["USDT"].free == D("9899.5")


@pytest.mark.parametrize(
    ("key", "secret", "balances"),
    [("bad key", "s", {}), ("key", "", {}), ("key", "s", {"BTC": D("0.000000001")}), ("key", "s", {"BTC": D(-1)})],
)
def test_accounts_that_cannot_be_opened(client, key, secret, balances):
    with pytest.raises(ConfigurationError):
        client.exchange.open_account(key, secret, balances)


def test_views_need_a_known_key(client):
    with pytest.raises(LookupError):
        client.exchange.balances("unknown")


def test_an_order_that_ended_untraded_is_archived_after_90_days(client):
    day_ms = 86_400_000
    canceled, filled = client.order(**LIMIT)["orderId"], client.order(quantity="1")["orderId"]
    client.signed("DELETE", "order", symbol="BTCUSDT", orderId=canceled)
    for days, code in ((90, None), (91, -2026)):
        client.clock.time_ms = START_MS + days * day_ms
        assert client.signed("GET", "order", symbol="BTCUSDT", orderId=canceled).get("code") == code
        assert client.signed("GET", "order", symbol="BTCUSDT", orderId=filled)["status"] == "FILLED"
