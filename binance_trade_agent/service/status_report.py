"""The shape of GET /status: domain values as plain JSON values, money as strings of digits, times in ms UTC."""

from collections.abc import Iterable, Mapping, Sequence

from binance_trade_agent.domain.decision import TradeDecision
from binance_trade_agent.domain.money import plain
from binance_trade_agent.domain.order import JournaledOrder
from binance_trade_agent.domain.portfolio import PortfolioSnapshot, PositionSnapshot
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, Approved, EntryLock, ModeChange, RiskRule, TradingMode
from binance_trade_agent.service.vitals import Report, Vitals

SHOWN_OPEN_ORDERS = 100
"""Open orders that are listed, the newest of them; how many there are is told beside them."""

Json = dict[str, object]


def trading_status(
    snapshot: PortfolioSnapshot | None,
    modes: Mapping[str, ModeChange],
    facts: Mapping[str, str],
    *,
    open_orders: Sequence[JournaledOrder] = (),
    daily_rearms: bool = False,
    resting: Sequence[EntryLock] = (),
    symbols: Mapping[str, object] | None = None,
) -> Json:
    """What the trading side contributes: the book, open orders, the modes that are in force and what ends each, and facts for people.

    `open_orders` come oldest first, as the book has them. `daily_rearms` tells that the daily drawdown's breaker ends with its day.
    `resting` is where entries rest and go on by themselves; those of the account come first. `symbols` tells what is traded and how,
    and when that is chosen anew. `snapshot` is None before the first pass; `facts` are pairs such as trading mode and strategy, shown
    as they are.
    """
    return {
        "facts": dict(facts),
        "portfolio": None if snapshot is None else portfolio_status(snapshot),
        "open_orders": [order_status(order) for order in reversed(open_orders[-SHOWN_OPEN_ORDERS:])],
        "modes": [_mode(change, daily_rearms=daily_rearms) for _, change in sorted(modes.items())],
        "entry_locks": [_lock(lock) for lock in sorted(resting, key=lambda lock: (lock.scope != ACCOUNT_SCOPE, lock.scope, lock.until_ms))],
        "symbols": dict(symbols or {}),
    }


def portfolio_status(snapshot: PortfolioSnapshot) -> Json:
    """The book at a moment."""
    return {
        "time_ms": snapshot.time_ms,
        "quote_asset": snapshot.quote_asset,
        "initial_value": plain(snapshot.initial_value),
        "equity": plain(snapshot.equity),
        "cash": plain(snapshot.cash),
        "profit": plain(snapshot.profit),
        "realized": plain(snapshot.realized),
        "unrealized": plain(snapshot.unrealized),
        "balances": {asset: plain(amount) for asset, amount in sorted(snapshot.balances.items())},
        "fees": {asset: plain(amount) for asset, amount in sorted(snapshot.fees.items())},
        "positions": [_position(position) for position in snapshot.positions],
        "orders": snapshot.orders,
        "fills": snapshot.fills,
        "open_orders": snapshot.open_orders,
    }


def order_status(order: JournaledOrder) -> Json:
    """An order as the book has it."""
    intent = order.intent
    return {
        "client_order_id": intent.client_order_id,
        "symbol": intent.symbol,
        "side": intent.side.value,
        "type": intent.type.value,
        "purpose": intent.purpose.value,
        "quantity": plain(intent.quantity),
        "executed": plain(order.executed_quantity),
        "price": None if intent.price is None else plain(intent.price),
        "stop_price": None if intent.stop_price is None else plain(intent.stop_price),
        "state": order.state.value,
        "created_ms": intent.created_ms,
        "reason": intent.reason,
        "correlation_id": intent.correlation_id,
    }


def decision_status(decision: TradeDecision) -> Json:
    """What was decided for one symbol, and why."""
    return {
        "symbol": decision.symbol,
        "time_ms": decision.time_ms,
        "verdict": str(decision.verdict),
        "action": str(decision.signal.action) if decision.signal else None,
        "side": decision.risk.intent.side.value if isinstance(decision.risk, Approved) else None,
        "price": plain(decision.price) if decision.price is not None else None,
        "explanation": decision.explanation,
        "duration_ms": decision.execution_duration_ms,
        "correlation_id": decision.correlation_id,
    }


def report_status(report: Report) -> Json:
    """A health or readiness report: `ok`, and every check by name."""
    return {"ok": report.ok, "checks": {name: {"ok": check.ok, "detail": check.detail} for name, check in report.checks.items()}}


def service_status(vitals: Vitals, now_ms: int, next_slot_ms: int | None, missed_slots: int) -> Json:
    """What the daemon itself contributes."""
    return {
        "now_ms": now_ms,
        "started_ms": vitals.started_ms,
        "next_pass_ms": next_slot_ms,
        "passes": {"finished": vitals.passes_finished, "failed": vitals.passes_failed, "missed_slots": missed_slots},
        "last_pass": _last_pass(vitals),
        "last_error": vitals.last_error,
        "recent_actions": _decisions(reversed(vitals.recent_actions)),
        "reconciled": _reconciled(vitals),
        "health": report_status(vitals.health()),
        "readiness": report_status(vitals.readiness()),
    }


def _last_pass(vitals: Vitals) -> Json | None:
    finished = vitals.last_pass
    if finished is None:
        return None
    return {
        "number": finished.number,
        "started_ms": finished.started_ms,
        "duration_ms": finished.duration_ms,
        "correlation_id": finished.correlation_id,
        "decisions": _decisions(finished.decisions),
    }


def _reconciled(vitals: Vitals) -> Json | None:
    reconciled = vitals.reconciled
    if reconciled is None:
        return None
    return {
        "orders_settled": reconciled.orders_settled,
        "fills_found": reconciled.fills_found,
        "differences": list(reconciled.differences),
        "duration_ms": reconciled.duration_ms,
    }


def _decisions(decisions: Iterable[TradeDecision]) -> list[Json]:
    return [decision_status(decision) for decision in decisions]


def _position(position: PositionSnapshot) -> Json:
    return {
        "symbol": position.symbol,
        "quantity": plain(position.quantity),
        "average_price": plain(position.average_price),
        "mark_price": plain(position.mark_price),
        "value": plain(position.value),
        "unrealized": plain(position.unrealized),
        "realized": plain(position.realized),
    }


def _mode(change: ModeChange, *, daily_rearms: bool) -> Json:
    return {
        "scope": change.scope,
        "mode": str(change.mode),
        "rule": change.rule,
        "reason": change.reason,
        "time_ms": change.time_ms,
        "until": _until(change, daily_rearms=daily_rearms),
    }


def _lock(lock: EntryLock) -> Json:
    return {
        "scope": lock.scope,
        "rule": lock.rule.value,
        "reason": lock.reason,
        "since_ms": lock.since_ms,
        "until_ms": lock.until_ms,
    }


def _until(change: ModeChange, *, daily_rearms: bool) -> str | None:
    """What ends a mode that restricts trading; None for ACTIVE."""
    if change.mode is TradingMode.ACTIVE:
        return None
    if change.rule == RiskRule.DAILY_DRAWDOWN and daily_rearms:
        return "the next UTC day, or somebody resumes"
    if change.rule == RiskRule.BOOK_FAILED:
        return "a start that finds the book sound, or somebody resumes"
    return "somebody resumes"
