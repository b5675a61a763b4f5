"""`bench watch`: what metrics, log lines and traces add to the CPU time of a pass, beside a pass that nobody watches."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import structlog

from benchmarks.measuring import Plan, frozen_heap
from benchmarks.report import Table, Target
from benchmarks.trace_receiver import trace_receiver
from binance_trade_agent.async_orchestrator import AsyncTradingOrchestrator
from binance_trade_agent.domain.facts import Fact
from binance_trade_agent.ports.observer import NullObserver, Observer, Observers
from binance_trade_agent.settings import Settings, load_settings
from binance_trade_agent.simulation.virtual_loop import run_virtual
from binance_trade_agent.telemetry.logging import configure_logging
from binance_trade_agent.telemetry.metrics import MetricsObserver
from binance_trade_agent.telemetry.narration import LogObserver
from binance_trade_agent.telemetry.otlp_spans import OtlpSpans, otlp_exporter
from binance_trade_agent.telemetry.redaction import Redactor
from binance_trade_agent.telemetry.span import Span
from binance_trade_agent.telemetry.span_sending import MOST_A_BATCH
from binance_trade_agent.telemetry.timing import use_observer
from binance_trade_agent.telemetry.trace_ids import TraceIds
from binance_trade_agent.telemetry.traces import TraceObserver
from binance_trade_agent.wiring import open_components

SYMBOLS = 10
PASSES = 200
"""For each that watches."""

WARM_UP = 20
LIMIT = 1.05
PROMISED = ("metrics and log lines", "traces, not sent", "traces", "metrics, log lines and traces")
MINUTE_MS = 60_000
START_MS = 1_735_689_600_000
_STRATEGY = Path(__file__).parents[1] / "simulating/restless.py"

_NOTES = (
    f"{SYMBOLS} symbols, a pass each minute of recorded candles in virtual time; a tenth of the opinions are orders, which fill. The pass "
    "includes the embedded exchange, which a real daemon does not have, and a book in memory, so the share is told beside the "
    "microseconds, which hold anywhere. Log lines are JSON on level INFO, written to /dev/null.",
    "Traces are made of every pass, or of those only in which an order is sent, and go by HTTP to another process. Sending them is the "
    "work of a thread in the daemon, which no pass waits for; here it is done in the pass, so that its CPU time is counted.",
)


class _Tracing:
    """Makes and sends traces, without a thread: what that would cost is part of the pass."""

    def __init__(self, address: str, ratio: float) -> None:
        self._spans: list[Span] = []
        self._otlp = OtlpSpans(otlp_exporter(address), {}, Redactor().text)
        self.observer = TraceObserver(TraceIds("bench"), self._take, ratio=ratio)

    def send(self) -> None:
        """Send what is left."""
        if self._spans:
            self._otlp.export(self._spans)
            self._spans = []

    def _take(self, spans: Sequence[Span]) -> None:
        self._spans.extend(spans)
        if len(self._spans) >= MOST_A_BATCH:
            self.send()


@dataclass(frozen=True, slots=True)
class _Watch:
    """Who watches, and what is left to do for it after the last pass."""

    observer: Observer
    finish: Callable[[], None] = lambda: None


def _watchers(address: str) -> dict[str, _Watch]:
    def traced(ratio: float, *others: Observer) -> _Watch:
        tracing = _Tracing(address, ratio)
        return _Watch(Observers([*others, tracing.observer]) if others else tracing.observer, tracing.send)

    return {
        "nobody": _Watch(NullObserver()),
        "metrics": _Watch(MetricsObserver()),
        "log lines": _Watch(LogObserver()),
        "metrics and log lines": _Watch(Observers([MetricsObserver(), LogObserver()])),
        "traces, not sent": _Watch(TraceObserver(TraceIds("bench"), lambda _: None)),
        "traces of passes with orders": traced(0.0),
        "traces": traced(1.0),
        "metrics, log lines and traces": traced(1.0, MetricsObserver(), LogObserver()),
    }


class _Turns:
    """An observer that is another one from pass to pass, so that all have the same world and the same moments of the machine."""

    def __init__(self) -> None:
        self.now: Observer = NullObserver()

    def observe(self, fact: Fact) -> None:
        """Hand it to whose turn it is."""
        self.now.observe(fact)


def measure(plan: Plan) -> list[Table]:
    """CPU time of a pass by who watches."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, trace_receiver() as address, _lines_to_nowhere():
        make = partial(_watchers, address)
        settings = _settings(Path(folder), WARM_UP + PASSES * len(make()))
        with frozen_heap():
            rounds = [run_virtual(_passes_us(settings, make())) for _ in range(plan.rounds)]
    costs = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
    shares = {name: statistics.median(each[name] / each["nobody"] for each in rounds) for name in rounds[0]}
    rows = [[name, cost, cost - costs["nobody"], shares[name]] for name, cost in costs.items()]
    targets = [Target(f"a pass with {name} / a pass that nobody watches, CPU", shares[name], LIMIT) for name in PROMISED]
    return [Table("What watching costs", ("watched by", "CPU a pass, us", "more than nobody, us", "share"), rows, targets, _NOTES)]


async def _passes_us(settings: Settings, watches: Mapping[str, _Watch]) -> dict[str, float]:
    """Mean CPU time of a pass in microseconds by who watches; one after the other takes its turn."""
    turns = _Turns()
    names = list(watches)
    spent_s = dict.fromkeys(names, 0.0)
    with use_observer(turns):
        async with open_components(settings, turns, in_memory=True) as components:
            orchestrator, clock = AsyncTradingOrchestrator(components), components.clock
            await orchestrator.start()
            for number in range(WARM_UP + PASSES * len(names)):
                name = names[number % len(names)]
                turns.now = watches[name].observer
                await clock.sleep_until((clock.now_ms() // MINUTE_MS + 1) * MINUTE_MS + 1_000)
                began_s = time.process_time()
                await orchestrator.run_pass()
                if number >= WARM_UP:
                    spent_s[name] += time.process_time() - began_s
    for name, watch in watches.items():
        began_s = time.process_time()
        watch.finish()
        spent_s[name] += time.process_time() - began_s
    return {name: spent / PASSES * 1e6 for name, spent in spent_s.items()}


def _settings(folder: Path, passes: int) -> Settings:
    symbols = [f"S{number:02}USDT" for number in range(SYMBOLS)]
    for number, symbol in enumerate(symbols):
        (folder / f"{symbol}-1m-2025-01.csv").write_text("".join(_candle_rows(Random(number), passes + 60)))  # noqa: S311 - made-up prices
    return load_settings(
        candles_dir=folder,
        data_dir=folder / "data",
        strategy_path=f"{_STRATEGY}:Restless",
        strategy_parameters={"appetite": 10},
        candle_window=20,
        risk_cooldown_seconds=0,
        risk_max_orders_per_minute=6_000,
        risk_max_loss_streak=0,
        risk_volatility_threshold="1",
        risk_max_daily_drawdown="1",
        risk_max_total_drawdown="1",
    )


def _candle_rows(random: Random, count: int) -> Iterator[str]:
    price = 100.0
    for index in range(count):
        open_ms = START_MS + index * MINUTE_MS
        close = max(1.0, round(price * (1 + random.gauss(0, 0.002)), 2))
        low, high = min(price, close) - 0.01, max(price, close) + 0.01
        yield f"{open_ms},{price:.2f},{high:.2f},{low:.2f},{close:.2f},1000.000,{open_ms + MINUTE_MS - 1},0,0,0,0,0\n"
        price = close


@contextmanager
def _lines_to_nowhere() -> Iterator[None]:
    """Log lines are written to /dev/null meanwhile."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        configure_logging("INFO", "json", nowhere)
        try:
            yield
        finally:
            structlog.reset_defaults()
