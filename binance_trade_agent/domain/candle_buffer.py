"""CandleBuffer: the newest candles of one symbol in growing columns, so that a new candle costs one row and not a new window of all.

Windows are views of the buffer. They stay as they are, because rows are only ever added behind the last one that a window shows: when the
room is used up, the newest rows move to a new table, and the old one lives as long as somebody holds a window over it.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from binance_trade_agent.domain.market import Candle, CandleWindow, Table, candle_table

LEAST_HEAD_ROOM = 32
"""Candles that fit before rows have to move; a quarter of the length when that is more."""


class CandleBuffer:
    """At most `length` candles, oldest first; the caller sees to their order."""

    def __init__(self, symbol: str, interval_ms: int, length: int) -> None:
        self._symbol = symbol
        self._interval_ms = interval_ms
        self._length = length
        self._head_room = max(LEAST_HEAD_ROOM, length // 4)
        self._hold(candle_table(()))

    @property
    def window(self) -> CandleWindow:
        """What is held; the same object until a candle comes."""
        return self._window

    def replace(self, candles: Sequence[Candle]) -> None:
        """Hold the newest of `candles` in place of what is held."""
        self._hold(candle_table(candles[-self._length :]))

    def append(self, candles: Sequence[Candle]) -> None:
        """Add candles that follow what is held; what is then too many goes from the front."""
        count = len(candles)
        if count >= self._length:
            self.replace(candles)
            return
        if self._end + count > self._table.shape[1]:
            self._hold(self._table[:, max(0, self._end + count - self._length) : self._end])
        if count == 1:
            self._table[:, self._end] = msgspec.structs.astuple(candles[0])
        else:
            self._table[:, self._end : self._end + count] = candle_table(candles)
        self._end += count
        self._show()

    def _hold(self, rows: Table) -> None:
        """Begin a new table with `rows` and room behind them."""
        fields, count = rows.shape
        self._table = np.empty((fields, self._length + self._head_room))
        self._table[:, :count] = rows
        self._read_only = self._table.view()
        self._read_only.flags.writeable = False
        self._end = count
        self._show()

    def _show(self) -> None:
        first = max(0, self._end - self._length)
        self._window = CandleWindow.over(self._symbol, self._interval_ms, self._read_only[:, first : self._end])
