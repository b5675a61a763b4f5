"""An old book: what the daemon has written, in the tables of the first released schema, so that its next start has to migrate it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from torturing.process import ROOT

_RELEASED = ROOT / "tests/released_books/v1.sql"
VERSION = 1


def make_old(book: Path) -> None:
    """Put a copy of version 1 in the place of `book`, which no process may have open; what version 1 cannot hold is an sqlite3.Error."""
    old = book.with_name("old.sqlite")
    old.unlink(missing_ok=True)
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS present", (str(book),))
        for statement in _statements(_RELEASED.read_text(encoding="utf-8")):
            connection.execute(statement)
        tables = [
            row[0] for row in connection.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        ]
        connection.execute("BEGIN")
        for table in tables:
            columns = ", ".join(_columns(connection, "main", table) & _columns(connection, "present", table))
            connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM present.{table}")  # noqa: S608 - names of the schema
        connection.execute("DELETE FROM main.sqlite_sequence")
        connection.execute("INSERT INTO main.sqlite_sequence SELECT name, seq FROM present.sqlite_sequence WHERE name = 'orders'")
        connection.execute("COMMIT")
    for suffix in ("", "-wal", "-shm"):
        book.with_name(book.name + suffix).unlink(missing_ok=True)
    old.replace(book)


def version_of(book: Path) -> int:
    """The schema's version that is committed in the file."""
    with closing(sqlite3.connect(f"{book.as_uri()}?mode=ro", uri=True)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def copy_before_migration(book: Path) -> Path:
    """Where the daemon puts the book as it was before the migration; beside it, with `.partial`, while it is being written."""
    return book.with_name(f"{book.name}.bak-v{VERSION}")


def _statements(dump: str) -> Iterator[str]:
    """Those of a dump that make the schema."""
    statement = ""
    for line in dump.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            if statement.lstrip().upper().startswith(("CREATE", "PRAGMA")):
                yield statement
            statement = ""


def _columns(connection: sqlite3.Connection, schema: str, table: str) -> set[str]:
    return {row[1] for row in connection.execute(f"PRAGMA {schema}.table_info({table})")}
