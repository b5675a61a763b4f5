"""JSON shapes of orders, written from the response samples of rest-api.md and faqs/stp_faq.md.

Many fields are there only for some orders (rest-api.md, "Conditional fields in Order Responses").
"""

from collections.abc import Sequence

from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.simulation.engine.records import NO_TRADE_GROUP, Amendment, ExchangeOrder, Placement, PreventedMatch
from binance_trade_agent.simulation.rest.json_shapes import Json, digits
from binance_trade_agent.simulation.rest.order_params import ResponseType


def order_ack(order: ExchangeOrder) -> Json:
    """Answer of "New order" with newOrderRespType ACK."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "clientOrderId": order.client_order_id,
        "transactTime": order.updated_ms,
    }


def order_result(order: ExchangeOrder) -> Json:
    """Answer of "New order" with newOrderRespType RESULT."""
    return {
        **order_ack(order),
        **_amounts(order),
        **_trigger(order),
        "workingTime": order.working_ms,
        **_iceberg(order),
        **_asked(order),
        **_prevention(order),
    }


def order_full(placement: Placement) -> Json:
    """Answer of "New order" with newOrderRespType FULL."""
    fills = [
        {
            "price": digits(trade.price),
            "qty": digits(trade.quantity),
            "commission": digits(trade.commission),
            "commissionAsset": trade.commission_asset,
            "tradeId": trade.trade_id,
        }
        for trade in placement.trades
    ]
    return {**order_result(placement.order), "fills": fills, **_matches(placement.prevented_matches)}


def order_canceled(order: ExchangeOrder, cancel_id: str) -> Json:
    """Answer of "Cancel order"; `cancel_id` names the cancel, not the order."""
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_order_id,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "clientOrderId": cancel_id,
        "transactTime": order.updated_ms,
        **_amounts(order),
        **_trigger(order),
        **_iceberg(order),
        **_asked(order),
        **_prevention(order),
    }


def order_query(order: ExchangeOrder) -> Json:
    """Answer of "Query order", and one entry of "Current open orders" and "All orders"."""
    amounts = _amounts(order)
    quote_quantity = amounts.pop("origQuoteOrderQty")
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "clientOrderId": order.client_order_id,
        **amounts,
        "stopPrice": digits(ZERO),
        "icebergQty": digits(order.iceberg_quantity or ZERO),
        **_trigger(order),
        "time": order.time_ms,
        "updateTime": order.updated_ms,
        "isWorking": order.is_working,
        "workingTime": order.working_ms,
        "origQuoteOrderQty": quote_quantity,
        **_asked(order),
        **_prevention(order),
    }


def order_amended(order: ExchangeOrder, amendment: Amendment) -> Json:
    """`amendedOrder` in the answer of "Order Amend Keep Priority"."""
    working: Json = {"workingTime": order.working_ms} if order.is_working else {}
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "origClientOrderId": amendment.original_client_order_id,
        "clientOrderId": order.client_order_id,
        "price": digits(order.price),
        "qty": digits(order.original_quantity),
        "executedQty": digits(order.executed_quantity),
        "preventedQty": digits(order.prevented_quantity),
        "quoteOrderQty": digits(order.original_quote_quantity),
        "cumulativeQuoteQty": digits(order.cumulative_quote_quantity),
        "status": order.status.value,
        "timeInForce": order.time_in_force.value,
        "type": order.type.value,
        "side": order.side.value,
        **_trigger(order),
        **working,
        **_iceberg(order),
        **_asked(order),
        "selfTradePreventionMode": order.self_trade_prevention.value,
    }


def amendment_json(amendment: Amendment) -> Json:
    """One entry of "Query Order Amendments"."""
    return {
        "symbol": amendment.symbol,
        "orderId": amendment.order_id,
        "executionId": amendment.execution_id,
        "origClientOrderId": amendment.original_client_order_id,
        "newClientOrderId": amendment.new_client_order_id,
        "origQty": digits(amendment.original_quantity),
        "newQty": digits(amendment.new_quantity),
        "time": amendment.time_ms,
    }


def placed(placement: Placement, detail: ResponseType) -> Json:
    """What became of a new order, in as much detail as was asked for."""
    if detail is ResponseType.ACK:
        return order_ack(placement.order)
    if detail is ResponseType.RESULT:
        return order_result(placement.order)
    return order_full(placement)


def _amounts(order: ExchangeOrder) -> Json:
    quantity: Json = {"origQty": digits(order.original_quantity)}
    if order.is_pending and not order.original_quantity:
        quantity = {}  # it is not known before the working order has paid for it (rest-api.md, "New Order List - OPO")
    return {
        "price": digits(order.price),
        **quantity,
        "executedQty": digits(order.executed_quantity),
        "origQuoteOrderQty": digits(order.original_quote_quantity),
        "cummulativeQuoteQty": digits(order.cumulative_quote_quantity),
        "status": order.status.value,
        "timeInForce": order.time_in_force.value,
        "type": order.type.value,
        "side": order.side.value,
    }


def _iceberg(order: ExchangeOrder) -> Json:
    return {} if order.iceberg_quantity is None else {"icebergQty": digits(order.iceberg_quantity)}


def _trigger(order: ExchangeOrder) -> Json:
    """What sets a conditional order off."""
    fields: Json = {}
    if order.stop_price is not None:
        fields["stopPrice"] = digits(order.stop_price)
    if order.trailing_delta is not None:
        fields["trailingDelta"] = order.trailing_delta
        fields["trailingTime"] = order.trailing_ms
    return fields


def _asked(order: ExchangeOrder) -> Json:
    """What the request for the order named beyond what every order has."""
    fields: Json = {}
    if order.strategy_id is not None:
        fields["strategyId"] = order.strategy_id
    if order.strategy_type is not None:
        fields["strategyType"] = order.strategy_type
    if order.peg_price_type is not None:
        fields["pegPriceType"] = order.peg_price_type.value
        if order.peg_offset_type is not None:
            fields["pegOffsetType"] = order.peg_offset_type.value
            fields["pegOffsetValue"] = order.peg_offset_value
        if order.pegged_price is not None:
            fields["peggedPrice"] = digits(order.pegged_price)
    if order.working_floor is not None:
        fields["workingFloor"] = order.working_floor.value
    return fields


def _prevention(order: ExchangeOrder) -> Json:
    """What self-trade prevention is and has done to the order, whether it was routed, and why it expired."""
    fields: Json = {"selfTradePreventionMode": order.self_trade_prevention.value}
    if order.working_floor is not None:
        fields["usedSor"] = True
    if order.prevented_match_id is not None:
        fields["preventedMatchId"] = order.prevented_match_id
        fields["preventedQuantity"] = digits(order.prevented_quantity)
    if order.expiry_reason is not None:
        fields["expiryReason"] = order.expiry_reason.value
    return fields


def _matches(matches: Sequence[PreventedMatch]) -> Json:
    """The prevented matches in the answer to a new order (faqs/stp_faq.md), and the trade group if there is one."""
    if not matches:
        return {}
    fields: Json = {"preventedMatches": [_match(match) for match in matches]}
    group = matches[0].trade_group_id
    if group != NO_TRADE_GROUP:
        fields["tradeGroupId"] = group
    return fields


def _match(match: PreventedMatch) -> Json:
    fields: Json = {
        "preventedMatchId": match.prevented_match_id,
        "makerSymbol": match.symbol,
        "makerOrderId": match.maker_order_id,
        "price": digits(match.price),
    }
    if match.taker_prevented_quantity is not None:
        fields["takerPreventedQuantity"] = digits(match.taker_prevented_quantity)
    if match.maker_prevented_quantity is not None:
        fields["makerPreventedQuantity"] = digits(match.maker_prevented_quantity)
    return fields
