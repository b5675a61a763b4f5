"""Queries: the expressions that recur in panels, all of one instance of the daemon."""

INSTANCE = 'instance=~"$instance"'
RATE = "[$__rate_interval]"
Query = tuple[str, str]
"""An expression and the legend of what it gives."""


def metric(name: str, *filters: str) -> str:
    """A metric of ours by its name in the catalogue."""
    return f"trade_agent_{name}{{{','.join((INSTANCE, *filters))}}}"


def process(name: str) -> str:
    """A figure that every Python process shows."""
    return f'process_{name}{{job="trade-agent",{INSTANCE}}}'


def of_symbols(name: str) -> str:
    """A metric of ours, of the chosen symbols alone."""
    return metric(name, 'symbol=~"$symbol"')


def rate(series: str) -> str:
    """How much `series` grows in a second."""
    return f"rate({series}{RATE})"


def per_minute(name: str, by: str = "", legend: str = "") -> list[Query]:
    """How often in a minute, split by the label `by` when one is named."""
    grouping = f" by ({by})" if by else ""
    return [(f"60 * sum{grouping} ({rate(metric(name))})", legend or f"{{{{{by}}}}}")]


def quantile(share: float, name: str, by: str = "") -> str:
    """One quantile of a histogram, split by the label `by` when one is named."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) ({rate(metric(f'{name}_bucket'))}))"


def quantiles(name: str, by: str = "") -> list[Query]:
    """Median and 99th percentile of a histogram."""
    legend = f"{{{{{by}}}}} " if by else ""
    return [(quantile(0.5, name, by), f"{legend}median"), (quantile(0.99, name, by), f"{legend}99 %")]


def buckets(name: str) -> str:
    """What a heatmap is drawn from: how many observations fell into each bucket."""
    return f"sum by (le) (increase({metric(f'{name}_bucket')}{RATE}))"


def share_of_pass() -> str:
    """The share of a pass that each of its stages takes."""
    return f"sum by (stage) ({rate(metric('pass_stage_duration_seconds_sum'))}) / scalar(sum({rate(metric('pass_duration_seconds_sum'))}))"


def seconds_per_pass() -> str:
    """Seconds of requests to each endpoint for every pass; requests that go side by side count together."""
    return f"sum by (endpoint) ({rate(metric('request_duration_seconds_sum'))}) / scalar(sum({rate(metric('passes_total'))}))"
