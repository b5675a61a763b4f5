"""JSON shapes of account events, written from user-data-stream.md."""

from collections.abc import Iterable

from binance_trade_agent.domain.account import Balance
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.simulation.engine.amounts import notional
from binance_trade_agent.simulation.engine.list_records import ListReport
from binance_trade_agent.simulation.engine.records import NOT_YET, ExchangeOrder
from binance_trade_agent.simulation.engine.reports import ExecutionType, Movement, OrderReport
from binance_trade_agent.simulation.engine.terms import UNPRICED_TYPES, RejectReason
from binance_trade_agent.simulation.rest.json_shapes import Json, digits

_NO_TRADE = -1
_NOTHING = digits(ZERO)


def execution_report(report: OrderReport, now_ms: int) -> Json:
    """ "Order Update"; `c` names the request that caused it, and for a cancellation or an amendment `C` the order before it."""
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
        "P": digits(order.stop_price or ZERO),
        **_trailing(order),
        "F": digits(order.iceberg_quantity or ZERO),
        "g": order.order_list_id,
        "C": order.client_order_id if is_cancel else report.original_client_order_id or "",
        "x": report.kind.value,
        "X": order.status.value,
        "r": report.reject_reason.value,
        "i": order.order_id,
        "l": digits(trade.quantity) if trade else _NOTHING,
        "z": digits(order.executed_quantity),
        "L": digits(trade.price) if trade else _NOTHING,
        "n": digits(trade.commission) if trade else "0",
        "N": trade.commission_asset if trade else None,
        "T": order.updated_ms,
        "t": trade.trade_id if trade else _NO_TRADE,
        "I": report.execution_id,
        "w": _is_on_book(report),
        "m": trade.is_maker if trade else False,
        "M": False,
        "O": order.time_ms,
        "Z": digits(order.cumulative_quote_quantity),
        "Y": digits(trade.quote_quantity) if trade else _NOTHING,
        "Q": digits(order.original_quote_quantity),
        **({"W": order.working_ms} if order.working_ms != NOT_YET else {}),
        "V": order.self_trade_prevention.value,
        **_asked(order),
        **_prevention(report),
        **({} if order.expiry_reason is None else {"eR": order.expiry_reason.value}),
    }


def _is_on_book(report: OrderReport) -> bool:
    """As faqs/market_orders_faq.md shows it: an order without a limit is there when it comes, and no more once it trades."""
    order = report.order
    if report.kind is not ExecutionType.NEW and order.type in UNPRICED_TYPES:
        return False
    return order.is_open and order.is_working and not order.is_pending


def _trailing(order: ExchangeOrder) -> Json:
    return {} if order.trailing_delta is None else {"d": order.trailing_delta, "D": order.trailing_ms}


def _asked(order: ExchangeOrder) -> Json:
    """ "Conditional Fields in Execution Report": strategy, peg and working floor."""
    shape: Json = {}
    if order.strategy_id is not None:
        shape["j"] = order.strategy_id
    if order.strategy_type is not None:
        shape["J"] = order.strategy_type
    if order.working_floor is not None:
        shape |= {"k": order.working_floor.value, "uS": True}
    if order.peg_price_type is not None:
        shape["gP"] = order.peg_price_type.value
        if order.peg_offset_type is not None:
            shape |= {"gOT": order.peg_offset_type.value, "gOV": order.peg_offset_value}
        if order.pegged_price is not None:
            shape["gp"] = digits(order.pegged_price)
    return shape


def _prevention(report: OrderReport) -> Json:
    """ "Conditional Fields in Execution Report": what self-trade prevention took from the order."""
    match, order = report.prevented, report.order
    if match is None:
        return {}
    return {
        "v": match.prevented_match_id,
        "A": digits(order.prevented_quantity),
        "B": digits(report.last_prevented_quantity or ZERO),
        "u": match.trade_group_id,
        "U": report.counter_order_id,
        "Cs": match.symbol,
        "pl": digits(match.quantity),
        "pL": digits(match.price),
        "pY": digits(notional(match.price, match.quantity)),
    }


def list_status(report: ListReport, now_ms: int) -> Json:
    """ "listStatus" of "Order Update": what happened to an order list."""
    order_list = report.order_list
    return {
        "e": "listStatus",
        "E": now_ms,
        "s": order_list.symbol,
        "g": order_list.order_list_id,
        "c": order_list.contingency.value,
        "l": report.kind.value,
        "L": order_list.order_status.value,
        "r": RejectReason.NONE.value,
        "C": order_list.client_order_id,
        "T": order_list.updated_ms,
        "O": [{"s": order_list.symbol, "i": order.order_id, "c": order.client_order_id} for order in order_list.orders],
    }


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
