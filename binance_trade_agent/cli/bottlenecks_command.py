"""`bottlenecks`: which stage, endpoint and function cost most of a pass, from the histograms of a running daemon."""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.table import Table

from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.errors import AgentError, ConfigurationError
from binance_trade_agent.service.health_probe import probe
from binance_trade_agent.telemetry.bottlenecks import BottleneckReport, Cost, bottlenecks, duration_text
from binance_trade_agent.telemetry.histogram_reading import MetricsReading

METRICS_PATH = "/metrics"
MOST_BYTES = 16_000_000
LONGEST_WATCH_S = 3_600.0
SHOWN_ROWS = 12
_HTTP_PORT = 80
_WIDTH = 110


@click.command(name="bottlenecks")
@click.option("--url", default="", help="The daemon's metrics, plain http; by default /metrics at HTTP_HOST and HTTP_PORT.")
@click.option(
    "--seconds", type=click.FloatRange(0, LONGEST_WATCH_S), default=0.0, help="Watch so long; by default all since the daemon started."
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, times in seconds.")
def bottlenecks_command(url: str, seconds: float, as_json: bool) -> None:
    """Say where the time of a pass goes.

    Stages follow one another, so their shares add up to the pass. Requests go side by side, also between passes (the clock, the
    account, comparisons with the exchange), so their time for every pass may be longer than the pass.
    """
    place = _place(url)
    earlier = None
    if seconds:
        earlier = _look(place)
        time.sleep(seconds)
    report = bottlenecks(_look(place), earlier)
    if as_json:
        click.echo(json.dumps(_plain({**asdict(report), "verdict": report.verdict}), indent=2))
    else:
        _show(report)


def _place(url: str) -> tuple[str, int, str]:
    """Host, port and path to ask."""
    if not url:
        from binance_trade_agent.settings import load_settings

        settings = load_settings()
        return settings.http_host, settings.http_port, METRICS_PATH
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ConfigurationError(f"{url} is no http URL; one such as http://127.0.0.1:8080/metrics is wanted")
    return parts.hostname, parts.port or _HTTP_PORT, METRICS_PATH if parts.path in {"", "/"} else parts.path


def _look(place: tuple[str, int, str]) -> MetricsReading:
    alive, text = probe(*place, most_bytes=MOST_BYTES)
    if not alive:
        raise AgentError(text)
    try:
        return MetricsReading(text)
    except ValueError as error:
        raise AgentError(f"what answers at {place[0]}:{place[1]}{place[2]} are no metrics: {error}") from None


def _show(report: BottleneckReport) -> None:
    console = Console(width=_WIDTH, highlight=False)
    console.print(report.verdict, soft_wrap=True)
    if not report.passes:
        return
    used = f", {report.mean / report.interval:.1%} of its interval of {report.interval:g} s" if report.interval else ""
    mean, p99 = duration_text(report.mean), duration_text(report.p99)
    console.print(f"{counted(report.passes, 'pass', 'passes')}, {mean} on average{used}; 99 % of them within {p99}.\n")
    console.print(_table("Stage", "Share of a pass", report.stages))
    console.print(f"Between the stages: {report.between:.1%}.")
    for title, costs in (("Endpoint", report.endpoints), ("Function", report.functions)):
        if costs:
            console.print()
            console.print(_table(title, "Share of these", costs))


def _table(title: str, share: str, costs: Sequence[Cost]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(title, no_wrap=True)
    for column in (share, "A pass", "Calls a pass", "Mean", "99 %", "Failed"):
        table.add_column(column, justify="right", no_wrap=True)
    for cost in costs[:SHOWN_ROWS]:
        failed = "" if cost.errors is None else f"{cost.errors:.1%}"
        table.add_row(
            cost.name,
            f"{cost.share:.1%}",
            duration_text(cost.per_pass),
            f"{cost.calls:.2f}",
            duration_text(cost.mean),
            duration_text(cost.p99),
            failed,
        )
    return table


def _plain(value: object) -> object:
    """JSON knows no NaN: what was not measured is null."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value
