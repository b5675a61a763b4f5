"""EquityRecord: the account's cash and holdings as they change, made into a curve over all passes at the end."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from binance_trade_agent.backtest.fast.result import EquityCurve
from binance_trade_agent.backtest.fast.running_book import RunningBook
from binance_trade_agent.backtest.fast.tracks import Track
from binance_trade_agent.domain.candle_columns import IntColumn


class _Steps:
    """A figure that stays from pass to pass until it changes."""

    def __init__(self, value: float) -> None:
        self._numbers = [0]
        self._values = [value]

    def put(self, number: int, value: float) -> None:
        self._numbers.append(number)
        self._values.append(value)

    def column(self, count: int) -> NDArray[np.float64]:
        lengths = np.diff([*self._numbers, count])
        column: NDArray[np.float64] = np.repeat(self._values, lengths)
        return column


class EquityRecord:
    """Begins with what `book` holds."""

    def __init__(self, book: RunningBook) -> None:
        self._cash = _Steps(float(book.cash))
        self._held: dict[str, _Steps] = {}

    def take(self, number: int, book: RunningBook, traded: Iterable[str]) -> None:
        """Pass `number` has bought or sold `traded`."""
        self._cash.put(number, float(book.cash))
        for symbol in traded:
            self._held.setdefault(symbol, _Steps(0.0)).put(number, float(book.positions[symbol].quantity))

    def curve(self, times_ms: IntColumn, tracks: Mapping[str, Track]) -> EquityCurve:
        """What each pass ended with, at its prices."""
        exposure = np.zeros(len(times_ms))
        for symbol, steps in self._held.items():
            exposure += steps.column(len(times_ms)) * tracks[symbol].price_floats
        return EquityCurve(times_ms, self._cash.column(len(times_ms)) + exposure, exposure)
