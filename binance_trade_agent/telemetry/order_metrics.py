"""OrderMetrics: turns the facts about orders, from risk's approval to their fills, into metrics."""

from collections.abc import Callable, Mapping
from typing import Any

from binance_trade_agent.domain import facts, risk_facts
from binance_trade_agent.domain.order import OrderIntent, OrderState
from binance_trade_agent.domain.outcome import Accepted, NotSent, Outcome, Rejected, Unknown
from binance_trade_agent.telemetry import metric_catalogue as names
from binance_trade_agent.telemetry.metric_children import MetricChildren

MAX_ORDERS_FOLLOWED = 10_000

_OUTCOME_LABELS: Mapping[type[Outcome], str] = {Accepted: "accepted", Rejected: "rejected", NotSent: "not_sent", Unknown: "unknown"}


class OrderMetrics:
    """A part of MetricsObserver. It remembers orders from their approval until they are filled or known to be over, a bounded number."""

    def __init__(self, children: MetricChildren) -> None:
        self._counter, self._gauge, self._histogram = children.counter, children.gauge, children.histogram
        self._market_ms: dict[str, int] = {}
        self._sent_ms: dict[str, float] = {}
        self._unknown: set[str] = set()
        for label in _OUTCOME_LABELS.values():
            self._counter(names.ORDERS, label)

    def handlers(self) -> Mapping[type[facts.Fact], Callable[[Any], None]]:
        """What to do with each kind of fact."""
        return {
            risk_facts.RiskApproved: self._risk_approved,
            facts.OrderSent: self._order_sent,
            facts.OrderAnswered: self._order_answered,
            facts.OrderSettled: self._order_settled,
            facts.FillBooked: self._fill_booked,
            facts.BookMarked: self._book_marked,
        }

    def _risk_approved(self, fact: risk_facts.RiskApproved) -> None:
        self._counter(names.RISK_APPROVALS).inc()
        _remember(self._market_ms, fact.intent.client_order_id, fact.market_ms)

    def _order_sent(self, fact: facts.OrderSent) -> None:
        self._counter(names.ORDERS_SENT).inc()
        order_id = fact.intent.client_order_id
        market_ms = self._market_ms.pop(order_id, None)
        if market_ms is not None:  # our idea of the exchange's clock can be a little behind
            self._histogram(names.MARKET_TO_ORDER).observe(max(0, fact.exchange_ms - market_ms) / 1000)
        if fact.intent.list_id is None:  # the legs of a protection rest for hours, and that is no delay
            _remember(self._sent_ms, order_id, fact.sent_ms)

    def _order_answered(self, fact: facts.OrderAnswered) -> None:
        self._counter(names.ORDERS, _OUTCOME_LABELS[type(fact.outcome)]).inc()
        self._histogram(names.ORDER_DURATION).observe(fact.duration_ms / 1000)
        if isinstance(fact.outcome, Rejected):
            self._counter(names.ORDER_REJECTIONS, str(fact.outcome.code)).inc()
        if isinstance(fact.outcome, Rejected | NotSent):
            self._sent_ms.pop(fact.intent.client_order_id, None)
        self._track_unknown(fact.intent, isinstance(fact.outcome, Unknown))

    def _order_settled(self, fact: facts.OrderSettled) -> None:
        self._counter(names.ORDERS_SETTLED, fact.order.state).inc()
        if fact.order.state.is_terminal:
            self._sent_ms.pop(fact.order.intent.client_order_id, None)
        self._track_unknown(fact.order.intent, fact.order.state is OrderState.UNKNOWN)

    def _fill_booked(self, fact: facts.FillBooked) -> None:
        fill = fact.fill
        self._counter(names.FILLS, fill.side).inc()
        sent_ms = self._sent_ms.pop(fill.client_order_id, None)
        if sent_ms is not None:
            self._histogram(names.FILL_DURATION).observe((fact.booked_ms - sent_ms) / 1000)
        # A rebate is a negative commission; a counter cannot take it, and the ledger has it exactly.
        if fill.commission > 0:
            self._counter(names.FEES, fill.commission_asset).inc(float(fill.commission))

    def _book_marked(self, fact: facts.BookMarked) -> None:
        """The book knows also of orders that an earlier process lost sight of."""
        snapshot = fact.snapshot
        self._unknown = set(snapshot.unknown_orders)
        oldest_ms = min(snapshot.unknown_orders.values(), default=snapshot.time_ms)
        self._gauge(names.ORDERS_UNKNOWN).set(len(self._unknown))
        self._gauge(names.ORDERS_UNKNOWN_AGE).set(max(0, snapshot.time_ms - oldest_ms) / 1000)
        self._gauge(names.ORDERS_OPEN).set(snapshot.open_orders)

    def _track_unknown(self, intent: OrderIntent, is_unknown: bool) -> None:
        if not is_unknown:
            self._unknown.discard(intent.client_order_id)
        elif len(self._unknown) < MAX_ORDERS_FOLLOWED:
            self._unknown.add(intent.client_order_id)
        self._gauge(names.ORDERS_UNKNOWN).set(len(self._unknown))


def _remember(times: dict[str, Any], order_id: str, at_ms: float) -> None:
    """Keep `at_ms`, and let go of the oldest when they are too many: orders that were never sent, or never filled."""
    times[order_id] = at_ms
    if len(times) > MAX_ORDERS_FOLLOWED:
        del times[next(iter(times))]
