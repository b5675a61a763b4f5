"""Kline files as histories: whole columns are read and checked at once, and whatever is not plain goes through the strict reader.

A year of 1-minute candles takes a second or so. A file that this way does not take is read again row by row, which either gives the
same history or the error that names the line, so both ways know one set of rules.
"""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from binance_trade_agent.domain.candle_columns import PRICES, QUOTE_VOLUMES, VOLUMES, CandleColumns, Decimals, IntColumn, IntTable, Row
from binance_trade_agent.domain.candle_intervals import INTERVALS_MS, grid_offset_ms
from binance_trade_agent.domain.errors import CandleFileError
from binance_trade_agent.simulation.markets.candle_files import KIND, MAX_FILE_BYTES, candles_of
from binance_trade_agent.simulation.markets.exact_candles import columns_of
from binance_trade_agent.simulation.markets.recorded_files import LEAST_MICROSECONDS, content_of

_DECIMALS = 8
"""Of every amount that Binance publishes, at most."""

_DIGITS = 30
_CLOSE_TIME = "close_time"
_HEADER = b"open_time"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class _NotPlainError(Exception):
    """A file that the quick way does not take; nothing is wrong with it yet."""


def history_in(path: Path, symbol: str, interval: str) -> CandleColumns:
    """The candles of one .csv or .zip file, at least one; CandleFileError, naming file and line, for one that cannot be trusted."""
    try:
        return _plain_history(content_of(path, KIND, MAX_FILE_BYTES), symbol, INTERVALS_MS[interval])
    except (_NotPlainError, pa.ArrowException):
        pass
    candles = {candle.open_time_ms: candle for _, candle in candles_of(path, INTERVALS_MS[interval])}
    if not candles:
        raise CandleFileError(f"{path}: holds no candles")
    return columns_of(symbol, INTERVALS_MS[interval], tuple(candles.values()))


def _plain_history(content: bytes, symbol: str, interval_ms: int) -> CandleColumns:
    rows = _table(content.removeprefix(_BYTE_ORDER_MARK))
    table = np.empty((len(Row), rows.num_rows), dtype=np.int64)
    for row in Row:
        table[row] = _whole_numbers(rows.column(row.name))
    close_times = _whole_numbers(rows.column(_CLOSE_TIME))
    table[Row.OPEN_TIME], close_times = _milliseconds(table[Row.OPEN_TIME]), _milliseconds(close_times)
    _require_times(table[Row.OPEN_TIME], close_times, interval_ms)
    table = _without_repetition(table)
    decimals = Decimals(*(_shortened(table, group) for group in (PRICES, VOLUMES, QUOTE_VOLUMES)))
    columns = CandleColumns(symbol, interval_ms, decimals, table)
    if not columns.sound().all():
        raise _NotPlainError
    return columns


def _kinds() -> dict[str, pa.DataType]:
    """The columns of a kline file in their order."""
    amount = pa.decimal128(_DIGITS, _DECIMALS)
    return {
        Row.OPEN_TIME.name: pa.int64(),
        **{row.name: amount for row in (*PRICES, Row.VOLUME)},
        _CLOSE_TIME: pa.int64(),
        Row.QUOTE_VOLUME.name: amount,
        Row.TRADES.name: pa.int64(),
        Row.TAKER_BUY_VOLUME.name: amount,
        Row.TAKER_BUY_QUOTE_VOLUME.name: amount,
        "ignored": pa.string(),
    }


def _table(content: bytes) -> pa.Table:
    """The rows without their header, each column of its type; ArrowInvalid when one is not."""
    kinds = _kinds()
    has_header = content[: len(_HEADER)].lower().replace(b" ", b"_") == _HEADER
    return csv.read_csv(
        io.BytesIO(content),
        read_options=csv.ReadOptions(column_names=list(kinds), skip_rows=int(has_header), use_threads=False, encoding="utf8"),
        parse_options=csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(column_types=kinds, null_values=[], strings_can_be_null=False, check_utf8=True),
    ).combine_chunks()


def _whole_numbers(column: pa.ChunkedArray) -> IntColumn:
    if column.null_count or column.num_chunks != 1:
        raise _NotPlainError
    chunk = column.chunk(0)
    width = chunk.type.byte_width // 8
    halves = np.frombuffer(chunk.buffers()[1], dtype="<i8")[chunk.offset * width : (chunk.offset + len(chunk)) * width]
    low: IntColumn = halves[::width]
    if width > 1 and (halves[1::2] != low >> 63).any():
        raise _NotPlainError  # larger than 63 bits in these decimals; fewer may do
    return low


def _milliseconds(times: IntColumn) -> IntColumn:
    return np.where(times >= LEAST_MICROSECONDS, times // 1000, times)


def _require_times(opens: IntColumn, close_times: IntColumn, interval_ms: int) -> None:
    """The strict reader's rules of time, all rows at once."""
    fits = (opens >= 0) & (close_times == opens + (interval_ms - 1)) & ((opens - grid_offset_ms(interval_ms)) % interval_ms == 0)
    if not len(opens) or not fits.all() or (np.diff(opens) < 0).any():
        raise _NotPlainError


def _without_repetition(table: IntTable) -> IntTable:
    """Each row once; rows of one time must be equal."""
    again = np.diff(table[Row.OPEN_TIME]) == 0
    if not again.any():
        return table
    if (again & (np.diff(table, axis=1) != 0).any(axis=0)).any():
        raise _NotPlainError
    return table[:, np.concatenate([[True], ~again])]


def _shortened(table: IntTable, group: tuple[Row, ...]) -> int:
    """How many decimals the rows of `group` need together; they are divided, in place, by what is too much."""
    decimals = _DECIMALS
    rows = list(group)
    while decimals and not (table[rows] % 10).any():
        table[rows] //= 10
        decimals -= 1
    return decimals
