"""ProtectiveCalls: the daemon's own OCOs and stops, with the clock and the deadline of a journaled order.

Source: rest-api.md, "New Order list - OCO", "New order", "Cancel an Existing Order and Send a New Order" and "Cancel Order list".
"""

from dataclasses import dataclass

from binance_trade_agent.binance.answers.cancel_replace import CancelReplace, NotAttempted
from binance_trade_agent.binance.answers.orders import Canceled, CanceledOrder, PlacedOrder
from binance_trade_agent.binance.calls.one_send import OneSend
from binance_trade_agent.binance.calls.order_lists import ListOptions, OrderListCalls
from binance_trade_agent.binance.calls.order_terms import OrderKind, ResponseType, Terms
from binance_trade_agent.binance.calls.orders import CancelReplaceMode, CancelRestriction, OrderCalls
from binance_trade_agent.domain.errors import ExchangeError, ExchangeRefusedError, FateUnknownError, NotSentError
from binance_trade_agent.domain.order import OrderIntent, OrderReport
from binance_trade_agent.domain.outcome import Rejected, Unknown
from binance_trade_agent.domain.protection import Guard
from binance_trade_agent.ports.exchange import LastLook
from binance_trade_agent.ports.protective_orders import Replacement

_STATUS_CONFLICT = 409


@dataclass(frozen=True, slots=True)
class ProtectiveCalls:
    """Implements the ProtectiveOrders port. No order is sent while the exchange's clock is known worse than `max_clock_error_ms`."""

    sender: OneSend
    max_clock_error_ms: int

    async def place(self, guard: Guard, *, send_deadline_ms: int, last_look: LastLook) -> tuple[OrderReport, ...]:
        """See ProtectiveOrders.place; a leg whose answer is not complete makes the fate of both unknown."""
        sender = self._journaled(send_deadline_ms, last_look)
        stop = guard.stop
        if guard.profit is None:
            placed = await OrderCalls(sender).new(
                stop.symbol, stop.side, _terms(stop), quantity=stop.quantity, response=ResponseType.RESULT
            )
            return (_report(placed, placed.client_order_id),)
        answer = await OrderListCalls(sender).oco(
            stop.symbol,
            stop.side,
            stop.quantity,
            above=_terms(guard.profit),
            below=_terms(stop),
            options=ListOptions(list_client_order_id=stop.list_id),
        )
        return tuple(_report(order, order.client_order_id) for order in answer.order_reports)

    async def replace(self, old: Guard, stop: OrderIntent, *, send_deadline_ms: int, last_look: LastLook) -> Replacement:
        """See ProtectiveOrders.replace. The old stop is cancelled by its id only while it is untouched, and its list goes with it."""
        answer = await OrderCalls(self._journaled(send_deadline_ms, last_look)).cancel_replace(
            stop.symbol,
            stop.side,
            _terms(stop),
            mode=CancelReplaceMode.STOP_ON_FAILURE,
            cancel_client_order_id=old.stop.client_order_id,
            restriction=CancelRestriction.ONLY_NEW,
            quantity=stop.quantity,
            response=ResponseType.RESULT,
        )
        return Replacement(_canceled(answer.cancel), _placed(answer))

    async def cancel(self, symbol: str, list_id: str) -> tuple[OrderReport, ...]:
        """See ProtectiveOrders.cancel."""
        return _canceled(await OrderListCalls(self.sender).cancel(symbol, list_client_order_id=list_id))

    def _journaled(self, send_deadline_ms: int, last_look: LastLook) -> OneSend:
        bound_ms = self.sender.rest.clock_sync.error_bound_ms()
        if bound_ms > self.max_clock_error_ms:
            raise NotSentError(
                f"the exchange's clock is known to {bound_ms:g} ms, orders need {self.max_clock_error_ms} ms; call sync_clock"
            )
        return OneSend(self.sender.rest, self.sender.next_id, send_deadline_ms, last_look)


def _terms(intent: OrderIntent) -> Terms:
    return Terms(
        kind=OrderKind(intent.type.value),
        price=intent.price,
        stop_price=intent.stop_price,
        time_in_force=intent.time_in_force,
        client_order_id=intent.client_order_id,
    )


def _canceled(canceled: Canceled | Rejected | Unknown) -> tuple[OrderReport, ...]:
    match canceled:
        case Rejected() | Unknown():
            return ()
        case CanceledOrder():
            return (_report(canceled, canceled.orig_client_order_id),)
        case _:
            return tuple(_report(order, order.orig_client_order_id) for order in canceled.order_reports)


def _placed(answer: CancelReplace) -> OrderReport | ExchangeError:
    placed, canceled = answer.new_order, answer.cancel
    match placed:
        case PlacedOrder():
            return _report(placed, placed.client_order_id)
        case Rejected(code, message):
            return ExchangeRefusedError(code, message, _STATUS_CONFLICT)
        case Unknown(why):
            return FateUnknownError(why)
        case NotAttempted():
            why = canceled.message if isinstance(canceled, Rejected) else "it is not known why"
            code = canceled.code if isinstance(canceled, Rejected) else 0
            return ExchangeRefusedError(code, f"not tried, because what stood there was not cancelled: {why}", _STATUS_CONFLICT)


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
