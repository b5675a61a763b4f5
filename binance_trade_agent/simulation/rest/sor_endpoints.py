"""Endpoints of smart order routing (rest-api.md, "SOR"; faqs/sor_faq.md).

Every symbol is a configuration of its own, because no two of this exchange's quote assets are interchangeable: an order trades in the book
it was sent to (working floor EXCHANGE), and there are no allocations.
"""

from typing import Any

from binance_trade_agent.simulation.engine.records import NewOrder
from binance_trade_agent.simulation.engine.refusals import refused
from binance_trade_agent.simulation.engine.terms import OrderType
from binance_trade_agent.simulation.rest.endpoint import Call, Endpoint, Venue, flat, signed
from binance_trade_agent.simulation.rest.order_endpoints import place_order, read_order, test_weight, tried_order
from binance_trade_agent.simulation.rest.order_params import ResponseType
from binance_trade_agent.simulation.rest.params import Params

_PARAMETERS = (
    "symbol side type timeInForce quantity price newClientOrderId strategyId strategyType icebergQty newOrderRespType "
    "selfTradePreventionMode"
)
_ROUTED_TYPES = frozenset({OrderType.LIMIT, OrderType.MARKET})


def _new_order(venue: Venue, call: Call) -> Any:
    request, detail = _read(venue, call.params)
    venue.limits.require_order_room(call.account_id, call.now_ms)
    return place_order(venue, call, request, detail)


def _new_order_by_socket(venue: Venue, call: Call) -> Any:
    return [_new_order(venue, call)]


def _test_order(venue: Venue, call: Call) -> Any:
    request, _ = _read(venue, call.params)
    answer = tried_order(venue, call, request)
    if isinstance(answer, dict):
        del answer["specialCommissionForOrder"]  # which the documents show for other orders only
    return answer


def _read(venue: Venue, params: Params) -> tuple[NewOrder, ResponseType]:
    params.require("quantity")
    request, detail = read_order(venue, params)
    if request.type not in _ROUTED_TYPES:
        raise refused(-1013, "Unsupported order combination")
    return request.routed(), detail


PLACE_BY_SOCKET = signed(_new_order_by_socket, _PARAMETERS, weight=flat(1), free_when_successful=True, places_order=True)
"""`sor.order.place`, whose result is an array of the one order."""

ROUTES: dict[str, dict[str, Endpoint]] = {
    "/api/v3/sor/order": {"POST": signed(_new_order, _PARAMETERS, weight=flat(1), free_when_successful=True, places_order=True)},
    "/api/v3/sor/order/test": {"POST": signed(_test_order, f"{_PARAMETERS} computeCommissionRates", weight=test_weight)},
}
