"""Histories: the candles of a plan in memory, all symbols of one interval, in exact columns and as strategies read them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np

from binance_trade_agent.backtest.fast.plan import BacktestPlan
from binance_trade_agent.domain.candle_columns import CandleColumns
from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.domain.errors import CandleFileError, ConfigurationError
from binance_trade_agent.domain.market import CandleWindow
from binance_trade_agent.domain.need import interval_name
from binance_trade_agent.simulation.markets.candle_files import RecordedCandles, load_candles
from binance_trade_agent.simulation.markets.column_candles import ColumnCandles
from binance_trade_agent.simulation.markets.exact_candles import columns_of
from binance_trade_agent.wiring.candle_source import NEEDED, choice_of_store, is_store


@dataclass(frozen=True, slots=True, eq=False)
class Histories:
    """Histories by symbol, oldest candle first, at least one candle each; they never change, so many runs can share them.

    `windows` are the same candles as strategies read them.
    """

    interval_ms: int
    columns: Mapping[str, CandleColumns]
    windows: Mapping[str, CandleWindow] = field(repr=False)
    description: str

    @classmethod
    def of(cls, columns: Mapping[str, CandleColumns]) -> "Histories":
        """Of histories that are in memory already, by symbol and all of one interval; ConfigurationError otherwise, or without any."""
        intervals = {each.interval_ms for each in columns.values()}
        if len(intervals) != 1 or not all(len(each) for each in columns.values()):
            raise ConfigurationError(f"a backtest needs candles of one interval, at least one of each symbol; found {sorted(intervals)} ms")
        windows = {symbol: each.window() for symbol, each in columns.items()}
        return cls(intervals.pop(), dict(columns), windows, _description(columns))

    @property
    def first_open_ms(self) -> int:
        """When the earliest candle of any symbol opens."""
        return min(int(each.open_times[0]) for each in self.columns.values())

    @property
    def end_ms(self) -> int:
        """When the last candle of any symbol is over, the first millisecond after it."""
        return max(int(each.open_times[-1]) for each in self.columns.values()) + self.interval_ms

    def recorded(self) -> RecordedCandles:
        """The same candles, one by one, as markets take them."""
        return RecordedCandles(self.interval_ms, {symbol: ColumnCandles(each) for symbol, each in self.columns.items()})


def load_histories(plan: BacktestPlan) -> Histories:
    """Read the plan's candles: those of its symbols, before its end.

    Raises CandleFileError for files that cannot be used, and where they have none of a symbol or of the interval; ConfigurationError for a
    choice that must be made, and for an end before which there are none.
    """
    columns = _of_store(plan) if is_store(plan.candles) else _of_files(plan)
    return Histories.of({symbol: _within(plan, each) for symbol, each in columns.items()})


def _of_store(plan: BacktestPlan) -> dict[str, CandleColumns]:
    try:
        from binance_trade_agent.storage.candles.store import CandleStore  # kline files need no Parquet
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"{plan.candles} is a candle store, but {error.name} is not installed; {NEEDED}") from None
    store = CandleStore(plan.candles)
    said = {"candle_interval": plan.interval, "trading_symbols": plan.symbols}
    settings = plan.settings.model_copy(update={name: value for name, value in said.items() if value})
    interval, symbols = choice_of_store(plan.candles, settings, [(name.symbol, name.interval) for name in store.series()])
    return {symbol: store.read(symbol, interval) for symbol in symbols}


def _of_files(plan: BacktestPlan) -> dict[str, CandleColumns]:
    recorded = load_candles(plan.candles)
    missing = [symbol for symbol in plan.symbols if symbol not in recorded.by_symbol]
    if missing:
        there = ", ".join(recorded.by_symbol)
        raise CandleFileError(f"{plan.candles}: there are no candles of {', '.join(missing)}; there are some of {there}")
    if plan.interval and INTERVALS_MS.get(plan.interval) != recorded.interval_ms:
        raise CandleFileError(f"{plan.candles}: its candles are of {interval_name(recorded.interval_ms)}, not of {plan.interval}")
    chosen = {symbol: its for symbol, its in recorded.by_symbol.items() if not plan.symbols or symbol in plan.symbols}
    return {symbol: columns_of(symbol, recorded.interval_ms, its) for symbol, its in chosen.items()}


def _within(plan: BacktestPlan, columns: CandleColumns) -> CandleColumns:
    """The candles that are over by the plan's end. Those before its start stay: strategies read them."""
    if plan.end_ms is None:
        return columns
    kept = columns[: int(np.searchsorted(columns.open_times, plan.end_ms - columns.interval_ms, side="right"))]
    if not len(kept):
        raise ConfigurationError(f"{plan.candles}: there are no candles of {columns.symbol} before the end of the backtest")
    return kept


def _description(columns: Mapping[str, CandleColumns]) -> str:
    """What tells these candles from any others."""
    digest = sha256()
    for symbol, each in columns.items():
        digest.update(f"{symbol} {each.interval_ms} {each.decimals}".encode())
        digest.update(np.ascontiguousarray(each.table).data)
    return digest.hexdigest()
