"""Panels as the dashboard's list of them is written: one figure or lines over time, and the queries that recur."""

from typing import Any

INSTANCE = 'instance=~"$instance"'
SYMBOL = f'{INSTANCE},symbol=~"$symbol"'
RATE = "[$__rate_interval]"
Json = dict[str, Any]


def quantiles(metric: str, by: str = "") -> list[tuple[str, str]]:
    """Median and 99th percentile of a histogram, split by the label `by` when one is named."""
    labels, legend = (f"le, {by}", f"{{{{{by}}}}} ") if by else ("le", "")
    rate = f"sum by ({labels}) (rate({metric}_bucket{{{INSTANCE}}}{RATE}))"
    return [(f"histogram_quantile({share}, {rate})", f"{legend}{name}") for share, name in ((0.5, "median"), (0.99, "99 %"))]


def rates(metric: str, by: str) -> list[tuple[str, str]]:
    """How often per minute, split by the label `by`."""
    return [(f"60 * sum by ({by}) (rate({metric}{{{INSTANCE}}}{RATE}))", f"{{{{{by}}}}}")]


def stat(title: str, description: str, unit: str, expression: str, **more: Any) -> Json:
    """One figure."""
    return {
        "type": "stat",
        "title": title,
        "description": description,
        "unit": unit,
        "queries": [(expression, "")],
        "width": 4,
        "height": 4,
        **more,
    }


def graph(title: str, description: str, unit: str, queries: list[tuple[str, str]], **more: Any) -> Json:
    """Lines over time; each query is (expression, legend)."""
    return {
        "type": "timeseries",
        "title": title,
        "description": description,
        "unit": unit,
        "queries": queries,
        "width": 8,
        "height": 8,
        **more,
    }
