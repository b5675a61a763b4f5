"""Binance's own SDK places, follows and cancels order lists by REST; nothing that comes back is unknown to its models."""

from collections.abc import Iterator
from typing import Any

import pytest
from binance_sdk_spot.spot import Spot
from exchange_program import RunningExchange
from features import Client, Feature, covers
from official_sdk import QUANTITY, SYMBOL, best_price, known, nudge, official_sdk, price_at
from waiting import accepted_now, soon

CLIENT = Client.SDK_REST


@pytest.fixture
def sdk(exchange: RunningExchange) -> Iterator[Spot]:
    connected = official_sdk(exchange)
    connected.rest_api.new_order(symbol=SYMBOL, side="BUY", type="MARKET", quantity=0.008)
    yield connected
    if connected.rest_api.get_open_orders(symbol=SYMBOL).data():
        connected.rest_api.delete_open_orders(symbol=SYMBOL)


def sell_oco(sdk: Spot, below: float) -> Any:
    """A profit to take far above, a loss to stop at `below`."""
    legs = {"above_type": "LIMIT_MAKER", "above_price": price_at(sdk, "1.1"), "below_type": "STOP_LOSS", "below_stop_price": below}
    return known(sdk.rest_api.order_list_oco(symbol=SYMBOL, side="SELL", quantity=QUANTITY, **legs).data())


def working(sdk: Spot, factor: str) -> dict[str, Any]:
    return {
        "symbol": SYMBOL,
        "working_type": "LIMIT",
        "working_side": "BUY",
        "working_time_in_force": "GTC",
        "working_price": price_at(sdk, factor),
        "working_quantity": QUANTITY,
        "pending_side": "SELL",
    }


def pending_oco(sdk: Spot) -> dict[str, Any]:
    return {
        "pending_above_type": "LIMIT_MAKER",
        "pending_above_price": price_at(sdk, "1.1"),
        "pending_below_type": "STOP_LOSS_LIMIT",
        "pending_below_stop_price": price_at(sdk, "0.8"),
        "pending_below_price": price_at(sdk, "0.79"),
        "pending_below_time_in_force": "GTC",
    }


def states(sdk: Spot, placed: Any) -> list[str]:
    return [known(sdk.rest_api.get_order(symbol=SYMBOL, order_id=each.order_id).data()).status for each in placed.orders]


@covers(Feature.OCO, Feature.LIST_STATUS, Feature.LIST_CANCEL)
def test_oco(sdk: Spot) -> None:
    placed = sell_oco(sdk, price_at(sdk, "0.9"))
    assert (placed.contingency_type, placed.list_status_type, placed.list_order_status) == ("OCO", "EXEC_STARTED", "EXECUTING")
    assert [each.order_list_id for each in known(sdk.rest_api.open_order_list().data())] == [placed.order_list_id]
    assert known(sdk.rest_api.get_order_list(order_list_id=placed.order_list_id).data()).list_order_status == "EXECUTING"
    cancelled = known(sdk.rest_api.delete_order_list(symbol=SYMBOL, order_list_id=placed.order_list_id).data())
    assert cancelled.list_order_status == "ALL_DONE"
    assert {each.status for each in cancelled.order_reports} == {"CANCELED"}
    assert known(sdk.rest_api.all_order_list().data())[-1].list_order_status == "ALL_DONE"


@covers(Feature.OCO)
def test_one_leg_of_an_oco_ends_the_other(sdk: Spot) -> None:
    placed = accepted_now(lambda: sell_oco(sdk, best_price(sdk, "SELL")))

    def looked() -> list[str]:
        nudge(sdk, "SELL")
        return states(sdk, placed)

    ended = soon(looked, lambda seen: "NEW" not in seen)
    assert sorted(ended) == ["EXPIRED", "FILLED"]


@covers(Feature.OLD_OCO)
def test_oco_by_the_deprecated_endpoint(sdk: Spot) -> None:
    placed = known(
        sdk.rest_api.order_oco(
            symbol=SYMBOL, side="SELL", quantity=QUANTITY, price=price_at(sdk, "1.1"), stop_price=price_at(sdk, "0.9")
        ).data()
    )
    assert {each.type for each in placed.order_reports} == {"LIMIT_MAKER", "STOP_LOSS"}


@covers(Feature.OTO)
def test_oto(sdk: Spot) -> None:
    sell = {"pending_type": "LIMIT_MAKER", "pending_price": price_at(sdk, "1.1"), "pending_quantity": QUANTITY}
    waiting = known(sdk.rest_api.order_list_oto(**working(sdk, "0.9"), **sell).data())
    assert states(sdk, waiting) == ["NEW", "PENDING_NEW"]
    placed = known(sdk.rest_api.order_list_oto(**working(sdk, "1.01"), **sell).data())
    assert states(sdk, placed) == ["FILLED", "NEW"]


@covers(Feature.OPO)
def test_opo(sdk: Spot) -> None:
    sell = {"pending_type": "LIMIT_MAKER", "pending_price": price_at(sdk, "1.1")}
    placed = known(sdk.rest_api.order_list_opo(**working(sdk, "1.01"), **sell).data())
    assert states(sdk, placed) == ["FILLED", "NEW"]


@covers(Feature.OTOCO)
def test_otoco(sdk: Spot) -> None:
    placed = known(sdk.rest_api.order_list_otoco(**working(sdk, "1.01"), **pending_oco(sdk), pending_quantity=QUANTITY).data())
    assert states(sdk, placed) == ["FILLED", "NEW", "NEW"]


@covers(Feature.OPOCO)
def test_opoco(sdk: Spot) -> None:
    placed = known(sdk.rest_api.order_list_opoco(**working(sdk, "1.01"), **pending_oco(sdk)).data())
    assert states(sdk, placed) == ["FILLED", "NEW", "NEW"]
