"""The parameters of a new order list: the names that each order of it has, and which pairs there can be.

Source: rest-api.md, "Order lists"; errors.md, -1158 to -1199, -1222 and -1223. What an order by itself needs is read as that of any order,
under the names that it has in the list.
"""

from collections.abc import Mapping
from types import MappingProxyType

from binance_trade_agent.domain.order import Side, TimeInForce
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.list_records import NewOrderList
from binance_trade_agent.simulation.engine.records import NewOrder
from binance_trade_agent.simulation.engine.refusals import refused
from binance_trade_agent.simulation.engine.terms import STOP_LOSS_TYPES, OrderType
from binance_trade_agent.simulation.rest.order_params import ResponseType, read_new_order
from binance_trade_agent.simulation.rest.params import Params

_OF_EACH = (
    *("type", "side", "quantity", "price", "stopPrice", "trailingDelta", "icebergQty", "timeInForce", "newClientOrderId"),
    *("strategyId", "strategyType", "pegPriceType", "pegOffsetType", "pegOffsetValue", "quoteOrderQty"),
)
_WORKING_TYPES = frozenset({OrderType.LIMIT, OrderType.LIMIT_MAKER})
_PAIR_TYPES = frozenset(OrderType) - {OrderType.LIMIT, OrderType.MARKET}

Names = Mapping[str, str]
"""What an order's parameters are called in the request for the list."""


def _names(prefix: str, **others: str) -> Names:
    own = {name: f"{prefix}{name[0].upper()}{name[1:]}" for name in _OF_EACH}
    return MappingProxyType({**own, "newClientOrderId": f"{prefix}ClientOrderId", **others})


ABOVE = _names("above", side="side", quantity="quantity")
BELOW = _names("below", side="side", quantity="quantity")
WORKING = _names("working")
PENDING = _names("pending")
PENDING_ABOVE = _names("pendingAbove", side="pendingSide", quantity="pendingQuantity")
PENDING_BELOW = _names("pendingBelow", side="pendingSide", quantity="pendingQuantity")
# The deprecated OCO names its orders by what they are; their types follow from that.
LIMIT = _names("limit", side="side", quantity="quantity", price="price")
STOP = _names(
    "stop",
    side="side",
    quantity="quantity",
    price="stopLimitPrice",
    timeInForce="stopLimitTimeInForce",
    stopPrice="stopPrice",
    trailingDelta="trailingDelta",
)

_OF_ALL = "symbol listClientOrderId newOrderRespType selfTradePreventionMode"
DEPRECATED_OCO_PARAMETERS = (
    f"{_OF_ALL} side quantity limitClientOrderId price limitStrategyId limitStrategyType limitIcebergQty trailingDelta stopClientOrderId "
    "stopPrice stopStrategyId stopStrategyType stopLimitPrice stopIcebergQty stopLimitTimeInForce"
)


def list_parameters(*orders: Names) -> str:
    """The parameters of an endpoint for lists of such orders, divided by spaces; all but `quoteOrderQty`, which none of them has."""
    known = [sent for names in orders for name, sent in names.items() if name != "quoteOrderQty"]
    return " ".join(dict.fromkeys([*_OF_ALL.split(), *known]))


def without_quantity(names: Names) -> Names:
    """The names of an order whose quantity another one pays for."""
    return MappingProxyType({name: sent for name, sent in names.items() if name != "quantity"})


def read_list_detail(params: Params) -> ResponseType:
    """How much of its orders the answer to a list shall tell: the documents' answers show what RESULT tells."""
    detail = params.choice("newOrderRespType", ResponseType, -1130, "Data sent for parameter 'newOrderRespType' is not valid.")
    return detail or ResponseType.RESULT


def read_oco(params: Params, rules: SymbolRules) -> NewOrderList:
    """orderList/oco."""
    return _list(params, rules, _read_pair(params, rules, ABOVE, BELOW))


def read_deprecated_oco(params: Params, rules: SymbolRules) -> NewOrderList:
    """order/oco."""
    priced = params.has("stopLimitPrice")
    if not priced and params.has("stopLimitTimeInForce"):
        raise refusals.not_required("stopLimitTimeInForce")
    params.require("stopPrice")
    stop_type = OrderType.STOP_LOSS_LIMIT if priced else OrderType.STOP_LOSS
    target = _read_order(params.supplied({"limitType": OrderType.LIMIT_MAKER.value}), rules, LIMIT)
    stop_loss = _read_order(params.supplied({"stopType": stop_type.value}), rules, STOP)
    return _list(params, rules, (stop_loss, target))


def read_oto(params: Params, rules: SymbolRules) -> NewOrderList:
    """orderList/oto."""
    return _list(params, rules, (_read_order(params, rules, PENDING),), _read_working(params, rules))


def read_otoco(params: Params, rules: SymbolRules) -> NewOrderList:
    """orderList/otoco."""
    working = _read_working(params, rules)
    return _list(params, rules, _read_pair(params, rules, PENDING_ABOVE, PENDING_BELOW), working)


def read_opo(params: Params, rules: SymbolRules) -> NewOrderList:
    """orderList/opo."""
    working = _read_working(params, rules)
    pending = _read_order(params, rules, PENDING, has_quantity=False)
    return _list(params, rules, _paid(working, pending), working, working_pays=True)


def read_opoco(params: Params, rules: SymbolRules) -> NewOrderList:
    """orderList/opoco."""
    working = _read_working(params, rules)
    pair = _read_pair(params, rules, PENDING_ABOVE, PENDING_BELOW, has_quantity=False)
    return _list(params, rules, _paid(working, *pair), working, working_pays=True)


def _list(
    params: Params, rules: SymbolRules, others: tuple[NewOrder, ...], working: NewOrder | None = None, *, working_pays: bool = False
) -> NewOrderList:
    return NewOrderList(rules.symbol, others, working, working_pays, params.client_order_id("listClientOrderId"))


def _read_order(params: Params, rules: SymbolRules, names: Names, *, has_quantity: bool = True) -> NewOrder:
    order = params.renamed(names)
    if order.has("icebergQty") and order.text("timeInForce") not in {None, TimeInForce.GTC.value}:
        text = f"Parameter '{names['icebergQty']}' is not supported if `{names['timeInForce']}` is not GTC."
        raise refused(-1160, text)
    return read_new_order(order, rules, has_quantity=has_quantity)


def _read_working(params: Params, rules: SymbolRules) -> NewOrder:
    working = _read_order(params, rules, WORKING)
    if working.type not in _WORKING_TYPES:
        raise refusals.not_valid("workingType")
    return working


def _read_pair(params: Params, rules: SymbolRules, above: Names, below: Names, *, has_quantity: bool = True) -> tuple[NewOrder, ...]:
    """The two orders of a pair, the stop loss first."""
    for names in (above, below):
        if params.require(names["type"]) not in _PAIR_TYPES:
            raise refused(-1158, "Order type not supported in OCO.")
    upper = _read_order(params, rules, above, has_quantity=has_quantity)
    lower = _read_order(params, rules, below, has_quantity=has_quantity)
    if upper.type is OrderType.LIMIT_MAKER and lower.type is OrderType.LIMIT_MAKER:
        raise refused(-1168, "At least one OCO order must be contingent.")
    if upper.side is Side.BUY:
        _require_kinds("buy", stop_loss=upper, target=lower, stop_loss_belongs="above", codes=(-1196, -1165, -1198))
        return upper, lower
    _require_kinds("sell", stop_loss=lower, target=upper, stop_loss_belongs="below", codes=(-1197, -1166, -1199))
    return lower, upper


def _require_kinds(side: str, *, stop_loss: NewOrder, target: NewOrder, stop_loss_belongs: str, codes: tuple[int, int, int]) -> None:
    """Every kind of order has its side of the price; what stands on the other one is refused by its own code."""
    target_belongs = "below" if stop_loss_belongs == "above" else "above"
    if target.type in STOP_LOSS_TYPES:
        raise refused(codes[0], f"A stop loss order in a {side} OCO must be {stop_loss_belongs}.")
    if stop_loss.type is OrderType.LIMIT_MAKER:
        raise refused(codes[1], f"A limit order in a {side} OCO must be {target_belongs}.")
    if stop_loss.type not in STOP_LOSS_TYPES:
        raise refused(codes[2], f"A take profit order in a {side} OCO must be {target_belongs}.")


def _paid(working: NewOrder, *pending: NewOrder) -> tuple[NewOrder, ...]:
    if working.side is not Side.BUY:
        raise refused(-1222, "Working order in an OPO list must be a bid.")
    if any(order.side is not Side.SELL for order in pending):
        raise refused(-1223, "Pending orders in an OPO list must be asks.")
    return pending
