"""Endpoints that place, cancel and show order lists (rest-api.md, "Order lists" and "Account Endpoints")."""

from collections.abc import Callable
from typing import Any

from binance_trade_agent.domain.errors import ExchangeRefusedError
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.list_records import NewOrderList
from binance_trade_agent.simulation.rest.account_endpoints import read_span
from binance_trade_agent.simulation.rest.endpoint import Call, Endpoint, Venue, flat, signed
from binance_trade_agent.simulation.rest.order_list_json import list_canceled, list_placed, list_status
from binance_trade_agent.simulation.rest.order_list_params import (
    ABOVE,
    BELOW,
    DEPRECATED_OCO_PARAMETERS,
    PENDING,
    PENDING_ABOVE,
    PENDING_BELOW,
    WORKING,
    list_parameters,
    read_deprecated_oco,
    read_list_detail,
    read_oco,
    read_opo,
    read_opoco,
    read_oto,
    read_otoco,
    without_quantity,
)
from binance_trade_agent.simulation.rest.params import Params

Reader = Callable[[Params, SymbolRules], NewOrderList]


def _placing(read: Reader, parameters: str) -> Endpoint:
    """An endpoint that places the list which `read` finds in the parameters."""

    def place(venue: Venue, call: Call) -> Any:
        params, limits = call.params, venue.limits
        request = read(params, venue.engine.rules(params.symbol()))
        detail = read_list_detail(params)
        limits.require_order_room(call.account_id, call.now_ms)
        # Counted before it is placed: a fill at once gives the count back.
        orders = len(request.orders)
        limits.count_order(call.account_id, call.now_ms, orders)
        try:
            placement = venue.engine.place_list(call.account_id, request, call.now_ms)
        except ExchangeRefusedError:
            limits.forget_order(call.account_id, call.now_ms, orders)
            raise
        return list_placed(placement, detail)

    return signed(place, parameters, weight=flat(1), free_when_successful=True, places_order=True)


def _cancel(venue: Venue, call: Call) -> Any:
    params = call.params
    order_list_id, client_order_id = _read_ids(params, "listClientOrderId")
    canceled = venue.engine.cancel_list(
        call.account_id,
        venue.engine.rules(params.symbol()).symbol,
        order_list_id=order_list_id,
        client_order_id=client_order_id,
        now_ms=call.now_ms,
        cancel_id=params.client_order_id("newClientOrderId"),
    )
    return list_canceled(canceled)


def _query(venue: Venue, call: Call) -> Any:
    order_list_id, client_order_id = _read_ids(call.params, "origClientOrderId")
    if order_list_id is None:
        order_list = venue.archive.newest_list(call.account_id, client_order_id or "")
    else:
        order_list = venue.archive.order_list(call.account_id, order_list_id)
    if order_list is None:
        raise refusals.no_such_list()
    if client_order_id is not None and order_list.client_order_id != client_order_id:
        raise refusals.wrong_client_order_id()
    return list_status(order_list)


def _query_all(venue: Venue, call: Call) -> Any:
    params = call.params
    if params.has("fromId") and (params.has("startTime") or params.has("endTime")):
        raise refusals.bad_combination()
    span = read_span(params, "fromId")
    found = venue.archive.order_lists(call.account_id, span)
    # The newest first, unless it is said where to begin (CHANGELOG.md, "Requests for all OCO").
    return [list_status(order_list) for order_list in (found if span.oldest_first else reversed(found))]


def _query_open(venue: Venue, call: Call) -> Any:
    return [list_status(order_list) for order_list in venue.engine.lists.of_account(call.account_id)]


def _read_ids(params: Params, name: str) -> tuple[int | None, str | None]:
    """`orderListId` and the client id called `name`, of which one must be sent (-1102)."""
    order_list_id, client_order_id = params.integer("orderListId"), params.client_order_id(name)
    if order_list_id is None and client_order_id is None:
        raise refusals.either_missing(name, "orderListId")
    return order_list_id, client_order_id


_PAID, _PAID_ABOVE, _PAID_BELOW = map(without_quantity, (PENDING, PENDING_ABOVE, PENDING_BELOW))

ROUTES: dict[str, dict[str, Endpoint]] = {
    "/api/v3/order/oco": {"POST": _placing(read_deprecated_oco, DEPRECATED_OCO_PARAMETERS)},
    "/api/v3/orderList/oco": {"POST": _placing(read_oco, list_parameters(ABOVE, BELOW))},
    "/api/v3/orderList/oto": {"POST": _placing(read_oto, list_parameters(WORKING, PENDING))},
    "/api/v3/orderList/otoco": {"POST": _placing(read_otoco, list_parameters(WORKING, PENDING_ABOVE, PENDING_BELOW))},
    "/api/v3/orderList/opo": {"POST": _placing(read_opo, list_parameters(WORKING, _PAID))},
    "/api/v3/orderList/opoco": {"POST": _placing(read_opoco, list_parameters(WORKING, _PAID_ABOVE, _PAID_BELOW))},
    "/api/v3/orderList": {
        "GET": signed(_query, "orderListId origClientOrderId", weight=flat(4)),
        "DELETE": signed(_cancel, "symbol orderListId listClientOrderId newClientOrderId", weight=flat(1), free_when_successful=True),
    },
    "/api/v3/allOrderList": {"GET": signed(_query_all, "fromId startTime endTime limit", weight=flat(20))},
    "/api/v3/openOrderList": {"GET": signed(_query_open, weight=flat(6))},
}
