"""MetricsObserver: turns facts into Prometheus metrics, as the catalogue names them."""

import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from binance_trade_agent.domain import facts, service_facts
from binance_trade_agent.ports.observer import Listener
from binance_trade_agent.telemetry import metric_catalogue as names
from binance_trade_agent.telemetry.account_metrics import AccountMetrics
from binance_trade_agent.telemetry.connection_metrics import ConnectionMetrics
from binance_trade_agent.telemetry.market_metrics import MarketMetrics
from binance_trade_agent.telemetry.metric_children import MetricChildren
from binance_trade_agent.telemetry.order_metrics import OrderMetrics
from binance_trade_agent.telemetry.pass_metrics import PassMetrics
from binance_trade_agent.telemetry.service_metrics import ServiceMetrics
from binance_trade_agent.telemetry.stream_metrics import StreamMetrics

MOST_WAITING = 1_024
"""Facts, and the decisions in them."""

# Until the first pass ends, the begin of the schedule stands for it.
_OF_THE_SCHEDULE = frozenset({facts.PassFinished, service_facts.PassesScheduled})

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PARTS = (ConnectionMetrics, PassMetrics, OrderMetrics, AccountMetrics, MarketMetrics, StreamMetrics, ServiceMetrics)


@runtime_checkable
class _CountsTogether(Protocol):
    """A part that counts some kinds of facts by the hundred: those that come with every request and pass, whose order does not matter."""

    def of_many(self) -> Mapping[type[facts.Fact], Callable[[Any], None]]:
        """What to do with all facts of a kind."""
        ...


class MetricsObserver:
    """Observer that keeps all metrics in one registry, which is its own unless one is given.

    Facts wait until somebody asks for the figures, or MOST_WAITING have come: one after the other they cost a third of what they cost in
    the midst of a pass, where each finds what it needs pushed out of the processor's caches.
    """

    def __init__(self, registry: CollectorRegistry | None = None, *, version: str = "unknown") -> None:
        self.registry = registry or CollectorRegistry()
        children = MetricChildren(names.CATALOGUE, self.registry, before=self._count_waiting)
        ProcessCollector(registry=self.registry)
        children.gauge(names.BUILD_INFO, version, platform.python_version()).set(1)
        self._failures = children.counter(names.OBSERVER_FAILURES)
        parts = [part(children) for part in _PARTS]
        self._handlers = _together(part.handlers() for part in parts)
        self._of_many = {kind: count for part in parts if isinstance(part, _CountsTogether) for kind, count in part.of_many().items()}
        self._last_pass = children.gauge(names.LAST_PASS)
        self._waiting: list[facts.Fact] = []
        self._decisions = 0

    def observe(self, fact: facts.Fact) -> None:
        """Count one fact, soon; a defect in here is itself counted, and never reaches the station that reports."""
        if type(fact) in _OF_THE_SCHEDULE:
            self._last_pass.set(time.time())  # what Prometheus holds it against is the machine's clock, whatever ours is
            self._decisions += len(fact.decisions) if isinstance(fact, facts.PassFinished) else 0
        self._keep(fact)

    def listener(self, kind: type[facts.Fact]) -> Listener | None:
        """See ChoosyObserver: every kind of fact is counted."""
        return self.observe if kind in _OF_THE_SCHEDULE else self._keep

    def _keep(self, fact: facts.Fact) -> None:
        waiting = self._waiting
        waiting.append(fact)
        if len(waiting) + self._decisions >= MOST_WAITING:
            self._count_waiting()

    def _count_waiting(self) -> None:
        waiting, self._waiting, self._decisions = self._waiting, [], 0
        many: dict[type[facts.Fact], list[facts.Fact]] = {kind: [] for kind in self._of_many}
        for fact in waiting:
            kind = type(fact)
            alike = many.get(kind)
            if alike is not None:
                alike.append(fact)
            if alike is None or kind in self._handlers:
                self._count(self._handlers.get(kind, (_never_heard_of,)), fact)
        for kind, alike in many.items():
            if alike:
                self._count((self._of_many[kind],), alike)

    def _count(self, handlers: Iterable[Listener], what: facts.Fact | Sequence[facts.Fact]) -> None:
        try:
            for handle in handlers:
                handle(what)
        except Exception:  # the Observer port promises never to raise: trading must not end because a figure cannot be shown
            self._failures.inc()

    def render(self) -> bytes:
        """All metrics in the text format of CONTENT_TYPE."""
        return generate_latest(self.registry)


def _never_heard_of(fact: facts.Fact) -> None:
    raise TypeError(f"{type(fact).__name__} is no kind of fact that is counted")


def _together(tables: Iterable[Mapping[type[facts.Fact], Listener]]) -> Mapping[type[facts.Fact], Sequence[Listener]]:
    """Who handles each kind of fact; some are of interest to two parts."""
    handlers: dict[type[facts.Fact], list[Listener]] = {}
    for table in tables:
        for kind, handle in table.items():
            handlers.setdefault(kind, []).append(handle)
    return handlers
