"""A search over a landscape that is known, in place of backtests: what is best is known, and what every job was asked is kept."""

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from binance_trade_agent.backtest.search.jobs import Evaluate, Job, Outcome
from binance_trade_agent.backtest.search.objectives import Aim, Objective
from binance_trade_agent.backtest.search.ranges import Choices, Numbers, Space
from binance_trade_agent.backtest.search.splits import Splits, Walk, cut
from binance_trade_agent.backtest.search.study_file import StudyFile, opened_study_file
from binance_trade_agent.backtest.search.walk_forward import SearchPlan, Walked, walk_forward
from binance_trade_agent.backtest.search.workers import ThisProcess, Workers
from binance_trade_agent.storage.candles.calendar import Span

HOUR_MS = 3_600_000
WHOLE = Span(0, 2000 * HOUR_MS)
SPACE: Space = {
    "period": Numbers(Decimal(2), Decimal(40), Decimal(1), whole=True),
    "level": Numbers(Decimal("0.1"), Decimal("0.9"), Decimal("0.1"), whole=False),
    "trigger": Choices(("zone", "crossing")),
}
BEST = {"period": 20, "level": 0.4, "trigger": "zone"}


@dataclass
class Landscape:
    """A hill with its top at BEST. High levels are impossible, long periods trade seldom; jobs are noted in `asked`, and in a file."""

    asked: list[Job] = field(default_factory=list)
    dies_at: int | None = None
    fails: bool = False
    seconds: float = 0.0
    told_to: Path | None = None

    def opened(self) -> Evaluate:
        if self.fails:
            raise ValueError("the candles are gone")
        return self.run

    def run(self, job: Job) -> Outcome:
        self.asked.append(job)
        if self.told_to is not None:
            with self.told_to.open("a") as file:
                file.write(f"{os.getpid()}\n")
        time.sleep(self.seconds)
        period, level = int(job.values["period"]), float(job.values["level"])
        if period == self.dies_at:
            os._exit(9)
        if level > 0.8:
            return Outcome.refused("level is too high")
        height = 1.0 - abs(period - 20) / 40 - abs(level - 0.4) - (job.values["trigger"] == "crossing") / 4
        growth = height / 1000 * (1 + math.sin(job.span.start_ms / HOUR_MS) / 10)
        returns = tuple(growth * (1 + math.sin(number)) for number in range(30)) if job.with_trades else ()
        return Outcome({"sharpe": height, "profit": growth}, 60 - period, growth, growth, 0.1, returns, peak_bytes=1)


def splits(*, folds: int = 2, holdout: str = "0.2", walk: Walk = Walk.ROLLING) -> Splits:
    return cut(WHOLE, folds=folds, walk=walk, holdout=Decimal(holdout), interval_ms=HOUR_MS)


def plan(*, trials: int = 24, seed: int = 1, cuts: Splits | None = None, least_trades: int = 0) -> SearchPlan:
    return SearchPlan(SPACE, Aim(Objective.SHARPE, least_trades), cuts or splits(), trials, 8, seed)


@contextmanager
def study_file(path: Path, **terms: str) -> Iterator[StudyFile]:
    with opened_study_file(path, SPACE, terms) as file:
        yield file


def walked(path: Path, plan: SearchPlan, workers: Workers | None = None) -> Walked:
    with study_file(path) as file:
        return walk_forward(plan, workers or ThisProcess(Landscape()), file, lambda _, __: None)
