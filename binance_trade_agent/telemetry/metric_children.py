"""Children of metrics by label values: each made once, looked up in a dict afterwards, and bounded in number."""

from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from binance_trade_agent.telemetry.metric_catalogue import Metric

OTHER = "other"


M = TypeVar("M", Counter, Gauge, Histogram)


class _Children(Generic[M]):
    """The children of one metric; label values beyond `most_children` share the child `other`."""

    def __init__(self, metric: Metric, parent: M) -> None:
        self._metric = metric
        self._parent: M = parent
        self._children: dict[tuple[str, ...], M] = {}
        if not metric.labels:
            self._children[()] = parent

    def child(self, *labels: str) -> M:
        """The child for these label values, in the order of the catalogue."""
        found = self._children.get(labels)
        return found if found is not None else self._new(labels)

    def _new(self, labels: tuple[str, ...]) -> M:
        if len(self._children) >= self._metric.most_children:
            labels = (OTHER,) * len(self._metric.labels)
            if labels in self._children:
                return self._children[labels]
        child: M = self._parent.labels(*labels)
        self._children[labels] = child
        return child


class Counters(_Children[Counter]):
    """Children of a counter."""

    def __init__(self, metric: Metric, registry: CollectorRegistry) -> None:
        super().__init__(metric, Counter(metric.full_name, metric.meaning, metric.labels, registry=registry))


class Gauges(_Children[Gauge]):
    """Children of a gauge."""

    def __init__(self, metric: Metric, registry: CollectorRegistry) -> None:
        super().__init__(metric, Gauge(metric.full_name, metric.meaning, metric.labels, registry=registry))


class Histograms(_Children[Histogram]):
    """Children of a histogram, with the buckets of the catalogue."""

    def __init__(self, metric: Metric, registry: CollectorRegistry) -> None:
        super().__init__(metric, Histogram(metric.full_name, metric.meaning, metric.labels, registry=registry, buckets=metric.buckets))
