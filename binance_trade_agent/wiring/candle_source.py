"""Recorded candles from wherever CANDLES_DIR points: a candle store, or Binance's kline files."""

from collections.abc import Sequence
from pathlib import Path

from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.domain.errors import CandleFileError, ConfigurationError
from binance_trade_agent.settings import Settings
from binance_trade_agent.simulation.markets.candle_files import RecordedCandles, load_candles
from binance_trade_agent.simulation.markets.exact_candles import market_candles

NEEDED = "it comes with the extra `backtest`: scripts/environment bench, or with Docker: docker compose run --rm bench"
"""What to do where Parquet or optuna is missing."""


def recorded_candles(location: Path, settings: Settings) -> RecordedCandles:
    """The candles of kline files, which are all played, or those of a store that the settings choose.

    Of a store, CANDLE_INTERVAL and TRADING_SYMBOLS choose, where they are set; else it must hold one interval, and all symbols are
    played. Raises CandleFileError for files that cannot be used, ConfigurationError for a choice that must be made or cannot be met.
    """
    if not is_store(location):
        return load_candles(location)
    try:
        from binance_trade_agent.storage.candles.store import CandleStore  # kline files need no Parquet
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"{location} is a candle store, but {error.name} is not installed; {NEEDED}") from None
    store = CandleStore(location)
    interval, symbols = choice_of_store(location, settings, [(name.symbol, name.interval) for name in store.series()])
    return RecordedCandles(INTERVALS_MS[interval], {symbol: market_candles(store.read(symbol, interval)) for symbol in symbols})


def choice_of_store(location: Path, settings: Settings, kept: Sequence[tuple[str, str]]) -> tuple[str, Sequence[str]]:
    """The interval and the symbols that are played, in their order, of a store that has `kept` (symbol and interval); see above."""
    interval = _interval(location, settings, dict.fromkeys(interval for _, interval in kept))
    symbols = sorted(symbol for symbol, its_interval in kept if its_interval == interval)
    if "trading_symbols" not in settings.model_fields_set:
        return interval, symbols
    missing = [symbol for symbol in settings.trading_symbols if symbol not in symbols]
    if missing:
        raise CandleFileError(f"{location}: no {interval} candles of {', '.join(missing)}; there are some of {', '.join(symbols)}")
    return interval, sorted(set(settings.trading_symbols))


def is_store(location: Path) -> bool:
    """Whether a folder is a candle store: it holds folders that are named after intervals, and in them are Parquet files."""
    return any(next((location / interval).glob("*/*.parquet"), None) for interval in INTERVALS_MS)


def _interval(location: Path, settings: Settings, kept: dict[str, None]) -> str:
    if "candle_interval" in settings.model_fields_set:
        if settings.candle_interval not in kept:
            raise CandleFileError(f"{location}: no {settings.candle_interval} candles; there are some of {', '.join(kept)}")
        return settings.candle_interval
    if len(kept) != 1:
        raise ConfigurationError(f"{location} holds candles of {', '.join(kept)}; CANDLE_INTERVAL must say which are played")
    return next(iter(kept))
