"""Trades with oneself that were stopped, as the simulated exchange lists them afterwards."""

import pytest
from documented_faces import REST, assert_documented
from one_quote_exchange import LIMIT, START_MS, Client


@pytest.fixture
def client():
    client = Client()
    for price in ("99.7", "99.8"):
        client.order(**LIMIT | {"price": price, "quantity": "1"})
    client.order(side="SELL", **LIMIT | {"price": "99.6", "quantity": "2", "newClientOrderId": "taker"})
    yield client
    client.exchange.close()


def listed(client, **params):
    return client.signed("GET", "myPreventedMatches", symbol="BTCUSDT", **params)


def test_matches_are_found_by_order_and_by_number(client):
    taker = client.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="taker")["orderId"]
    matches = listed(client, orderId=taker)
    assert [(match["price"], match["makerPreventedQuantity"]) for match in matches] == [
        ("99.80000000", "1.00000000"),
        ("99.70000000", "1.00000000"),
    ]
    assert {match["takerOrderId"] for match in matches} == {taker}
    assert_documented(matches, REST["GET /api/v3/myPreventedMatches"])
    first, second = matches
    assert (first["selfTradePreventionMode"], first["transactTime"]) == ("EXPIRE_MAKER", START_MS)
    assert listed(client, orderId=first["makerOrderId"]) == [first]
    assert listed(client, preventedMatchId=second["preventedMatchId"]) == [second]
    assert listed(client, orderId=taker, fromPreventedMatchId=second["preventedMatchId"], limit=5) == [second]
    assert listed(client, orderId=taker, fromPreventedMatchId=0, limit=1) == [first]


@pytest.mark.parametrize(
    "params", [{}, {"preventedMatchId": 1, "orderId": 1}, {"fromPreventedMatchId": 1}, {"preventedMatchId": 1, "fromPreventedMatchId": 1}]
)
def test_what_cannot_be_combined(client, params):
    assert listed(client, **params)["code"] == -1128


def test_what_it_weighs(client):
    def weight(**params):
        client.clock.time_ms += 60_000
        return client.signed_raw("GET", "myPreventedMatches", symbol="BTCUSDT", **params).headers["X-MBX-USED-WEIGHT-1M"]

    assert (weight(preventedMatchId=1), weight(orderId=1)) == ("2", "20")


def test_nothing_is_allocated(client):
    assert client.signed("GET", "myAllocations", symbol="BTCUSDT") == []
    assert client.signed("GET", "myAllocations", symbol="NONE")["code"] == -1121
    assert client.signed("GET", "myAllocations", symbol="BTCUSDT", orderId=1, startTime=1)["code"] == -1128
    assert client.signed("GET", "myAllocations", symbol="BTCUSDT", startTime=1, endTime=86_400_002)["code"] == -1127
