"""Grid strategy: buys a share at each line of a grid that the price falls through, and sells it a line higher."""

import math
import sys
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from binance_trade_agent.domain.market import CandleWindow, Column
from binance_trade_agent.domain.signal import Action, Opinion
from binance_trade_agent.strategies.over_history import ActionColumn, Votes, settled, votes_without_doubt
from binance_trade_agent.strategies.parameters import Between, check_parameters
from binance_trade_agent.strategies.rolling import before, readable_closes, rolling_max
from binance_trade_agent.strategies.strategy import hold, hold_if_unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class GridStrategy:
    """BUY when the price comes a line deeper below its highest close of `period` candles, SELL when it comes a line back.

    Lines lie `step` apart, at (1 + step) ** k for all whole k, so the grid is the same wherever a window begins. The line that the price
    stands at is the last one that a close has crossed: a close has to come up a whole step before what was bought at a line is sold.
    The depth is the number of lines between the highest close and there, `levels` at most. A BUY means one `levels`-th of a full entry
    for each line, a SELL the same share of what a grid at that depth holds, so that at depth 0 nothing is held. Confidence is 1.
    """

    name: ClassVar[str] = "grid"
    step: Annotated[float, Between(0.001, 0.5)] = 0.01
    levels: Annotated[int, Between(1, 50)] = 5
    period: Annotated[int, Between(2, 997)] = 150

    def __post_init__(self) -> None:
        check_parameters(self)

    @property
    def required_candles(self) -> int:
        """The candles that the depth rests on, now and a candle earlier."""
        return self.period + 1

    def evaluate(self, window: CandleWindow) -> Opinion:
        """The opinion over the newest `required_candles` closes."""
        unreadable = hold_if_unreadable(window, self.required_candles)
        if unreadable is not None:
            return unreadable
        closes = window.closes[-self.required_candles :]
        earlier, depth = (int(value) for value in self._depths(closes)[-2:])
        numbers = {"depth": float(depth), "depth_before": float(earlier), "close": float(closes[-1])}
        place = f"the close {numbers['close']:.6g} stands {depth} of {self.levels} lines deep"
        if depth > earlier:
            return Opinion(Action.BUY, 1.0, f"{place}, after {earlier}", numbers, (depth - earlier) / self.levels)
        if depth < earlier:
            return Opinion(Action.SELL, 1.0, f"{place}, after {earlier}", numbers, (earlier - depth) / earlier)
        return hold(f"{place}, as a candle earlier", numbers)

    def actions(self, window: CandleWindow) -> ActionColumn:
        """What `evaluate` says at every candle: the same reckoning, in which nothing depends on where the window begins."""
        closes = readable_closes(window.closes, self.required_candles)
        depths = self._depths(closes.closes)
        with np.errstate(invalid="ignore"):
            actions = np.nan_to_num(np.sign(depths - before(depths, 1))).astype(np.int8)
        return settled(self, window, actions, closes, np.zeros(len(window), np.bool_))

    def votes(self, window: CandleWindow) -> Votes:
        """The same with the confidence."""
        return votes_without_doubt(self.actions(window))

    def _depths(self, closes: Column) -> Column:
        """How deep the price stands at each close, by the `period` closes up to it; NaN where there are fewer."""
        if not len(closes):
            return closes
        cells = _cells(closes, self.step)
        moved = np.zeros(len(cells), np.bool_)
        moved[1:] = cells[1:] != cells[:-1]
        places = np.arange(len(cells))
        last = np.maximum.accumulate(np.where(moved, places, 0))
        # Who comes up crosses the lower line of a cell, who comes down the upper one.
        crossed = cells + (moved & (cells < before(cells, 1)))
        line = np.where(last >= places - self.period + 2, crossed[last], cells)
        return np.clip(rolling_max(cells, self.period) - line, 0.0, self.levels)


def _cells(closes: Column, step: float) -> Column:
    """Between which lines each close lies: k for one from (1 + step) ** k on, and below the next line.

    Each line is reckoned by itself and prices are compared with it, so that a close has its cell whatever others are looked at with it.
    """
    ratio = 1.0 + step
    first = math.floor(math.log(float(closes.min())) / math.log(ratio)) - 1
    end = min(math.ceil(math.log(float(closes.max())) / math.log(ratio)) + 2, int(math.log(sys.float_info.max) / math.log(ratio)))
    lines = np.array([ratio**number for number in range(first, end)])
    return (first - 1 + np.searchsorted(lines, closes, side="right")).astype(np.float64)
