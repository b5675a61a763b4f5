"""Binance's own SDK trades by REST; nothing that comes back is unknown to its models."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from binance_common.errors import BadRequestError, UnauthorizedError
from binance_sdk_spot.spot import Spot
from exchange_program import RunningExchange
from features import Client, Feature, covers
from official_sdk import QUANTITY, SYMBOL, best_price, inside_price, known, nudge, official_sdk, price_at
from waiting import accepted_now, soon

CLIENT = Client.SDK_REST
D = Decimal
SIZE = D(str(QUANTITY))


@pytest.fixture
def sdk(exchange: RunningExchange) -> Iterator[Spot]:
    connected = official_sdk(exchange)
    yield connected
    if connected.rest_api.get_open_orders(symbol=SYMBOL).data():
        connected.rest_api.delete_open_orders(symbol=SYMBOL)


def place(sdk: Spot, **order: Any) -> Any:
    return known(sdk.rest_api.new_order(symbol=SYMBOL, quantity=QUANTITY, new_order_resp_type="FULL", **order).data())


def limit(sdk: Spot, side: str, factor: str, **order: Any) -> Any:
    return place(sdk, side=side, type="LIMIT", price=price_at(sdk, factor), **{"time_in_force": "GTC", **order})


def buy(sdk: Spot, quantity: float = 0.008) -> Any:
    return known(sdk.rest_api.new_order(symbol=SYMBOL, side="BUY", type="MARKET", quantity=quantity).data())


def seen(sdk: Spot, order: Any) -> Any:
    return known(sdk.rest_api.get_order(symbol=SYMBOL, order_id=order.order_id).data())


@covers(Feature.MARKET, Feature.MARKET_QUOTE, Feature.MY_TRADES)
def test_market_orders(sdk: Spot) -> None:
    order = place(sdk, side="BUY", type="MARKET")
    assert (order.status, D(order.executed_qty)) == ("FILLED", SIZE)
    trades = known(sdk.rest_api.my_trades(symbol=SYMBOL, order_id=order.order_id).data())
    assert [each.id for each in trades] == [each.trade_id for each in order.fills]
    assert sum(D(each.quote_qty) for each in trades) == D(order.cummulative_quote_qty)
    spent = known(sdk.rest_api.new_order(symbol=SYMBOL, side="BUY", type="MARKET", quote_order_qty=100).data())
    assert D(99) < D(spent.cummulative_quote_qty) <= 100


@covers(Feature.LIMIT, Feature.ORDER_STATUS, Feature.OPEN_ORDERS, Feature.ALL_ORDERS, Feature.CANCEL, Feature.CANCEL_ALL)
def test_limit_orders(sdk: Spot) -> None:
    one, two = limit(sdk, "BUY", "0.9"), limit(sdk, "BUY", "0.91")
    assert (seen(sdk, one).status, seen(sdk, one).is_working) == ("NEW", True)
    assert [each.order_id for each in known(sdk.rest_api.get_open_orders(symbol=SYMBOL).data())] == [one.order_id, two.order_id]
    assert known(sdk.rest_api.delete_order(symbol=SYMBOL, order_id=one.order_id).data()).status == "CANCELED"
    (cancelled,) = known(sdk.rest_api.delete_open_orders(symbol=SYMBOL).data())
    assert (cancelled.order_id, cancelled.status) == (two.order_id, "CANCELED")
    assert [each.status for each in known(sdk.rest_api.all_orders(symbol=SYMBOL).data())][-2:] == ["CANCELED"] * 2


@covers(Feature.IOC, Feature.FOK)
@pytest.mark.parametrize("time_in_force", ["IOC", "FOK"])
def test_orders_that_do_not_rest(sdk: Spot, time_in_force: str) -> None:
    assert limit(sdk, "BUY", "0.9", time_in_force=time_in_force).status == "EXPIRED"
    assert limit(sdk, "BUY", "1.01", time_in_force=time_in_force).status == "FILLED"


@covers(Feature.LIMIT_MAKER)
def test_limit_maker(sdk: Spot) -> None:
    assert place(sdk, side="BUY", type="LIMIT_MAKER", price=price_at(sdk, "0.9")).status == "NEW"
    with pytest.raises(BadRequestError, match="-2010"):
        place(sdk, side="BUY", type="LIMIT_MAKER", price=price_at(sdk, "1.05"))


@covers(Feature.STOP_LOSS, Feature.TAKE_PROFIT)
@pytest.mark.parametrize(("kind", "side"), [("STOP_LOSS", "SELL"), ("TAKE_PROFIT", "BUY")])
def test_orders_that_a_trade_triggers(sdk: Spot, kind: str, side: str) -> None:
    buy(sdk)
    order = accepted_now(lambda: place(sdk, side="SELL", type=kind, stop_price=best_price(sdk, side)))

    def looked() -> Any:
        nudge(sdk, side)
        return seen(sdk, order)

    filled = soon(looked, lambda answer: answer.status == "FILLED")
    assert D(filled.executed_qty) == SIZE
    assert filled.working_time >= filled.time


@covers(Feature.STOP_LOSS_LIMIT, Feature.TAKE_PROFIT_LIMIT)
@pytest.mark.parametrize(("kind", "trigger"), [("STOP_LOSS_LIMIT", "1.1"), ("TAKE_PROFIT_LIMIT", "0.9")])
def test_limit_orders_that_wait_for_a_trigger(sdk: Spot, kind: str, trigger: str) -> None:
    order = place(sdk, side="BUY", type=kind, time_in_force="GTC", price=price_at(sdk, trigger), stop_price=price_at(sdk, trigger))
    assert (seen(sdk, order).status, seen(sdk, order).is_working) == ("NEW", False)


@covers(Feature.TRAILING_STOP)
def test_trailing_stop(sdk: Spot) -> None:
    buy(sdk)
    order = place(sdk, side="SELL", type="STOP_LOSS", trailing_delta=100)
    assert seen(sdk, order).status == "NEW"


@covers(Feature.ICEBERG)
def test_iceberg(sdk: Spot) -> None:
    assert D(seen(sdk, limit(sdk, "BUY", "0.9", iceberg_qty=0.0005)).iceberg_qty) == D("0.0005")


@covers(Feature.PEGGED)
def test_pegged_order(sdk: Spot) -> None:
    order = place(sdk, side="BUY", type="LIMIT_MAKER", peg_price_type="PRIMARY_PEG", peg_offset_type="PRICE_LEVEL", peg_offset_value=3)
    assert seen(sdk, order).status == "NEW"


@covers(Feature.SELF_TRADE)
def test_self_trade_prevention(sdk: Spot) -> None:
    buy(sdk)

    def meet() -> tuple[Any, Any, Any]:
        """Two own orders at one price, and what was prevented: nothing, if the market came in between."""
        price = inside_price(sdk)
        maker = place(sdk, side="BUY", type="LIMIT", time_in_force="GTC", price=price)
        taker = place(sdk, side="SELL", type="LIMIT", time_in_force="IOC", price=price, self_trade_prevention_mode="EXPIRE_TAKER")
        return maker, taker, known(sdk.rest_api.my_prevented_matches(symbol=SYMBOL, order_id=taker.order_id).data())

    maker, taker, (match,) = soon(meet, lambda met: bool(met[2]))
    assert (taker.status, seen(sdk, maker).status) == ("EXPIRED_IN_MATCH", "NEW")
    assert (match.maker_order_id, match.self_trade_prevention_mode) == (maker.order_id, "EXPIRE_TAKER")


@covers(Feature.ROUTED)
def test_smart_order_routing(sdk: Spot) -> None:
    order = known(sdk.rest_api.sor_order(symbol=SYMBOL, side="BUY", type="MARKET", quantity=QUANTITY).data())
    assert (order.status, order.used_sor) == ("FILLED", True)
    assert known(sdk.rest_api.sor_order_test(symbol=SYMBOL, side="BUY", type="MARKET", quantity=QUANTITY).data())


@covers(Feature.TEST_ORDER)
def test_trying_an_order(sdk: Spot) -> None:
    rates = known(
        sdk.rest_api.order_test(symbol=SYMBOL, side="BUY", type="MARKET", quantity=QUANTITY, compute_commission_rates=True).data()
    )
    assert D(rates.standard_commission_for_order.taker) > 0


@covers(Feature.CLIENT_ORDER_ID)
def test_ids_of_the_clients_own(sdk: Spot) -> None:
    order = limit(sdk, "BUY", "0.9", new_client_order_id="mine-1", strategy_id=7, strategy_type=1_000_000)
    found = known(sdk.rest_api.get_order(symbol=SYMBOL, orig_client_order_id="mine-1").data())
    assert found.order_id == order.order_id
    with pytest.raises(BadRequestError, match="-2010"):
        limit(sdk, "BUY", "0.9", new_client_order_id="mine-1")
    cancelled = known(sdk.rest_api.delete_order(symbol=SYMBOL, orig_client_order_id="mine-1", new_client_order_id="end-1").data())
    assert (cancelled.orig_client_order_id, cancelled.client_order_id) == ("mine-1", "end-1")


@covers(Feature.CANCEL_REPLACE)
def test_cancel_and_replace(sdk: Spot) -> None:
    order = limit(sdk, "BUY", "0.9")
    second = {"side": "BUY", "type": "LIMIT", "time_in_force": "GTC", "quantity": QUANTITY, "price": price_at(sdk, "0.91")}
    done = known(
        sdk.rest_api.order_cancel_replace(
            symbol=SYMBOL, cancel_replace_mode="STOP_ON_FAILURE", cancel_order_id=order.order_id, **second
        ).data()
    )
    assert (done.cancel_result, done.new_order_result, done.new_order_response.status) == ("SUCCESS", "SUCCESS", "NEW")
    with pytest.raises(BadRequestError, match="-2022"):
        sdk.rest_api.order_cancel_replace(symbol=SYMBOL, cancel_replace_mode="STOP_ON_FAILURE", cancel_order_id=1, **second)


@covers(Feature.AMEND)
def test_amend_keeping_priority(sdk: Spot) -> None:
    order = limit(sdk, "BUY", "0.9")
    amended = known(sdk.rest_api.order_amend_keep_priority(symbol=SYMBOL, order_id=order.order_id, new_qty=0.001).data())
    assert D(amended.amended_order.qty) == D("0.001")
    assert D(seen(sdk, order).orig_qty) == D("0.001")
    (amendment,) = known(sdk.rest_api.order_amendments(symbol=SYMBOL, order_id=order.order_id).data())
    assert (D(amendment.orig_qty), D(amendment.new_qty)) == (SIZE, D("0.001"))


@covers(Feature.REFUSALS)
def test_refusals(sdk: Spot, exchange: RunningExchange) -> None:
    with pytest.raises(BadRequestError, match="-2010"):
        sdk.rest_api.new_order(symbol=SYMBOL, side="SELL", type="MARKET", quantity=50)
    with pytest.raises(BadRequestError, match="-2013"):
        sdk.rest_api.get_order(symbol=SYMBOL, order_id=123)
    with pytest.raises(BadRequestError, match="-1121"):
        sdk.rest_api.depth(symbol="NOSUCH")
    stranger = official_sdk(RunningExchange(exchange.place, "x" * 64, "y"))
    with pytest.raises(UnauthorizedError):
        stranger.rest_api.get_account()
