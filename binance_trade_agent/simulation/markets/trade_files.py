"""Trade files: reads recorded trades from Binance's public trades and aggTrades files and refuses whatever it cannot trust.

Taken are .csv files and .zip files that hold one .csv, with a header row or none, times in milliseconds or microseconds (Spot files
since 2025), any number of files per symbol, named SYMBOL-trades-anything or SYMBOL-aggTrades-anything. Nothing is repaired: a hole in the
numbers stays one, and a row that does not add up is an error that names file and line.
"""

import re
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from binance_trade_agent.domain.errors import TradeFileError
from binance_trade_agent.simulation.markets.candle_rows import Column
from binance_trade_agent.simulation.markets.recorded_files import FileKind, found_files, milliseconds, rows_of

MAX_FILE_BYTES = 1024 * 1024 * 1024
"""The most that one file may hold once it is unpacked."""

MOST_ROWS = 5_000_000
"""Rows of all files together; they are kept in columns of about 80 bytes a row."""

UNIT = Decimal("1e-8")
"""Prices and quantities are kept in so many parts: the files have eight decimals."""


class TradeKind(StrEnum):
    """What a row of a file is: one trade, or all that one taker traded at one price at once."""

    SINGLE = "trades"
    AGGREGATE = "aggTrades"


@dataclass(frozen=True, slots=True)
class TradeRows:
    """Rows of one symbol, oldest first and each id once: trades from `first_ids` on, prices and quantities in UNITs."""

    kind: TradeKind
    ids: Column
    first_ids: Column
    counts: Column
    times_ms: Column
    prices: Column
    quantities: Column
    is_buyer_maker: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)


_KIND = FileKind(
    "trade", "BTCUSDT-aggTrades-2025-01-01", TradeFileError, frozenset({"id", "trade_id", "agg_trade_id", "aggregate_trade_id"})
)
_FILE_NAME = re.compile(r"(?P<symbol>[A-Z0-9]+)-(?P<kind>trades|aggTrades)-.+\.(csv|zip)")
_COLUMNS: Mapping[TradeKind, tuple[str, frozenset[int]]] = {
    TradeKind.SINGLE: ("id, price, quantity, quote quantity, time, is buyer maker, is best match", frozenset({6, 7})),
    TradeKind.AGGREGATE: ("id, price, quantity, first trade id, last trade id, time, is buyer maker, is best match", frozenset({7, 8})),
}
_TRUTHS = {"true": True, "false": False}
_DECIMALS = 8
_MOST_UNITS = (1 << 63) - 1


class _RowError(Exception):
    """A row that is no trade; the text says what was expected."""


def load_trades(location: Path) -> Mapping[str, TradeRows]:
    """The trades by symbol of one file, or of all .csv and .zip files right inside a folder; each symbol has at least one.

    Raises TradeFileError naming file, line and what was expected.
    """
    named = sorted((*_named(path), path) for path in found_files(location, _KIND))
    by_symbol: dict[str, TradeRows] = {}
    room = MOST_ROWS
    for symbol, files in groupby(named, key=lambda entry: entry[0]):
        parts = []
        for _, kind, path in files:
            parts.append((path, _read(path, kind, room)))
            room -= len(parts[-1][1])
        by_symbol[symbol] = _merged(parts)
    return by_symbol


def _named(path: Path) -> tuple[str, TradeKind]:
    match = _FILE_NAME.fullmatch(path.name)
    if match is None:
        raise TradeFileError(
            f"{path}: the name must be SYMBOL-trades-anything or SYMBOL-aggTrades-anything, .csv or .zip, such as {_KIND.example}.zip"
        )
    return match["symbol"], TradeKind(match["kind"])


def _read(path: Path, kind: TradeKind, room: int) -> TradeRows:
    columns = tuple(array("q") for _ in range(7))
    newest_id, newest_ms = -1, -1
    names, widths = _COLUMNS[kind]
    for line, row in rows_of(path, _KIND, MAX_FILE_BYTES):
        try:
            if len(row) not in widths:
                raise _RowError(f"expected the columns {names}, found {len(row)}")
            values = _single(row) if kind is TradeKind.SINGLE else _aggregate(row)
            if values[0] <= newest_id or values[3] < newest_ms:
                raise _RowError(f"id {values[0]} or its time {values[3]} is not after that of the row above, {newest_id} at {newest_ms}")
        except _RowError as error:
            raise TradeFileError(f"{path}:{line}: {error}") from None
        except (ValueError, ArithmeticError):
            raise TradeFileError(f"{path}:{line}: expected {names}, found {','.join(row)[:120]!r}") from None
        newest_id, newest_ms = values[0], values[3]
        for column, value in zip(columns, values, strict=True):
            column.append(value)
        if len(columns[0]) > room:
            raise TradeFileError(f"{path}:{line}: more than {MOST_ROWS} trades in all files; play fewer files at once")
    if not columns[0]:
        raise TradeFileError(f"{path}: holds no trades")
    ids, first_ids, counts, times_ms, prices, quantities, sold = (np.frombuffer(column, np.int64) for column in columns)
    return TradeRows(kind, ids, first_ids, counts, times_ms, prices, quantities, sold.astype(np.bool_))


def _single(row: list[str]) -> tuple[int, ...]:
    trade_id = _number(row[0])
    return trade_id, trade_id, 1, milliseconds(row[4]), _units("price", row[1]), _units("quantity", row[2]), _truth(row[5])


def _aggregate(row: list[str]) -> tuple[int, ...]:
    first, last = _number(row[3]), _number(row[4])
    if last < first:
        raise _RowError(f"expected a last trade id that is not before the first, found {first} and {last}")
    price, quantity = _units("price", row[1]), _units("quantity", row[2])
    return _number(row[0]), first, last - first + 1, milliseconds(row[5]), price, quantity, _truth(row[6])


def _number(text: str) -> int:
    value = int(text)
    if value < 0:
        raise _RowError(f"expected an id of 0 or more, found {text}")
    return value


def _truth(text: str) -> bool:
    value = _TRUTHS.get(text.strip().lower())
    if value is None:
        raise _RowError(f"expected true or false for who was the maker, found {text!r}")
    return value


def _units(name: str, text: str) -> int:
    whole, _, fraction = text.partition(".")
    if whole.isdecimal() and len(fraction) <= _DECIMALS and (fraction.isdecimal() or not fraction):
        value = int(whole + fraction.ljust(_DECIMALS, "0"))
    else:
        exact = Decimal(text) / UNIT
        if not exact.is_finite():
            raise ValueError(text)
        if exact != exact.to_integral_value():
            raise _RowError(f"expected a {name} of at most {_DECIMALS} decimals, found {text}")
        value = int(exact)
    if not 0 < value <= _MOST_UNITS:
        raise _RowError(f"expected a {name} above 0 that a signed 64-bit count of {UNIT} can hold, found {text}")
    return value


def _merged(parts: Iterable[tuple[Path, TradeRows]]) -> TradeRows:
    """All rows of one symbol, by id. Equal rows of several files count once, different ones of the same id are an error."""
    ordered = sorted(parts, key=lambda part: int(part[1].ids[0]))
    path, merged = ordered[0]
    for next_path, rows in ordered[1:]:
        if rows.kind is not merged.kind:
            raise TradeFileError(f"{next_path}: {rows.kind} beside the {merged.kind} of {path.name}; expected one kind for each symbol")
        merged = _joined(merged, rows, next_path)
    return merged


def _joined(older: TradeRows, newer: TradeRows, path: Path) -> TradeRows:
    names = ("ids", "first_ids", "counts", "times_ms", "prices", "quantities", "is_buyer_maker")
    columns = [np.concatenate([getattr(older, name), getattr(newer, name)]) for name in names]
    order = np.argsort(columns[0], kind="stable")
    columns = [column[order] for column in columns]
    again = np.flatnonzero(columns[0][1:] == columns[0][:-1])
    for column in columns:
        different = again[column[again] != column[again + 1]]
        if len(different):
            raise TradeFileError(f"{path}: trade {columns[0][different[0]]} differs from the trade of the same id in another file")
    if np.any(columns[3][1:] < columns[3][:-1]):
        raise TradeFileError(f"{path}: its trades lie between those of another file by id, but not by time")
    kept = np.delete(np.arange(len(order)), again)
    return TradeRows(older.kind, *(column[kept] for column in columns))
