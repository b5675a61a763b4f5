"""From execution reports to the domain's orders and fills, equal to what the order query and the trade list say of them."""

from binance_trade_agent.binance.websocket_api.account_events import ExecutionReport
from binance_trade_agent.domain.order import Fill, OrderReport

_TRADE = "TRADE"
NO_TRADE = -1


def order_id_of(event: ExecutionReport) -> str:
    """The order's own client order id: a cancellation shows the id of its request in its place and the order's beside it."""
    return event.original_client_order_id or event.client_order_id


def fill_of(event: ExecutionReport) -> Fill | None:
    """The trade that the event reports; None when it reports none, or one that was allocated and is in no trade list."""
    if event.execution_type != _TRADE or event.trade_id == NO_TRADE:
        return None
    return Fill(
        symbol=event.symbol,
        trade_id=event.trade_id,
        order_id=event.order_id,
        client_order_id=order_id_of(event),
        side=event.side,
        price=event.last_price,
        quantity=event.last_quantity,
        quote_quantity=event.last_quote_quantity,
        commission=event.commission,
        commission_asset=event.commission_asset or "",
        time_ms=event.time_ms,
        is_maker=event.is_maker,
    )


def report_of(event: ExecutionReport) -> OrderReport:
    """The order as it stood after the event, with the one fill that the event brought, if it did."""
    fill = fill_of(event)
    return OrderReport(
        symbol=event.symbol,
        order_id=event.order_id,
        client_order_id=order_id_of(event),
        side=event.side,
        type=event.type,
        status=event.status,
        price=event.price,
        original_quantity=event.quantity,
        executed_quantity=event.executed_quantity,
        cumulative_quote_quantity=event.executed_quote_quantity,
        time_ms=event.time_ms,
        fills=() if fill is None else (fill,),
    )
