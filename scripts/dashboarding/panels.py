"""Panels as the dashboards list them: one figure, lines, bars or a heatmap, each with unit, thresholds and a description."""

from typing import Any

from dashboarding.queries import Query

Json = dict[str, Any]
Steps = tuple[tuple[float | None, str], ...]
"""From which value on which colour holds; None stands for the beginning."""

CALM: Steps = ((None, "blue"),)
GREEN: Steps = ((None, "green"),)
ZERO_IS_GOOD: Steps = ((None, "green"), (1, "red"))
FEW_ARE_BEARABLE: Steps = ((None, "green"), (1, "orange"), (10, "red"))
SHARE_OF_A_LIMIT: Steps = ((None, "green"), (0.8, "orange"), (1, "red"))

MODES = [
    {
        "type": "value",
        "options": {
            "0": {"text": "active", "color": "green"},
            "1": {"text": "reducing", "color": "orange"},
            "2": {"text": "halted", "color": "red"},
        },
    }
]


def yes_no(yes: str, no: str) -> list[Json]:
    """Words for 1 and 0."""
    return [{"type": "value", "options": {"0": {"text": no, "color": "red"}, "1": {"text": yes, "color": "green"}}}]


def stat(title: str, description: str, unit: str, expression: str, steps: Steps, legend: str = "", **more: Any) -> Json:
    """One figure; with a legend it is shown by name."""
    return {
        "type": "stat",
        "title": title,
        "description": description,
        "unit": unit,
        "queries": [(expression, legend)],
        "steps": steps,
        "width": 4,
        "height": 4,
        **more,
    }


def graph(title: str, description: str, unit: str, queries: list[Query], steps: Steps = CALM, **more: Any) -> Json:
    """Lines over time; thresholds beyond the first are drawn as lines."""
    return {
        "type": "timeseries",
        "title": title,
        "description": description,
        "unit": unit,
        "queries": queries,
        "steps": steps,
        "width": 8,
        "height": 8,
        **more,
    }


def bars(title: str, description: str, unit: str, queries: list[Query], steps: Steps = CALM, **more: Any) -> Json:
    """One bar for each thing, as it is now."""
    return {**graph(title, description, unit, queries, steps), "type": "bargauge", **more}


def heatmap(title: str, description: str, expression: str, **more: Any) -> Json:
    """How many observations fell into each bucket of a histogram of seconds, over time."""
    return {**graph(title, description, "s", [(expression, "{{le}}")]), "type": "heatmap", "width": 12, **more}
