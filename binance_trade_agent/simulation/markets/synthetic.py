"""SyntheticMarket: a seeded market whose every price, book, trade and candle is a pure function of seed, symbol and time.

There is no state to keep: a restart goes on with the same market, and any history can be asked for. Candles are made of the very
trades that resting orders meet, so a candle's low is a price that was there.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from binance_trade_agent.domain.candle_intervals import candle_open_ms, grid_offset_ms
from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.quote_assets import QUOTE_ASSETS
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.markets.asset_values import AssetValues
from binance_trade_agent.simulation.markets.candle_memory import CandleMemory
from binance_trade_agent.simulation.markets.candle_rows import CandleRows, summed
from binance_trade_agent.simulation.markets.market import MarketCandle, Quote, TakerOrder
from binance_trade_agent.simulation.markets.synthetic_path import LISTED_MS, LISTED_STEP, QUOTE_STEP_MS, SymbolPath

_CHUNK_STEPS = 1 << 16  # steps that are reckoned with at once when many long candles are asked for


class SyntheticMarket:
    """A Market of `symbols` that is wholly determined by `seed`; it has been there since LISTED_MS and never ends.

    Raises ConfigurationError for a symbol that ends in none of `quote_assets`, or for no symbol at all.
    """

    def __init__(self, symbols: Sequence[str], seed: int, *, quote_assets: Sequence[str] = QUOTE_ASSETS) -> None:
        if not symbols:
            raise ConfigurationError("a synthetic market needs at least one symbol")
        values = AssetValues(seed, 60_000 / QUOTE_STEP_MS)
        self._paths = {symbol: SymbolPath(symbol, seed, values, quote_assets) for symbol in symbols}
        self._rules = MappingProxyType({symbol: path.rules for symbol, path in self._paths.items()})
        self._memory = CandleMemory()

    @property
    def rules(self) -> Mapping[str, SymbolRules]:
        """The trading rules of every symbol there is."""
        return self._rules

    @property
    def has_queues(self) -> bool:
        """True: what is traded is traded at the best prices of the book."""
        return True

    def quote(self, symbol: str, time_ms: int) -> Quote | None:
        """The market at `time_ms`; None before LISTED_MS and for an unknown symbol."""
        path = self._paths.get(symbol)
        return path.quote(time_ms // QUOTE_STEP_MS) if path is not None and time_ms >= LISTED_MS else None

    def quotes(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[Quote]:
        """Every quote with after_ms < time_ms <= until_ms, oldest first."""
        path = self._paths.get(symbol)
        if path is not None:
            for step in _steps(after_ms, until_ms):
                yield path.quote(step)

    def taker_orders(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[TakerOrder]:
        """One for each quote with after_ms < time_ms <= until_ms: together they are what the candles show as traded."""
        path = self._paths.get(symbol)
        if path is not None:
            for step in _steps(after_ms, until_ms):
                yield path.taker_order(step)

    def candles(
        self, symbol: str, interval_ms: int, *, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> Sequence[MarketCandle]:
        """See Market.candles; any interval that is a multiple of QUOTE_STEP_MS can be made, ValueError for others."""
        if interval_ms <= 0 or interval_ms % QUOTE_STEP_MS:
            raise ValueError(f"candles of {interval_ms} ms cannot be made of quotes every {QUOTE_STEP_MS} ms")
        path = self._paths.get(symbol)
        if path is None:
            return ()
        opens = _open_times(interval_ms, start_ms, now_ms if end_ms is None else min(end_ms, now_ms), limit)
        if not opens:
            return ()
        current_ms = candle_open_ms(now_ms, interval_ms)
        finished = opens[:-1] if opens[-1] == current_ms else opens
        tick, step = path.rules.tick_size, path.rules.step_size
        found: list[MarketCandle] = []
        if finished:
            first = finished[0] // interval_ms
            columns = self._memory.candles(symbol, interval_ms, first, first + len(finished), lambda *part: _made(path, interval_ms, *part))
            found = columns.candles(finished, interval_ms, tick, step)
        if len(finished) < len(opens):
            so_far = path.traded(max(current_ms // QUOTE_STEP_MS, LISTED_STEP), now_ms // QUOTE_STEP_MS + 1)
            found += summed(so_far, np.zeros(1, np.int64)).candles((current_ms,), interval_ms, tick, step)
        return found


def _steps(after_ms: int, until_ms: int) -> range:
    """The steps with after_ms < time <= until_ms."""
    return range(max(after_ms // QUOTE_STEP_MS + 1, LISTED_STEP), until_ms // QUOTE_STEP_MS + 1)


def _made(path: SymbolPath, interval_ms: int, first: int, end: int) -> CandleRows:
    """The finished candles from number `first` of the interval's grid up to, not including, `end`; never all their steps at once."""
    steps_each, offset = interval_ms // QUOTE_STEP_MS, grid_offset_ms(interval_ms) // QUOTE_STEP_MS
    at_once = max(1, _CHUNK_STEPS // steps_each)
    tables = []
    for number in range(first, end, at_once):
        begins = np.arange(number, min(number + at_once, end) + 1, dtype=np.int64) * steps_each + offset
        listed = np.maximum(begins, LISTED_STEP)
        tables.append(summed(path.traded(int(listed[0]), int(listed[-1])), listed[:-1] - listed[0]).table)
    return CandleRows(np.concatenate(tables))


def _open_times(interval_ms: int, start_ms: int | None, last_ms: int, limit: int) -> range:
    """When the candles open that Market.candles owes: none that is over before LISTED_MS, none after `last_ms`."""
    earliest = candle_open_ms(LISTED_MS, interval_ms)
    end = candle_open_ms(last_ms, interval_ms) + interval_ms
    if start_ms is None:
        first = end - limit * interval_ms
    else:
        first = max(candle_open_ms(start_ms + interval_ms - 1, interval_ms), earliest)
        end = min(end, first + limit * interval_ms)
    return range(max(first, earliest), max(end, 0), interval_ms)
