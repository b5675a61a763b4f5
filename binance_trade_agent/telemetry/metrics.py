"""MetricsObserver: turns facts into Prometheus metrics, as the catalogue names them."""

import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from binance_trade_agent.domain import facts
from binance_trade_agent.telemetry import metric_catalogue as names
from binance_trade_agent.telemetry.account_metrics import AccountMetrics
from binance_trade_agent.telemetry.connection_metrics import ConnectionMetrics
from binance_trade_agent.telemetry.market_metrics import MarketMetrics
from binance_trade_agent.telemetry.metric_children import MetricChildren
from binance_trade_agent.telemetry.order_metrics import OrderMetrics
from binance_trade_agent.telemetry.pass_metrics import PassMetrics
from binance_trade_agent.telemetry.service_metrics import ServiceMetrics
from binance_trade_agent.telemetry.stream_metrics import StreamMetrics

_Handler = Callable[[Any], None]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PARTS = (ConnectionMetrics, PassMetrics, OrderMetrics, AccountMetrics, MarketMetrics, StreamMetrics, ServiceMetrics)


class MetricsObserver:
    """Observer that keeps all metrics in one registry, which is its own unless one is given."""

    def __init__(self, registry: CollectorRegistry | None = None, *, version: str = "unknown") -> None:
        self.registry = registry or CollectorRegistry()
        children = MetricChildren(names.CATALOGUE, self.registry)
        ProcessCollector(registry=self.registry)
        children.gauge(names.BUILD_INFO, version, platform.python_version()).set(1)
        self._failures = children.counter(names.OBSERVER_FAILURES)
        self._handlers = _together(part(children).handlers() for part in _PARTS)

    def observe(self, fact: facts.Fact) -> None:
        """Count one fact; a defect in here is itself counted, and never reaches the station that reports."""
        try:
            for handle in self._handlers[type(fact)]:
                handle(fact)
        except Exception:  # the Observer port promises never to raise: trading must not end because a figure cannot be shown
            self._failures.inc()

    def render(self) -> bytes:
        """All metrics in the text format of CONTENT_TYPE."""
        return generate_latest(self.registry)


def _together(tables: Iterable[Mapping[type[facts.Fact], _Handler]]) -> Mapping[type[facts.Fact], Sequence[_Handler]]:
    """Who handles each kind of fact; some are of interest to two parts."""
    handlers: dict[type[facts.Fact], list[_Handler]] = {}
    for table in tables:
        for kind, handle in table.items():
            handlers.setdefault(kind, []).append(handle)
    return handlers
