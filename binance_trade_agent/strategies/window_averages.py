"""Window averages: exponential averages as a live window of fixed length has them, reckoned over a whole history at once.

A live window begins its average anew, with a plain mean, at its own beginning. An average that runs through all history differs from it by
what lay before the window, and that is known: after m steps a difference at the beginning has shrunk to d ** m of it. So

    windowed[i] = running[i] - d ** m * (running[i - m] - mean[i - m])

with d what an average keeps of itself in a step. This is the same number but for rounding, and rounding is bounded: for values that are
never negative an average is off by at most 4 epsilon times the sum over all earlier entries of what is left of them, which is n times
itself after n steps; and with values between least and greatest (1 + ln(greatest / least)) / (1 - d) times itself. `error` states such
bounds with room to spare; what lies nearer to a threshold is for the live method to tell.
"""

import math
import sys
from dataclasses import dataclass

import numpy as np
import talib
from numpy.typing import NDArray

from binance_trade_agent.domain.market import Column
from binance_trade_agent.strategies.rolling import before

_EPSILON = sys.float_info.epsilon


@dataclass(frozen=True, slots=True)
class Estimate:
    """A column, and how far each entry may be from what a live window gives."""

    value: Column
    error: Column

    def less(self, other: "Estimate") -> "Estimate":
        """The difference of the two."""
        return Estimate(self.value - other.value, self.error + other.error)

    def of(self, entries: NDArray[np.intp]) -> "Estimate":
        """The given entries alone."""
        return Estimate(self.value[entries], self.error[entries])


@dataclass(frozen=True, slots=True)
class WindowAverage:
    """Exponential averages of values that are never negative, in windows that start them `steps` candles before their newest.

    `ahead` is how far the running average lies above the mean that a window starts with, at that start, and `keeps` what an average keeps
    of itself in a step. `rounding` is relative to `running`.
    """

    running: Column
    rounding: float
    ahead: Estimate
    keeps: float
    steps: int

    def at(self, lag: int, entries: NDArray[np.intp] | None = None) -> Estimate:
        """The average at the candle `lag` before the newest of each window, or of those that end at `entries` only."""
        weight = self.keeps ** (self.steps - lag)
        if entries is None:
            running, ahead = before(self.running, lag) if lag else self.running, self.ahead
        else:
            running, ahead = self.running[entries - lag], self.ahead.of(entries)
        return Estimate(running - weight * ahead.value, self.rounding * running + weight * ahead.error)


def window_average(values: Column, period: int, *, seed: int, steps: int) -> WindowAverage:
    """The averages of `values` in windows that start with the mean of `seed` values, `steps` candles before their newest.

    `period` is that of an EMA of weight 2 / (period + 1); Wilder's average over p is one of period 2 p - 1.
    """
    keeps = (period - 1.0) / (period + 1.0)
    least, greatest = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    running, mean = running_average(values, period), talib.SMA(values, timeperiod=seed)
    rounding = 16.0 * _EPSILON * (_sums(least, greatest, keeps, len(values)) + 2 * (seed + steps))
    # The mean is a sum that has run through all values, and may be off by what the greatest of them left in it.
    error = rounding * running + 4.0 * _EPSILON * (len(values) + seed) * greatest
    return WindowAverage(running, rounding, Estimate(before(running - mean, steps), before(error, steps)), keeps, steps)


def running_average(values: Column, period: int) -> Column:
    """The EMA of `values` through all history, from the first value on."""
    if not len(values):
        return values
    # TA-Lib's begins with a mean of `period` values: this many of the first one.
    return talib.EMA(np.concatenate((np.full(period - 1, values[0]), values)), timeperiod=period)[period - 1 :]


def _sums(least: float, greatest: float, keeps: float, count: int) -> float:
    """How many times an average the sum of all that is left of earlier ones may be, as the top of this page reckons."""
    if least <= 0.0:
        return float(count)
    return min(float(count), (1.0 + math.log(greatest / least)) / (1.0 - keeps))
