"""Smart order routing on an exchange where every symbol is routed alone: orders are marked, and trade in the book they were sent to."""

import pytest
from documented_faces import REST, assert_documented
from one_quote_exchange import Client

from binance_trade_agent.simulation.engine.terms import WorkingFloor

MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"}
LIMIT = {**MARKET, "type": "LIMIT", "timeInForce": "GTC", "price": "90"}


@pytest.fixture
def client():
    client = Client()
    yield client
    client.exchange.close()


def test_a_routed_order_trades_in_its_own_book_and_is_marked_ever_after(client):
    placed = client.signed("POST", "sor/order", **MARKET)
    assert (placed["status"], placed["workingFloor"], placed["usedSor"]) == ("FILLED", "EXCHANGE", True)
    assert [fill["tradeId"] >= 0 for fill in placed["fills"]] == [True]
    without_fills = [{name: value for name, value in REST["POST /api/v3/sor/order"][0].items() if name != "fills"}]
    resting = client.signed("POST", "sor/order", **LIMIT, newOrderRespType="RESULT")
    assert_documented(resting, without_fills)
    for order in (placed, resting):
        shown = client.signed("GET", "order", symbol="BTCUSDT", orderId=order["orderId"])
        assert (shown["workingFloor"], shown["usedSor"]) == (WorkingFloor.EXCHANGE, True)
    assert len(client.signed("GET", "myTrades", symbol="BTCUSDT")) == 1
    assert client.signed("GET", "myAllocations", symbol="BTCUSDT") == []
    assert client.signed("GET", "rateLimit/order")[0]["count"] == 1
    assert "usedSor" not in client.order(**LIMIT)


def test_a_routed_order_can_be_tried_with_its_commissions(client):
    assert client.signed("POST", "sor/order/test", **LIMIT) == {}
    assert_documented(client.signed("POST", "sor/order/test", **LIMIT, computeCommissionRates="true"), REST["POST /api/v3/sor/order/test"])
    assert client.signed("GET", "openOrders", symbol="BTCUSDT") == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"type": "LIMIT_MAKER", "price": "90"}, -1013),
        ({"type": "STOP_LOSS", "stopPrice": "90"}, -1104),
        ({"quantity": None, "quoteOrderQty": "50"}, -1104),
        ({"quantity": None}, -1102),
        ({"quantity": "0.0001"}, -1013),
    ],
)
def test_only_limit_and_market_orders_of_a_quantity_are_routed(client, change, code):
    params = {name: value for name, value in {**MARKET, **change}.items() if value is not None}
    for path in ("sor/order", "sor/order/test"):
        assert client.signed("POST", path, **params)["code"] == code


def test_the_exchange_says_what_it_routes(client):
    assert {"baseAsset": "BTC", "symbols": ["BTCUSDT"]} in client.get("exchangeInfo")["sors"]
    assert client.get("exchangeInfo", symbol="ETHUSDT")["sors"] == [{"baseAsset": "ETH", "symbols": ["ETHUSDT"]}]
