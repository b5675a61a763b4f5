"""Rolling spread: mean and variance of each candle's newest values over a whole history, each with a bound of what it may be off by.

Sums that run through a whole history lose digits, and a variance is a small difference of large sums. So the history is cut into short
pieces, each is measured from its own middle, and sums run through one piece only.
"""

import sys
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from binance_trade_agent.domain.market import Column
from binance_trade_agent.strategies.window_averages import Estimate

_EPSILON = sys.float_info.epsilon

_WINDOWS_A_PIECE = 8
"""A piece is so many windows long: sums stay short, and little is summed twice."""


class Spread(NamedTuple):
    """Mean and population variance, shape (n,), NaN where there are too few values. The bounds are of this reckoning alone."""

    mean: Estimate
    variance: Estimate


def rolling_spread(values: Column, count: int) -> Spread:
    """The spread of each `count` values."""
    entries = len(values) - count + 1
    if entries < 1:
        nothing = np.full(len(values), np.nan)
        return Spread(Estimate(nothing, nothing), Estimate(nothing, nothing))
    step = _WINDOWS_A_PIECE * count
    padded = np.concatenate((values, np.full(-entries % step, values[-1])))
    pieces = sliding_window_view(padded, step + count - 1)[::step]
    middle = pieces.mean(axis=1, keepdims=True)
    off = pieces - middle
    mean = _sums(off, count) / count
    variance = np.maximum(_sums(off * off, count) / count - mean * mean, 0.0)
    length = step + count
    widest = abs(off).max(axis=1, keepdims=True)
    # Each of `length` steps of a sum of at most length * widest rounds once; a window is the difference of two such sums.
    error = 4.0 * _EPSILON * length * length / count * widest
    return Spread(
        Estimate(_column(mean + middle, entries, step), _column(error + 2.0 * _EPSILON * abs(middle), entries, step)),
        Estimate(_column(variance, entries, step), _column(error * (widest + 2.0 * abs(mean)), entries, step)),
    )


def _sums(pieces: Column, count: int) -> Column:
    running = np.cumsum(pieces, axis=1)
    sums = running[:, count - 1 :].copy()
    sums[:, 1:] -= running[:, :-count]
    return sums


def _column(pieces: Column, entries: int, step: int) -> Column:
    """The pieces one after the other, behind as many NaN as a first window takes."""
    flat = np.broadcast_to(pieces, (len(pieces), step)).reshape(-1)[:entries]
    return np.concatenate((np.full(step // _WINDOWS_A_PIECE - 1, np.nan), flat))
