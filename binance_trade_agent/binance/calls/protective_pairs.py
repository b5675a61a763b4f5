"""ProtectivePairs: the daemon's own OCO, with the clock and the deadline of a journaled order.

Source: rest-api.md, "New Order list - OCO" and "Cancel Order list".
"""

from dataclasses import dataclass

from binance_trade_agent.binance.answers.orders import CanceledOrder, PlacedOrder
from binance_trade_agent.binance.calls.one_send import OneSend
from binance_trade_agent.binance.calls.order_lists import ListOptions, OrderListCalls
from binance_trade_agent.binance.calls.order_terms import OrderKind, Terms
from binance_trade_agent.domain.errors import FateUnknownError, NotSentError
from binance_trade_agent.domain.order import OrderReport
from binance_trade_agent.domain.protection import ProtectivePair
from binance_trade_agent.ports.exchange import LastLook


@dataclass(frozen=True, slots=True)
class ProtectivePairs:
    """Implements the ProtectiveOrders port. No order is sent while the exchange's clock is known worse than `max_clock_error_ms`."""

    sender: OneSend
    max_clock_error_ms: int

    async def place(self, pair: ProtectivePair, *, send_deadline_ms: int, last_look: LastLook) -> tuple[OrderReport, ...]:
        """See ProtectiveOrders.place; a leg whose answer is not complete makes the fate of both unknown."""
        bound_ms = self.sender.rest.clock_sync.error_bound_ms()
        if bound_ms > self.max_clock_error_ms:
            raise NotSentError(
                f"the exchange's clock is known to {bound_ms:g} ms, orders need {self.max_clock_error_ms} ms; call sync_clock"
            )
        calls = OrderListCalls(OneSend(self.sender.rest, self.sender.next_id, send_deadline_ms, last_look))
        profit, stop = pair.profit, pair.stop
        placed = await calls.oco(
            stop.symbol,
            stop.side,
            stop.quantity,
            above=Terms(kind=OrderKind.LIMIT_MAKER, price=profit.price, client_order_id=profit.client_order_id),
            below=Terms(kind=OrderKind.STOP_LOSS, stop_price=stop.stop_price, client_order_id=stop.client_order_id),
            options=ListOptions(list_client_order_id=pair.list_id),
        )
        return tuple(_report(order, order.client_order_id) for order in placed.order_reports)

    async def cancel(self, symbol: str, list_id: str) -> tuple[OrderReport, ...]:
        """See ProtectiveOrders.cancel."""
        canceled = await OrderListCalls(self.sender).cancel(symbol, list_client_order_id=list_id)
        return tuple(_report(order, order.orig_client_order_id) for order in canceled.order_reports)


def _report(order: PlacedOrder | CanceledOrder, client_order_id: str) -> OrderReport:
    executed, value = order.executed_qty, order.cumulative_quote_qty
    if order.side is None or order.status is None or order.price is None or order.orig_qty is None or executed is None or value is None:
        raise FateUnknownError(f"{client_order_id}: the answer does not say how the order stands")
    return OrderReport(
        symbol=order.symbol,
        order_id=order.order_id,
        client_order_id=client_order_id,
        side=order.side,
        type=order.type or "",
        status=order.status,
        price=order.price,
        original_quantity=order.orig_qty,
        executed_quantity=executed,
        cumulative_quote_quantity=value,
        time_ms=order.transact_time_ms,
    )
