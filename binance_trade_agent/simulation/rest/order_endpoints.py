"""Endpoints that place and cancel orders (rest-api.md, "Trading endpoints")."""

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Any

from binance_trade_agent.domain.errors import ExchangeRefusedError
from binance_trade_agent.domain.order import Side, TimeInForce
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.records import NewOrder
from binance_trade_agent.simulation.engine.refusals import refused
from binance_trade_agent.simulation.engine.terms import CancelRestriction, OrderType
from binance_trade_agent.simulation.rest import json_shapes
from binance_trade_agent.simulation.rest.endpoint import Call, Endpoint, Venue, flat, signed
from binance_trade_agent.simulation.rest.params import Params

ORDER_PARAMETERS = (
    "symbol side type timeInForce quantity quoteOrderQty price newClientOrderId newOrderRespType selfTradePreventionMode "
    "stopPrice trailingDelta icebergQty pegPriceType"
)

# Known to Binance, switched off here for every symbol (exchangeInfo says so too); errors.md, "Messages for -1010 ...".
_UNSUPPORTED_TYPES = {
    "STOP_LOSS": "Stop loss orders are not supported for this symbol.",
    "STOP_LOSS_LIMIT": "Stop loss limit orders are not supported for this symbol.",
    "TAKE_PROFIT": "Take profit orders are not supported for this symbol.",
    "TAKE_PROFIT_LIMIT": "Take profit limit orders are not supported for this symbol.",
}
_UNSUPPORTED_PARAMETERS = {
    "icebergQty": "Iceberg orders are not supported for this symbol.",
    "trailingDelta": "Trailing stop orders are not supported for this symbol.",
    "pegPriceType": "Pegged orders are not supported for this symbol.",
}


class ResponseType(StrEnum):
    """How much the answer to a new order tells (enums.md, "Order Response Type")."""

    ACK = "ACK"
    RESULT = "RESULT"
    FULL = "FULL"


class SelfTradePrevention(StrEnum):
    """The one mode that this exchange allows (faqs/stp_faq.md)."""

    EXPIRE_MAKER = json_shapes.SELF_TRADE_PREVENTION


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
    if detail is ResponseType.ACK:
        return json_shapes.order_ack(placement.order)
    if detail is ResponseType.RESULT:
        return json_shapes.order_result(placement.order)
    return json_shapes.order_full(placement.order, placement.trades)


def _test_order(venue: Venue, call: Call) -> Any:
    request, _ = read_order(venue, call.params)
    venue.engine.check(call.account_id, request, call.now_ms)
    if not call.params.boolean("computeCommissionRates", default=False):
        return b"{}"
    commissions = venue.engine.rulebook.commissions
    terms = commissions.terms(call.account_id, request.symbol)
    return json_shapes.commission_for_order(request.side, terms, pays_discounted=commissions.pays_discounted(call.account_id))


def read_order(venue: Venue, params: Params) -> tuple[NewOrder, ResponseType]:
    """The order that the parameters ask for, and how much of it the answer shall tell."""
    rules = venue.engine.rules(params.symbol())
    side = _read_side(params)
    kind = _read_type(params)
    for name, message in _UNSUPPORTED_PARAMETERS.items():
        if params.has(name):
            raise refused(-1013, message)
    if params.has("stopPrice"):
        raise refusals.not_required("stopPrice")
    params.choice("selfTradePreventionMode", SelfTradePrevention, -1130, "Data sent for parameter 'selfTradePreventionMode' is not valid.")
    detail = params.choice("newOrderRespType", ResponseType, -1130, "Data sent for parameter 'newOrderRespType' is not valid.")
    default = ResponseType.ACK if kind is OrderType.LIMIT_MAKER else ResponseType.FULL
    quantity, quote_quantity = _read_quantities(params, kind, rules)
    request = NewOrder(
        symbol=rules.symbol,
        side=side,
        type=kind,
        time_in_force=_read_time_in_force(params, kind),
        quantity=quantity,
        quote_quantity=quote_quantity,
        price=_read_price(params, kind, rules),
        client_order_id=params.client_order_id("newClientOrderId"),
    )
    return request, detail or default


def _read_side(params: Params) -> Side:
    try:
        return Side(params.require("side"))
    except ValueError:
        raise refused(-1117, "Invalid side.") from None


def _read_type(params: Params) -> OrderType:
    text = params.require("type")
    if text in _UNSUPPORTED_TYPES:
        raise refused(-1013, _UNSUPPORTED_TYPES[text])
    try:
        return OrderType(text)
    except ValueError:
        raise refused(-1116, "Invalid orderType.") from None


def _read_time_in_force(params: Params, kind: OrderType) -> TimeInForce:
    if kind is not OrderType.LIMIT:
        if params.has("timeInForce"):
            raise refusals.not_required("timeInForce")
        return TimeInForce.GTC
    try:
        return TimeInForce(params.require("timeInForce"))
    except ValueError:
        raise refused(-1115, "Invalid timeInForce.") from None


def _read_quantities(params: Params, kind: OrderType, rules: SymbolRules) -> tuple[Decimal | None, Decimal | None]:
    quantity = params.decimal("quantity", rules.base_precision)
    quote_quantity = params.decimal("quoteOrderQty", rules.quote_precision)
    if kind is not OrderType.MARKET:
        if quote_quantity is not None:
            raise refusals.not_required("quoteOrderQty")
        if quantity is None:
            raise refusals.mandatory_missing("quantity")
    elif quantity is None and quote_quantity is None:
        raise refusals.either_missing("quantity", "quoteOrderQty")
    elif quantity is not None and quote_quantity is not None:
        raise refusals.bad_combination()
    return quantity, quote_quantity


def _read_price(params: Params, kind: OrderType, rules: SymbolRules) -> Decimal | None:
    price = params.decimal("price", rules.quote_precision)
    if kind is OrderType.MARKET:
        if price is not None:
            raise refusals.not_required("price")
    elif price is None:
        raise refusals.mandatory_missing("price")
    return price


def _cancel_order(venue: Venue, call: Call) -> Any:
    return read_cancel(venue, call, call.params)()


def read_cancel(venue: Venue, call: Call, params: Params) -> Callable[[], json_shapes.Json]:
    """The cancel that the parameters ask for: calling it carries it out and tells what became of it."""
    symbol = venue.engine.rules(params.symbol()).symbol
    order_id, client_order_id = read_order_ids(params)
    restriction = params.choice("cancelRestrictions", CancelRestriction, -1145, "Invalid cancelRestrictions")
    cancel_id = params.client_order_id("newClientOrderId")

    def cancel() -> json_shapes.Json:
        order = venue.engine.cancel(
            call.account_id,
            symbol,
            order_id=order_id,
            client_order_id=client_order_id,
            now_ms=call.now_ms,
            restriction=restriction,
            cancel_id=cancel_id,
        )
        return json_shapes.order_canceled(order, cancel_id or venue.engine.cancel_id(order))

    return cancel


def _cancel_all(venue: Venue, call: Call) -> Any:
    symbol = venue.engine.rules(call.params.symbol()).symbol
    canceled = venue.engine.cancel_all(call.account_id, symbol, call.now_ms)
    return [json_shapes.order_canceled(order, venue.engine.cancel_id(order)) for order in canceled]


def read_order_ids(params: Params) -> tuple[int | None, str | None]:
    """`orderId` and `origClientOrderId`, of which one must be sent (-1102)."""
    order_id = params.integer("orderId")
    client_order_id = params.client_order_id("origClientOrderId")
    if order_id is None and client_order_id is None:
        raise refusals.either_missing(params.sent_name("origClientOrderId"), params.sent_name("orderId"))
    return order_id, client_order_id


def _test_weight(params: Params) -> int:
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
    "/api/v3/order/test": {"POST": signed(_test_order, f"{ORDER_PARAMETERS} computeCommissionRates", weight=_test_weight)},
}
