"""What the search looks for: one figure of a backtest, and the least number of trades that makes it worth anything."""

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

from binance_trade_agent.backtest.search.jobs import Outcome
from binance_trade_agent.domain.counts import counted


class Objective(StrEnum):
    """A figure that should be as large as can be; each is net of fees and defined in docs/backtesting.md."""

    SHARPE = "sharpe"
    SORTINO = "sortino"
    CALMAR = "calmar"
    PROFIT = "profit"
    PROFIT_FACTOR = "profit-factor"
    EXPECTANCY = "expectancy"


@dataclass(frozen=True, slots=True)
class Judged:
    """The value of an outcome, or why it has none."""

    value: float | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Aim:
    """An objective, and how many closed trades an outcome needs to count."""

    objective: Objective
    least_trades: int

    def judge(self, outcome: Outcome) -> Judged:
        """The value of `outcome`; it has none when the values were not allowed, trades too few, or the figure is not defined."""
        if outcome.impossible:
            return Judged(None, outcome.impossible)
        if outcome.trades < self.least_trades:
            return Judged(None, f"{counted(outcome.trades, 'trade')} closed, {counted(self.least_trades, 'is', 'are')} needed")
        value = outcome.figures.get(self.objective)
        if value is None or not isfinite(value):
            return Judged(None, f"{self.objective} is not defined")
        return Judged(value)
