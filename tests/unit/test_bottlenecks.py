"""The bottleneck report names what costs most, from the histograms that the daemon itself shows."""

import asyncio
import json
import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from command_line import COMMAND, environment
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from binance_trade_agent.domain.decision import Stage
from binance_trade_agent.domain.facts import FunctionDone, PassFinished, RequestDone
from binance_trade_agent.domain.service_facts import PassesScheduled
from binance_trade_agent.service.http_face import HttpFace, Sources
from binance_trade_agent.service.vitals import Report
from binance_trade_agent.telemetry.bottlenecks import bottlenecks
from binance_trade_agent.telemetry.histogram_reading import HistogramReading, MetricsReading
from binance_trade_agent.telemetry.metrics import MetricsObserver

STAGES = {Stage.SETTLE: 1.0, Stage.MARKET: 60.0, Stage.SIGNAL: 4.0, Stage.EXECUTION: 25.0, Stage.BOOK: 5.0}


def trading(*, passes: int, klines_ms: float = 20.0) -> MetricsObserver:
    """A daemon after so many passes of 100 ms, each with two requests for candles and one order."""
    metrics = MetricsObserver()
    metrics.observe(PassesScheduled(2.0))
    go_on(metrics, passes, klines_ms)
    return metrics


def go_on(metrics: MetricsObserver, passes: int, klines_ms: float) -> None:
    for number in range(passes):
        for failed in (False, number == 0):
            metrics.observe(RequestDone("GET /api/v3/klines", klines_ms, 200, "-1003" if failed else None))
        metrics.observe(RequestDone("POST /api/v3/order", 24.0, 200, None))
        metrics.observe(FunctionDone("market_data.fetch_snapshots", 58.0, False))
        metrics.observe(PassFinished(number + 1, "c", 1, 100.0, (), STAGES))


def reading(metrics: MetricsObserver) -> MetricsReading:
    return MetricsReading(metrics.render().decode())


def test_stage_and_endpoint_that_cost_most_are_named_first() -> None:
    report = bottlenecks(reading(trading(passes=4)))
    assert (report.passes, report.interval) == (4, 2.0)
    assert report.mean == pytest.approx(0.1)
    assert [stage.name for stage in report.stages] == ["market", "execution", "book", "signal", "settle"]
    assert [stage.share for stage in report.stages] == pytest.approx([0.6, 0.25, 0.05, 0.04, 0.01])
    assert report.between == pytest.approx(0.05)
    klines, order = report.endpoints
    assert (klines.name, klines.calls, klines.errors) == ("GET /api/v3/klines", 2, 1 / 8)
    assert (klines.per_pass, klines.share) == pytest.approx((0.04, 40 / 64))
    assert (order.name, order.errors) == ("POST /api/v3/order", 0)
    assert report.functions[0].per_pass == pytest.approx(0.058)
    assert report.verdict == (
        "The stage market takes 60% of a pass, 60 ms of 100 ms. Of the requests, GET /api/v3/klines costs most: "
        "62% of their time, 2.0 requests a pass, 20 ms each."
    )


def test_between_two_looks_only_what_was_added_counts() -> None:
    metrics = trading(passes=4)
    earlier = reading(metrics)
    go_on(metrics, passes=2, klines_ms=5.0)
    report = bottlenecks(reading(metrics), earlier)
    assert report.passes == 2
    assert [(cost.name, cost.calls) for cost in report.endpoints] == [("POST /api/v3/order", 1), ("GET /api/v3/klines", 2)]
    assert report.endpoints[1].mean == pytest.approx(0.005)


def test_a_daemon_that_began_anew_between_the_looks_is_taken_from_its_beginning() -> None:
    report = bottlenecks(reading(trading(passes=3)), reading(trading(passes=9)))
    assert report.passes == 3
    assert report.endpoints[0].errors == pytest.approx(1 / 6)


def test_before_the_first_pass_there_is_nothing_to_blame() -> None:
    report = bottlenecks(reading(MetricsObserver()))
    assert (report.passes, report.stages, report.verdict) == (0, (), "No pass has ended yet.")
    assert math.isnan(report.mean)


@given(st.lists(st.floats(0.0, 9.0), min_size=1, max_size=60), st.sampled_from([0.01, 0.5, 0.9, 0.99]))
def test_a_quantile_lies_in_the_bucket_that_holds_it(values: list[float], share: float) -> None:
    registry = CollectorRegistry()
    histogram = Histogram("trade_agent_pass_duration_seconds", "-", registry=registry, buckets=(0.5, 1.0, 2.0, 5.0, 10.0))
    for value in values:
        histogram.observe(value)
    counts = [sum(value <= bound for value in values) for bound in (0.5, 1.0, 2.0, 5.0, 10.0)]
    read = HistogramReading(len(values), sum(values), tuple(zip((0.5, 1.0, 2.0, 5.0, 10.0), counts, strict=True)))
    true = sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
    upper = next(bound for bound in (0.5, 1.0, 2.0, 5.0, 10.0) if true <= bound)
    lower = max(bound for bound in (0.0, 0.5, 1.0, 2.0, 5.0) if bound < upper)
    assert lower <= read.quantile(share) <= upper


# -- the command ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def port() -> AsyncIterator[str]:
    metrics = trading(passes=4)
    async with HttpFace("127.0.0.1", 0, Sources(lambda: Report({}), lambda: Report({}), dict, metrics.render, None)) as face:
        yield face.address.rstrip("/").rpartition(":")[2]


async def ask(folder: Path, *words: str, **settings: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "bottlenecks",
        *words,
        env=environment(folder, **settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_the_command_says_it_in_a_sentence_and_in_tables(tmp_path: Path, port: str) -> None:
    code, said = await ask(tmp_path, HTTP_PORT=port)
    assert code == 0
    assert said.startswith("The stage market takes 60% of a pass")
    assert "5.0% of its interval of 2 s" in said
    assert "GET /api/v3/klines" in said
    assert "market_data.fetch_snapshots" in said


async def test_the_command_gives_json_for_programs(tmp_path: Path, port: str) -> None:
    code, said = await ask(tmp_path, "--json", "--seconds", "0.05", "--url", f"http://127.0.0.1:{port}")
    told = json.loads(said)
    assert code == 0
    assert told["passes"] == 0, "nothing was added between the two looks"
    assert told["mean"] is None


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--url", "ftp://127.0.0.1/metrics"], 3, "is no http URL"),
        (["--url", "http://127.0.0.1:1"], 1, "does not answer"),
        (["--seconds", "-1"], 2, "--seconds"),
    ],
)
async def test_what_cannot_be_asked_is_said_plainly(tmp_path: Path, words: list[str], code: int, text: str) -> None:
    assert (await ask(tmp_path, *words))[0] == code
    assert text in (await ask(tmp_path, *words))[1]


async def test_another_program_that_answers_is_not_taken_for_the_daemon(tmp_path: Path, port: str) -> None:
    code, said = await ask(tmp_path, "--url", f"http://127.0.0.1:{port}/")
    assert code == 0
    code, said = await ask(tmp_path, "--url", f"http://127.0.0.1:{port}/status")
    assert (code, said.startswith("error: what answers at")) == (1, True)
