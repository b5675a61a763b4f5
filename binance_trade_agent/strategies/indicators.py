"""Indicators: RSI, EMA, MACD and Bollinger bands over closes, and the average true range, computed by TA-Lib.

Inputs are finite positive closes, oldest first, shape (n,); outputs have the same shape, with NaN where there are too few closes yet.
TA-Lib takes sums and variances below about 1e-14 for zero, which real prices of cheap coins are (1e-6 with ticks of 1e-8), so
closes are brought near 1 by a power of two first; that changes no digit of the result.
"""

import math
from typing import NamedTuple

import numpy as np
import talib

from binance_trade_agent.domain.market import CandleWindow, Column

_GREATEST_RANGE = 1e150
"""Beyond it a range would leave nothing of others in an average."""

LEAST_SUM = 1e-13
"""What TA-Lib takes for zero, with room to spare: a sum this share of the greatest close, or a variance this share of its square."""


class Macd(NamedTuple):
    """MACD line, its signal line, and the histogram (line less signal), in price units."""

    line: Column
    signal: Column
    histogram: Column


class Bands(NamedTuple):
    """Bollinger bands in price units."""

    upper: Column
    middle: Column
    lower: Column


def rsi(closes: Column, period: int) -> Column:
    """Wilder's relative strength index, 0 to 100.

    The first value rests on the plain mean of `period` changes, every later one on Wilder's smoothing:
    average = (average * (period - 1) + change) / period. Prices that never change have no RSI; TA-Lib answers 0 for them, so
    callers rule flat prices out before.
    """
    scaled, _ = _near_one(closes)
    return talib.RSI(scaled, period)


def ema(closes: Column, period: int) -> Column:
    """Exponential moving average with weight 2 / (period + 1), beginning with the plain mean of the first `period` closes."""
    scaled, exponent = _near_one(closes)
    return np.ldexp(talib.EMA(scaled, timeperiod=period), exponent)


def macd(closes: Column, fast: int, slow: int, signal: int) -> Macd:
    """Fast EMA less slow EMA, and the EMA of that; both averages begin at the close number `slow`."""
    scaled, exponent = _near_one(closes)
    columns = talib.MACD(scaled, fastperiod=fast, slowperiod=slow, signalperiod=signal)
    return Macd(*(np.ldexp(column, exponent) for column in columns))


def bollinger(closes: Column, period: int, deviations: float) -> Bands:
    """Plain mean of `period` closes, and `deviations` population standard deviations above and below it."""
    scaled, exponent = _near_one(closes)
    columns = talib.BBANDS(scaled, timeperiod=period, nbdevup=deviations, nbdevdn=deviations)
    return Bands(*(np.ldexp(column, exponent) for column in columns))


def atr(highs: Column, lows: Column, closes: Column, period: int) -> Column:
    """Wilder's average true range in price units, from the plain mean of the first `period` true ranges on.

    The first true range is that of the second candle, because it looks at the close before.
    """
    return talib.ATR(highs, lows, closes, timeperiod=period)


def true_ranges(window: CandleWindow) -> Column:
    """How far each candle reached, its distance to the close before included, shape (n,); 0 for the first and where a price is none."""
    closes = np.concatenate((window.closes[:1], window.closes[:-1]))
    with np.errstate(invalid="ignore"):
        ranges = np.maximum(window.highs - window.lows, np.maximum(abs(closes - window.highs), abs(closes - window.lows)))
        return np.where(ranges < _GREATEST_RANGE, ranges, 0.0)


def _near_one(closes: Column) -> tuple[Column, int]:
    exponent = math.frexp(np.maximum.reduce(closes))[1] if closes.size else 0
    return np.ldexp(closes, -exponent), exponent
