"""Bottlenecks: which stage, endpoint and function cost most of a pass, from the histograms that a running daemon shows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from binance_trade_agent.telemetry import metric_catalogue as names
from binance_trade_agent.telemetry.histogram_reading import HistogramReading, MetricsReading
from binance_trade_agent.telemetry.metric import Metric


@dataclass(frozen=True, slots=True)
class Cost:
    """What one stage, endpoint or function costs; times in seconds.

    `share` is its part of all time of passes (stages) or of all time of its kind (endpoints, functions), which go side by side;
    `per_pass` its seconds and `calls` how often it was called for every pass. `errors` is the share that failed, None where unknown.
    """

    name: str
    share: float
    per_pass: float
    calls: float
    mean: float
    p99: float
    errors: float | None = None


@dataclass(frozen=True, slots=True)
class BottleneckReport:
    """Where the time of `passes` passes went, the costliest first; `between` is the share of a pass that no stage accounts for."""

    passes: int
    mean: float
    p99: float
    interval: float | None
    between: float
    stages: tuple[Cost, ...]
    endpoints: tuple[Cost, ...]
    functions: tuple[Cost, ...]

    @property
    def verdict(self) -> str:
        """One or two sentences that name the costliest stage and endpoint."""
        if not self.passes or not self.stages:
            return "No pass has ended yet."
        stage = self.stages[0]
        said = f"The stage {stage.name} takes {stage.share:.0%} of a pass, {duration_text(stage.per_pass)} of {duration_text(self.mean)}."
        if self.endpoints:
            most = self.endpoints[0]
            calls = f"{most.calls:.1f} requests a pass, {duration_text(most.mean)} each"
            said += f" Of the requests, {most.name} costs most: {most.share:.0%} of their time, {calls}."
        return said


def bottlenecks(now: MetricsReading, earlier: MetricsReading | None = None) -> BottleneckReport:
    """The report of what happened since `earlier`; since the daemon started when that was later, or without `earlier`."""
    if earlier is not None and _began_anew(now, earlier):
        earlier = None
    whole = _added(names.PASS_DURATION, now, earlier).get((), HistogramReading(0, 0.0, ()))
    passes = max(whole.count, 1.0)
    stages = _costs(_added(names.PASS_STAGE_DURATION, now, earlier), whole.total, passes)
    interval = now.values(names.PASS_INTERVAL).get((), 0.0)
    requests = _added(names.REQUEST_DURATION, now, earlier)
    functions = _added(names.FUNCTION_DURATION, now, earlier)
    return BottleneckReport(
        passes=int(whole.count),
        mean=whole.mean,
        p99=whole.quantile(0.99),
        interval=interval or None,
        between=max(0.0, 1 - sum(stage.share for stage in stages)) if whole.count else 0.0,
        stages=stages,
        endpoints=_costs(requests, _total(requests), passes, _failed(names.REQUEST_ERRORS, now, earlier)),
        functions=_costs(functions, _total(functions), passes, _failed(names.FUNCTION_FAILURES, now, earlier)),
    )


def _began_anew(now: MetricsReading, earlier: MetricsReading) -> bool:
    nothing = HistogramReading(0, 0.0, ())
    return now.histograms(names.PASS_DURATION).get((), nothing).count < earlier.histograms(names.PASS_DURATION).get((), nothing).count


def _added(metric: Metric, now: MetricsReading, earlier: MetricsReading | None) -> Mapping[tuple[str, ...], HistogramReading]:
    before = {} if earlier is None else earlier.histograms(metric)
    return {labels: reading.since(before.get(labels)) for labels, reading in now.histograms(metric).items()}


def _failed(metric: Metric, now: MetricsReading, earlier: MetricsReading | None) -> Mapping[str, float]:
    """How many calls failed, by the first label."""
    failed: dict[str, float] = {}
    before = {} if earlier is None else earlier.values(metric)
    for labels, count in now.values(metric).items():
        known = before.get(labels, 0.0)
        failed[labels[0]] = failed.get(labels[0], 0.0) + count - known
    return failed


def _costs(
    readings: Mapping[tuple[str, ...], HistogramReading], whole: float, passes: float, failed: Mapping[str, float] | None = None
) -> tuple[Cost, ...]:
    costs = (
        Cost(
            name=labels[0],
            share=reading.total / whole if whole else 0.0,
            per_pass=reading.total / passes,
            calls=reading.count / passes,
            mean=reading.mean,
            p99=reading.quantile(0.99),
            errors=None if failed is None else failed.get(labels[0], 0.0) / reading.count,
        )
        for labels, reading in readings.items()
        if reading.count
    )
    return tuple(sorted(costs, key=lambda cost: -cost.per_pass))


def _total(readings: Mapping[tuple[str, ...], HistogramReading]) -> float:
    return sum(reading.total for reading in readings.values())


def duration_text(seconds: float) -> str:
    """Three figures, in milliseconds below a second; empty for NaN."""
    if math.isnan(seconds):
        return ""
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
