"""Children of metrics by label values: each made once, looked up in a dict afterwards, and bounded in number."""

from collections.abc import Callable
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from binance_trade_agent.telemetry.metric import Metric, MetricKind

OTHER = "other"


M = TypeVar("M", Counter, Gauge, Histogram)


class _Children(Generic[M]):
    """The children of one metric; label values that its labels do not take, or that are too many, share the child `other`."""

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
        known = all(label.takes(value) for label, value in zip(self._metric.labels, labels, strict=True))
        if not known or len(self._children) >= self._metric.bound:
            labels = (OTHER,) * len(self._metric.labels)
            if labels in self._children:
                return self._children[labels]
        child: M = self._parent.labels(*labels)
        self._children[labels] = child
        return child


class MetricChildren:
    """All metrics of a catalogue in one registry, each with its children."""

    def __init__(self, catalogue: tuple[Metric, ...], registry: CollectorRegistry) -> None:
        self._counters = _made(catalogue, MetricKind.COUNTER, lambda metric: _Children(metric, Counter(*_named(metric), registry=registry)))
        self._gauges = _made(catalogue, MetricKind.GAUGE, lambda metric: _Children(metric, Gauge(*_named(metric), registry=registry)))
        self._histograms = _made(
            catalogue,
            MetricKind.HISTOGRAM,
            lambda metric: _Children(metric, Histogram(*_named(metric), registry=registry, buckets=metric.buckets)),
        )

    def counter(self, metric: Metric, *labels: str) -> Counter:
        """The counter for these label values."""
        return self._counters[metric.name].child(*labels)

    def gauge(self, metric: Metric, *labels: str) -> Gauge:
        """The gauge for these label values."""
        return self._gauges[metric.name].child(*labels)

    def histogram(self, metric: Metric, *labels: str) -> Histogram:
        """The histogram for these label values."""
        return self._histograms[metric.name].child(*labels)


def _made(catalogue: tuple[Metric, ...], kind: MetricKind, make: Callable[[Metric], _Children[M]]) -> dict[str, _Children[M]]:
    return {metric.name: make(metric) for metric in catalogue if metric.kind is kind}


def _named(metric: Metric) -> tuple[str, str, tuple[str, ...]]:
    return metric.full_name, metric.meaning, metric.label_names
