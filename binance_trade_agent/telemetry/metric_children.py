"""Children of metrics by label values: each made once, looked up in a dict afterwards, and bounded in number.

They are plain figures of our own, shown to prometheus_client when somebody asks: every request, stage and fill changes some of them, and
its own metrics take a lock and a walk through the buckets each time, for threads that we do not have.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from binance_trade_agent.telemetry.metric import Metric, MetricKind

OTHER = "other"
Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


class CounterChild:
    """One counter."""

    __slots__ = ("value",)

    def __init__(self, _: Metric) -> None:
        self.value = 0.0

    def inc(self, amount: float = 1) -> None:
        """Add `amount`, which is never below 0."""
        self.value += amount


class GaugeChild:
    """One gauge."""

    __slots__ = ("value",)

    def __init__(self, _: Metric) -> None:
        self.value = 0.0

    def set(self, value: float) -> None:
        """Show `value` from now on."""
        self.value = float(value)


class HistogramChild:
    """One histogram: how many values fell into each bucket, the one above the last bound included, and their sum."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, metric: Metric) -> None:
        self._bounds = metric.buckets
        self.counts = [0] * (len(metric.buckets) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count `value`; a bound belongs to the bucket below it."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def observe_all(self, values: list[float]) -> None:
        """Count all of them; they are sorted in place, which costs less than to look for the bucket of each."""
        values.sort()
        begin, counts = 0, self.counts
        for bucket, bound in enumerate(self._bounds):
            end = bisect_right(values, bound, begin)
            counts[bucket] += end - begin
            begin = end
        counts[-1] += len(values) - begin
        self.total += sum(values)


C = TypeVar("C", CounterChild, GaugeChild, HistogramChild)


class _Children(Generic[C]):
    """The children of one metric; label values that its labels do not take, or that are too many, share the child `other`."""

    def __init__(self, metric: Metric, make: type[C]) -> None:
        self.metric = metric
        self._make: type[C] = make
        self._children: dict[tuple[str, ...], C] = {}
        if not metric.labels:
            self._children[()] = make(metric)

    def child(self, *labels: str) -> C:
        """The child for these label values, in the order of the catalogue."""
        found = self._children.get(labels)
        return found if found is not None else self._new(labels)

    def drop(self, *labels: str) -> None:
        """Show the child for these label values no more; it begins anew when it is asked for."""
        self._children.pop(labels, None)

    def items(self) -> Iterable[tuple[tuple[str, ...], C]]:
        """Label values and child of each."""
        return self._children.items()

    def _new(self, labels: tuple[str, ...]) -> C:
        known = all(label.takes(value) for label, value in zip(self.metric.labels, labels, strict=True))
        if not known or len(self._children) >= self.metric.bound:
            labels = (OTHER,) * len(self.metric.labels)
            if labels in self._children:
                return self._children[labels]
        child = self._make(self.metric)
        self._children[tuple(map(str, labels))] = child
        return child


class MetricChildren(Collector):
    """All metrics of a catalogue in one registry, each with its children. For one thread, that of the event loop.

    `before` is called each time before figures are shown.
    """

    def __init__(self, catalogue: tuple[Metric, ...], registry: CollectorRegistry, before: Callable[[], None] = lambda: None) -> None:
        self._before = before
        self._catalogue = catalogue
        self._counters = _made(catalogue, MetricKind.COUNTER, CounterChild)
        self._gauges = _made(catalogue, MetricKind.GAUGE, GaugeChild)
        self._histograms = _made(catalogue, MetricKind.HISTOGRAM, HistogramChild)
        registry.register(self)

    def counter(self, metric: Metric, *labels: str) -> CounterChild:
        """The counter for these label values."""
        return self._counters[metric.name].child(*labels)

    def gauge(self, metric: Metric, *labels: str) -> GaugeChild:
        """The gauge for these label values."""
        return self._gauges[metric.name].child(*labels)

    def drop_gauge(self, metric: Metric, *labels: str) -> None:
        """Show the gauge for these label values no more."""
        self._gauges[metric.name].drop(*labels)

    def histogram(self, metric: Metric, *labels: str) -> HistogramChild:
        """The histogram for these label values."""
        return self._histograms[metric.name].child(*labels)

    def counters(self, metric: Metric) -> Callable[..., CounterChild]:
        """`counter` of this metric alone: it takes the label values only."""
        return self._counters[metric.name].child

    def gauges(self, metric: Metric) -> Callable[..., GaugeChild]:
        """`gauge` of this metric alone."""
        return self._gauges[metric.name].child

    def histograms(self, metric: Metric) -> Callable[..., HistogramChild]:
        """`histogram` of this metric alone."""
        return self._histograms[metric.name].child

    def describe(self) -> Iterator[Family]:
        """Names alone, so that no other collector of the registry may use them."""
        return (_family(metric) for metric in self._catalogue)

    def collect(self) -> Iterator[Family]:
        """All figures as prometheus_client writes them out, in the order of the catalogue."""
        self._before()
        for metric in self._catalogue:
            family = _family(metric)
            if isinstance(family, HistogramMetricFamily):
                for labels, histogram in self._histograms[metric.name].items():
                    family.add_metric(labels, _cumulative(metric, histogram), histogram.total)
            elif isinstance(family, CounterMetricFamily):
                for labels, counter in self._counters[metric.name].items():
                    family.add_metric(labels, counter.value)
            else:
                for labels, gauge in self._gauges[metric.name].items():
                    family.add_metric(labels, gauge.value)
            yield family


def _made(catalogue: tuple[Metric, ...], kind: MetricKind, make: type[C]) -> dict[str, _Children[C]]:
    return {metric.name: _Children(metric, make) for metric in catalogue if metric.kind is kind}


def _family(metric: Metric) -> Family:
    match metric.kind:
        case MetricKind.COUNTER:
            return CounterMetricFamily(metric.full_name, metric.meaning, labels=metric.label_names)
        case MetricKind.GAUGE:
            return GaugeMetricFamily(metric.full_name, metric.meaning, labels=metric.label_names)
        case MetricKind.HISTOGRAM:
            return HistogramMetricFamily(metric.full_name, metric.meaning, labels=metric.label_names)


def _cumulative(metric: Metric, child: HistogramChild) -> list[tuple[str, float]]:
    """Each bound with how many values were at or below it."""
    counted, result = 0, []
    for bound, count in zip((*metric.buckets, math.inf), child.counts, strict=True):
        counted += count
        result.append(("+Inf" if math.isinf(bound) else repr(bound), float(counted)))
    return result
