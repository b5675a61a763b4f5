"""Amending by the exchange's faces: what is answered, what a list makes of it, and what is told."""

from decimal import Decimal

import pytest
from documented_faces import REST, assert_documented
from moving_market import MovingClient

from binance_trade_agent.simulation.engine.list_records import ListReport

D = Decimal
LIMIT = {"type": "LIMIT", "timeInForce": "GTC", "quantity": "2", "price": "90"}
BUY_PAIR = {
    "side": "BUY",
    "quantity": "2",
    "aboveType": "STOP_LOSS",
    "aboveStopPrice": "110",
    "belowType": "LIMIT_MAKER",
    "belowPrice": "90",
}
WORKING = {"workingType": "LIMIT", "workingSide": "BUY", "workingPrice": "95", "workingQuantity": "2", "workingTimeInForce": "GTC"}
PENDING = {"pendingType": "LIMIT", "pendingSide": "SELL", "pendingPrice": "120", "pendingTimeInForce": "GTC"}
PENDING_PAIR = {
    "pendingSide": "SELL",
    "pendingAboveType": "LIMIT_MAKER",
    "pendingAbovePrice": "120",
    "pendingBelowType": "STOP_LOSS",
    "pendingBelowStopPrice": "85",
}
SHAPES = REST["PUT /api/v3/order/amend/keepPriority"]


@pytest.fixture
def client():
    client = MovingClient()
    yield client
    client.exchange.close()


def amend(client: MovingClient, order_id: int, quantity: str, **more):
    return client.signed("PUT", "order/amend/keepPriority", symbol="BTCUSDT", orderId=order_id, newQty=quantity, **more)


def quantities(client: MovingClient) -> list[str]:
    return [order["origQty"] for order in client.signed("GET", "openOrders", symbol="BTCUSDT")]


def test_an_order_is_amended_and_its_amendments_are_shown(client):
    order = client.order(**LIMIT, newClientOrderId="first")
    answer = amend(client, order["orderId"], "1.5")
    assert_documented(answer, SHAPES)
    assert (answer["amendedOrder"]["origClientOrderId"], answer["amendedOrder"]["qty"]) == ("first", "1.50000000")
    second = client.signed(
        "PUT", "order/amend/keepPriority", symbol="BTCUSDT", origClientOrderId=answer["amendedOrder"]["clientOrderId"], newQty="1",
        newClientOrderId="third",
    )  # fmt: skip
    assert second["amendedOrder"]["clientOrderId"] == "third"
    shown = client.signed("GET", "order/amendments", symbol="BTCUSDT", orderId=order["orderId"])
    assert_documented(shown, REST["GET /api/v3/order/amendments"])
    assert [(row["origQty"], row["newQty"]) for row in shown] == [("2.00000000", "1.50000000"), ("1.50000000", "1.00000000")]
    later = client.signed("GET", "order/amendments", symbol="BTCUSDT", orderId=order["orderId"], fromExecutionId=second["executionId"])
    assert later == shown[1:]
    assert client.locked() == {"USDT": 90}
    assert client.signed("GET", "rateLimit/order")[0]["count"] == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [({"newQty": "2"}, -2038), ({"newQty": "3"}, -2038), ({"newQty": None}, -1102), ({"orderId": None}, -1102), ({"orderId": 99}, -2011)],
)
def test_what_cannot_be_amended_is_refused(client, change, code):
    order = client.order(**LIMIT)
    params = {"symbol": "BTCUSDT", "orderId": order["orderId"], "newQty": "1", **change}
    answer = client.signed("PUT", "order/amend/keepPriority", **{name: value for name, value in params.items() if value is not None})
    assert answer["code"] == code
    assert quantities(client) == ["2.00000000"]


@pytest.mark.parametrize("which", [0, 1])
def test_either_order_of_a_pair_makes_both_smaller(client, which):
    placed = client.placed("oco", **BUY_PAIR)
    reports = []
    client.exchange.venue.engine.feed.subscribe(lambda changes, now_ms: reports.extend(changes.reports))
    answer = amend(client, placed["orders"][which]["orderId"], "0.5", newClientOrderId="smaller")
    assert_documented(answer["listStatus"], [SHAPES[1]["listStatus"]])
    assert answer["listStatus"]["orders"][which]["clientOrderId"] == "smaller"
    assert quantities(client) == ["0.50000000", "0.50000000"]
    assert client.locked() == {"USDT": 55}
    assert ["list UPDATED" if isinstance(report, ListReport) else str(report.kind) for report in reports] == [
        "REPLACED",
        "REPLACED",
        "list UPDATED",
    ]
    client.move("111")
    assert client.states(placed) == ["FILLED", "EXPIRED OCO_TRIGGER"]
    assert client.locked() == {}


def test_a_working_and_a_pending_order_are_amended_one_by_one(client):
    placed = client.placed("oto", **WORKING, **PENDING, pendingQuantity="2")
    assert amend(client, placed["orders"][1]["orderId"], "1")["amendedOrder"]["status"] == "PENDING_NEW"
    assert quantities(client) == ["2.00000000", "1.00000000"]
    assert client.locked() == {"USDT": 190, "BTC": 1}
    amend(client, placed["orders"][0]["orderId"], "1.5")
    client.move("94")
    assert quantities(client) == ["1.00000000"]
    assert client.locked() == {"BTC": 1}


def test_a_pending_pair_is_amended_as_one(client):
    placed = client.placed("otoco", **WORKING, **PENDING_PAIR, pendingQuantity="2")
    amend(client, placed["orders"][1]["orderId"], "1")
    assert quantities(client) == ["2.00000000", "1.00000000", "1.00000000"]
    assert client.locked() == {"USDT": 190, "BTC": 1}


def test_what_is_not_paid_yet_cannot_be_amended(client):
    placed = client.placed("opo", **WORKING, **PENDING)
    answer = amend(client, placed["orders"][1]["orderId"], "1")
    assert answer == {"code": -2038, "msg": "Order amend (pending OPO order) is not supported."}
    client.move("94")
    assert amend(client, placed["orders"][1]["orderId"], "1")["amendedOrder"]["qty"] == "1.00000000"
    assert client.locked() == {"BTC": D(1)}
