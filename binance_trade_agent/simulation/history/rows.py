"""Orders and trades as rows of the exchange's store, and back."""

from decimal import Decimal
from typing import Any

from binance_trade_agent.domain.order import ExchangeStatus, OrderType, Side, TimeInForce
from binance_trade_agent.simulation.engine.records import ExchangeOrder, ExchangeTrade, ExpiryReason

Row = tuple[Any, ...]

ORDER_COLUMNS = (
    "symbol, order_id, account_id, client_order_id, side, type, time_in_force, price, original_quantity, original_quote_quantity, "
    "time_ms, updated_ms, status, executed_quantity, cumulative_quote_quantity, expiry_reason, prevented_match_id, prevented_quantity"
)
TRADE_COLUMNS = (
    "symbol, trade_id, order_id, account_id, side, price, quantity, quote_quantity, commission, commission_asset, time_ms, is_maker"
)
OPEN_ORDER = "status IN ('NEW', 'PARTIALLY_FILLED')"


def text(value: Decimal) -> str:
    """A decimal in plain notation."""
    return format(value, "f")


def order_row(order: ExchangeOrder) -> Row:
    """Values in the order of ORDER_COLUMNS."""
    return (
        order.symbol,
        order.order_id,
        order.account_id,
        order.client_order_id,
        order.side.value,
        order.type.value,
        order.time_in_force.value,
        text(order.price),
        text(order.original_quantity),
        text(order.original_quote_quantity),
        order.time_ms,
        order.updated_ms,
        order.status.value,
        text(order.executed_quantity),
        text(order.cumulative_quote_quantity),
        None if order.expiry_reason is None else order.expiry_reason.value,
        order.prevented_match_id,
        text(order.prevented_quantity),
    )


def order_from(row: Row) -> ExchangeOrder:
    """The order of a row in the order of ORDER_COLUMNS."""
    return ExchangeOrder(
        symbol=row[0],
        order_id=row[1],
        account_id=row[2],
        client_order_id=row[3],
        side=Side(row[4]),
        type=OrderType(row[5]),
        time_in_force=TimeInForce(row[6]),
        price=Decimal(row[7]),
        original_quantity=Decimal(row[8]),
        original_quote_quantity=Decimal(row[9]),
        time_ms=row[10],
        updated_ms=row[11],
        status=ExchangeStatus(row[12]),
        executed_quantity=Decimal(row[13]),
        cumulative_quote_quantity=Decimal(row[14]),
        expiry_reason=None if row[15] is None else ExpiryReason(row[15]),
        prevented_match_id=row[16],
        prevented_quantity=Decimal(row[17]),
    )


def trade_row(trade: ExchangeTrade) -> Row:
    """Values in the order of TRADE_COLUMNS."""
    return (
        trade.symbol,
        trade.trade_id,
        trade.order_id,
        trade.account_id,
        trade.side.value,
        text(trade.price),
        text(trade.quantity),
        text(trade.quote_quantity),
        text(trade.commission),
        trade.commission_asset,
        trade.time_ms,
        int(trade.is_maker),
    )


def trade_from(row: Row) -> ExchangeTrade:
    """The trade of a row in the order of TRADE_COLUMNS."""
    return ExchangeTrade(
        symbol=row[0],
        trade_id=row[1],
        order_id=row[2],
        account_id=row[3],
        side=Side(row[4]),
        price=Decimal(row[5]),
        quantity=Decimal(row[6]),
        quote_quantity=Decimal(row[7]),
        commission=Decimal(row[8]),
        commission_asset=row[9],
        time_ms=row[10],
        is_maker=bool(row[11]),
    )
