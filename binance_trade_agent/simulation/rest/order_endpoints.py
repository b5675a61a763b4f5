"""Endpoints that place and cancel orders (rest-api.md, "Trading endpoints")."""

from collections.abc import Callable
from typing import Any

from binance_trade_agent.domain.errors import ExchangeRefusedError
from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.list_records import ListCancellation
from binance_trade_agent.simulation.engine.records import ExchangeOrder, NewOrder
from binance_trade_agent.simulation.engine.terms import CancelRestriction
from binance_trade_agent.simulation.rest import json_shapes, order_json, order_list_json
from binance_trade_agent.simulation.rest.endpoint import Call, Endpoint, Venue, flat, signed
from binance_trade_agent.simulation.rest.order_params import ORDER_PARAMETERS, ResponseType, read_detail, read_new_order
from binance_trade_agent.simulation.rest.params import Params


def _new_order(venue: Venue, call: Call) -> Any:
    request, detail = read_order(venue, call.params)
    venue.limits.require_order_room(call.account_id, call.now_ms)
    return place_order(venue, call, request, detail)


def place_order(venue: Venue, call: Call, request: NewOrder, detail: ResponseType) -> json_shapes.Json:
    """Place an order that there is room for, and tell what became of it."""
    # Counted before it is placed: a fill at once gives the count back.
    venue.limits.count_order(call.account_id, call.now_ms)
    try:
        placement = venue.engine.place(call.account_id, request, call.now_ms)
    except ExchangeRefusedError:
        venue.limits.forget_order(call.account_id, call.now_ms)
        raise
    return order_json.placed(placement, detail)


def _test_order(venue: Venue, call: Call) -> Any:
    request, _ = read_order(venue, call.params)
    return tried_order(venue, call, request)


def tried_order(venue: Venue, call: Call, request: NewOrder) -> json_shapes.Json | bytes:
    """What is told of an order that is only checked: nothing, or the commissions that it would pay."""
    venue.engine.check(call.account_id, request, call.now_ms)
    if not call.params.boolean("computeCommissionRates", default=False):
        return b"{}"
    commissions = venue.engine.rulebook.commissions
    terms = commissions.terms(call.account_id, request.symbol)
    return json_shapes.commission_for_order(request.side, terms, pays_discounted=commissions.pays_discounted(call.account_id))


def read_order(venue: Venue, params: Params) -> tuple[NewOrder, ResponseType]:
    """The order that the parameters ask for, and how much of it the answer shall tell."""
    request = read_new_order(params, venue.engine.rules(params.symbol()))
    return request, read_detail(params, request.type)


def _cancel_order(venue: Venue, call: Call) -> Any:
    return read_cancel(venue, call, call.params)()


def read_cancel(venue: Venue, call: Call, params: Params) -> Callable[[], json_shapes.Json]:
    """The cancel that the parameters ask for: calling it carries it out and tells what became of it."""
    symbol = venue.engine.rules(params.symbol()).symbol
    order_id, client_order_id = read_order_ids(params)
    restriction = params.choice("cancelRestrictions", CancelRestriction, -1145, "Invalid cancelRestrictions")
    cancel_id = params.client_order_id("newClientOrderId")

    def cancel() -> json_shapes.Json:
        canceled = venue.engine.cancel(
            call.account_id,
            symbol,
            order_id=order_id,
            client_order_id=client_order_id,
            now_ms=call.now_ms,
            restriction=restriction,
            cancel_id=cancel_id,
        )
        return canceled_json(venue, canceled, cancel_id)

    return cancel


def _cancel_all(venue: Venue, call: Call) -> Any:
    symbol = venue.engine.rules(call.params.symbol()).symbol
    canceled = venue.engine.cancel_all(call.account_id, symbol, call.now_ms)
    return [canceled_json(venue, each, None) for each in canceled]


def canceled_json(venue: Venue, canceled: ExchangeOrder | ListCancellation, cancel_id: str | None) -> json_shapes.Json:
    """What became of a cancelled order, or of the whole list that it belongs to."""
    if isinstance(canceled, ListCancellation):
        return order_list_json.list_canceled(canceled)
    return order_json.order_canceled(canceled, cancel_id or venue.engine.cancel_id(canceled))


def read_order_ids(params: Params) -> tuple[int | None, str | None]:
    """`orderId` and `origClientOrderId`, of which one must be sent (-1102)."""
    order_id = params.integer("orderId")
    client_order_id = params.client_order_id("origClientOrderId")
    if order_id is None and client_order_id is None:
        raise refusals.either_missing(params.sent_name("origClientOrderId"), params.sent_name("orderId"))
    return order_id, client_order_id


def test_weight(params: Params) -> int:
    """The weight of a test, by whether it tells commissions."""
    return 20 if (params.text("computeCommissionRates") or "").lower() == "true" else 1


PLACE = signed(_new_order, ORDER_PARAMETERS, weight=flat(1), free_when_successful=True, places_order=True)
CANCEL = signed(
    _cancel_order,
    "symbol orderId origClientOrderId newClientOrderId cancelRestrictions",
    weight=flat(1),
    free_when_successful=True,
)
CANCEL_ALL = signed(_cancel_all, "symbol", weight=flat(1), free_when_successful=True)

ROUTES: dict[str, dict[str, Endpoint]] = {
    "/api/v3/order/test": {"POST": signed(_test_order, f"{ORDER_PARAMETERS} computeCommissionRates", weight=test_weight)},
}
