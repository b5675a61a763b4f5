"""Held symbols: what a book that may be in use has a position or an open order in, read before anything else of it is opened."""

import sqlite3
from contextlib import closing
from pathlib import Path

from binance_trade_agent.domain.money import money
from binance_trade_agent.domain.order import OrderState
from binance_trade_agent.storage.faults import book_error
from binance_trade_agent.storage.migrations import refuse_unknown, schema_version
from binance_trade_agent.storage.sqlite_file import open_reader


def held_symbols(path: Path) -> frozenset[str]:
    """Symbols with a position, or with an order that has not ended; none where there is no book yet.

    Raises BookError for a file that cannot be read or is no book.
    """
    if not path.is_file():
        return frozenset()
    try:
        with closing(open_reader(str(path))) as connection:
            connection.execute("BEGIN")  # both questions see one moment of the book
            refuse_unknown(connection, str(path))
            return _held(connection) if schema_version(connection) else frozenset()
    except sqlite3.Error as error:
        raise book_error(error, f"reading {path}") from error


def _held(connection: sqlite3.Connection) -> frozenset[str]:
    """Read the same in every version of the schema."""
    positions = {row["symbol"] for row in connection.execute("SELECT symbol, quantity FROM positions") if money(row["quantity"])}
    for state in OrderState:
        if not state.is_terminal:
            positions.update(row["symbol"] for row in connection.execute("SELECT symbol FROM orders WHERE state = ?", (state.value,)))
    return frozenset(positions)
