"""JSON shapes of account events, written from user-data-stream.md."""

from collections.abc import Iterable

from binance_trade_agent.domain.account import Balance
from binance_trade_agent.domain.money import ZERO, times
from binance_trade_agent.simulation.engine.reports import ExecutionType, Movement, OrderReport
from binance_trade_agent.simulation.rest.json_shapes import NO_LIST, SELF_TRADE_PREVENTION, Json, digits

_NO_TRADE = -1
_NOTHING = digits(ZERO)


def execution_report(report: OrderReport, now_ms: int) -> Json:
    """ "Order Update"; `c` names the request that caused it, and for a cancellation `C` the order."""
    order, trade = report.order, report.trade
    is_cancel = report.cancel_id is not None
    return {
        "e": "executionReport",
        "E": now_ms,
        "s": order.symbol,
        "c": report.cancel_id if is_cancel else order.client_order_id,
        "S": order.side.value,
        "o": order.type.value,
        "f": order.time_in_force.value,
        "q": digits(order.original_quantity),
        "p": digits(order.price),
        "P": _NOTHING,
        "F": _NOTHING,
        "g": NO_LIST,
        "C": order.client_order_id if is_cancel else "",
        "x": report.kind.value,
        "X": order.status.value,
        "r": "NONE",
        "i": order.order_id,
        "l": digits(trade.quantity) if trade else _NOTHING,
        "z": digits(order.executed_quantity),
        "L": digits(trade.price) if trade else _NOTHING,
        "n": digits(trade.commission) if trade else "0",
        "N": trade.commission_asset if trade else None,
        "T": order.updated_ms,
        "t": trade.trade_id if trade else _NO_TRADE,
        "I": report.execution_id,
        "w": order.is_open,
        "m": trade.is_maker if trade else False,
        "M": False,
        "O": order.time_ms,
        "Z": digits(order.cumulative_quote_quantity),
        "Y": digits(trade.quote_quantity) if trade else _NOTHING,
        "Q": digits(order.original_quote_quantity),
        "W": order.time_ms,
        "V": SELF_TRADE_PREVENTION,
        **_conditional(report),
    }


def _conditional(report: OrderReport) -> Json:
    """ "Conditional Fields in Execution Report": those of an order that has expired."""
    order = report.order
    if report.kind is ExecutionType.TRADE_PREVENTION:
        prevented = digits(order.prevented_quantity)
        return {
            "v": order.prevented_match_id,
            "A": prevented,
            "B": prevented,
            "u": order.prevented_match_id,
            "U": report.counter_order_id,
            "Cs": order.symbol,
            "pl": prevented,
            "pL": digits(order.price),
            "pY": digits(times(order.price, order.prevented_quantity)),
        }
    return {} if order.expiry_reason is None else {"eR": order.expiry_reason.value}


def account_position(balances: Iterable[Balance], updated_ms: int, now_ms: int) -> Json:
    """ "Account Update": the assets that may have changed."""
    rows = [{"a": balance.asset, "f": digits(balance.free), "l": digits(balance.locked)} for balance in balances]
    return {"e": "outboundAccountPosition", "E": now_ms, "u": updated_ms, "B": rows}


def balance_update(movement: Movement, now_ms: int) -> Json:
    """ "Balance Update": a deposit or a withdrawal."""
    return {"e": "balanceUpdate", "E": now_ms, "a": movement.asset, "d": digits(movement.amount), "T": movement.time_ms}


def stream_terminated(now_ms: int) -> Json:
    """ "Event Stream Terminated"."""
    return {"e": "eventStreamTerminated", "E": now_ms}
