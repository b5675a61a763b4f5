"""Cancel-replace on the simulated exchange: each part has a fate of its own, and the status tells which."""

import orjson
import pytest
from documented_faces import REST, assert_documented
from one_quote_exchange import LIMIT, Client

from binance_trade_agent.simulation.rest.rate_limits import ORDERS_SHORT

ORDER = {"symbol": "BTCUSDT", "side": "BUY", **LIMIT}
GOOD, TAKING, BROKE = {"price": "95"}, {"type": "LIMIT_MAKER", "price": "100.5"}, {"quantity": "900"}
SHAPES = REST["POST /api/v3/order/cancelReplace"]


def replace(client: Client, mode: str, order_id: int | str, new: dict, **more):
    params = {**ORDER, **new, "cancelReplaceMode": mode, "cancelOrderId": order_id, **more}
    if params["type"] == "LIMIT_MAKER":
        del params["timeInForce"]
    answer = client.signed_raw("POST", "order/cancelReplace", **params)
    return answer, orjson.loads(answer.body)


def open_prices(client: Client) -> list[str]:
    return [order["price"] for order in client.signed("GET", "openOrders", symbol="BTCUSDT")]


def fill_the_limit(client: Client) -> None:
    venue = client.exchange.venue
    for _ in range(ORDERS_SHORT.most):
        venue.limits.count_order(1, client.clock.time_ms)


@pytest.mark.parametrize("mode", ["STOP_ON_FAILURE", "ALLOW_FAILURE"])
def test_both_parts_succeed(mode):
    client = Client()
    old = client.order(**LIMIT, newClientOrderId="old")
    answer, body = replace(
        client, mode, old["orderId"], GOOD, cancelNewClientOrderId="the-cancel", newClientOrderId="old", newOrderRespType="RESULT"
    )
    assert answer.status == 200
    assert list(body) == list(SHAPES[0])
    assert_documented(body["cancelResponse"], REST["DELETE /api/v3/order"])
    assert_documented(body["newOrderResponse"], REST["POST /api/v3/order"])
    assert (body["cancelResult"], body["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert body["cancelResponse"]["origClientOrderId"] == "old"
    assert body["cancelResponse"]["clientOrderId"] == "the-cancel"
    assert body["newOrderResponse"]["clientOrderId"] == "old"  # the id of the cancelled order is free again
    assert open_prices(client) == ["95.00000000"]
    assert answer.headers["X-MBX-ORDER-COUNT-10S"] == "2"


@pytest.mark.parametrize(
    ("mode", "known", "new", "status", "code", "results", "left"),
    [
        ("STOP_ON_FAILURE", False, GOOD, 400, -2022, ("FAILURE", "NOT_ATTEMPTED"), ["90.00000000"]),
        ("STOP_ON_FAILURE", True, TAKING, 409, -2021, ("SUCCESS", "FAILURE"), []),
        ("ALLOW_FAILURE", True, TAKING, 409, -2021, ("SUCCESS", "FAILURE"), []),
        ("ALLOW_FAILURE", False, GOOD, 409, -2021, ("FAILURE", "SUCCESS"), ["90.00000000", "95.00000000"]),
        ("ALLOW_FAILURE", False, TAKING, 400, -2022, ("FAILURE", "FAILURE"), ["90.00000000"]),
    ],
)
def test_a_failed_part_undoes_nothing(mode, known, new, status, code, results, left):
    client = Client()
    old = client.order(**LIMIT)
    answer, body = replace(client, mode, old["orderId"] if known else 999, new)
    assert (answer.status, body["code"]) == (status, code)
    assert_documented(body, SHAPES)
    assert (body["data"]["cancelResult"], body["data"]["newOrderResult"]) == results
    if not known:
        assert body["data"]["cancelResponse"] == {"code": -2011, "msg": "Unknown order sent."}
    if results[1] == "FAILURE":
        assert body["data"]["newOrderResponse"] == {"code": -2010, "msg": "Order would immediately match and take."}
    assert open_prices(client) == left
    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == "1"  # only what succeeds is free


def test_what_the_filters_refuse_leaves_the_old_order_alone():
    client = Client()
    old = client.order(**LIMIT)
    answer, body = replace(client, "ALLOW_FAILURE", old["orderId"], {"price": "95.001"})
    assert (answer.status, body) == (400, {"code": -1013, "msg": "Filter failure: PRICE_FILTER"})
    assert open_prices(client) == ["90.00000000"]


def test_money_that_the_cancel_sets_free_pays_for_the_new_order():
    client = Client()
    old = client.order(**{**LIMIT, "quantity": "110"})
    assert client.order(**{**LIMIT, "quantity": "109"})["code"] == -2010
    answer, _ = replace(client, "STOP_ON_FAILURE", old["orderId"], {"quantity": "111"})
    assert answer.status == 200
    _, body = replace(client, "STOP_ON_FAILURE", old["orderId"] + 1, BROKE)
    assert body["data"]["newOrderResponse"] == {"code": -2010, "msg": "Account has insufficient balance for requested action."}
    assert client.exchange.balances("k" * 64)["USDT"].locked == 0


def test_an_order_that_was_not_attempted_is_counted_all_the_same():
    client = Client()
    answer, _ = replace(client, "STOP_ON_FAILURE", 999, GOOD)
    assert answer.status == 400
    assert client.signed("GET", "rateLimit/order")[0]["count"] == 1


def test_a_cancel_restriction_is_a_failed_cancel():
    client = Client()
    old = client.order(**LIMIT)
    answer, body = replace(client, "STOP_ON_FAILURE", old["orderId"], GOOD, cancelRestrictions="ONLY_PARTIALLY_FILLED")
    assert answer.status == 400
    assert body["data"]["cancelResponse"] == {"code": -2011, "msg": "Order was not canceled due to cancel restrictions."}


@pytest.mark.plans_limits
@pytest.mark.parametrize(
    ("mode", "known", "status", "code", "results"),
    [
        ("STOP_ON_FAILURE", True, 429, -2021, ("SUCCESS", "FAILURE")),
        ("STOP_ON_FAILURE", False, 429, -2022, ("FAILURE", "NOT_ATTEMPTED")),
        ("ALLOW_FAILURE", True, 409, -2021, ("SUCCESS", "FAILURE")),
        ("ALLOW_FAILURE", False, 400, -2022, ("FAILURE", "FAILURE")),
    ],
)
def test_without_room_for_an_order_the_old_one_is_cancelled_only_when_asked_for(mode, known, status, code, results):
    client = Client()
    old = client.order(**LIMIT)["orderId"] if known else 999
    fill_the_limit(client)
    answer, body = replace(client, mode, old, GOOD)
    assert (answer.status, body["code"]) == (429, -1015)
    assert len(open_prices(client)) == known
    answer, body = replace(client, mode, old, GOOD, orderRateLimitExceededMode="CANCEL_ONLY")
    assert (answer.status, body["code"]) == (status, code)
    assert ("Retry-After" in answer.headers) is (status == 429)
    assert_documented(body, SHAPES)
    assert (body["data"]["cancelResult"], body["data"]["newOrderResult"]) == results
    if results[1] == "FAILURE":
        assert body["data"]["newOrderResponse"]["code"] == -1015
    assert open_prices(client) == []


@pytest.mark.parametrize(
    ("change", "code", "name"),
    [
        ({"cancelReplaceMode": None}, -1102, "cancelReplaceMode"),
        ({"cancelReplaceMode": "MAYBE"}, -1130, "cancelReplaceMode"),
        ({"orderRateLimitExceededMode": "MAYBE"}, -1130, "orderRateLimitExceededMode"),
        ({"cancelOrderId": None}, -1102, "cancelOrigClientOrderId"),
        ({"cancelOrderId": "x"}, -1100, "cancelOrderId"),
        ({"cancelRestrictions": "ONLY_OLD"}, -1145, "cancelRestrictions"),
    ],
)
def test_a_mistake_is_told_by_the_name_that_was_sent(change, code, name):
    client = Client()
    params = {**ORDER, "cancelReplaceMode": "ALLOW_FAILURE", "cancelOrderId": 1, **change}
    body = client.signed("POST", "order/cancelReplace", **{key: value for key, value in params.items() if value is not None})
    assert body["code"] == code
    assert name in body["msg"]
