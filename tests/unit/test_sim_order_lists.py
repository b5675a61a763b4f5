"""Order lists on the simulated exchange: what is placed, what each order does to the others, and what that does to balances."""

from dataclasses import replace
from decimal import Decimal

import pytest
from documented_faces import REST, assert_documented
from moving_market import MovingClient, MovingMarket
from one_quote_exchange import KEY, Client, code_of

from binance_trade_agent.simulation.engine.list_records import ListReport
from binance_trade_agent.simulation.history.store import ExchangeStore

D = Decimal
SELL_PAIR = {
    "side": "SELL",
    "quantity": "2",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "110",
    "belowType": "STOP_LOSS_LIMIT",
    "belowStopPrice": "95",
    "belowPrice": "94",
    "belowTimeInForce": "GTC",
}
BUY_PAIR = {
    "side": "BUY",
    "quantity": "2",
    "aboveType": "STOP_LOSS",
    "aboveStopPrice": "110",
    "belowType": "LIMIT_MAKER",
    "belowPrice": "90",
}
TAKE_PROFIT_PAIR = {
    "side": "SELL",
    "quantity": "2",
    "aboveType": "TAKE_PROFIT",
    "aboveStopPrice": "110",
    "belowType": "STOP_LOSS",
    "belowStopPrice": "90",
}
WORKING = {"workingType": "LIMIT", "workingSide": "BUY", "workingPrice": "95", "workingQuantity": "2", "workingTimeInForce": "GTC"}
PENDING_SELL = {"pendingType": "LIMIT", "pendingSide": "SELL", "pendingPrice": "120", "pendingQuantity": "2", "pendingTimeInForce": "GTC"}
PENDING_PAIR = {
    "pendingSide": "SELL",
    "pendingQuantity": "2",
    "pendingAboveType": "LIMIT_MAKER",
    "pendingAbovePrice": "120",
    "pendingBelowType": "STOP_LOSS",
    "pendingBelowStopPrice": "85",
}


def paid(pending: dict[str, str]) -> dict[str, str]:
    """The same orders for a list whose working order pays for them."""
    return {name: value for name, value in pending.items() if name != "pendingQuantity"}


class Ears:
    """What is told of orders and lists, in order."""

    def __init__(self, client: MovingClient) -> None:
        self.heard: list[str] = []
        client.exchange.venue.engine.feed.subscribe(self._hear)

    def _hear(self, changes, now_ms) -> None:
        for report in changes.reports:
            if isinstance(report, ListReport):
                self.heard.append(f"list {report.kind}")
            else:
                self.heard.append(f"{report.order.type} {report.kind} {report.order.status}")

    def since(self) -> list[str]:
        heard, self.heard[:] = self.heard[:], []
        return heard


@pytest.fixture
def client():
    client = MovingClient()
    yield client
    client.exchange.close()


# --- a pair: one cancels the other -----------------------------------------------------------------------------------------------------


def test_a_pair_locks_what_it_sells_once(client):
    placed = client.placed("oco", **SELL_PAIR)
    assert_documented(placed, REST["POST /api/v3/orderList/oco"])
    assert [(order["type"], order["status"], order["workingTime"] == -1) for order in placed["orderReports"]] == [
        ("STOP_LOSS_LIMIT", "NEW", True),
        ("LIMIT_MAKER", "NEW", False),
    ]
    assert client.locked() == {"BTC": 2}
    assert client.signed("GET", "rateLimit/order")[0]["count"] == 2
    assert client.list_status(placed) == "EXECUTING"


def test_a_pair_locks_what_the_dearer_of_two_buys_needs(client):
    client.placed("oco", **BUY_PAIR)
    assert client.locked() == {"USDT": 220}


def test_once_the_limit_order_trades_the_stop_expires(client):
    ears = Ears(client)
    placed = client.placed("oco", **SELL_PAIR)
    assert ears.since() == ["LIMIT_MAKER NEW NEW", "STOP_LOSS_LIMIT NEW NEW", "list EXEC_STARTED"]
    client.move("105", "112")
    assert ears.since() == ["LIMIT_MAKER TRADE FILLED", "STOP_LOSS_LIMIT EXPIRED EXPIRED", "list ALL_DONE"]
    assert client.states(placed) == ["EXPIRED OCO_TRIGGER", "FILLED"]
    assert client.list_status(placed) == "ALL_DONE"
    assert client.locked() == {}
    client.move("80")  # the stop is gone
    assert [trade["price"] for trade in client.signed("GET", "myTrades", symbol="BTCUSDT")] == ["110.00000000"]


def test_a_partial_trade_of_the_limit_order_is_enough():
    client = MovingClient(size="1.5")
    placed = client.placed("oco", **SELL_PAIR)
    client.move("112")
    assert client.states(placed) == ["EXPIRED OCO_TRIGGER", "PARTIALLY_FILLED"]
    assert client.list_status(placed) == "EXECUTING"
    assert client.locked() == {"BTC": D("0.5")}
    client.move("90", "113")
    assert client.states(placed)[1] == "FILLED"
    assert client.list_status(placed) == "ALL_DONE"
    client.exchange.close()


def test_before_a_stop_goes_to_work_the_limit_order_expires(client):
    ears = Ears(client)
    placed = client.placed("oco", **SELL_PAIR)
    ears.since()
    client.move("94.6")  # the stop works at 94, above the bid of 94.1
    heard = ears.since()
    assert heard[0] == "LIMIT_MAKER EXPIRED EXPIRED"
    assert heard[-1] == "list ALL_DONE"
    assert client.states(placed) == ["FILLED", "EXPIRED OCO_TRIGGER"]
    assert client.locked() == {}


def test_a_stop_that_rests_after_it_was_set_off_keeps_its_list_open(client):
    placed = client.placed("oco", **{**SELL_PAIR, "belowPrice": "94.9"})
    client.move("94.6")
    assert client.states(placed) == ["NEW", "EXPIRED OCO_TRIGGER"]
    assert client.list_status(placed) == "EXECUTING"
    assert client.locked() == {"BTC": 2}
    assert [order["orderListId"] for order in client.signed("GET", "openOrders", symbol="BTCUSDT")] == [placed["orderListId"]]
    client.move("96")
    assert client.list_status(placed) == "ALL_DONE"


@pytest.mark.parametrize(("price", "states"), [("111", ["EXPIRED OCO_TRIGGER", "FILLED"]), ("89", ["FILLED", "EXPIRED OCO_TRIGGER"])])
def test_of_two_conditional_orders_the_one_that_is_reached_first_executes(client, price, states):
    placed = client.placed("oco", **TAKE_PROFIT_PAIR)
    client.move(price)
    assert client.states(placed) == states
    client.move("111", "89", "111")
    assert len(client.signed("GET", "myTrades", symbol="BTCUSDT")) == 1
    assert client.locked() == {}


def test_a_buying_pair_pays_for_the_one_that_executes(client):
    client.placed("oco", **BUY_PAIR)
    client.move("89")
    assert client.locked() == {}
    assert client.exchange.balances(KEY)["USDT"].free == 10_000 - 180


def test_cancelling_one_order_cancels_its_list(client):
    placed = client.placed("oco", **SELL_PAIR)
    answer = client.signed("DELETE", "order", symbol="BTCUSDT", orderId=placed["orders"][0]["orderId"], newClientOrderId="stop-it")
    assert_documented(answer, REST["DELETE /api/v3/orderList"])
    assert answer["listOrderStatus"] == "ALL_DONE"
    assert {(order["status"], order["clientOrderId"]) for order in answer["orderReports"]} == {("CANCELED", "stop-it")}
    assert client.locked() == {}
    assert client.signed("GET", "openOrderList") == []


def test_a_list_is_cancelled_by_either_of_its_names(client):
    one = client.placed("oco", **SELL_PAIR)
    other = client.placed("oco", **SELL_PAIR, listClientOrderId="mine")
    wrong = client.signed("DELETE", "orderList", symbol="BTCUSDT", orderListId=one["orderListId"], listClientOrderId="mine")
    assert wrong["code"] == -2039
    assert client.signed("DELETE", "orderList", symbol="BTCUSDT", orderListId=99)["code"] == -2011
    for name in ({"orderListId": one["orderListId"]}, {"listClientOrderId": "mine"}):
        assert client.signed("DELETE", "orderList", symbol="BTCUSDT", **name)["listOrderStatus"] == "ALL_DONE"
    assert client.signed("DELETE", "orderList", symbol="BTCUSDT", orderListId=other["orderListId"])["code"] == -2011
    assert client.signed("DELETE", "orderList", symbol="BTCUSDT")["code"] == -1102


def test_cancelling_everything_shows_lists_as_lists_after_single_orders(client):
    client.placed("oco", **SELL_PAIR)
    client.order(type="LIMIT", timeInForce="GTC", quantity="1", price="80")
    single, whole = client.signed("DELETE", "openOrders", symbol="BTCUSDT")
    assert (single["orderListId"], single["status"]) == (-1, "CANCELED")
    assert_documented(whole, REST["DELETE /api/v3/orderList"])
    assert client.locked() == {}


def test_self_trade_prevention_ends_a_pair(client):
    placed = client.placed("oco", **SELL_PAIR)
    client.order(quantity="1")
    assert client.states(placed) == ["NEW", "NEW"]  # the market's asks were cheaper
    client.order(side="BUY", type="LIMIT", timeInForce="GTC", quantity="1001", price="9.9")
    client.move("109.8")  # the best ask is 110.3
    client.order(quantity="1", selfTradePreventionMode="EXPIRE_MAKER")
    assert client.states(placed) == ["EXPIRED OCO_TRIGGER", "EXPIRED_IN_MATCH"]
    assert client.list_status(placed) == "ALL_DONE"


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"abovePrice": "99"}, -2010, "The relationship of the prices for the orders is not correct."),
        ({"belowStopPrice": "101"}, -2010, "The relationship of the prices for the orders is not correct."),
        ({"quantity": "11"}, -2010, "Account has insufficient balance for requested action."),
        ({"abovePrice": "110.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"aboveClientOrderId": "a", "belowClientOrderId": "a"}, -2010, "Duplicate order sent."),
        ({"aboveType": "LIMIT"}, -1158, "Order type not supported in OCO."),
        ({"belowType": "MARKET"}, -1158, "Order type not supported in OCO."),
        (
            {"belowType": "LIMIT_MAKER", "belowStopPrice": None, "belowTimeInForce": None},
            -1168,
            "At least one OCO order must be contingent.",
        ),
        ({"belowIcebergQty": "1", "belowTimeInForce": "IOC"}, -1160, "belowIcebergQty"),
        ({"abovePrice": None}, -1102, "abovePrice"),
        ({"belowStopPrice": None}, -1102, "belowTrailingDelta"),
        ({"belowTimeInForce": None}, -1102, "belowTimeInForce"),
        ({"aboveStopPrice": "120"}, -1106, "aboveStopPrice"),
        ({"abovePrice": "x"}, -1100, "abovePrice"),
        ({"aboveStrategyType": "5"}, -1134, "strategyType"),
        ({"side": "HOLD"}, -1117, "Invalid side."),
        ({"aboveQuantity": "1"}, -1104, "Not all sent parameters were read"),
        ({"newOrderRespType": "ALL"}, -1130, "newOrderRespType"),
    ],
)
def test_a_pair_that_cannot_be_is_refused_and_leaves_no_trace(client, change, code, text):
    ears = Ears(client)
    params = {**SELL_PAIR, **change}
    answer = client.placed("oco", **{name: value for name, value in params.items() if value is not None})
    assert answer["code"] == code
    assert text in answer["msg"]
    assert client.locked() == {}
    assert client.signed("GET", "rateLimit/order")[0]["count"] == 0
    assert ears.since() == []
    assert client.placed("oco", **SELL_PAIR)["orderListId"] == 0


LIMIT = {"Type": "LIMIT_MAKER", "Price": "110"}
STOP = {"Type": "STOP_LOSS", "StopPrice": "90"}
PROFIT = {"Type": "TAKE_PROFIT", "StopPrice": "110"}


@pytest.mark.parametrize(
    ("side", "above", "below", "code"),
    [
        ("BUY", LIMIT, STOP, -1196),
        ("BUY", LIMIT, PROFIT, -1165),
        ("BUY", PROFIT, PROFIT, -1198),
        ("SELL", STOP, STOP, -1197),
        ("SELL", PROFIT, LIMIT, -1166),
        ("SELL", PROFIT, PROFIT, -1199),
    ],
)
def test_every_kind_of_order_has_its_side_of_the_price(client, side, above, below, code):
    params = {f"above{name}": value for name, value in above.items()} | {f"below{name}": value for name, value in below.items()}
    assert client.placed("oco", side=side, quantity="1", **params)["code"] == code


def test_a_limit_order_that_would_take_is_refused_with_its_list(client):
    client.market.move(client.clock.time_ms, "100")
    answer = client.placed("oco", **{**BUY_PAIR, "belowPrice": "99.9"})
    assert "orderListId" in answer
    client.signed("DELETE", "openOrders", symbol="BTCUSDT")
    client.order(side="SELL", type="LIMIT_MAKER", quantity="1", price="99.8")  # another price than the last one
    answer = client.placed("oco", **{**BUY_PAIR, "belowPrice": "99.9"})
    assert (answer["code"], answer["msg"]) == (-2010, "Order would immediately match and take.")


def test_the_deprecated_request_names_its_orders_by_what_they_are(client):
    params = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "1", "price": "110", "stopPrice": "90"}
    placed = client.signed("POST", "order/oco", **params, limitClientOrderId="up", stopClientOrderId="down")
    assert_documented(placed, REST["POST /api/v3/order/oco"])
    assert [(order["clientOrderId"], order["type"]) for order in placed["orderReports"]] == [("down", "STOP_LOSS"), ("up", "LIMIT_MAKER")]
    assert client.signed("POST", "order/oco", **params, stopLimitPrice="89")["code"] == -1102
    priced = client.signed("POST", "order/oco", **params, stopLimitPrice="89", stopLimitTimeInForce="IOC")
    assert [order["type"] for order in priced["orderReports"]] == ["STOP_LOSS_LIMIT", "LIMIT_MAKER"]
    assert client.locked() == {"BTC": 2}


# --- one triggers the other ------------------------------------------------------------------------------------------------------------


def test_a_pending_order_waits_with_its_funds_until_the_working_order_is_filled(client):
    ears = Ears(client)
    placed = client.placed("oto", **WORKING, **PENDING_SELL)
    assert_documented(placed, REST["POST /api/v3/orderList/oto"])
    assert [(order["status"], order["workingTime"] == -1) for order in placed["orderReports"]] == [("NEW", False), ("PENDING_NEW", True)]
    assert ears.since() == ["LIMIT NEW NEW", "LIMIT NEW PENDING_NEW", "list EXEC_STARTED"]
    assert client.locked() == {"USDT": 190, "BTC": 2}
    client.move("130")  # whatever the market does, a pending order does not work
    assert client.states(placed) == ["NEW", "PENDING_NEW"]
    client.move("94")
    assert ears.since() == ["LIMIT TRADE FILLED", "LIMIT NEW NEW"]
    assert client.states(placed) == ["FILLED", "NEW"]
    assert client.locked() == {"BTC": 2}
    client.move("121")
    assert ears.since() == ["LIMIT TRADE FILLED", "list ALL_DONE"]
    assert client.list_status(placed) == "ALL_DONE"
    assert client.locked() == {}


def test_the_answer_shows_a_pending_order_as_pending_though_it_works_by_then(client):
    placed = client.placed("oto", **{**WORKING, "workingPrice": "101"}, **PENDING_SELL)
    assert [order["status"] for order in placed["orderReports"]] == ["FILLED", "PENDING_NEW"]
    assert client.states(placed) == ["FILLED", "NEW"]


def test_a_partial_fill_of_the_working_order_triggers_nothing():
    client = MovingClient(size="1.5")
    placed = client.placed("oto", **WORKING, **PENDING_SELL)
    client.move("94")
    assert client.states(placed) == ["PARTIALLY_FILLED", "PENDING_NEW"]
    client.move("100", "94")
    assert client.states(placed) == ["FILLED", "NEW"]
    client.exchange.close()


def test_a_pending_market_order_executes_as_soon_as_it_may(client):
    pending = {"pendingType": "MARKET", "pendingSide": "SELL", "pendingQuantity": "1"}
    placed = client.placed("oto", **WORKING, **pending)
    client.move("94")
    assert client.states(placed) == ["FILLED", "FILLED"]
    assert client.list_status(placed) == "ALL_DONE"
    assert client.locked() == {}


def test_a_working_order_that_expires_takes_the_others_with_it(client):
    ears = Ears(client)
    placed = client.placed("oto", **{**WORKING, "workingTimeInForce": "IOC"}, **PENDING_SELL)
    assert [order["status"] for order in placed["orderReports"]] == ["EXPIRED", "PENDING_NEW"]
    assert client.states(placed) == ["EXPIRED UNFILLED_IOC_QUANTITY_EXPIRED", "EXPIRED OTO_PHASE_ONE_EXPIRED"]
    assert ears.since()[-1] == "list ALL_DONE"
    assert client.locked() == {}


@pytest.mark.parametrize("which", [0, 1])
def test_cancelling_the_working_or_the_pending_order_cancels_both(client, which):
    placed = client.placed("oto", **WORKING, **PENDING_SELL)
    client.signed("DELETE", "order", symbol="BTCUSDT", orderId=placed["orders"][which]["orderId"])
    assert client.states(placed) == ["CANCELED", "CANCELED"]
    assert client.locked() == {}


def test_a_pending_order_that_the_book_refuses_is_rejected(client):
    """Its price was good when the list came in, and is not when it is to work."""
    pending = {"pendingType": "LIMIT_MAKER", "pendingSide": "BUY", "pendingPrice": "96", "pendingQuantity": "1"}
    placed = client.placed("oto", **WORKING, **pending)
    client.move("94")
    assert client.states(placed) == ["FILLED", "EXPIRED REJECTED"]
    assert client.list_status(placed) == "ALL_DONE"
    assert client.locked() == {}


def test_a_list_needs_the_funds_of_both(client):
    answer = client.placed("oto", **WORKING, **{**PENDING_SELL, "pendingQuantity": "11"})
    assert (answer["code"], answer["msg"]) == (-2010, "Account has insufficient balance for requested action.")
    buys = {"pendingType": "LIMIT", "pendingSide": "BUY", "pendingPrice": "50", "pendingTimeInForce": "GTC"}
    assert client.placed("oto", **WORKING, **buys, pendingQuantity="197")["code"] == -2010
    assert "orderListId" in client.placed("oto", **WORKING, **buys, pendingQuantity="196")
    assert client.locked() == {"USDT": 9_990}


def test_only_limit_orders_are_working_orders(client):
    answer = client.placed("oto", **{**WORKING, "workingType": "MARKET", "workingPrice": None}, **PENDING_SELL)
    assert answer["code"] in {-1106, -1130}


def test_what_the_working_order_triggers_can_be_a_pair(client):
    placed = client.placed("otoco", **WORKING, **PENDING_PAIR)
    assert_documented(placed, REST["POST /api/v3/orderList/otoco"])
    assert client.locked() == {"USDT": 190, "BTC": 2}
    assert client.signed("GET", "rateLimit/order")[0]["count"] == 3
    client.move("125", "94")  # the limit price was passed before it mattered
    assert client.states(placed) == ["FILLED", "NEW", "NEW"]
    assert client.locked() == {"BTC": 2}
    client.move("84")
    assert client.states(placed) == ["FILLED", "FILLED", "EXPIRED OCO_TRIGGER"]
    assert client.locked() == {}
    assert client.list_status(placed) == "ALL_DONE"


def test_a_pair_whose_prices_the_market_has_passed_is_rejected_whole(client):
    placed = client.placed("otoco", **WORKING, **{**PENDING_PAIR, "pendingBelowStopPrice": "96"})
    client.move("94")  # the working order is filled at 95, which is below the stop price
    assert client.states(placed) == ["FILLED", "EXPIRED REJECTED", "EXPIRED REJECTED"]
    assert client.locked() == {}
    assert client.list_status(placed) == "ALL_DONE"


def test_a_pending_trailing_stop_follows_the_price_from_when_it_works(client):
    pending = {"pendingType": "STOP_LOSS", "pendingSide": "SELL", "pendingQuantity": "2", "pendingTrailingDelta": "500"}
    placed = client.placed("oto", **WORKING, **pending)
    client.move("200", "94")
    assert client.states(placed) == ["FILLED", "NEW"]
    client.move("90.3")  # 4.9 percent below the 95 at which it began to follow
    assert client.states(placed) == ["FILLED", "NEW"]
    client.move("90.2")
    assert client.states(placed) == ["FILLED", "FILLED"]


# --- one pays the other ----------------------------------------------------------------------------------------------------------------


def test_what_the_working_order_brings_in_is_locked_and_sold(client):
    placed = client.placed("opo", **WORKING, **paid(PENDING_SELL))
    assert_documented(placed, REST["POST /api/v3/orderList/opo"])
    assert "origQty" not in placed["orderReports"][1]
    assert client.locked() == {"USDT": 190}
    client.move("94")
    # The commission comes from the ten that were there before.
    assert client.locked() == {"BTC": 2}
    assert client.signed("GET", "openOrders", symbol="BTCUSDT")[0]["origQty"] == "2.00000000"
    client.move("121")
    assert client.states(placed) == ["FILLED", "FILLED"]
    assert client.locked() == {}


def test_without_other_funds_the_commission_makes_the_sale_smaller():
    client = MovingClient(size="1.5")
    client.order(side="SELL", quantity="10")
    assert client.exchange.balances(KEY)["BTC"].free == D("8.5")
    client.exchange.deposit(KEY, "BTC", D("-8.5"))
    client.placed("opo", **{**WORKING, "workingQuantity": "1"}, **paid(PENDING_SELL))
    client.move("94")
    assert client.signed("GET", "openOrders", symbol="BTCUSDT")[0]["origQty"] == "0.99900000"  # 0.1 percent of commission
    assert client.locked() == {"BTC": D("0.999")}
    client.exchange.close()


def test_of_bnb_only_what_is_left_after_the_commission_is_kept_though_there_is_more():
    market = MovingMarket()
    market.rules = {"BNBUSDT": replace(market.rules["BTCUSDT"], symbol="BNBUSDT", base_asset="BNB")}
    client = Client(market=market, balances={"USDT": D(1_000), "BNB": D(10)})
    client.signed("POST", "orderList/opo", symbol="BNBUSDT", **{**WORKING, "workingPrice": "101"}, **paid(PENDING_SELL))
    (selling,) = client.signed("GET", "openOrders", symbol="BNBUSDT")
    assert selling["origQty"] == "1.99800000"
    assert client.exchange.balances(KEY)["BNB"].locked == D("1.998")
    client.exchange.close()


def test_what_is_received_bit_by_bit_waits_locked_and_is_free_when_the_list_is_cancelled():
    client = MovingClient(size="1.5")
    placed = client.placed("opoco", **WORKING, **paid(PENDING_PAIR))
    assert_documented(placed, REST["POST /api/v3/orderList/opoco"])
    client.move("94")
    assert client.states(placed) == ["PARTIALLY_FILLED", "PENDING_NEW", "PENDING_NEW"]
    assert client.locked() == {"USDT": D("47.5"), "BTC": D("1.5")}
    client.signed("DELETE", "orderList", symbol="BTCUSDT", orderListId=placed["orderListId"])
    assert client.states(placed) == ["CANCELED", "CANCELED", "CANCELED"]
    assert client.locked() == {}
    client.exchange.close()


def test_a_paid_pair_sells_once(client):
    placed = client.placed("opoco", **WORKING, **paid(PENDING_PAIR))
    client.move("94")
    assert client.locked() == {"BTC": 2}
    assert {order["origQty"] for order in client.signed("GET", "openOrders", symbol="BTCUSDT")} == {"2.00000000"}
    client.move("121")
    assert client.states(placed) == ["FILLED", "EXPIRED OCO_TRIGGER", "FILLED"]
    assert client.locked() == {}


@pytest.mark.parametrize(
    ("change", "code"),
    [({"workingSide": "SELL"}, -1222), ({"pendingSide": "BUY"}, -1223), ({"pendingQuantity": "1"}, -1104)],
)
def test_only_a_buy_pays_for_a_sale_and_it_names_no_quantity(client, change, code):
    assert client.placed("opo", **{**WORKING, **paid(PENDING_SELL), **change})["code"] == code


# --- asking --------------------------------------------------------------------------------------------------------------------------


def test_lists_are_found_by_id_name_and_time(client):
    first = client.placed("oco", **SELL_PAIR, listClientOrderId="first")
    client.move("100")
    second = client.placed("oto", **WORKING, **PENDING_SELL)
    client.signed("DELETE", "orderList", symbol="BTCUSDT", orderListId=first["orderListId"])
    shapes = REST["GET /api/v3/orderList"]
    for name in ({"orderListId": first["orderListId"]}, {"origClientOrderId": "first"}):
        found = client.signed("GET", "orderList", **name)
        assert_documented(found, shapes)
        assert (found["listStatusType"], found["listOrderStatus"]) == ("ALL_DONE", "ALL_DONE")
    assert client.signed("GET", "orderList", orderListId=7)["code"] == -2013
    assert client.signed("GET", "orderList", orderListId=0, origClientOrderId="second")["code"] == -2039
    assert code_of(client.signed_raw("GET", "orderList")) == (400, -1102)
    (is_open,) = client.signed("GET", "openOrderList")
    assert is_open["orderListId"] == second["orderListId"]

    def listed(**params) -> list[int]:
        return [found["orderListId"] for found in client.signed("GET", "allOrderList", **params)]

    assert listed() == [1, 0]
    assert listed(limit=1) == [1]
    assert listed(fromId=0) == [0, 1]
    assert listed(fromId=1) == [1]
    assert listed(startTime=client.clock.time_ms) == [0, 1]  # the first one has ended since
    assert listed(endTime=client.clock.time_ms - 1) == []
    assert client.signed("GET", "allOrderList", fromId=0, startTime=1)["code"] == -1128


def test_a_name_is_free_again_once_its_list_is_done(client):
    client.placed("oco", **SELL_PAIR, listClientOrderId="mine", aboveClientOrderId="up")
    assert client.placed("oco", **SELL_PAIR, listClientOrderId="mine")["code"] == -2010
    assert client.placed("oco", **SELL_PAIR, aboveClientOrderId="up")["code"] == -2010
    client.signed("DELETE", "openOrders", symbol="BTCUSDT")
    again = client.placed("oco", **SELL_PAIR, listClientOrderId="mine", aboveClientOrderId="up")
    assert client.signed("GET", "orderList", origClientOrderId="mine")["orderListId"] == again["orderListId"]


def test_open_lists_on_a_symbol_are_bounded(client):
    client.exchange.deposit(KEY, "BTC", D(100))
    for _ in range(20):
        assert "orderListId" in client.placed("oto", **WORKING, **PENDING_SELL, newOrderRespType="ACK")
    assert client.placed("oto", **WORKING, **PENDING_SELL)["msg"] == "Filter failure: MAX_NUM_ORDER_LISTS"


def test_lists_go_on_after_a_restart_as_if_nothing_had_been(tmp_path):
    path = tmp_path / "exchange.sqlite"
    client = MovingClient(ExchangeStore(path), size="1.5")
    pair = client.placed("oco", **SELL_PAIR)
    lower = {**WORKING, "workingPrice": "80"}, {**paid(PENDING_PAIR), "pendingBelowStopPrice": "70"}
    paying = client.placed("opoco", **lower[0], **lower[1])
    client.move("94.6", "79")  # most of the stop, and most of the working order
    before = client.states(pair), client.states(paying), client.locked()
    client.exchange.close()
    again = MovingClient(ExchangeStore(path), size="1.5")
    again.clock.time_ms = client.clock.time_ms
    again.market._quotes = client.market._quotes
    assert (again.states(pair), again.states(paying), again.locked()) == before
    again.move("100", "79", "121")
    assert again.states(pair) == ["FILLED", "EXPIRED OCO_TRIGGER"]
    assert again.states(paying) == ["FILLED", "EXPIRED OCO_TRIGGER", "PARTIALLY_FILLED"]
    again.move("100", "122", "100")
    assert again.locked() == {}
    assert again.placed("oco", **SELL_PAIR)["orderListId"] == 2
    again.exchange.close()


def test_lists_are_forgotten_when_the_exchange_begins_again(client):
    client.placed("oco", **SELL_PAIR, listClientOrderId="mine")
    client.placed("opoco", **WORKING, **paid(PENDING_PAIR))
    client.exchange.venue.engine.start_again()
    assert client.signed("GET", "openOrderList") == client.signed("GET", "allOrderList") == []
    placed = client.placed("oco", **SELL_PAIR, listClientOrderId="mine")
    assert (placed["orderListId"], placed["orders"][0]["orderId"]) == (0, 1)
    client.move("94", "112")
    assert client.states(placed) == ["FILLED", "EXPIRED OCO_TRIGGER"]


def test_replacing_an_order_of_a_list_cancels_the_list(client):
    placed = client.placed("oco", **SELL_PAIR)
    new = {"symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "10", "price": "120"}
    old = {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": placed["orders"][1]["orderId"]}
    answer = client.signed("POST", "order/cancelReplace", **new, **old)
    assert_documented(answer["cancelResponse"], REST["DELETE /api/v3/orderList"])
    assert answer["newOrderResponse"]["status"] == "NEW"
    assert client.states(placed) == ["CANCELED", "CANCELED"]
    assert client.locked() == {"BTC": 10}
