"""TraceObserver: makes one trace of each pass, from the candle's close to the fill, of the facts that metrics are made of."""

import random
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog

from binance_trade_agent.domain import facts, risk_facts, service_facts
from binance_trade_agent.domain.decision import Stage, TradeDecision, Verdict
from binance_trade_agent.domain.money import plain
from binance_trade_agent.domain.order import OrderIntent
from binance_trade_agent.domain.outcome import Accepted, NotSent, Outcome, Rejected, Unknown
from binance_trade_agent.ports.observer import Listener
from binance_trade_agent.telemetry.span import FREE_TEXT, AttributeValue, Span
from binance_trade_agent.telemetry.trace_ids import TraceIds

MOST_SPANS_A_PASS = 1_000
MOST_ORDERS_FOLLOWED = 2_000
MOST_FILLS_KEPT_BACK = 100
MOST_KINDS_OF_WORK = 1_000
_NS = 1_000_000
_Work = facts.RequestDone | facts.DatabaseDone
_QUIET = frozenset({Verdict.HELD, Verdict.REFUSED})
_OF_A_SYMBOL = (Stage.SIGNAL, Stage.RISK, Stage.EXECUTION)
_DECIDED = {verdict: f"decisions.{verdict}" for verdict in Verdict}


@dataclass(slots=True)
class _Pass:
    """A pass that runs, and what is known of it so far. It is worth keeping when an order was sent or something failed."""

    correlation_id: str
    began_ns: int
    attributes: dict[str, AttributeValue]
    spans: list[Span] = field(default_factory=list)
    work: list[tuple[_Work, int, int | None]] = field(default_factory=list)
    """What was waited for, when it ended, and the span of the order that it was for, if any: made into spans when the pass is kept."""
    market_ms: dict[str, int] = field(default_factory=dict)
    room: int = MOST_SPANS_A_PASS
    left_out: int = 0
    is_worth_it: bool = False
    is_over: bool = False


class _Order(msgspec.Struct, frozen=True):
    """An order that was sent: where its spans belong, and when it left (nanoseconds UTC, and the monotonic clock in ms)."""

    trace_id: int
    span_id: int
    sent_ns: int
    sent_ms: float | None
    of: _Pass | None


# What the running task works for; tasks that it starts work for the same.
_pass: ContextVar[_Pass | None] = ContextVar("traced_pass", default=None)
_order: ContextVar[_Order | None] = ContextVar("traced_order", default=None)


class TraceObserver:
    """Observer that hands spans to `take`, which neither waits nor raises.

    A pass in which an order was sent or something failed is always traced, of the others the share `ratio`: the same for all who
    reckon with the same ids. Spans of a pass are handed over when it has ended, later ones (fills, mostly) as they come. `speed` is
    how many market milliseconds pass in a real one.
    """

    def __init__(self, ids: TraceIds, take: Callable[[Sequence[Span]], None], *, ratio: float = 1.0) -> None:
        self._ids = ids
        self._take = take
        self._share = int(ratio * 2**64)
        self._speed = 1.0
        self._open: _Pass | None = None
        self._is_defect_told = False
        self._orders: dict[str, _Order] = {}
        self._kinds_of_work: dict[Hashable, tuple[str, Mapping[str, AttributeValue], str]] = {}
        self._early_fills: deque[tuple[facts.FillBooked, int]] = deque(maxlen=MOST_FILLS_KEPT_BACK)
        self._handlers: Mapping[type[facts.Fact], Callable[[Any, int], None]] = {
            service_facts.PassBegun: self._pass_begun,
            facts.PassFinished: self._pass_finished,
            facts.PassFailed: self._pass_failed,
            facts.RequestDone: self._work_done,
            facts.DatabaseDone: self._work_done,
            risk_facts.RiskApproved: self._risk_approved,
            facts.OrderSent: self._order_sent,
            facts.OrderAnswered: self._order_answered,
            facts.OrderSettled: self._order_settled,
            facts.FillBooked: self._fill_booked,
        }

    def observe(self, fact: facts.Fact) -> None:
        """Take one fact."""
        handler = self._handlers.get(type(fact))
        if handler is None:
            return
        try:
            handler(fact, time.time_ns())
        except Exception as error:  # the Observer port promises never to raise: trading must not end because it cannot be traced
            self._tell_defect(fact, error)

    def listener(self, kind: type[facts.Fact]) -> Listener | None:
        """See ChoosyObserver."""
        if kind is facts.RequestDone or kind is facts.DatabaseDone:
            return self._note_work
        return self.observe if kind in self._handlers else None

    def begin_book(self, epoch: str, speed: float) -> None:
        """From now on it is about the book of this epoch; `speed` is how many market milliseconds pass in a real one."""
        self._ids.book, self._speed = epoch, speed
        self._orders.clear()

    def close(self) -> None:
        """Hand over what is known of a pass that did not come to its end."""
        if self._open is not None:
            self._end(self._open, time.time_ns(), "the daemon ended in the middle of the pass")

    def _tell_defect(self, fact: facts.Fact, error: Exception) -> None:
        """Once: what fails for one fact fails for the next."""
        if not self._is_defect_told:
            self._is_defect_told = True
            log = structlog.get_logger(component="traces")
            log.error(f"A fact of kind {type(fact).__name__} could not be traced", error_class=type(error).__name__)

    # -- the pass --------------------------------------------------------------------------------------------------------------

    def _pass_begun(self, fact: service_facts.PassBegun, now_ns: int) -> None:
        self.close()
        about: dict[str, AttributeValue] = {"pass.number": fact.number, "correlation_id": fact.correlation_id, "symbols": fact.symbols}
        self._open = _Pass(fact.correlation_id, now_ns, about)
        _pass.set(self._open)

    def _pass_finished(self, fact: facts.PassFinished, now_ns: int) -> None:
        running = self._open
        if running is None or running.correlation_id != fact.correlation_id:
            return
        decided = [decision for decision in fact.decisions if decision.verdict not in _QUIET]
        running.is_worth_it = running.is_worth_it or bool(decided)
        if self._is_kept(running):
            began_ns = now_ns - round(fact.duration_ms * _NS)
            stages = {stage: self._add_stage(running, stage, between, fact, began_ns) for stage, between in fact.stage_between_ms.items()}
            for decision in decided:
                for stage in _OF_A_SYMBOL:
                    if stage in decision.stage_end_ms:
                        self._add_symbol(running, stage, began_ns, stages.get(stage), decision)
            for verdict, count in Counter([decision.verdict for decision in fact.decisions]).items():
                running.attributes[_DECIDED[verdict]] = count
        self._end(running, now_ns, "")

    def _pass_failed(self, fact: facts.PassFailed, now_ns: int) -> None:
        if self._open is not None:
            self._end(self._open, now_ns, fact.error)

    def _end(self, running: _Pass, now_ns: int, error: str) -> None:
        self._open, running.is_over = None, True
        running.is_worth_it = running.is_worth_it or bool(error)
        _pass.set(None)
        if self._is_kept(running):
            if running.left_out:
                running.attributes["spans.left_out"] = running.left_out
            trace_id, root_id = self._ids.trace(running.correlation_id), self._ids.root(running.correlation_id)
            work = [self._work_span(trace_id, fact, ended_ns, order_id or root_id) for fact, ended_ns, order_id in running.work]
            root = Span("pass", trace_id, root_id, None, running.began_ns, now_ns, running.attributes, error)
            self._take([*running.spans, *work, root])
        running.spans, running.work = [], []

    def _is_kept(self, running: _Pass) -> bool:
        return running.is_worth_it or (self._ids.trace(running.correlation_id) & (2**64 - 1)) < self._share

    def _add_stage(self, running: _Pass, stage: Stage, between: tuple[float, float], fact: facts.PassFinished, began_ns: int) -> int:
        span_id = _new_id()
        from_ns, to_ns = (began_ns + round(ms * _NS) for ms in between)
        about: dict[str, AttributeValue] = {"stage": str(stage), "busy_ms": fact.stage_ms.get(stage, 0.0)}
        known = running.correlation_id
        running.spans.append(Span(f"stage {stage}", self._ids.trace(known), span_id, self._ids.root(known), from_ns, to_ns, about))
        return span_id

    def _add_symbol(self, running: _Pass, stage: Stage, began_ns: int, stage_id: int | None, decision: TradeDecision) -> None:
        about: dict[str, AttributeValue] = {"symbol": decision.symbol}
        if stage is Stage.SIGNAL and decision.signal is not None:
            about |= {"action": str(decision.signal.action), FREE_TEXT: decision.signal.reason, "strategy": decision.signal.strategy}
        if stage is Stage.EXECUTION:
            about["verdict"] = str(decision.verdict)
        ended_ns = began_ns + round(decision.stage_end_ms[stage] * _NS)
        from_ns = ended_ns - round(decision.stage_duration_ms.get(stage, 0.0) * _NS)
        error = decision.error or "" if stage is Stage.EXECUTION else ""
        trace_id, parent_id = self._ids.trace(running.correlation_id), stage_id or self._ids.root(running.correlation_id)
        running.spans.append(Span(f"{stage} of a symbol", trace_id, _new_id(), parent_id, from_ns, ended_ns, about, error))

    def _risk_approved(self, fact: risk_facts.RiskApproved, _: int) -> None:
        if self._open is not None:
            self._open.market_ms[fact.intent.client_order_id] = fact.market_ms

    # -- what a pass does ------------------------------------------------------------------------------------------------------

    def _note_work(self, fact: _Work) -> None:
        """What most work of a pass comes to: it is for no order, and nothing more is done about it until the pass is kept."""
        running = _pass.get()
        if running is None or running.is_over or running.room <= 0 or _order.get() is not None:
            self.observe(fact)
        else:
            running.room -= 1
            running.work.append((fact, time.time_ns(), None))

    def _work_done(self, fact: _Work, now_ns: int) -> None:
        order, running = _order.get(), _pass.get()
        if order is not None and (running is None or running.is_over or order.of is not running):
            self._add(order.of, self._work_span(order.trace_id, fact, now_ns, order.span_id))
        elif running is None or running.is_over:
            return
        elif running.room > 0:
            running.room -= 1
            running.work.append((fact, now_ns, None if order is None else order.span_id))
        else:
            running.left_out += 1

    def _work_span(self, trace_id: int, fact: _Work, now_ns: int, parent_id: int) -> Span:
        began_ns = now_ns - round(fact.duration_ms * _NS)
        is_call = isinstance(fact, facts.RequestDone)
        kind = _kind(fact)
        looks = self._kinds_of_work.get(kind)
        if looks is None:
            looks = _looks(fact)
            if len(self._kinds_of_work) < MOST_KINDS_OF_WORK:
                self._kinds_of_work[kind] = looks
        name, about, error = looks
        return Span(name, trace_id, _new_id(), parent_id, began_ns, now_ns, about, error, is_call, kind)

    def _add(self, running: _Pass | None, span: Span) -> None:
        """To the pass while it runs; what comes later goes out by itself."""
        if running is None or running.is_over:
            self._take([span])
        elif running.room > 0:
            running.room -= 1
            running.spans.append(span)
        else:
            running.left_out += 1

    # -- orders ----------------------------------------------------------------------------------------------------------------

    def _order_sent(self, fact: facts.OrderSent, now_ns: int) -> None:
        running = _pass.get()
        if running is not None and running.correlation_id == fact.intent.correlation_id:
            running.is_worth_it = True
        order = self._follow(fact.intent, now_ns, fact.sent_ms)
        if _order.get() is None:  # the legs of a pair share one request
            _order.set(order)
        market_ms = None if order.of is None else order.of.market_ms.pop(fact.intent.client_order_id, None)
        if market_ms is not None:
            waited_ms = max(0, fact.exchange_ms - market_ms)
            about: dict[str, AttributeValue] = {"symbol": fact.intent.symbol, "market_ms": waited_ms}
            from_ns = now_ns - round(waited_ms / self._speed * _NS)
            self._add(order.of, Span("market to order", order.trace_id, _new_id(), order.span_id, from_ns, now_ns, about))

    def _order_answered(self, fact: facts.OrderAnswered, now_ns: int) -> None:
        _order.set(None)
        order = self._orders.get(fact.intent.client_order_id)
        if order is None:
            return
        outcome, error = _outcome(fact.outcome)
        span = Span(
            "order", order.trace_id, order.span_id, self._root_of(fact.intent), order.sent_ns, now_ns,
            {**_terms(fact.intent), "outcome": outcome}, error,
        )  # fmt: skip
        self._add(order.of, span)

    def _order_settled(self, fact: facts.OrderSettled, now_ns: int) -> None:
        intent = fact.order.intent
        order = self._orders.get(intent.client_order_id) or self._follow(intent, now_ns, None)
        about: dict[str, AttributeValue] = {**_terms(intent), "state": str(fact.order.state)}
        self._add(order.of, Span("order settled", order.trace_id, _new_id(), order.span_id, now_ns, now_ns, about))
        early = [kept for kept in self._early_fills if kept[0].fill.client_order_id == intent.client_order_id]
        for kept in early:
            self._early_fills.remove(kept)
            self._add_fill(order, *kept)

    def _fill_booked(self, fact: facts.FillBooked, now_ns: int) -> None:
        order = self._orders.get(fact.fill.client_order_id)
        if order is None:  # sent before this start; what it was wanted for is told when it is settled
            self._early_fills.append((fact, now_ns))
        else:
            self._add_fill(order, fact, now_ns)

    def _add_fill(self, order: _Order, fact: facts.FillBooked, now_ns: int) -> None:
        fill = fact.fill
        began_ns = now_ns if order.sent_ms is None else now_ns - round(max(0.0, fact.booked_ms - order.sent_ms) * _NS)
        about: dict[str, AttributeValue] = {
            "symbol": fill.symbol, "trade_id": fill.trade_id, "price": plain(fill.price), "quantity": plain(fill.quantity),
            "client_order_id": fill.client_order_id,
        }  # fmt: skip
        self._add(order.of, Span("fill", order.trace_id, _new_id(), order.span_id, began_ns, now_ns, about))

    def _follow(self, intent: OrderIntent, now_ns: int, sent_ms: float | None) -> _Order:
        running = self._open
        of = running if running is not None and running.correlation_id == intent.correlation_id else None
        # The legs of a protection rest for hours, and that is no delay.
        waits_ms = sent_ms if intent.list_id is None else None
        order = _Order(self._ids.trace(intent.correlation_id), self._ids.order(intent.client_order_id), now_ns, waits_ms, of)
        self._orders[intent.client_order_id] = order
        if len(self._orders) > MOST_ORDERS_FOLLOWED:
            del self._orders[next(iter(self._orders))]
        return order

    def _root_of(self, intent: OrderIntent) -> int | None:
        """The pass that wanted it; protection is wanted by no pass, and begins a trace of its own."""
        return None if intent.is_protective else self._ids.root(intent.correlation_id)


def _kind(fact: _Work) -> Hashable:
    """The same for work whose spans look the same."""
    if isinstance(fact, facts.DatabaseDone):
        return fact.operation, fact.failed
    return fact.endpoint, fact.status, fact.error_code


def _looks(fact: _Work) -> tuple[str, Mapping[str, AttributeValue], str]:
    """The name, the attributes and the error of its span."""
    if isinstance(fact, facts.DatabaseDone):
        return f"book {fact.operation}", {}, "it failed" if fact.failed else ""
    status: dict[str, AttributeValue] = {} if fact.status is None else {"http.response.status_code": fact.status}
    return f"request {fact.endpoint}", {"endpoint": fact.endpoint, **status}, fact.error_code or ""


def _terms(intent: OrderIntent) -> dict[str, AttributeValue]:
    return {
        "symbol": intent.symbol,
        "side": str(intent.side),
        "type": str(intent.type),
        "quantity": plain(intent.quantity),
        "purpose": str(intent.purpose),
        "client_order_id": intent.client_order_id,
        "correlation_id": intent.correlation_id,
    }


def _outcome(outcome: Outcome) -> tuple[str, str]:
    """Its name, and what was wrong."""
    match outcome:
        case Accepted(report):
            return f"accepted {report.status}", ""
        case Rejected(code, message):
            return "rejected", f"{code}: {message}"
        case NotSent(why):
            return "not sent", why
        case Unknown(why):
            return "unknown", why


def _new_id() -> int:
    return random.getrandbits(64) or 1
