"""What a candle store holds and whether it is sound: totals, holes, and every figure against the rules that candles keep."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from binance_trade_agent.domain.candle_columns import IntColumn
from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.errors import CandleFileError
from binance_trade_agent.storage.candles.calendar import Span, missing_spans
from binance_trade_agent.storage.candles.parquet_file import StoredMonth, read_coverage, read_month, read_open_times
from binance_trade_agent.storage.candles.store import CandleStore, SeriesName, month_of


@dataclass(frozen=True, slots=True)
class Hole:
    """Candles that are missing between two that are there; `was_fetched` when their source has none, else nobody has asked it."""

    after_open_ms: int
    candles: int
    was_fetched: bool


@dataclass(frozen=True, slots=True)
class Holding:
    """One history of a store; times are those of its first and last candle, None when it has none."""

    name: SeriesName
    candles: int
    first_open_ms: int | None
    last_open_ms: int | None
    holes: tuple[Hole, ...]
    files: int
    size_bytes: int

    @property
    def missing(self) -> int:
        """How many candles are missing in the holes."""
        return sum(hole.candles for hole in self.holes)


@dataclass(frozen=True, slots=True)
class Contents:
    """The histories of a store whose times can be read, and one text for each file of the others that cannot be."""

    histories: tuple[Holding, ...]
    faults: tuple[str, ...]


def contents(store: CandleStore) -> Contents:
    """Everything that a store holds; only times are read."""
    found: list[Holding] = []
    faults: list[str] = []
    for name in store.series():
        try:
            found.append(_holding(store, name))
        except CandleFileError as error:
            faults += _faults_of_times(store, name) or (str(error),)
    return Contents(tuple(found), tuple(faults))


def faults_of(store: CandleStore, name: SeriesName) -> tuple[str, ...]:
    """What is wrong with the files of one history, one text for each file; every figure is read."""
    return _faults(store.files(name), lambda path: _require_sound(path, read_month(path, check_digest=True), name))


def _faults_of_times(store: CandleStore, name: SeriesName) -> tuple[str, ...]:
    def require_times(path: Path) -> None:
        month_of(path)
        read_coverage(path)
        read_open_times(path)

    return _faults(store.files(name), require_times)


def _faults(paths: Iterable[Path], require: Callable[[Path], None]) -> tuple[str, ...]:
    """What `require` has against each of `paths`."""
    faults = []
    for path in paths:
        try:
            require(path)
        except CandleFileError as error:
            faults.append(str(error))
    return tuple(faults)


def _holding(store: CandleStore, name: SeriesName) -> Holding:
    times = store.open_times(name)
    files = store.files(name)
    return Holding(
        name=name,
        candles=len(times),
        first_open_ms=int(times[0]) if len(times) else None,
        last_open_ms=int(times[-1]) if len(times) else None,
        holes=_holes(times, INTERVALS_MS[name.interval], store.covered(name)),
        files=len(files),
        size_bytes=sum(path.stat().st_size for path in files),
    )


def _holes(times: IntColumn, interval_ms: int, covered: tuple[Span, ...]) -> tuple[Hole, ...]:
    steps = np.diff(times)
    found = []
    for place in np.flatnonzero(steps > interval_ms).tolist():
        before_ms, after_ms = int(times[place]), int(times[place + 1])
        never_asked = missing_spans(Span(before_ms + interval_ms, after_ms), covered)
        found.append(Hole(before_ms, int(steps[place]) // interval_ms - 1, not never_asked))
    return tuple(found)


def _require_sound(path: Path, month: StoredMonth, name: SeriesName) -> None:
    columns, span = month.columns, month_of(path).span
    if (columns.symbol, columns.interval_ms) != (name.symbol, INTERVALS_MS[name.interval]):
        raise CandleFileError(f"{path}: holds candles of {columns.symbol} of {columns.interval_ms} ms; it was moved here")
    times = columns.open_times
    if len(times) and not (span.start_ms <= int(times[0]) and int(times[-1]) < span.end_ms and (np.diff(times) > 0).all()):
        raise CandleFileError(f"{path}: its candles are not in order, or not of that month")
    unsound = np.flatnonzero(~columns.sound())
    if len(unsound):
        what = f"{counted(len(unsound), 'candle does', 'candles do')} not add up"
        raise CandleFileError(f"{path}: {what}, the first opens at {int(times[unsound[0]])}")
