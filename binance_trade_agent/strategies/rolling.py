"""Rolling figures over a whole history: the least and the greatest of each candle's newest values, and which closes can be read.

All columns have shape (n,), oldest first; entry i looks at the `count` values up to and including i, and is NaN where there are fewer.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from binance_trade_agent.domain.market import CandleWindow, Column

Mask = NDArray[np.bool_]

# Beyond these a product of prices leaves what a float64 holds with full precision, so the live method decides.
_TINY, _VAST = 1e-120, 1e120


@dataclass(frozen=True, slots=True)
class ReadableCloses:
    """Closes of a history, and where the strategies' first question (`hold_if_unreadable`) lets a window pass.

    In `closes` those that are no usable price are replaced by the one before: no window that passes contains one. `greatest` is the
    greatest close of each window that can be read. In the windows that are `extreme` prices are so small or great that only the live method
    can tell.
    """

    closes: Column
    greatest: Column
    passes: Mask
    extreme: Mask


def readable_closes(closes: Column, required_candles: int) -> ReadableCloses:
    """How the closes of a history can be read by windows of `required_candles`."""
    least, greatest = rolling_min(closes, required_candles), rolling_max(closes, required_candles)
    with np.errstate(invalid="ignore"):
        passes = (least > 0) & (greatest < np.inf) & (least < greatest)
        extreme = passes & ((least < _TINY) | (greatest > _VAST))
        usable = (closes >= _TINY) & (closes <= _VAST)
    return ReadableCloses(_filled(closes, usable), np.where(passes & ~extreme, greatest, np.nan), passes, extreme)


def readable_candles(window: CandleWindow, required_candles: int) -> ReadableCloses:
    """The same for strategies that read highs and lows too (`hold_if_candles_unreadable`)."""
    read = readable_closes(window.closes, required_candles)
    least, greatest = rolling_min(window.lows, required_candles), rolling_max(window.highs, required_candles)
    with np.errstate(invalid="ignore"):
        passes = read.passes & (least > 0) & (greatest < np.inf)
        extreme = passes & (read.extreme | (least < _TINY) | (greatest > _VAST))
    return ReadableCloses(read.closes, read.greatest, passes, extreme)


def rolling_max(values: Column, count: int) -> Column:
    """The greatest of each `count` values; NaN when one of them is, and where there are fewer."""
    # Blocks of `count`: a window is the end of one and the beginning of the next, so two running maxima give it, at any `count`.
    blocks = _blocks(values, count)
    begun = np.maximum.accumulate(blocks, axis=1).ravel()
    ended = np.maximum.accumulate(blocks[:, ::-1], axis=1)[:, ::-1].ravel()
    greatest = np.full(len(values), np.nan)
    if len(values) >= count:
        np.maximum(ended[: len(values) - count + 1], begun[count - 1 : len(values)], out=greatest[count - 1 :])
    return greatest


def rolling_min(values: Column, count: int) -> Column:
    """The least of each `count` values; NaN when one of them is, and where there are fewer."""
    return -rolling_max(-values, count)


def before(column: Column, count: int) -> Column:
    """The value `count` entries earlier, NaN where there is none."""
    earlier = np.full(len(column), np.nan)
    earlier[count:] = column[: max(len(column) - count, 0)]
    return earlier


def _blocks(values: Column, count: int) -> NDArray[np.float64]:
    missing = -len(values) % count
    return np.concatenate((values, np.full(missing, -np.inf))).reshape(-1, count)


def _filled(closes: Column, usable: Mask) -> Column:
    if usable.all():
        return closes
    places = np.where(usable, np.arange(len(closes)), -1)
    np.maximum.accumulate(places, out=places)
    return np.where(places >= 0, closes[places], 1.0)
