"""One file of candles as Parquet: a month of one symbol and interval, with what of the month was fetched; needs the extra `backtest`.

Prices and volumes are Parquet decimals that are stored as 64-bit integers, times are UTC timestamps in milliseconds, so that any program
that reads Parquet sees exact figures. What only this project knows stands in the file's metadata, so that both change in one step.
"""

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from binance_trade_agent.domain.candle_columns import CandleColumns, Decimals, IntColumn, IntTable, Row
from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.domain.errors import CandleFileError, CandleStoreError
from binance_trade_agent.storage.candles.calendar import Span

_NOTE_KEY = b"candle_history"
_NOTE_VERSION = 1
_DIGITS_OF_64_BITS = 18
"""More digits than this, and Parquet no longer stores a decimal as an integer; 63 bits can hold one more."""


@dataclass(frozen=True, slots=True)
class StoredMonth:
    """What one file holds: candles, and the stretches of time that they are all the candles of."""

    columns: CandleColumns
    covered: tuple[Span, ...]


class _Note(msgspec.Struct, frozen=True):
    """What stands in the file's metadata; `digest` is that of the figures."""

    version: int
    symbol: str
    interval: str
    covered: list[tuple[int, int]]
    digest: str


def write_month(path: Path, month: StoredMonth) -> None:
    """Write the file in one step: a reader, and whoever comes after a crash, finds the old one or the new one, whole.

    Raises CandleStoreError when it cannot be written.
    """
    columns = month.columns
    interval = next(name for name, length_ms in INTERVALS_MS.items() if length_ms == columns.interval_ms)
    covered = [(span.start_ms, span.end_ms) for span in month.covered]
    note = _Note(_NOTE_VERSION, columns.symbol, interval, covered, digest_of(month))
    table = _arrow(columns).replace_schema_metadata({_NOTE_KEY: msgspec.json.encode(note)})
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            pq.write_table(table, file, compression="zstd", use_dictionary=False, store_decimal_as_integer=True, write_page_checksum=True)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise CandleStoreError.at(path, error) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def read_month(path: Path, *, check_digest: bool = False) -> StoredMonth:
    """What a file holds; the checksum of each page is always checked, the digest of all figures when asked.

    Raises CandleFileError naming the file for one that is damaged or none of ours.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            note = _note(path, file.schema_arrow.metadata)
            table = file.read(use_threads=False)
        columns = _columns(note, table)
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError, AttributeError) as error:
        raise CandleFileError(f"{path}: not a readable candle file: {error}") from error
    month = StoredMonth(columns, _spans(note))
    if check_digest and digest_of(month) != note.digest:
        raise CandleFileError(f"{path}: its figures are not those that were written to it; delete it and fetch it again")
    return month


def read_coverage(path: Path) -> tuple[Span, ...]:
    """Only the stretches of time whose candles a file has, without reading them."""
    try:
        metadata = pq.read_schema(path).metadata
    except (OSError, pa.ArrowException, ValueError) as error:
        raise CandleFileError(f"{path}: not a readable candle file: {error}") from error
    return _spans(_note(path, metadata))


def read_open_times(path: Path) -> IntColumn:
    """Only when the candles of a file open."""
    try:
        table = pq.read_table(path, columns=[Row.OPEN_TIME.name.lower()], use_threads=False, partitioning=None)
        return _whole_numbers(table.combine_chunks().column(0))
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise CandleFileError(f"{path}: not a readable candle file: {error}") from error


def digest_of(month: StoredMonth) -> str:
    """SHA-256 of figures, decimals and coverage, as hexadecimal digits."""
    columns, decimals = month.columns, month.columns.decimals
    covered = [(span.start_ms, span.end_ms) for span in month.covered]
    digest = hashlib.sha256(f"{decimals.price} {decimals.volume} {decimals.quote} {covered}\n".encode("ascii"))
    digest.update(np.ascontiguousarray(columns.table, dtype="<i8").data)
    return digest.hexdigest()


def _spans(note: _Note) -> tuple[Span, ...]:
    return tuple(Span(start_ms, end_ms) for start_ms, end_ms in note.covered)


def _note(path: Path, metadata: dict[bytes, bytes] | None) -> _Note:
    raw = (metadata or {}).get(_NOTE_KEY)
    if raw is None:
        raise CandleFileError(f"{path}: a Parquet file, but not one of a candle store; import candles from CSV or zip files")
    try:
        note = msgspec.json.decode(raw, type=_Note)
    except msgspec.MsgspecError as error:
        raise CandleFileError(f"{path}: not a readable candle file: {error}") from error
    if note.version != _NOTE_VERSION or note.interval not in INTERVALS_MS:
        raise CandleFileError(f"{path}: version {note.version}, interval {note.interval}; this program reads version {_NOTE_VERSION}")
    return note


def _arrow(columns: CandleColumns) -> pa.Table:
    arrays = {}
    for row in Row:
        figures = np.ascontiguousarray(columns.column(row))
        if row is Row.OPEN_TIME:
            arrays[row.name.lower()] = pa.array(figures, pa.timestamp("ms", tz="UTC"))
        elif row is Row.TRADES:
            arrays[row.name.lower()] = pa.array(figures, pa.int64())
        else:
            arrays[row.name.lower()] = _decimal_array(figures, columns.decimals.of(row))
    return pa.table(arrays)


def _decimal_array(figures: IntColumn, decimals: int) -> pa.Array:
    """Whole numbers as decimals of 128 bits, the only kind that Arrow reads back from Parquet: low half, then the sign over and over."""
    halves = np.empty((len(figures), 2), dtype="<i8")
    halves[:, 0] = figures
    halves[:, 1] = figures >> 63
    fits = not len(figures) or int(figures.max()) < 10**_DIGITS_OF_64_BITS
    kind = pa.decimal128(_DIGITS_OF_64_BITS if fits else _DIGITS_OF_64_BITS + 1, decimals)
    return pa.Array.from_buffers(kind, len(figures), [None, pa.py_buffer(halves)])


def _columns(note: _Note, table: pa.Table) -> CandleColumns:
    filled: IntTable = np.empty((len(Row), table.num_rows), dtype=np.int64)
    for row in Row:
        filled[row] = _whole_numbers(table.column(row.name.lower()))
    decimals = (table.schema.field(row.name.lower()).type.scale for row in (Row.CLOSE, Row.VOLUME, Row.QUOTE_VOLUME))
    return CandleColumns(note.symbol, INTERVALS_MS[note.interval], Decimals(*decimals), filled)


def _whole_numbers(column: pa.ChunkedArray) -> IntColumn:
    """The figures of a column of 64-bit integers, timestamps, or decimals that fit into 63 bits."""
    if column.null_count:
        raise ValueError("a figure is missing")
    return np.concatenate([np.empty(0, dtype=np.int64), *map(_figures, column.chunks)])


def _figures(chunk: pa.Array) -> IntColumn:
    width = chunk.type.byte_width // 8
    numbers = np.frombuffer(chunk.buffers()[1], dtype="<i8")
    return numbers[chunk.offset * width : (chunk.offset + len(chunk)) * width : width]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
