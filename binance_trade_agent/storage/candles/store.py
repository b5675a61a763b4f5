"""CandleStore: histories of candles in a folder, as FOLDER/INTERVAL/SYMBOL/YEAR-MONTH.parquet; needs the extra `backtest`.

Readers need no lock, because files are only ever replaced whole; writers take turns (`writing`).
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from binance_trade_agent.domain.candle_columns import CandleColumns, IntColumn, Row, joined
from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.domain.counts import counted, named
from binance_trade_agent.domain.errors import CandleFileError, CandleStoreError
from binance_trade_agent.storage.candles.calendar import Month, Span, date_text, merged_spans, months_of
from binance_trade_agent.storage.candles.parquet_file import StoredMonth, read_coverage, read_month, read_open_times, write_month

SUFFIX = ".parquet"
LOCK_FILE = ".lock"
END_OF_TIME_MS = 2**53
"""Later than any candle."""


@dataclass(frozen=True, slots=True, order=True)
class SeriesName:
    """One history of a store: what it is of, and the length of its candles by name."""

    symbol: str
    interval: str

    def __str__(self) -> str:
        return f"{self.symbol} {self.interval}"


class CandleStore:
    """The histories in `folder`; nothing is read until it is asked for, and the folder may not exist yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def series(self) -> tuple[SeriesName, ...]:
        """Everything that is kept, by symbol, then the length of candles; empty when there is nothing."""
        found = (
            (SeriesName(path.name, interval), length_ms)
            for interval, length_ms in INTERVALS_MS.items()
            for path in self._inside(self.folder / interval)
            if any(self.files(SeriesName(path.name, interval)))
        )
        return tuple(name for name, _ in sorted(found, key=lambda each: (each[0].symbol, each[1])))

    def read(self, symbol: str, interval: str, start_ms: int = 0, end_ms: int = END_OF_TIME_MS) -> CandleColumns:
        """The candles that open at or after `start_ms` and before `end_ms`, exact; holes are left open and told by `gaps`.

        Raises CandleFileError when there is none, saying what there is, and for a file that is damaged.
        """
        name = SeriesName(symbol, interval)
        found = []
        for month, path in self._months(name):
            if month.span.start_ms < end_ms and start_ms < month.span.end_ms:
                columns = read_month(path).columns
                self._require(path, columns, name)
                columns = columns.between(start_ms, end_ms)
                if len(columns):
                    found.append(columns)
        if not found:
            raise CandleFileError(self._what_there_is(name, start_ms, end_ms))
        return joined(found)

    def covered(self, name: SeriesName) -> tuple[Span, ...]:
        """The stretches of time whose candles are all here, as far as their source had any."""
        return merged_spans(span for _, path in self._months(name) for span in read_coverage(path))

    def add(self, columns: CandleColumns, *covered: Span) -> None:
        """Keep candles from the first to the last of `covered`, in which they are all those that their source has; there may be none.

        What is kept already stays: a candle that differs from the one of the same time is refused with CandleFileError, and then nothing
        of its month has changed. Each month is replaced in one step. Raises CandleStoreError when a file cannot be written.
        """
        interval = next(name for name, length_ms in INTERVALS_MS.items() if length_ms == columns.interval_ms)
        by_month: dict[Month, list[Span]] = {}
        for span in merged_spans(covered):
            for month in months_of(span):
                part = Span(max(span.start_ms, month.span.start_ms), min(span.end_ms, month.span.end_ms))
                by_month.setdefault(month, []).append(part)
        for month, parts in by_month.items():
            path = self.path(SeriesName(columns.symbol, interval), month)
            self._add_to(path, columns.between(parts[0].start_ms, parts[-1].end_ms), parts)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only writer of this store for a while; what a killed writer left half written is removed first.

        Raises CandleStoreError when another process writes to it, or the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise CandleStoreError.at(self.folder, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for partial in self.folder.glob(f"*/*/.*{SUFFIX}.*"):
                partial.unlink(missing_ok=True)
            yield
        except BlockingIOError:
            raise CandleStoreError(f"{self.folder}: another process is writing to this store; one at a time") from None
        finally:
            os.close(descriptor)

    def path(self, name: SeriesName, month: Month) -> Path:
        """Where a month is kept."""
        return self.folder / name.interval / name.symbol / f"{month}{SUFFIX}"

    def open_times(self, name: SeriesName) -> IntColumn:
        """When each candle of a history opens, without reading more of it; CandleFileError for a file that is damaged."""
        return np.concatenate([np.empty(0, dtype=np.int64), *(read_open_times(path) for _, path in self._months(name))])

    def files(self, name: SeriesName) -> tuple[Path, ...]:
        """The files of one history, oldest first, those that are not named after a month as well."""
        found = self._inside(self.folder / name.interval / name.symbol)
        return tuple(sorted(path for path in found if path.suffix == SUFFIX and not path.name.startswith(".")))

    def _add_to(self, path: Path, columns: CandleColumns, spans: Sequence[Span]) -> None:
        covered = [*spans]
        if path.exists():
            kept = read_month(path)
            covered += kept.covered
            columns = _united(path, kept.columns, columns)
        write_month(path, StoredMonth(columns, merged_spans(covered)))

    def _months(self, name: SeriesName) -> Iterator[tuple[Month, Path]]:
        for path in self.files(name):
            yield month_of(path), path

    @staticmethod
    def _inside(folder: Path) -> Iterator[Path]:
        try:
            yield from folder.iterdir()
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise CandleFileError(f"{folder}: cannot be read: {error.strerror or error}") from error

    @staticmethod
    def _require(path: Path, columns: CandleColumns, name: SeriesName) -> None:
        if (columns.symbol, columns.interval_ms) != (name.symbol, INTERVALS_MS[name.interval]):
            raise CandleFileError(f"{path}: holds candles of {columns.symbol} of {columns.interval_ms} ms; it was moved here")

    def _what_there_is(self, name: SeriesName, start_ms: int, end_ms: int) -> str:
        spans = self.covered(name)
        if spans:
            asked = f"from {date_text(start_ms)}" + (f" to {date_text(end_ms)}" if end_ms != END_OF_TIME_MS else "")
            kept = f"from {date_text(spans[0].start_ms)} to {date_text(spans[-1].end_ms)}"
            return f"{self.folder}: no {name} candles {asked}; there are some {kept}"
        known = ", ".join(map(str, self.series()))
        return f"{self.folder}: no {name} candles; " + (f"there are {known}" if known else "nothing is kept there")


def month_of(path: Path) -> Month:
    """The month that a file is named after; CandleFileError for another name."""
    try:
        return Month.named(path.stem)
    except ValueError:
        raise CandleFileError(f"{path}: expected a name such as 2025-01{SUFFIX}") from None


def _united(path: Path, kept: CandleColumns, added: CandleColumns) -> CandleColumns:
    """Both, each open time once; CandleFileError when two candles of one time differ."""
    if not len(added):
        return kept
    if not len(kept):
        return added
    pair = joined([kept[:0], added]), joined([added[:0], kept])
    table = np.concatenate([columns.table for columns in pair], axis=1)
    order = np.argsort(table[Row.OPEN_TIME], kind="stable")
    table = table[:, order]
    again = np.diff(table[Row.OPEN_TIME]) == 0
    differs = np.flatnonzero(again & (np.diff(table, axis=1) != 0).any(axis=0))
    if len(differs):
        time_ms = int(table[Row.OPEN_TIME, differs[0]])
        found = f"{counted(len(differs), 'candle')} {named(len(differs), 'differs', 'differ')} from those that are to be added"
        raise CandleFileError(f"{path}: {found}, the first opens at {time_ms}; delete the file to replace it")
    return CandleColumns(kept.symbol, kept.interval_ms, pair[0].decimals, table[:, np.concatenate([[True], ~again])])
