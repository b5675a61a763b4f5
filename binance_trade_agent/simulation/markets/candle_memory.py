"""CandleMemory: finished candles that were made once, in columns, a run of neighbours for each symbol and interval."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from binance_trade_agent.simulation.markets.candle_rows import CandleRows

LONGEST_RUN = 4_096
"""Candles in one run."""

CANDLES_KEPT = 1_000_000
"""Candles in all runs together; 96 bytes each. The run that was not asked for longest goes first."""

Make = Callable[[int, int], CandleRows]
"""The finished candles from one number of the interval's grid up to, not including, another."""


@dataclass(slots=True)
class _Run:
    first: int
    columns: CandleRows

    @property
    def end(self) -> int:
        return self.first + len(self.columns)


class CandleMemory:
    """Runs of finished candles by symbol and interval; a question that touches a run makes it longer, another one begins it anew."""

    def __init__(self) -> None:
        self._runs: OrderedDict[tuple[str, int], _Run] = OrderedDict()
        self._kept = 0

    def __len__(self) -> int:
        return self._kept

    def candles(self, symbol: str, interval_ms: int, first: int, end: int, make: Make) -> CandleRows:
        """The finished candles with numbers from `first` up to, not including, `end`; what is not remembered is made."""
        key = (symbol, interval_ms)
        run = self._runs.pop(key, None)
        if run is not None:
            self._kept -= len(run.columns)
        if run is None or end < run.first or first > run.end:
            run = _Run(first, make(first, end))
        if first < run.first:
            run = _Run(first, _joined(make(first, run.first), run.columns))
        if end > run.end:
            run = _Run(run.first, _joined(run.columns, make(run.end, end)))
        asked = CandleRows(run.columns.table[first - run.first : end - run.first])
        self._keep(key, run)
        return asked

    def _keep(self, key: tuple[str, int], run: _Run) -> None:
        """The newest candles of a run that has grown too long, and as many runs as there is room for."""
        if len(run.columns) > LONGEST_RUN:
            run = _Run(run.end - LONGEST_RUN, CandleRows(run.columns.table[-LONGEST_RUN:].copy()))
        self._runs[key] = run
        self._kept += len(run.columns)
        while self._kept > CANDLES_KEPT:
            _, oldest = self._runs.popitem(last=False)
            self._kept -= len(oldest.columns)


def _joined(older: CandleRows, newer: CandleRows) -> CandleRows:
    return CandleRows(np.concatenate([older.table, newer.table]))
