"""Answers of the simulated exchange that only a key gets, in the documented shapes: names, their order, and kinds of values."""

import pytest
from documented_faces import REST, assert_documented
from one_quote_exchange import LIMIT, Client

ORDER = {**LIMIT, "symbol": "BTCUSDT", "side": "BUY", "quantity": "0.1"}


@pytest.fixture
def client():
    client = Client()
    yield client
    client.exchange.close()


def documented(client, endpoint, **params):
    method, path = endpoint.split(" /api/v3/")
    answer = client.signed(method, path, **params)
    assert_documented(answer, REST[endpoint])
    return answer


@pytest.mark.parametrize(("kind", "fields"), [("ACK", 5), ("RESULT", 16), ("FULL", 17)])
def test_new_orders(client, kind, fields):
    assert len(documented(client, "POST /api/v3/order", **ORDER, newOrderRespType=kind)) == fields


def test_fills(client):
    assert documented(client, "POST /api/v3/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.2")["fills"]


def test_tests_of_orders(client):
    assert documented(client, "POST /api/v3/order/test", **ORDER) == {}
    assert documented(client, "POST /api/v3/order/test", **ORDER, computeCommissionRates="true")


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"icebergQty": "0.05"},
        {"type": "STOP_LOSS_LIMIT", "stopPrice": "120", "price": "121"},
        {"type": "TAKE_PROFIT_LIMIT", "stopPrice": "95", "price": "95", "trailingDelta": "100"},
        {"strategyId": "7", "strategyType": "1000001"},
    ],
    ids=["plain", "iceberg", "stop", "trailing", "strategy"],
)
def test_every_question_about_an_order(client, more):
    placed = documented(client, "POST /api/v3/order", **{**ORDER, **more}, newOrderRespType="RESULT")
    documented(client, "GET /api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"])
    assert documented(client, "GET /api/v3/openOrders", symbol="BTCUSDT")
    assert documented(client, "GET /api/v3/allOrders", symbol="BTCUSDT")
    assert documented(client, "DELETE /api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"])["status"] == "CANCELED"


def test_cancels_of_all(client):
    documented(client, "POST /api/v3/order", **ORDER)
    assert documented(client, "DELETE /api/v3/openOrders", symbol="BTCUSDT")


def test_cancel_replace_whatever_becomes_of_it(client):
    first = client.signed("POST", "order", **ORDER)["orderId"]
    for mode, times in (("STOP_ON_FAILURE", 2), ("ALLOW_FAILURE", 1)):
        for _ in range(times):
            documented(client, "POST /api/v3/order/cancelReplace", **ORDER, cancelReplaceMode=mode, cancelOrderId=first)
    last = client.signed("GET", "openOrders")[-1]["orderId"]
    too_much = {**ORDER, "quantity": "900"}
    answer = documented(client, "POST /api/v3/order/cancelReplace", **too_much, cancelReplaceMode="ALLOW_FAILURE", cancelOrderId=last)
    assert (answer["data"]["cancelResult"], answer["data"]["newOrderResult"]) == ("SUCCESS", "FAILURE")


def test_what_an_account_is_told(client):
    client.order(quantity="0.2")
    documented(client, "GET /api/v3/account")
    documented(client, "GET /api/v3/account/commission", symbol="BTCUSDT")
    assert documented(client, "GET /api/v3/myTrades", symbol="BTCUSDT")
    assert documented(client, "GET /api/v3/rateLimit/order")
    assert list(client.signed("GET", "myFilters", symbol="BTCUSDT")) == list(REST["GET /api/v3/myFilters"][0])


def test_what_everybody_is_told_of_a_symbol(client):
    for path in ("executionRules", "referencePrice", "referencePrice/calculation", "exchangeInfo"):
        assert_documented(client.get(path, symbol="BTCUSDT"), REST[f"GET /api/v3/{path}"])
