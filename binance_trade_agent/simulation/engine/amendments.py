"""Amendments: making an order smaller without losing its place in the queue (faqs/order_amend_keep_priority.md)."""

from decimal import Decimal

from msgspec.structs import replace

from binance_trade_agent.domain.errors import ExchangeRefusedError
from binance_trade_agent.simulation.engine.records import Amendment, ExchangeOrder
from binance_trade_agent.simulation.engine.refusals import refused


def amend_refused(message: str) -> ExchangeRefusedError:
    """-2038: the matching engine does not change the order."""
    return refused(-2038, message)


def amended(order: ExchangeOrder, quantity: Decimal, client_order_id: str, time_ms: int) -> ExchangeOrder:
    """The order with the smaller `quantity`; -2038 for one that is no smaller, or that leaves nothing to trade."""
    if quantity == order.original_quantity:
        raise amend_refused("The requested action would change no state; rejecting.")
    if quantity > order.original_quantity:
        raise amend_refused("Order amend (quantity increase) is not supported.")
    left = quantity - order.executed_quantity - order.prevented_quantity
    if left <= 0:
        raise amend_refused("Order amend (quantity not above what was executed) is not supported.")
    visible = order.visible_quantity
    return replace(
        order,
        original_quantity=quantity,
        client_order_id=client_order_id,
        updated_ms=time_ms,
        locked_amount=min(order.locked_amount, order.amount_of(left)),
        visible_quantity=None if visible is None else min(visible, left),
        amendments=order.amendments + 1,
    )


def amendment(before: ExchangeOrder, after: ExchangeOrder, execution_id: int) -> Amendment:
    """The record of a change from `before` to `after`."""
    return Amendment(
        symbol=after.symbol,
        order_id=after.order_id,
        account_id=after.account_id,
        execution_id=execution_id,
        original_client_order_id=before.client_order_id,
        new_client_order_id=after.client_order_id,
        original_quantity=before.original_quantity,
        new_quantity=after.original_quantity,
        time_ms=after.updated_ms,
    )
