"""Resampling: a history of candles as candles of a longer interval, in columns."""

import numpy as np

from binance_trade_agent.domain.candle_intervals import grid_offset_ms
from binance_trade_agent.domain.errors import StrategyError
from binance_trade_agent.domain.market import CandleWindow, Column, Counts
from binance_trade_agent.domain.need import interval_name

MOST_DECIMALS = 8
"""Digits after the point that amounts have on Binance."""

_LARGEST_EXACT = 2.0**53
"""Whole numbers up to this one are exact as a float64."""


def resampled(history: CandleWindow, interval_ms: int) -> CandleWindow:
    """The candles of `interval_ms` that those of `history` make up, as the exchange would tell them.

    Prices, trades and base volumes are exact; quote volumes may differ in their last digit where they have more digits than a float64.
    A hole adds nothing. What begins in the middle of a longer candle says nothing of that candle. The newest one may still be open at
    the end of `history`: its close time tells, and `CandleWindow.other` goes by that. Raises StrategyError when `interval_ms` is no
    multiple of the history's own.
    """
    if interval_ms == history.interval_ms:
        return history
    if interval_ms < history.interval_ms or interval_ms % history.interval_ms:
        longer, own = interval_name(interval_ms), interval_name(history.interval_ms)
        raise StrategyError(f"candles {longer} cannot be made of candles {own}; allowed are multiples of that")
    opens = history.open_times_ms
    longer_opens = opens - (opens - grid_offset_ms(interval_ms)) % interval_ms
    starts = np.flatnonzero(np.diff(longer_opens, prepend=-1))
    if len(starts) and opens[0] != longer_opens[0]:
        starts = starts[1:]
    return CandleWindow.over(history.symbol, interval_ms, _merged(history, longer_opens, starts, interval_ms))


def _merged(history: CandleWindow, longer_opens: Counts, starts: Counts, interval_ms: int) -> Column:
    _, opened, highs, lows, closes, *_ = rows = history.table
    table = np.empty((len(rows), len(starts)))
    table[0] = longer_opens[starts]
    table[6] = table[0] + (interval_ms - 1)
    if len(starts):
        table[1] = opened[starts]
        table[2] = np.maximum.reduceat(highs, starts)
        table[3] = np.minimum.reduceat(lows, starts)
        table[4] = closes[np.append(starts[1:], len(closes)) - 1]
        for row in (5, 7, 8, 9, 10):
            table[row] = _sums(rows[row], starts)
    table.flags.writeable = False
    return table


def _sums(amounts: Column, starts: Counts) -> Column:
    """Sums from each start to the next. Amounts are decimals: they are added as whole numbers of their last digit where that is exact."""
    for decimals in range(MOST_DECIMALS + 1):
        unit = 10.0**decimals
        whole = np.rint(amounts * unit)
        if whole.max() > _LARGEST_EXACT:
            break
        if np.array_equal(whole / unit, amounts):
            sums: Column = np.add.reduceat(whole.astype(np.int64), starts) / unit
            return sums
    plain: Column = np.add.reduceat(amounts, starts)
    return plain
