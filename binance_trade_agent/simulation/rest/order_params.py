"""The parameters of a new order: which of them each type needs, may have, or must not have, with the error for each way to be wrong.

Source: rest-api.md, "New order"; errors.md. Whether the symbol takes such an order at all is for the exchange's rules to say.
"""

from decimal import Decimal
from enum import StrEnum

from binance_trade_agent.domain.order import Side, TimeInForce
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.records import NewOrder
from binance_trade_agent.simulation.engine.refusals import refused
from binance_trade_agent.simulation.engine.terms import (
    CONDITIONAL_TYPES,
    UNPRICED_TYPES,
    OrderType,
    PegOffsetType,
    PegPriceType,
    SelfTradePrevention,
)
from binance_trade_agent.simulation.rest.params import Params

ORDER_PARAMETERS = (
    "symbol side type timeInForce quantity quoteOrderQty price newClientOrderId strategyId strategyType stopPrice trailingDelta icebergQty "
    "newOrderRespType selfTradePreventionMode pegPriceType pegOffsetValue pegOffsetType"
)
LEAST_STRATEGY_TYPE = 1_000_000
MOST_PEG_LEVELS = 100

_TIMED_TYPES = frozenset({OrderType.LIMIT, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT})
_FULLY_TOLD_TYPES = frozenset({OrderType.LIMIT, OrderType.MARKET})


class ResponseType(StrEnum):
    """How much the answer to a new order tells (enums.md, "Order Response Type")."""

    ACK = "ACK"
    RESULT = "RESULT"
    FULL = "FULL"


def read_new_order(params: Params, rules: SymbolRules, *, has_quantity: bool = True) -> NewOrder:
    """The order that the parameters ask for on a symbol; one whose quantity is not known yet has none."""
    side = _read_side(params)
    kind = _read_type(params)
    quantity, quote_quantity = _read_quantities(params, kind, rules) if has_quantity else (None, None)
    time_in_force = _read_time_in_force(params, kind)
    peg = _read_peg(params, kind, time_in_force)
    stop_price, trailing_delta = _read_trigger(params, kind, rules)
    return NewOrder(
        symbol=rules.symbol,
        side=side,
        type=kind,
        time_in_force=time_in_force,
        quantity=quantity,
        quote_quantity=quote_quantity,
        price=_read_price(params, kind, rules, is_pegged=peg[0] is not None),
        client_order_id=params.client_order_id("newClientOrderId"),
        stop_price=stop_price,
        trailing_delta=trailing_delta,
        iceberg_quantity=_read_iceberg(params, kind, rules, time_in_force, quantity),
        self_trade_prevention=params.choice(
            "selfTradePreventionMode", SelfTradePrevention, -1130, "Data sent for parameter 'selfTradePreventionMode' is not valid."
        ),
        strategy_id=params.integer("strategyId"),
        strategy_type=_read_strategy_type(params),
        peg_price_type=peg[0],
        peg_offset_type=peg[1],
        peg_offset_value=peg[2],
    )


def read_detail(params: Params, kind: OrderType) -> ResponseType:
    """How much of the order the answer shall tell."""
    detail = params.choice("newOrderRespType", ResponseType, -1130, "Data sent for parameter 'newOrderRespType' is not valid.")
    return detail or (ResponseType.FULL if kind in _FULLY_TOLD_TYPES else ResponseType.ACK)


def _read_side(params: Params) -> Side:
    try:
        return Side(params.require("side"))
    except ValueError:
        raise refused(-1117, "Invalid side.") from None


def _read_type(params: Params) -> OrderType:
    try:
        return OrderType(params.require("type"))
    except ValueError:
        raise refused(-1116, "Invalid orderType.") from None


def _read_time_in_force(params: Params, kind: OrderType) -> TimeInForce:
    if kind not in _TIMED_TYPES:
        if params.has("timeInForce"):
            raise refusals.not_required(params.sent_name("timeInForce"))
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
            raise refusals.not_required(params.sent_name("quoteOrderQty"))
        if quantity is None:
            raise refusals.mandatory_missing(params.sent_name("quantity"))
    elif quantity is None and quote_quantity is None:
        raise refusals.either_missing(params.sent_name("quantity"), params.sent_name("quoteOrderQty"))
    elif quantity is not None and quote_quantity is not None:
        raise refusals.bad_combination()
    return quantity, quote_quantity


def _read_price(params: Params, kind: OrderType, rules: SymbolRules, *, is_pegged: bool) -> Decimal | None:
    price = params.decimal("price", rules.quote_precision)
    if kind in UNPRICED_TYPES:
        if price is not None:
            raise refusals.not_required(params.sent_name("price"))
    elif price is None and not is_pegged:
        raise refusals.mandatory_missing(params.sent_name("price"))
    return price


def _read_trigger(params: Params, kind: OrderType, rules: SymbolRules) -> tuple[Decimal | None, int | None]:
    """Stop price and trailing delta: a conditional order has one of them or both, others have none."""
    stop_price = params.decimal("stopPrice", rules.quote_precision)
    trailing_delta = params.integer("trailingDelta")
    if kind not in CONDITIONAL_TYPES:
        for name, value in (("stopPrice", stop_price), ("trailingDelta", trailing_delta)):
            if value is not None:
                raise refusals.not_required(params.sent_name(name))
    elif stop_price is None and trailing_delta is None:
        raise refusals.either_missing(params.sent_name("stopPrice"), params.sent_name("trailingDelta"))
    return stop_price, trailing_delta


def _read_iceberg(
    params: Params, kind: OrderType, rules: SymbolRules, time_in_force: TimeInForce, quantity: Decimal | None
) -> Decimal | None:
    part = params.decimal("icebergQty", rules.base_precision)
    if part is None:
        return None
    if kind in UNPRICED_TYPES:
        raise refusals.not_required(params.sent_name("icebergQty"))
    if part and time_in_force is not TimeInForce.GTC:
        raise refused(-1013, "Unsupported order combination")
    if quantity is not None and part > quantity:
        raise refused(-1013, "IcebergQty exceeds QTY.")
    return part


def _read_strategy_type(params: Params) -> int | None:
    strategy_type = params.integer("strategyType")
    if strategy_type is not None and strategy_type < LEAST_STRATEGY_TYPE:
        raise refused(-1134, f"strategyType was less than {LEAST_STRATEGY_TYPE}.")
    return strategy_type


def _read_peg(params: Params, kind: OrderType, time_in_force: TimeInForce) -> tuple[PegPriceType | None, PegOffsetType | None, int | None]:
    """Source: faqs/pegged_orders.md, "What order types support pegged orders?"."""
    peg = params.choice("pegPriceType", PegPriceType, -1210, "Invalid pegPriceType.")
    offset_type = params.choice("pegOffsetType", PegOffsetType, -1211, "Invalid pegOffsetType.")
    offset = params.integer("pegOffsetValue")
    if (offset_type is None) is not (offset is None):
        raise refused(
            -1128, "Combination of optional fields invalid. Recommendation: 'pegOffsetType' and 'pegOffsetValue' must both be sent."
        )
    if peg is None:
        if offset is not None:
            raise refusals.not_required(params.sent_name("pegOffsetValue"))
        return None, None, None
    if offset is not None and offset > MOST_PEG_LEVELS:
        raise refusals.not_valid(params.sent_name("pegOffsetValue"))
    if kind in UNPRICED_TYPES:
        raise refused(-1013, "This order type may not use pegged price.")
    if not _may_use(kind, peg, time_in_force):
        raise refused(-1013, "This price peg cannot be used with this order type.")
    return peg, offset_type, offset


def _may_use(kind: OrderType, peg: PegPriceType, time_in_force: TimeInForce) -> bool:
    """A maker cannot take the price of the other side, and who joins the own side of the book comes to stay."""
    if kind is OrderType.LIMIT_MAKER:
        return peg is PegPriceType.PRIMARY_PEG
    return kind is not OrderType.LIMIT or peg is PegPriceType.MARKET_PEG or time_in_force is TimeInForce.GTC
