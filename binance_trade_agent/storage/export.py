"""Export: the book's tables as JSON, JSON lines or CSV, oldest row first, read in bounded chunks.

Amounts are strings in JSON, because a reader that takes them for floats would change them.
"""

import csv
import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TextIO

from binance_trade_agent.storage.database import SqlDatabase

ROWS_A_CHUNK = 1_000
_BEFORE_ALL = -1  # ids count from 1, and times (which are keys too) from 0
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

Value = str | int | float | None
Row = Mapping[str, Value]


class ExportTable(StrEnum):
    """What can be exported."""

    DECISIONS = "decisions"
    ORDERS = "orders"
    FILLS = "fills"
    LEDGER = "ledger"
    EQUITY = "equity"
    POSITIONS = "positions"


class ExportFormat(StrEnum):
    """How it is written: one JSON array, one JSON object a line, or comma-separated with a header row."""

    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class _Query:
    """`rows` takes the key that came last and a limit, `start` the number of newest rows wanted; the key is the first column."""

    rows: str
    start: str
    text: frozenset[str]


async def export(database: SqlDatabase, table: ExportTable, fmt: ExportFormat, out: TextIO, limit: int | None = None) -> int:
    """Write the newest `limit` rows of `table` (all of them when None) to `out` and return how many there were.

    Chunks of ROWS_A_CHUNK rows are read one by one, so an export of any size holds the book for moments only, and shows
    rows that are added meanwhile. Raises BookError.
    """
    if limit is not None and limit < 0:
        raise ValueError(f"a limit is not negative: {limit}")
    query = _QUERIES[table]
    columns, last_key = await database.read(partial(_start, query=query, limit=limit))
    writer = _WRITERS[fmt](out, columns, query.text)
    writer.begin()
    count = 0
    while limit is None or count < limit:
        size = ROWS_A_CHUNK if limit is None else min(ROWS_A_CHUNK, limit - count)
        chunk = await database.read(partial(_chunk, query=query, last_key=last_key, size=size))
        for key, *values in chunk:
            last_key = key
            writer.row(dict(zip(columns, values, strict=True)))
        count += len(chunk)
        if len(chunk) < size:
            break
    writer.end()
    return count


def _start(connection: sqlite3.Connection, query: _Query, limit: int | None) -> tuple[tuple[str, ...], int]:
    """The names of the columns, and the key before the first row wanted."""
    cursor = connection.execute(query.rows, (_BEFORE_ALL, 0))
    columns = tuple(column[0] for column in cursor.description[1:])
    before = None if limit is None else connection.execute(query.start, (limit,)).fetchone()[0]
    return columns, _BEFORE_ALL if before is None else int(before)


def _chunk(connection: sqlite3.Connection, query: _Query, last_key: int, size: int) -> list[tuple[int, ...]]:
    return [tuple(row) for row in connection.execute(query.rows, (last_key, size))]


class _Writer:
    """Writes rows one by one between a beginning and an end."""

    def __init__(self, out: TextIO, columns: tuple[str, ...], text: frozenset[str]) -> None:
        self._out = out
        self._columns = columns
        self._text = text

    def begin(self) -> None:
        """Write what stands before the first row."""

    def row(self, row: Row) -> None:
        """Write one row."""
        self._out.write(_json(row) + "\n")

    def end(self) -> None:
        """Write what stands after the last row."""


class _JsonArrayWriter(_Writer):
    _separator = "[\n"

    def row(self, row: Row) -> None:
        self._out.write(self._separator + _json(row))
        self._separator = ",\n"

    def end(self) -> None:
        self._out.write("[]\n" if self._separator == "[\n" else "\n]\n")


class _CsvWriter(_Writer):
    def begin(self) -> None:
        self._csv = csv.writer(self._out, lineterminator="\n")
        self._csv.writerow(self._columns)

    def row(self, row: Row) -> None:
        self._csv.writerow(_guarded(value) if name in self._text else value for name, value in row.items())


def _guarded(value: Value) -> Value:
    """Text that a spreadsheet would run as a formula gets an apostrophe before it; numbers are left alone."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def _json(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False, allow_nan=False)


_WRITERS: Mapping[ExportFormat, Callable[[TextIO, tuple[str, ...], frozenset[str]], _Writer]] = {
    ExportFormat.JSON: _JsonArrayWriter,
    ExportFormat.JSONL: _Writer,
    ExportFormat.CSV: _CsvWriter,
}

_QUERIES: Mapping[ExportTable, _Query] = {
    ExportTable.DECISIONS: _Query(
        """SELECT id, time_ms, symbol, correlation_id, verdict, explanation, price, strategy, action, confidence, indicators, refused_by,
            client_order_id, outcome, error, execution_duration_ms, market_ms, signal_ms, risk_ms, execution_ms, book_ms
            FROM decisions WHERE id > ? ORDER BY id LIMIT ?""",
        "SELECT min(id) - 1 FROM (SELECT id FROM decisions ORDER BY id DESC LIMIT ?)",
        frozenset(
            {"symbol", "correlation_id", "verdict", "explanation", "strategy", "action", "indicators", "refused_by"}
            | {"client_order_id", "outcome", "error"}
        ),
    ),
    ExportTable.ORDERS: _Query(
        """SELECT sequence, client_order_id, symbol, side, type, purpose, quantity, reference_price, price, time_in_force, created_ms,
            correlation_id, reason, reserved_quote, send_deadline_ms, state, order_id, executed_quantity, updated_ms,
            stop_price, list_id FROM orders WHERE sequence > ? ORDER BY sequence LIMIT ?""",
        "SELECT min(sequence) - 1 FROM (SELECT sequence FROM orders ORDER BY sequence DESC LIMIT ?)",
        frozenset(
            {"client_order_id", "symbol", "side", "type", "purpose", "time_in_force", "correlation_id", "reason", "state", "list_id"}
        ),
    ),
    ExportTable.FILLS: _Query(
        """SELECT id, symbol, trade_id, order_id, client_order_id, side, price, quantity, quote_quantity, commission, commission_asset,
            time_ms, is_maker FROM fills WHERE id > ? ORDER BY id LIMIT ?""",
        "SELECT min(id) - 1 FROM (SELECT id FROM fills ORDER BY id DESC LIMIT ?)",
        frozenset({"symbol", "client_order_id", "side", "commission_asset"}),
    ),
    ExportTable.LEDGER: _Query(
        """SELECT p.id, t.id AS transaction_id, t.kind, t.reference, t.time_ms, p.account, p.asset, p.amount
            FROM ledger_postings p JOIN ledger_transactions t ON t.id = p.transaction_id WHERE p.id > ? ORDER BY p.id LIMIT ?""",
        "SELECT min(id) - 1 FROM (SELECT id FROM ledger_postings ORDER BY id DESC LIMIT ?)",
        frozenset({"kind", "reference", "account", "asset"}),
    ),
    ExportTable.EQUITY: _Query(
        """SELECT time_ms AS key, time_ms, equity, cash, exposure, realized, unrealized
            FROM equity_points WHERE time_ms > ? ORDER BY time_ms LIMIT ?""",
        "SELECT min(time_ms) - 1 FROM (SELECT time_ms FROM equity_points ORDER BY time_ms DESC LIMIT ?)",
        frozenset(),
    ),
    ExportTable.POSITIONS: _Query(
        """SELECT id, symbol, base_asset, quote_asset, quantity, cost, realized, opened_ms, updated_ms
            FROM positions WHERE id > ? ORDER BY id LIMIT ?""",
        "SELECT min(id) - 1 FROM (SELECT id FROM positions ORDER BY id DESC LIMIT ?)",
        frozenset({"symbol", "base_asset", "quote_asset"}),
    ),
}
