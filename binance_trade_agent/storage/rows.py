"""Rows of the book as domain values and back: amounts as decimal text, enumerations by their values."""

import sqlite3
from decimal import Decimal

import msgspec

from binance_trade_agent.domain.client_order_id import number_of
from binance_trade_agent.domain.decision import Stage, TradeDecision
from binance_trade_agent.domain.money import money, plain
from binance_trade_agent.domain.order import (
    Fill,
    JournaledOrder,
    OrderEvent,
    OrderIntent,
    OrderReport,
    OrderState,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
)
from binance_trade_agent.domain.outcome import Accepted, NotSent, Outcome, Rejected, Unknown
from binance_trade_agent.domain.portfolio import EquityPoint
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.risk import Approved, ModeChange, Refused, Reservation, TradingMode

Row = dict[str, str | int | float | None]


def order_from_row(row: sqlite3.Row) -> JournaledOrder:
    """A row of `orders`."""
    price, time_in_force, stop_price = row["price"], row["time_in_force"], row["stop_price"]
    intent = OrderIntent(
        client_order_id=row["client_order_id"],
        symbol=row["symbol"],
        side=Side(row["side"]),
        type=OrderType(row["type"]),
        quantity=money(row["quantity"]),
        reference_price=money(row["reference_price"]),
        purpose=Purpose(row["purpose"]),
        created_ms=row["created_ms"],
        correlation_id=row["correlation_id"],
        reason=row["reason"],
        price=None if price is None else money(price),
        time_in_force=None if time_in_force is None else TimeInForce(time_in_force),
        stop_price=None if stop_price is None else money(stop_price),
        list_id=row["list_id"],
    )
    return JournaledOrder(
        intent=intent,
        state=OrderState(row["state"]),
        send_deadline_ms=row["send_deadline_ms"],
        order_id=row["order_id"],
        executed_quantity=money(row["executed_quantity"]),
        updated_ms=row["updated_ms"],
    )


def intent_to_row(intent: OrderIntent, reservation: Reservation, send_deadline_ms: int, epoch: str) -> Row:
    """A new row of `orders`, in state INTENDED; `number` is the counter in the id when it is of `epoch`."""
    return {
        "client_order_id": intent.client_order_id,
        "number": number_of(intent.client_order_id, epoch),
        "symbol": intent.symbol,
        "side": intent.side.value,
        "type": intent.type.value,
        "purpose": intent.purpose.value,
        "quantity": plain(intent.quantity),
        "reference_price": plain(intent.reference_price),
        "price": _plain_or_none(intent.price),
        "time_in_force": intent.time_in_force.value if intent.time_in_force else None,
        "created_ms": intent.created_ms,
        "correlation_id": intent.correlation_id,
        "reason": intent.reason,
        "reserved_quote": plain(reservation.quote_amount),
        "send_deadline_ms": send_deadline_ms,
        "state": OrderState.INTENDED.value,
        "executed_quantity": "0",
        "updated_ms": intent.created_ms,
        "stop_price": _plain_or_none(intent.stop_price),
        "list_id": intent.list_id,
    }


def event_to_row(
    order: JournaledOrder, event: OrderEvent, to_state: OrderState, time_ms: int, detail: str, report: OrderReport | None
) -> Row:
    """A row of `order_events`: `event` moved `order` to `to_state`, and `report` is what the exchange said with it."""
    return {
        "client_order_id": order.intent.client_order_id,
        "event": event.value,
        "from_state": order.state.value,
        "to_state": to_state.value,
        "time_ms": time_ms,
        "detail": detail,
        "exchange_status": report.status.value if report else None,
        "exchange_order_id": report.order_id if report else None,
        "reported_quantity": plain(report.executed_quantity) if report else None,
        "reported_quote": plain(report.cumulative_quote_quantity) if report else None,
    }


def fill_from_row(row: sqlite3.Row) -> Fill:
    """A row of `fills`."""
    return Fill(
        symbol=row["symbol"],
        trade_id=row["trade_id"],
        order_id=row["order_id"],
        client_order_id=row["client_order_id"],
        side=Side(row["side"]),
        price=money(row["price"]),
        quantity=money(row["quantity"]),
        quote_quantity=money(row["quote_quantity"]),
        commission=money(row["commission"]),
        commission_asset=row["commission_asset"],
        time_ms=row["time_ms"],
        is_maker=bool(row["is_maker"]),
    )


def fill_to_row(fill: Fill) -> Row:
    """A new row of `fills`."""
    return {
        "symbol": fill.symbol,
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "client_order_id": fill.client_order_id,
        "side": fill.side.value,
        "price": plain(fill.price),
        "quantity": plain(fill.quantity),
        "quote_quantity": plain(fill.quote_quantity),
        "commission": plain(fill.commission),
        "commission_asset": fill.commission_asset,
        "time_ms": fill.time_ms,
        "is_maker": int(fill.is_maker),
    }


def position_from_row(row: sqlite3.Row) -> Position:
    """A row of `positions`."""
    return Position(
        symbol=row["symbol"],
        base_asset=row["base_asset"],
        quote_asset=row["quote_asset"],
        quantity=money(row["quantity"]),
        cost=money(row["cost"]),
        realized=money(row["realized"]),
        opened_ms=row["opened_ms"],
        updated_ms=row["updated_ms"],
    )


def position_to_row(position: Position) -> Row:
    """A row of `positions`, new or changed."""
    return {
        "symbol": position.symbol,
        "base_asset": position.base_asset,
        "quote_asset": position.quote_asset,
        "quantity": plain(position.quantity),
        "cost": plain(position.cost),
        "realized": plain(position.realized),
        "opened_ms": position.opened_ms,
        "updated_ms": position.updated_ms,
    }


def mode_from_row(row: sqlite3.Row) -> ModeChange:
    """A row of `mode_changes`."""
    return ModeChange(row["time_ms"], row["scope"], TradingMode(row["mode"]), row["rule"], row["reason"])


def mode_to_row(change: ModeChange) -> Row:
    """A new row of `mode_changes`."""
    return {"time_ms": change.time_ms, "scope": change.scope, "mode": change.mode.value, "rule": str(change.rule), "reason": change.reason}


def point_from_row(row: sqlite3.Row) -> EquityPoint:
    """A row of `equity_points`."""
    amounts = (money(row[name]) for name in ("equity", "cash", "exposure", "realized", "unrealized"))
    return EquityPoint(row["time_ms"], *amounts)


def point_to_row(point: EquityPoint) -> Row:
    """A row of `equity_points`."""
    return {
        "time_ms": point.time_ms,
        "equity": plain(point.equity),
        "cash": plain(point.cash),
        "exposure": plain(point.exposure),
        "realized": plain(point.realized),
        "unrealized": plain(point.unrealized),
    }


def decision_to_row(decision: TradeDecision) -> Row:
    """A new row of `decisions`; what was not reached in the pass is None."""
    signal, risk, stages = decision.signal, decision.risk, decision.stage_duration_ms
    return {
        "time_ms": decision.time_ms,
        "symbol": decision.symbol,
        "correlation_id": decision.correlation_id,
        "verdict": decision.verdict.value,
        "explanation": decision.explanation,
        "price": _plain_or_none(decision.price),
        "strategy": signal.strategy if signal else None,
        "action": signal.action.value if signal else None,
        "confidence": signal.confidence if signal else None,
        "indicators": msgspec.json.encode(dict(signal.indicators)).decode() if signal else None,
        "refused_by": risk.rule.value if isinstance(risk, Refused) else None,
        "client_order_id": risk.intent.client_order_id if isinstance(risk, Approved) else None,
        "outcome": _outcome_text(decision.outcome),
        "error": decision.error,
        "execution_duration_ms": decision.execution_duration_ms,
        "market_ms": stages.get(Stage.MARKET),
        "signal_ms": stages.get(Stage.SIGNAL),
        "risk_ms": stages.get(Stage.RISK),
        "execution_ms": stages.get(Stage.EXECUTION),
        "book_ms": stages.get(Stage.BOOK),
    }


def _outcome_text(outcome: Outcome | None) -> str | None:
    match outcome:
        case None:
            return None
        case Accepted(report):
            return f"accepted: {report.status}"
        case Rejected(code, message):
            return f"rejected: {code} {message}"
        case NotSent(why):
            return f"not sent: {why}"
        case Unknown(why):
            return f"unknown: {why}"


def _plain_or_none(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
