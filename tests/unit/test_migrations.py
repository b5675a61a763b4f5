"""Migrations: from nothing to the present schema, whole or not at all, and never over a file that is not ours."""

import sqlite3
from contextlib import closing

import pytest

from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.storage.migrations import APPLICATION_ID, MIGRATIONS, Migration, migrate, refuse_unknown, schema_version
from binance_trade_agent.storage.sqlite_file import open_writer

NEXT = MIGRATIONS[-1].version + 1
LATER = (*MIGRATIONS, Migration(NEXT, "a note for each order", ("ALTER TABLE orders ADD COLUMN note TEXT",)))
BROKEN = (*MIGRATIONS, Migration(NEXT, "breaks half-way", ("ALTER TABLE orders ADD COLUMN note TEXT", "CREATE TABLE orders (id)")))


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "book.sqlite3")


def connect(path):
    return closing(sqlite3.connect(path, isolation_level=None))


def columns(connection, table):
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def schema(connection):
    return connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name").fetchall()


def test_versions_count_up_from_one_without_a_gap():
    assert [migration.version for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_an_empty_file_becomes_a_book_and_is_left_alone_the_second_time(path):
    with connect(path) as connection:
        assert migrate(connection, path) == len(MIGRATIONS)
        assert schema_version(connection) == MIGRATIONS[-1].version
        assert connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
        before = schema(connection)
        assert migrate(connection, path) == 0
        assert schema(connection) == before


def test_an_older_book_is_copied_before_it_is_changed(path, tmp_path):
    with connect(path) as connection:
        migrate(connection, path)
        connection.execute("INSERT INTO meta VALUES ('epoch', 'abc')")
        assert migrate(connection, path, LATER) == 1
        assert "note" in columns(connection, "orders")
    copy = tmp_path / f"book.sqlite3.bak-v{NEXT - 1}"
    with connect(copy) as old:
        assert schema_version(old) == NEXT - 1
        assert "note" not in columns(old, "orders")
        assert old.execute("SELECT value FROM meta").fetchone() == ("abc",)
    assert not list(tmp_path.glob("*.partial"))


def test_the_copy_holds_what_is_still_in_the_write_ahead_log(path, tmp_path):
    with closing(open_writer(path)) as connection:
        connection.execute("INSERT INTO meta VALUES ('epoch', 'abc')")
        migrate(connection, path, LATER)
        with connect(tmp_path / f"book.sqlite3.bak-v{NEXT - 1}") as old:
            assert old.execute("SELECT value FROM meta").fetchone() == ("abc",)


def test_a_new_book_has_nothing_to_copy(path, tmp_path):
    open_writer(path).close()
    assert [file.name for file in tmp_path.iterdir()] == ["book.sqlite3"]


def test_a_migration_that_fails_leaves_the_version_before_it_intact(path):
    with connect(path) as connection:
        migrate(connection, path)
        before = schema(connection)
        with pytest.raises(sqlite3.Error):
            migrate(connection, path, BROKEN)
        assert schema_version(connection) == NEXT - 1
        assert schema(connection) == before
        assert migrate(connection, path, LATER) == 1


def test_a_failed_first_migration_leaves_an_empty_file_that_can_be_tried_again(path):
    with connect(path) as connection:
        with pytest.raises(sqlite3.Error):
            migrate(connection, path, (Migration(1, "broken", ("CREATE TABLE a (b)", "CREATE TABLE a (b)")),))
        assert schema(connection) == []
        refuse_unknown(connection, path)
        assert migrate(connection, path) == len(MIGRATIONS)


def test_rows_that_would_refer_to_nothing_stop_a_migration(path):
    orphan = "INSERT INTO order_events VALUES (1, 'nobody', 'SEND', 'INTENDED', 'SENT', 0, '', NULL, NULL, NULL, NULL)"
    with connect(path) as connection:
        migrate(connection, path)
        with pytest.raises(BookError, match="refer to nothing"):
            migrate(connection, path, (*MIGRATIONS, Migration(NEXT, "orphans", (orphan,))))
        assert schema_version(connection) == NEXT - 1


def test_a_book_of_a_newer_program_is_refused_unchanged(path):
    with connect(path) as connection:
        migrate(connection, path, LATER)
    with pytest.raises(BookError, match=rf"schema version {NEXT}.*newer program"):
        open_writer(path)
    with connect(path) as connection:
        assert schema_version(connection) == NEXT


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE songs (name)", "PRAGMA application_id = 77", "PRAGMA user_version = 1"], ids=["tables", "owner", "version"]
)
def test_a_database_of_another_program_is_refused_unchanged(path, statement):
    with connect(path) as connection:
        connection.execute(statement)
        before = schema(connection)
    with pytest.raises(BookError, match="another program"):
        open_writer(path)
    with connect(path) as connection:
        assert schema(connection) == before
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete"


@pytest.mark.parametrize("table", ["fills", "ledger_transactions", "ledger_postings", "order_events", "mode_changes"])
def test_what_is_append_only_can_be_neither_changed_nor_deleted(path, table):
    row = {
        "fills": "INSERT INTO fills VALUES (1, 'BTCUSDT', 1, 1, '', 'BUY', '1', '1', '1', '0', 'BNB', 0, 0)",
        "ledger_transactions": "INSERT INTO ledger_transactions VALUES (1, 'external', 'x', 0)",
        "ledger_postings": "INSERT INTO ledger_postings VALUES (1, 1, 'wallet', 'BTC', '1')",
        "order_events": "INSERT INTO order_events VALUES (1, 'x', 'SEND', 'INTENDED', 'SENT', 0, '', NULL, NULL, NULL, NULL)",
        "mode_changes": "INSERT INTO mode_changes VALUES (1, 0, '*', 'HALTED', 'x', 'y')",
    }[table]
    with closing(open_writer(path)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(row)
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(f"UPDATE {table} SET id = 2")
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(f"DELETE FROM {table}")
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(row.replace("INSERT", "INSERT OR REPLACE"))


def test_a_book_of_version_1_keeps_its_orders_its_numbers_and_what_refers_to_them(path):
    row = (
        "VALUES (7, 'a-7', 7, 'BTCUSDT', 'BUY', 'MARKET', 'ENTRY', '1', '100', NULL, NULL, 5, 'c', 'why', '100.1', 9, 'FILLED', 42, '1', 6)"
    )
    with connect(path) as connection:
        migrate(connection, path, MIGRATIONS[:1])
        connection.execute(f"INSERT INTO orders {row}")
        connection.execute(
            "INSERT INTO order_events (client_order_id, event, from_state, to_state, time_ms, detail) "
            "VALUES ('a-7', 'SEND', 'INTENDED', 'SENT', 5, '')"
        )
        before = connection.execute("SELECT * FROM orders").fetchall()
        names = columns(connection, "orders")
        connection.execute("UPDATE sqlite_sequence SET seq = 30 WHERE name = 'orders'")
        migrate(connection, path, MIGRATIONS[:2])
        assert connection.execute(f"SELECT {', '.join(names)} FROM orders").fetchall() == before
        assert connection.execute("SELECT stop_price, list_id FROM orders").fetchall() == [(None, None)]
        assert connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'orders'").fetchone() == (30,)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        connection.execute("PRAGMA foreign_keys = ON")
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("DELETE FROM orders")
