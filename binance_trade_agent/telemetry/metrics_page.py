"""The page on metrics: docs/metrics.md as the catalogue has it."""

from binance_trade_agent.telemetry.metric import Label, Metric
from binance_trade_agent.telemetry.metric_catalogue import CATALOGUE

_INTRODUCTION = """\
# Metrics

Written by `scripts/metrics_docs` from `binance_trade_agent/telemetry/metric_catalogue.py`; change it there.

The daemon serves these at `/metrics` in the Prometheus text format, together with the usual `process_*` figures (CPU, memory, open
files). Every label has a closed set of values or a bound on their number, shown in brackets; what comes beside is counted under `other`.
Amounts are shown as floating point numbers here and only here: the book itself keeps exact decimals. Durations are real time unless they
say market time, which an embedded exchange may let run faster. docs/watching.md says how to look at all this.
"""


def metrics_page() -> str:
    """docs/metrics.md."""
    rows = "\n".join(_row(metric) for metric in CATALOGUE)
    return f"{_INTRODUCTION}\n| Name | Kind | Unit | Labels | Meaning | Emitted by |\n|---|---|---|---|---|---|\n{rows}\n\n{_buckets()}"


def _row(metric: Metric) -> str:
    labels = "; ".join(_label(label) for label in metric.labels)
    emitters = ", ".join(f"`{emitter}`" for emitter in metric.emitters)
    return f"| `{metric.full_name}` | {metric.kind} | {metric.unit} | {labels} | {metric.meaning} | {emitters} |"


def _label(label: Label) -> str:
    return f"`{label.name}` ({', '.join(label.values) if label.values else f'at most {label.most}'})"


def _buckets() -> str:
    rows = "\n".join(
        f"| `{metric.full_name}` | {', '.join(f'{bucket:g}' for bucket in metric.buckets)} |" for metric in CATALOGUE if metric.buckets
    )
    return f"## Buckets\n\n| Histogram | Upper bounds in seconds |\n|---|---|\n{rows}\n"
