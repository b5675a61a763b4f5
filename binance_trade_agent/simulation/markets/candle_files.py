"""Candle files: reads recorded candles from Binance's public kline files and refuses whatever it cannot trust.

Taken are .csv files and .zip files that hold one .csv, with a header row or none, times in milliseconds or microseconds (Spot files
since 2025), any number of files per symbol, named SYMBOL-INTERVAL-anything. Nothing is repaired or filled: a hole stays a hole and is
reported, and a row that does not add up is an error that names file and line.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from binance_trade_agent.domain.candle_intervals import INTERVALS_MS, candle_open_ms
from binance_trade_agent.domain.errors import CandleFileError
from binance_trade_agent.simulation.markets.market import MarketCandle
from binance_trade_agent.simulation.markets.recorded_files import FileKind, found_files, milliseconds, rows_of

MAX_FILE_BYTES = 128 * 1024 * 1024
"""The most that one file may hold once it is unpacked: more than a year of 1-minute candles."""

COLUMNS = 12
"""Open time, open, high, low, close, volume, close time, quote volume, trades, taker buy volume, taker buy quote volume, ignored."""

_FILE_NAME = re.compile(r"(?P<symbol>[A-Z0-9]+)-(?P<interval>\d+[A-Za-z]+)-.+\.(csv|zip)")
KIND = FileKind("candle", "BTCUSDT-5m-2025-01", CandleFileError, frozenset({"open_time"}))


@dataclass(frozen=True, slots=True)
class RecordedCandles:
    """Candles of one interval by symbol, oldest first, without duplicates; each symbol has at least one."""

    interval_ms: int
    by_symbol: Mapping[str, Sequence[MarketCandle]]

    @property
    def first_open_ms(self) -> int:
        """When the earliest candle of any symbol opens."""
        return min(candles[0].open_time_ms for candles in self.by_symbol.values())

    @property
    def last_close_ms(self) -> int:
        """The last millisecond of the latest candle of any symbol."""
        return max(candles[-1].close_time_ms for candles in self.by_symbol.values())

    def gaps(self, symbol: str) -> tuple[tuple[int, int], ...]:
        """(open time of the candle before, number of missing candles) for every hole between the symbol's first and last candle."""
        candles = self.by_symbol[symbol]
        found = []
        for before, after in pairwise(candles):
            missing = (after.open_time_ms - before.open_time_ms) // self.interval_ms - 1
            if missing:
                found.append((before.open_time_ms, missing))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file with what its name says."""

    path: Path
    symbol: str
    interval: str


class _RowError(Exception):
    """A row of numbers that is no candle; the text says what was expected."""


def load_candles(location: Path) -> RecordedCandles:
    """The candles of one file, or of all .csv and .zip files right inside a folder.

    Raises CandleFileError naming file, line and what was expected.
    """
    sources = [named_file(path) for path in found_files(location, KIND)]
    first = sources[0]
    for source in sources:
        if source.interval != first.interval:
            raise CandleFileError(
                f"{source.path}: {source.interval} candles beside the {first.interval} candles of {first.path.name}; expected one interval"
            )
    interval_ms = INTERVALS_MS[first.interval]
    by_symbol = {
        symbol: _merged([source for source in sources if source.symbol == symbol], interval_ms)
        for symbol in sorted({source.symbol for source in sources})
    }
    return RecordedCandles(interval_ms, by_symbol)


def named_file(path: Path) -> NamedFile:
    """What the name of a candle file says; CandleFileError for any other name."""
    match = _FILE_NAME.fullmatch(path.name)
    if match is None:
        raise CandleFileError(f"{path}: the name must be SYMBOL-INTERVAL-anything.csv or .zip, such as BTCUSDT-5m-2025-01.csv")
    if match["interval"] not in INTERVALS_MS:
        raise CandleFileError(f"{path}: interval {match['interval']!r} in the name is none of {', '.join(INTERVALS_MS)}")
    return NamedFile(path, match["symbol"], match["interval"])


def _merged(sources: Iterable[NamedFile], interval_ms: int) -> tuple[MarketCandle, ...]:
    """All candles of one symbol, oldest first. Equal candles of several files count once, different ones of the same time are an error."""
    candles: dict[int, MarketCandle] = {}
    origins: dict[int, Path] = {}
    for source in sources:
        rows = 0
        for line, candle in candles_of(source.path, interval_ms):
            rows += 1
            known = candles.setdefault(candle.open_time_ms, candle)
            if known is not candle and known != candle:
                origin = origins[candle.open_time_ms].name
                raise CandleFileError(f"{source.path}:{line}: differs from the candle of the same open time in {origin}")
            origins.setdefault(candle.open_time_ms, source.path)
        if not rows:
            raise CandleFileError(f"{source.path}: holds no candles")
    return tuple(candles[open_time_ms] for open_time_ms in sorted(candles))


def candles_of(path: Path, interval_ms: int) -> Iterator[tuple[int, MarketCandle]]:
    """(line, candle) of one file, in ascending time but for repeated rows; CandleFileError, naming the line, for the first unsound row."""
    newest = -1
    for line, row in rows_of(path, KIND, MAX_FILE_BYTES):
        try:
            candle = _candle(row, interval_ms)
        except _RowError as error:
            raise CandleFileError(f"{path}:{line}: {error}") from None
        except (ValueError, ArithmeticError):  # what int and Decimal raise, the latter also where NaN is compared
            raise CandleFileError(f"{path}:{line}: expected {COLUMNS} numbers, found {','.join(row)[:120]!r}") from None
        if candle.open_time_ms < newest:
            raise CandleFileError(f"{path}:{line}: open time {candle.open_time_ms} is before that of the row above, {newest}")
        newest = candle.open_time_ms
        yield line, candle


def _candle(row: list[str], interval_ms: int) -> MarketCandle:
    """One row as a candle; _RowError when it does not add up, ValueError or ArithmeticError where a number is none."""
    if len(row) != COLUMNS:
        raise _RowError(f"expected {COLUMNS} columns, found {len(row)}")
    open_time_ms, close_time_ms = milliseconds(row[0]), milliseconds(row[6])
    if close_time_ms != open_time_ms + interval_ms - 1:
        raise _RowError(f"close time {close_time_ms} does not fit open time {open_time_ms}: expected {open_time_ms + interval_ms - 1}")
    if candle_open_ms(open_time_ms, interval_ms) != open_time_ms:
        raise _RowError(f"open time {open_time_ms} is no multiple of the interval, {interval_ms} ms")
    opened, high, low, close, volume = Decimal(row[1]), Decimal(row[2]), Decimal(row[3]), Decimal(row[4]), Decimal(row[5])
    quote_volume, trades = Decimal(row[7]), int(row[8])
    bought, bought_quote = Decimal(row[9]), Decimal(row[10])
    if not (0 < low <= opened <= high and low <= close <= high):
        raise _RowError(
            f"prices do not add up: open {opened}, high {high}, low {low}, close {close}; expected 0 < low <= open, close <= high"
        )
    if not (min(volume, quote_volume, bought, bought_quote) >= 0 and trades >= 0):
        raise _RowError(f"expected volumes and trades of 0 or more, found {','.join((row[5], *row[7:11]))}")
    if not all(number.is_finite() for number in (high, volume, quote_volume, bought, bought_quote)):
        raise _RowError("expected finite numbers")
    return MarketCandle(
        open_time_ms=open_time_ms,
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=volume,
        close_time_ms=close_time_ms,
        quote_volume=quote_volume,
        trades=trades,
        taker_buy_volume=bought,
        taker_buy_quote_volume=bought_quote,
    )
