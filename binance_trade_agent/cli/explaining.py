"""The story of one pass or order, in sentences: what was decided and why, what was sent, what the exchange said, and what was booked."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from binance_trade_agent.cli.log_lines import LogLine
from binance_trade_agent.domain.money import plain
from binance_trade_agent.domain.order import Fill, OrderEvent, Side
from binance_trade_agent.domain.risk import ModeChange
from binance_trade_agent.storage.explanation import Explanation, OrderStep, OrderStory
from binance_trade_agent.storage.history import DecisionRecord
from binance_trade_agent.telemetry import sentences

_OWN_FIELDS = ("timestamp", "level", "event", "correlation_id", "client_order_id", "symbol", "trade_id")
_WORDS = {
    OrderEvent.SEND: "sent",
    OrderEvent.GIVE_UP: "given up, nothing was placed",
    OrderEvent.LOSE_SIGHT: "its fate is not known",
    OrderEvent.ASK_CANCEL: "its cancellation is asked for",
    OrderEvent.PROVE_ABSENT: "proven never to have been placed",
    OrderEvent.ACCEPT: "accepted",
    OrderEvent.PARTIAL_FILL: "filled in part",
    OrderEvent.FILL: "filled",
    OrderEvent.CANCEL: "cancelled",
    OrderEvent.EXPIRE: "expired",
    OrderEvent.REJECT: "rejected",
}


def story(told: Explanation, log: Sequence[LogLine]) -> Iterator[str]:
    """Lines for people: modes and locks at the time, decisions and orders each from its beginning to its end, then the log's own lines."""
    if not told.modes and (told.decisions or told.orders):
        yield "No mode of the account or the symbol had been changed: trading was ACTIVE."
    for change in told.modes:
        yield f"{moment(change.time_ms)}  {mode(change)}"
    for lock in told.locks:
        yield f"{moment(lock.since_ms)}  {sentences.entries_locked(lock)}"
    for decision in told.decisions:
        yield ""
        yield from _decided(decision)
    for each in told.orders:
        yield ""
        yield from _ordered(each)
    if log:
        yield ""
        yield "In the log, by the machine's own time:"
        yield from (f"{moment(line.written_ms)}  {_logged(line)}" for line in log)


def moment(time_ms: int) -> str:
    """A time as it is written everywhere: UTC, with milliseconds."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def mode(change: ModeChange) -> str:
    """One change of mode."""
    return sentences.mode_change(change).replace(" is now ", " became ", 1)


def _decided(decision: DecisionRecord) -> Iterator[str]:
    at = "" if decision.price is None else f" at {plain(decision.price)}"
    yield f"{moment(decision.time_ms)}  {decision.symbol}{at}, pass {decision.correlation_id}: {decision.explanation}"
    if decision.action is not None:
        yield f"    signal: {decision.action} by {decision.strategy}, confidence {decision.confidence or 0:.2f}"
    if decision.refused_by is not None:
        yield f"    risk refused by the rule {decision.refused_by}"
    elif decision.client_order_id is not None:
        yield f"    risk approved order {decision.client_order_id}"
    if decision.outcome is not None:
        yield f"    outcome: {decision.outcome}"
    yield f"    took {decision.execution_duration_ms:.1f} ms"


def _ordered(each: OrderStory) -> Iterator[str]:
    intent = each.order.intent
    listed = f", of list {intent.list_id}" if intent.list_id else ""
    stop = f", stop at {plain(intent.stop_price)}" if intent.stop_price is not None else ""
    yield (
        f"{moment(intent.created_ms)}  order {intent.client_order_id}: {sentences.wish(intent)}{stop} "
        f"({intent.type}, {intent.purpose}{listed}): {intent.reason}"
    )
    reserved = f", {plain(each.reserved_quote)} reserved until its fate is known" if each.reserved_quote else ""
    yield f"    decided at {plain(intent.reference_price)}{reserved}; sent until {moment(each.order.send_deadline_ms)} at the latest"
    for step in each.steps:
        yield f"    {moment(step.time_ms)}  {_stepped(step)}"
    for fill in each.fills:
        yield f"    {moment(fill.time_ms)}  {_traded(fill)}"
    yield f"    now {each.order.state}, {plain(each.order.executed_quantity)} of {plain(intent.quantity)} executed"


def _traded(fill: Fill) -> str:
    deed = "bought" if fill.side is Side.BUY else "sold"
    amounts = f"{plain(fill.quantity)} at {plain(fill.price)} for {plain(fill.quote_quantity)}, fee {plain(fill.commission)}"
    return f"trade {fill.trade_id}: {deed} {amounts} {fill.commission_asset}, as {'maker' if fill.is_maker else 'taker'}"


def _stepped(step: OrderStep) -> str:
    moved = f" ({step.from_state} to {step.to_state})" if step.from_state != step.to_state else f" (stays {step.to_state})"
    said = ""
    if step.exchange_status is not None:
        executed = "" if step.reported_quantity is None else f", {plain(step.reported_quantity)} executed"
        said = f"; the exchange says {step.exchange_status}{executed} for its order {step.exchange_order_id}"
    return f"{_WORDS[OrderEvent(step.event)]}{moved}{said}{f': {step.detail}' if step.detail else ''}"


def _logged(line: LogLine) -> str:
    more = " ".join(f"{name}={value}" for name, value in line.fields.items() if name not in _OWN_FIELDS)
    return f"{line.fields.get('level', '')}: {line.fields.get('event', '')}{f'  ({more})' if more else ''}"
