"""`bench watch`: what metrics, log lines and traces add to the CPU time of a pass, beside a pass that nobody watches."""

import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import structlog

from benchmarks.measuring import Plan, frozen_heap
from benchmarks.report import Table, Target
from benchmarks.trace_receiver import trace_receiver
from binance_trade_agent.async_orchestrator import AsyncTradingOrchestrator
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.observer import NullObserver, Observer, Observers
from binance_trade_agent.settings import Settings, load_settings
from binance_trade_agent.simulation.virtual_loop import run_virtual
from binance_trade_agent.telemetry.logging import configure_logging
from binance_trade_agent.telemetry.metrics import MetricsObserver
from binance_trade_agent.telemetry.narration import LogObserver
from binance_trade_agent.telemetry.otlp_spans import OtlpSpans
from binance_trade_agent.telemetry.redaction import Redactor
from binance_trade_agent.telemetry.span import Span
from binance_trade_agent.telemetry.span_sending import MOST_A_BATCH
from binance_trade_agent.telemetry.timing import use_observer
from binance_trade_agent.telemetry.trace_ids import TraceIds
from binance_trade_agent.telemetry.traces import TraceObserver
from binance_trade_agent.wiring import open_components

SYMBOLS = 10
PASSES = 200
WARM_UP = 20
LIMIT = 1.05
DEFAULT_RATIO = 0.1
PROMISED = ("metrics and log lines", "traces of all passes", "all three, traces as by default", "all three, traces of all passes")
MINUTE_MS = 60_000
START_MS = 1_735_689_600_000
_STRATEGY = Path(__file__).parents[1] / "simulating/restless.py"

_NOTES = (
    f"{SYMBOLS} symbols, a pass each minute of recorded candles in virtual time; a tenth of the opinions are orders, which fill. The pass "
    "includes the embedded exchange, which a real daemon does not have, and a book in memory, so the share is told beside the "
    "microseconds, which hold anywhere. Log lines are JSON on level INFO, written to /dev/null.",
    "All make the same passes in turn, and each is held against itself: medians of passes, then of rounds. Facts are counted when "
    "there are a thousand, or somebody asks; spans go by HTTP to another process, 512 at a time, which is the work of a thread in the "
    "daemon. No pass waits for either, and their CPU time is counted here as a mean. As by default means one quiet pass in ten and all "
    "with an order, which are half of these.",
)


class _Tracing:
    """Makes traces and sends them without a thread, with the CPU time that sending took."""

    def __init__(self, address: str, ratio: float) -> None:
        self._spans: list[Span] = []
        self._otlp = OtlpSpans(address, {}, Redactor().text)
        self.observer = TraceObserver(TraceIds("bench"), self._take, ratio=ratio)
        self.sending_us = 0.0

    def send(self) -> None:
        """Send what is left."""
        if self._spans:
            began_s = time.process_time()
            self._otlp.export(self._spans)
            self._spans = []
            self.sending_us += (time.process_time() - began_s) * 1e6

    def finish(self) -> None:
        """Send what is left, and hang up."""
        self.send()
        self._otlp.close()

    def _take(self, spans: Sequence[Span]) -> None:
        self._spans.extend(spans)
        if len(self._spans) >= MOST_A_BATCH:
            self.send()


class _Counting(MetricsObserver):
    """Metrics, with the CPU time that counting what waited took."""

    def __init__(self) -> None:
        self.counting_us = 0.0
        super().__init__()

    def _count_waiting(self) -> None:
        began_s = time.process_time()
        super()._count_waiting()
        self.counting_us += (time.process_time() - began_s) * 1e6


@dataclass(frozen=True, slots=True)
class _Watch:
    """Who watches, and who has work to do that is not done in every pass."""

    observer: Observer
    metrics: _Counting | None = None
    tracing: _Tracing | None = None

    @property
    def apart_us(self) -> float:
        """CPU time of sending spans and counting facts, whose passes it does not belong to."""
        return (self.metrics.counting_us if self.metrics else 0.0) + (self.tracing.sending_us if self.tracing else 0.0)

    def finish(self) -> None:
        """Do what is left to do after the last pass."""
        if self.metrics:
            self.metrics.render()
        if self.tracing:
            self.tracing.finish()


def _watch(*, metrics: bool = False, log: bool = False, traced: Callable[[], _Tracing] | None = None) -> _Watch:
    counting, tracing = _Counting() if metrics else None, traced() if traced else None
    observers = [counting, LogObserver() if log else None, tracing.observer if tracing else None]
    return _Watch(Observers([each for each in observers if each is not None]), counting, tracing)


def _watchers(address: str) -> dict[str, _Watch]:
    return {
        "nobody": _Watch(NullObserver()),
        "metrics": _watch(metrics=True),
        "log lines": _watch(log=True),
        "metrics and log lines": _watch(metrics=True, log=True),
        "traces, not sent": _Watch(TraceObserver(TraceIds("bench"), lambda _: None)),
        "traces as by default": _watch(traced=lambda: _Tracing(address, DEFAULT_RATIO)),
        "traces of all passes": _watch(traced=lambda: _Tracing(address, 1.0)),
        "all three, traces as by default": _watch(metrics=True, log=True, traced=lambda: _Tracing(address, DEFAULT_RATIO)),
        "all three, traces of all passes": _watch(metrics=True, log=True, traced=lambda: _Tracing(address, 1.0)),
    }


def measure(plan: Plan) -> list[Table]:
    """CPU time of a pass by who watches."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, trace_receiver() as address, _lines_to_nowhere():
        settings = _settings(Path(folder))
        rounds = [_round(settings, address) for _ in range(plan.rounds)]
    names = list(rounds[0])
    costs = {name: statistics.median(each[name][0] for each in rounds) for name in names}
    more = {name: statistics.median(each[name][1] for each in rounds) for name in names}
    shares = {name: 1 + more[name] / costs["nobody"] for name in names}
    rows = [[name, costs[name], more[name], shares[name]] for name in names]
    targets = [Target(f"a pass with {name} / a pass that nobody watches, CPU", shares[name], LIMIT) for name in PROMISED]
    return [Table("What watching costs", ("watched by", "CPU a pass, us", "more than nobody, us", "share"), rows, targets, _NOTES)]


def _round(settings: Settings, address: str) -> dict[str, tuple[float, float]]:
    """Who watches: CPU time of a pass, and how much more than the same pass takes that nobody watches; medians of passes, in us.

    All make the same passes and take turns from pass to pass, so each is held against itself within some milliseconds; what else the
    machine does in some of them moves no median.
    """
    watches = _watchers(address)
    passes = run_virtual(_passes_us(settings, watches))
    found = {}
    for name, watch in watches.items():
        apart_us = watch.apart_us / (WARM_UP + PASSES)
        more = statistics.median(watched - alone for watched, alone in zip(passes[name], passes["nobody"], strict=True))
        found[name] = (statistics.median(passes[name]) + apart_us, more + apart_us)
    return found


async def _passes_us(settings: Settings, watches: Mapping[str, _Watch]) -> dict[str, list[float]]:
    """CPU time of each pass in microseconds by who watches it, less what is not done in every pass."""
    spent_us: dict[str, list[float]] = {name: [] for name in watches}
    async with AsyncExitStack() as stack:
        runs = [(name, await stack.enter_async_context(_run(settings, watch)), watch) for name, watch in watches.items()]
        clock = runs[0][1].clock
        with frozen_heap():
            for number in range(WARM_UP + PASSES):
                await clock.sleep_until((clock.now_ms() // MINUTE_MS + 1) * MINUTE_MS + 1_000)
                for name, run, watch in runs[number % len(runs) :] + runs[: number % len(runs)]:
                    pass_us = await run.pass_us(watch)
                    if number >= WARM_UP:
                        spent_us[name].append(pass_us)
    for watch in watches.values():
        watch.finish()
    return spent_us


@dataclass(frozen=True, slots=True)
class _Run:
    """A daemon's stations on an exchange of their own."""

    orchestrator: AsyncTradingOrchestrator
    clock: Clock

    async def pass_us(self, watch: _Watch) -> float:
        """CPU time of the next pass."""
        with use_observer(watch.observer):
            began_s, apart_us = time.process_time(), watch.apart_us
            await self.orchestrator.run_pass()
            return (time.process_time() - began_s) * 1e6 - (watch.apart_us - apart_us)


@asynccontextmanager
async def _run(settings: Settings, watch: _Watch) -> AsyncIterator[_Run]:
    with use_observer(watch.observer):
        async with open_components(settings, watch.observer, in_memory=True) as components:
            orchestrator = AsyncTradingOrchestrator(components)
            await orchestrator.start()
            yield _Run(orchestrator, components.clock)


def _settings(folder: Path) -> Settings:
    symbols = [f"S{number:02}USDT" for number in range(SYMBOLS)]
    for number, symbol in enumerate(symbols):
        (folder / f"{symbol}-1m-2025-01.csv").write_text("".join(_candle_rows(Random(number))))  # noqa: S311 - made-up prices
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


def _candle_rows(random: Random) -> Iterator[str]:
    price = 100.0
    for index in range(WARM_UP + PASSES + 60):
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
