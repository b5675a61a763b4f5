"""`bench optimise`: a whole search with one worker and with two, the memory of a worker, and what proposing and keeping a trial costs."""

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import optuna

from benchmarks.exchange_server import process_cpu_s
from benchmarks.made_up_history import SYMBOLS, made_up_history
from benchmarks.measuring import Plan
from benchmarks.report import Table, Target
from binance_trade_agent.backtest.fast.plan import BacktestPlan
from binance_trade_agent.backtest.search.evaluation import BacktestEvaluation
from binance_trade_agent.backtest.search.jobs import Evaluate, Evaluation, Job, Outcome
from binance_trade_agent.backtest.search.objectives import Aim, Objective
from binance_trade_agent.backtest.search.ranges import search_space
from binance_trade_agent.backtest.search.splits import Walk, cut
from binance_trade_agent.backtest.search.study_file import opened_study_file
from binance_trade_agent.backtest.search.walk_forward import SearchPlan, walk_forward
from binance_trade_agent.backtest.search.workers import ProcessPool, ThisProcess
from binance_trade_agent.settings import Settings
from binance_trade_agent.storage.candles.calendar import Span
from binance_trade_agent.storage.candles.store import CandleStore
from binance_trade_agent.strategies.catalogue import make_strategy

MIB = 1024 * 1024
LEAST_RATIO = 1.8
MOST_ROUNDS = 3
RANGES = ("period=5:30", "oversold=20:40:1", "overbought=60:80:1")


@dataclass(frozen=True, slots=True)
class Size:
    """How much is searched: `symbols` of made-up 5-minute candles over `days`, `trials` of each of three windows."""

    symbols: int = 10
    days: float = 60.0
    trials: int = 24
    empty_trials: int = 200


def measure(plan: Plan) -> list[Table]:
    """The table of `bench optimise`."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return [optimise_table(Size(), plan)]


def optimise_table(size: Size, plan: Plan) -> Table:
    """One worker and two in turns, each in processes of their own, so that both pay for sending jobs."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        evaluation = _evaluation(folder, size)
        search = _search(evaluation, size.trials)
        rounds = [
            {workers: _searched(evaluation, search, folder, workers) for workers in (1, 2)} for _ in range(min(plan.rounds, MOST_ROUNDS))
        ]
        trial_ms = _trial_ms(search, folder, size.empty_trials)
    seconds = {workers: statistics.median(each[workers].seconds for each in rounds) for workers in (1, 2)}
    asking = {workers: statistics.median(each[workers].asking_cpu_s for each in rounds) for workers in (1, 2)}
    working = {workers: statistics.median(each[workers].working_cpu_s for each in rounds) for workers in (1, 2)}
    memory = {workers: max(each[workers].peak_mib for each in rounds) for workers in (1, 2)}
    runs = rounds[0][1].runs
    ratio = seconds[1] / seconds[2]
    rows = [
        (
            f"{workers} worker{'s' * (workers > 1)}",
            seconds[workers],
            runs / seconds[workers],
            working[workers],
            asking[workers],
            memory[workers],
        )
        for workers in (1, 2)
    ]
    return Table(
        title=f"Optimisation: {runs} backtests of an RSI strategy, {size.symbols} symbols over {size.days:g} days of 5-minute candles",
        columns=("", "whole search, s", "backtests a second", "CPU s of the workers", "CPU s of who asks", "MiB a worker, at most"),
        rows=rows,
        targets=(Target("two workers over one", ratio, LEAST_RATIO, at_least=True),),
        notes=(
            "Wall time of the whole search with its study file, medians, workers started and candles read before; it says something of a "
            "machine with two idle cores only. Proposing, keeping and asking are done by one process, between the rounds, and are what two "
            "workers cannot share. "
            f"Proposing a trial and keeping it takes {trial_ms:.3g} ms of CPU in the process that asks.",
        ),
    )


@dataclass(frozen=True, slots=True)
class _Run:
    seconds: float
    working_cpu_s: float
    asking_cpu_s: float
    peak_mib: float
    runs: int


class _Counting:
    """Passes jobs on, and notes the most memory that a worker has held."""

    def __init__(self, pool: ProcessPool) -> None:
        self._pool = pool
        self.peak_bytes = 0
        self.runs = 0

    def answers(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        for outcome in self._pool.answers(jobs):
            self.peak_bytes = max(self.peak_bytes, outcome.peak_bytes)
            self.runs += 1
            yield outcome


def _searched(evaluation: Evaluation, search: SearchPlan, folder: Path, workers: int) -> _Run:
    path = folder / f"{workers}-{time.monotonic_ns()}.sqlite"
    pool = ProcessPool(evaluation, workers)
    try:
        first = Job({"period": 14}, search.splits.final)
        list(pool.answers([first] * workers))
        counting = _Counting(pool)
        with opened_study_file(path, search.space, {}) as file:
            before, asked, began = _cpu_s(), time.process_time(), time.perf_counter()
            walk_forward(search, counting, file, lambda _, __: None)
            seconds, asking, working = time.perf_counter() - began, time.process_time() - asked, _cpu_s() - before
    finally:
        pool.close()
    return _Run(seconds, working, asking, counting.peak_bytes / MIB, counting.runs)


def _cpu_s() -> float:
    """CPU time that all worker processes have taken so far."""
    return sum(process_cpu_s(child.pid) for child in multiprocessing.active_children() if child.pid)


class _Nothing:
    """Answers at once, so that what is left is the search itself."""

    def opened(self) -> Evaluate:
        return lambda job: Outcome({"sharpe": float(job.values["period"])}, trades=100)


def _trial_ms(search: SearchPlan, folder: Path, trials: int) -> float:
    plan = SearchPlan(search.space, search.aim, search.splits, trials, search.round_size, search.seed)
    with opened_study_file(folder / "nothing.sqlite", plan.space, {}) as file:
        began = time.process_time()
        walk_forward(plan, ThisProcess(_Nothing()), file, lambda _, __: None)
        return (time.process_time() - began) / (trials * (len(plan.splits.folds) + 1)) * 1000


def _evaluation(folder: Path, size: Size) -> BacktestEvaluation:
    store = CandleStore(folder / "candles")
    for symbol in SYMBOLS[: size.symbols]:
        columns = made_up_history(symbol, "5m", days=size.days)
        with store.writing():
            store.add(columns, Span(int(columns.open_times[0]), int(columns.open_times[-1]) + columns.interval_ms))
    return BacktestEvaluation(BacktestPlan(candles=store.folder, settings=Settings(data_dir=folder, strategy_name="rsi")))


def _search(evaluation: BacktestEvaluation, trials: int) -> SearchPlan:
    histories = evaluation.bench().histories
    whole = Span(histories.first_open_ms, histories.end_ms)
    cuts = cut(whole, folds=2, walk=Walk.ROLLING, holdout=Decimal("0.2"), interval_ms=histories.interval_ms)
    return SearchPlan(search_space(make_strategy("rsi"), RANGES), Aim(Objective.SHARPE, 10), cuts, trials, 8, 1)
