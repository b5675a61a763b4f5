"""Books that released versions made open in this one: brought to the present schema, nothing lost, copied before, and sound."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from binance_trade_agent.domain.order import OrderState
from binance_trade_agent.domain.risk import TradingMode
from binance_trade_agent.storage import audit, history
from binance_trade_agent.storage.book_state import read_state
from binance_trade_agent.storage.migrations import MIGRATIONS, schema_version
from binance_trade_agent.storage.sqlite_file import open_writer

BOOKS = Path(__file__).parent.parent / "released_books"
RELEASED = sorted(BOOKS.glob("v*.sql"))


@pytest.fixture(params=RELEASED, ids=lambda path: path.stem)
def book(request, tmp_path):
    path = tmp_path / "book.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(request.param.read_text(encoding="utf-8"))
    return path


def rows(connection):
    """Every row of every table as a mapping of its columns, by table."""
    connection.row_factory = sqlite3.Row
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
    return {table: [dict(row) for row in connection.execute(f"SELECT * FROM {table}")] for table in tables}


def shape(connection):
    """Columns and names of all tables, indexes and triggers."""
    named = sorted(tuple(row) for row in connection.execute("SELECT type, name, tbl_name FROM sqlite_schema"))
    columns = {
        name: [tuple(row)[1:] for row in connection.execute(f"PRAGMA table_info({name})")] for kind, name, _ in named if kind == "table"
    }
    return named, columns


def test_a_book_of_the_first_version_is_among_them():
    assert BOOKS / "v1.sql" in RELEASED


def test_it_keeps_every_value_and_gets_the_shape_of_a_new_book(book, tmp_path):
    with closing(sqlite3.connect(book)) as connection:
        version, before = schema_version(connection), rows(connection)
    assert before["fills"]
    open_writer(str(tmp_path / "new.sqlite")).close()
    with closing(open_writer(str(book))) as connection, closing(sqlite3.connect(tmp_path / "new.sqlite")) as new:
        assert schema_version(connection) == MIGRATIONS[-1].version
        assert shape(connection) == shape(new)
        after = rows(connection)
    for table, kept in before.items():
        assert [{name: row[name] for name in old} for old, row in zip(kept, after[table], strict=True)] == kept
    copy = Path(f"{book}.bak-v{version}")
    assert copy.exists() == (version < MIGRATIONS[-1].version)


def test_it_is_sound_and_says_what_it_said(book):
    with closing(open_writer(str(book))) as connection:
        assert audit.differences(connection) == ()
        state = read_state(connection)
        assert [order.state for order in state.open_orders] == [OrderState.UNKNOWN]
        assert state.modes["BBBUSDT"].mode is TradingMode.HALTED
        assert state.fills == len(history.all_fills(connection)) > 0
        assert len(history.all_orders(connection)) == state.orders > state.fills - 1
