"""Reading histograms back from what /metrics shows: counts, sums and quantiles of each, and what was added between two looks."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from binance_trade_agent.telemetry.metric import Metric

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HistogramReading:
    """What a histogram has counted: `buckets` are (upper bound, how many at or below it) by bound, the last one infinite."""

    count: float
    total: float
    buckets: tuple[tuple[float, float], ...]

    @property
    def mean(self) -> float:
        """NaN when nothing was counted."""
        return self.total / self.count if self.count else math.nan

    def quantile(self, share: float) -> float:
        """Between the bounds of its bucket in proportion, as Prometheus reckons it; NaN when nothing was counted.

        What lies above the last finite bound is given as that bound.
        """
        wanted, below, lower = share * self.count, 0.0, 0.0
        for bound, count in self.buckets:
            if count >= wanted and count > below:
                return lower if math.isinf(bound) else lower + (bound - lower) * (wanted - below) / (count - below)
            below, lower = count, bound
        return math.nan

    def since(self, earlier: "HistogramReading | None") -> "HistogramReading":
        """What was added since `earlier`; all of it when there was none."""
        if earlier is None:
            return self
        before = dict(earlier.buckets)
        added = tuple((bound, count - before.get(bound, 0.0)) for bound, count in self.buckets)
        return HistogramReading(self.count - earlier.count, self.total - earlier.total, added)


class MetricsReading:
    """One look at /metrics. Raises ValueError for text that is not in the Prometheus format."""

    def __init__(self, text: str) -> None:
        self._samples: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self._samples.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value

    def values(self, metric: Metric) -> Mapping[Labels, float]:
        """A counter's or gauge's values by the values of its labels, in the order of the catalogue."""
        return {_labels(metric, key): value for key, value in self._samples.get(metric.full_name, {}).items()}

    def histograms(self, metric: Metric) -> Mapping[Labels, HistogramReading]:
        """A histogram's readings by the values of its labels, in the order of the catalogue."""
        counts, sums = (self._samples.get(f"{metric.full_name}_{part}", {}) for part in ("count", "sum"))
        buckets: dict[Labels, list[tuple[float, float]]] = {}
        for key, count in self._samples.get(f"{metric.full_name}_bucket", {}).items():
            buckets.setdefault(_labels(metric, key), []).append((float(dict(key)["le"]), count))
        return {
            labels: HistogramReading(count, sums.get(key, 0.0), tuple(sorted(buckets.get(labels, ()))))
            for labels, key, count in _keyed(metric, counts)
        }


def _keyed(
    metric: Metric, samples: Mapping[tuple[tuple[str, str], ...], float]
) -> Iterator[tuple[Labels, tuple[tuple[str, str], ...], float]]:
    return ((_labels(metric, key), key, value) for key, value in samples.items())


def _labels(metric: Metric, key: tuple[tuple[str, str], ...]) -> Labels:
    values = dict(key)
    return tuple(values.get(name, "") for name in metric.label_names)
