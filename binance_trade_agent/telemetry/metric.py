"""Metric: what the catalogue says of each: its kind and unit, labels with bounded values, and who emits it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

PREFIX = "trade_agent_"
MOST_SYMBOLS = 600
MOST_VALUES = 100


class MetricKind(StrEnum):
    """Prometheus metric types."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Emitter(StrEnum):
    """The part of the package that reports the facts a metric is made from; the value is its path without the suffix."""

    PASS = "async_orchestrator"  # noqa: S105 - a pass of the pipeline
    MARKET_DATA = "async_market_data_agent"
    RISK = "risk_management_agent"
    DESK = "sending_desk"
    PROTECTION = "protection_agent"
    PORTFOLIO = "portfolio_manager"
    RECONCILER = "reconciler"
    MODES = "wiring/mode_journal"
    REST = "binance/rest"
    CLOCK = "binance/clock_sync"
    POOL = "binance/http/pool"
    LIMITS = "binance/limits"
    STREAMS = "binance/streams"
    API_SESSIONS = "binance/websocket_api"
    CACHE = "storage/redis_cache"
    BOOK_FILE = "storage"
    SYMBOLS = "wiring/traded_symbols"
    SERVICE = "service"
    TELEMETRY = "telemetry"


@dataclass(frozen=True, slots=True)
class Label:
    """One label: either its values are a closed set, or there are at most `most` of them. Whatever else comes is counted under `other`."""

    name: str
    values: tuple[str, ...] = ()
    most: int = MOST_VALUES

    @property
    def bound(self) -> int:
        """How many values there can be, `other` not counted."""
        return len(self.values) or self.most

    def takes(self, value: str) -> bool:
        """Whether `value` may stand as it is."""
        return not self.values or value in self.values


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; `name` is without the prefix, `most_children` bounds how many combinations of label values it may have."""

    name: str
    kind: MetricKind
    emitters: tuple[Emitter, ...]
    meaning: str
    labels: tuple[Label, ...] = ()
    unit: str = ""
    buckets: tuple[float, ...] = ()
    most_children: int = 0

    @property
    def full_name(self) -> str:
        """The name as Prometheus sees it."""
        return PREFIX + self.name

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the labels in their order."""
        return tuple(label.name for label in self.labels)

    @property
    def bound(self) -> int:
        """How many combinations of label values there can be, `other` not counted."""
        combinations = 1
        for label in self.labels:
            combinations *= label.bound
        return min(combinations, self.most_children or combinations)

    @property
    def series(self) -> dict[str, set[str]]:
        """The series that it makes in Prometheus, each with its labels."""
        labels = set(self.label_names)
        if self.kind is not MetricKind.HISTOGRAM:
            return {self.full_name: labels}
        return {f"{self.full_name}_bucket": {*labels, "le"}, f"{self.full_name}_count": labels, f"{self.full_name}_sum": labels}


def closed_label(name: str, values: Iterable[str]) -> Label:
    """A label whose values are known beforehand, such as those of an enum."""
    return Label(name, tuple(str(value) for value in values))


def counter(
    emitters: Emitter | tuple[Emitter, ...], name: str, meaning: str, *labels: Label, unit: str = "", most_children: int = 0
) -> Metric:
    """A metric that only grows."""
    return Metric(name, MetricKind.COUNTER, _many(emitters), meaning, labels, unit, most_children=most_children)


def gauge(
    emitters: Emitter | tuple[Emitter, ...], name: str, meaning: str, *labels: Label, unit: str = "", most_children: int = 0
) -> Metric:
    """A metric that goes up and down."""
    return Metric(name, MetricKind.GAUGE, _many(emitters), meaning, labels, unit, most_children=most_children)


def duration(
    emitters: Emitter | tuple[Emitter, ...], name: str, meaning: str, buckets: tuple[float, ...], *labels: Label, most_children: int = 0
) -> Metric:
    """A histogram of seconds."""
    return Metric(name, MetricKind.HISTOGRAM, _many(emitters), meaning, labels, "seconds", buckets, most_children)


def _many(emitters: Emitter | tuple[Emitter, ...]) -> tuple[Emitter, ...]:
    return emitters if isinstance(emitters, tuple) else (emitters,)
