"""Import of kline files that are here already, singly or in whole trees of folders, into a candle store."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from binance_trade_agent.backtest.candles.kline_files import history_in
from binance_trade_agent.domain.candle_columns import CandleColumns
from binance_trade_agent.domain.errors import CandleFileError
from binance_trade_agent.simulation.markets.candle_files import KIND, NamedFile, named_file
from binance_trade_agent.simulation.markets.recorded_files import found_files
from binance_trade_agent.storage.candles.calendar import Span
from binance_trade_agent.storage.candles.store import CandleStore

CHECKSUM_SUFFIX = ".CHECKSUM"
LONGEST_CHECKSUM = 1_000
"""Bytes of a .CHECKSUM file that are read; it has one line."""

_PATTERNS = ("*.csv", "*.zip")


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import: files read, how many of them had a checksum beside them, and the candles in them."""

    files: int
    verified: int
    candles: int


def files_in(locations: Iterable[Path]) -> tuple[NamedFile, ...]:
    """Every kline file at `locations`, which are files or folders of whatever depth, by symbol, interval and name.

    Raises CandleFileError for a location without any, and for a name that does not say symbol and interval.
    """
    found = []
    for location in locations:
        paths = [path for pattern in _PATTERNS for path in location.rglob(pattern) if path.is_file()] if location.is_dir() else []
        found += [named_file(path) for path in paths or found_files(location, KIND)]
    return tuple(sorted(found, key=lambda file: (file.symbol, file.interval, file.path.name)))


def import_files(store: CandleStore, files: Iterable[NamedFile], show: Callable[[NamedFile], None]) -> Imported:
    """Add what the files hold to `store`; `show` is told each file when it is in.

    A file may be imported again. Each is checked whole before anything of it is kept, by the checksum beside it too where there is one.
    What is missing between its candles the store still lacks: a file does not say whether its source had none.
    Raises CandleFileError, naming file and line, for the first that cannot be trusted or contradicts what is kept; files before it stay.
    """
    count = verified = candles = 0
    with store.writing():
        for file in files:
            verified += _is_verified(file.path)
            columns = history_in(file.path, file.symbol, file.interval)
            try:
                store.add(columns, *_stretches(columns))
            except CandleFileError as error:
                raise CandleFileError(f"{file.path}: not imported; {error}") from error
            count, candles = count + 1, candles + len(columns)
            show(file)
    return Imported(count, verified, candles)


def require_checksum(digest: str, told: bytes, name: str) -> None:
    """Raise CandleFileError unless `told`, the text of a .CHECKSUM file, gives the SHA-256 `digest`.

    Source: README of Binance's public data repository, "CHECKSUM": digest, two spaces, name of the file.
    """
    if told.split()[:1] != [digest.encode("ascii")]:
        raise CandleFileError(f"{name}: its checksum is not the one that was published with it")


def _stretches(columns: CandleColumns) -> list[Span]:
    """The time that candles follow each other in without a hole, oldest first."""
    opens, interval_ms = columns.open_times, columns.interval_ms
    begins = np.flatnonzero(np.diff(opens, prepend=opens[0] - 2 * interval_ms) > interval_ms)
    firsts, lasts = opens[begins].tolist(), opens[np.append(begins[1:], len(opens)) - 1].tolist()
    return [Span(first_ms, last_ms + interval_ms) for first_ms, last_ms in zip(firsts, lasts, strict=True)]


def _is_verified(path: Path) -> bool:
    checksum = path.with_name(path.name + CHECKSUM_SUFFIX)
    if not checksum.is_file():
        return False
    try:
        with path.open("rb") as file, checksum.open("rb") as told:
            require_checksum(hashlib.file_digest(file, "sha256").hexdigest(), told.read(LONGEST_CHECKSUM), str(path))
    except OSError as error:
        raise CandleFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    return True
