"""Days: the UTC days that the passes of a backtest lie in, and between which prices each symbol moved in each."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping

import numpy as np

from binance_trade_agent.backtest.fast.tracks import Track
from binance_trade_agent.domain.candle_columns import IntColumn
from binance_trade_agent.domain.candle_intervals import DAY_MS


class Days:
    """Prices are those that passes see, NO_PRICE among them."""

    def __init__(self, times_ms: IntColumn, tracks: Mapping[str, Track]) -> None:
        firsts = np.flatnonzero(np.diff(times_ms // DAY_MS, prepend=-1))
        self._firsts = [*firsts.tolist(), len(times_ms)]
        self._lows = {symbol: np.minimum.reduceat(track.price_floats, firsts).tolist() for symbol, track in tracks.items()}
        self._highs = {symbol: np.maximum.reduceat(track.price_floats, firsts).tolist() for symbol, track in tracks.items()}

    def first_from(self, number: int) -> int:
        """The first pass of a day, from pass `number` on; the number of passes when no day begins any more."""
        return self._firsts[bisect_left(self._firsts, number)]

    def of(self, number: int) -> int:
        """Which day pass `number` lies in."""
        return bisect_right(self._firsts, number) - 1

    def prices(self, symbol: str, day: int) -> tuple[float, float]:
        """The lowest and the highest price of `symbol` in a day."""
        return self._lows[symbol][day], self._highs[symbol][day]
