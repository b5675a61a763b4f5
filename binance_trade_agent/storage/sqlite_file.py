"""Opening the book's SQLite file: recognised, checked, migrated and set up before anybody reads from it."""

import os
import sqlite3
from pathlib import Path

from binance_trade_agent.domain.errors import BookDamagedError, BookError
from binance_trade_agent.storage.faults import book_error, file_error
from binance_trade_agent.storage.migrations import migrate, refuse_unknown

MEMORY = ":memory:"
"""The path of a book that lives and dies with its connection."""

BUSY_TIMEOUT_MS = 5_000
CHECK_MAX_BYTES = 48 * 1024 * 1024
"""Files up to this size get SQLite's quick_check at each opening (12 ms of CPU a MiB), larger ones with each backup and audit."""

WAL_KEPT_BYTES = 64 * 1024 * 1024
STATEMENTS_KEPT = 256
_LEAST_SQLITE = (3, 37, 0)  # the first with STRICT tables


def open_writer(path: str) -> sqlite3.Connection:
    """The one connection that writes, with the schema up to date; makes the file, for its owner only, when there is none.

    Raises BookError when the file is damaged, foreign, newer than this program, or cannot be opened or written.
    """
    if sqlite3.sqlite_version_info < _LEAST_SQLITE:
        raise BookError(f"SQLite {sqlite3.sqlite_version} is too old for the book; 3.37 is the least")
    try:
        if path != MEMORY:
            _make_private_file(path)
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, cached_statements=STATEMENTS_KEPT)
    except sqlite3.Error as error:
        raise book_error(error, f"opening {path}") from error
    except OSError as error:
        raise file_error(error, f"opening {path}", "check that the file and its folder exist and belong to this user") from error
    try:
        _set_up_writer(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise book_error(error, f"opening {path}") from error
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: str) -> sqlite3.Connection:
    """A connection that can only read, for a file that a writer of this process holds open."""
    uri = f"{Path(path).resolve().as_uri()}?mode=ro"
    timeout_s = BUSY_TIMEOUT_MS / 1000
    try:
        connection = sqlite3.connect(uri, uri=True, timeout=timeout_s, isolation_level=None, cached_statements=STATEMENTS_KEPT)
    except sqlite3.Error as error:
        raise book_error(error, f"opening {path} for reading") from error
    connection.row_factory = sqlite3.Row
    return connection


def _set_up_writer(connection: sqlite3.Connection, path: str) -> None:
    # Before anything is written: a file that is not ours stays as it is, down to its journal mode.
    refuse_unknown(connection, path)
    if path != MEMORY and Path(path).stat().st_size <= CHECK_MAX_BYTES:
        _refuse_damaged(connection, path)
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if path != MEMORY and mode != "wal":
        raise BookError(f"{path} cannot use a write-ahead log (journal mode {mode}); keep the book on a local disk, not a network share")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
    connection.execute("PRAGMA synchronous = FULL")
    migrate(connection, None if path == MEMORY else path)
    connection.execute("PRAGMA foreign_keys = ON")
    # Without it the delete hidden in INSERT OR REPLACE passes by the triggers that keep tables append-only.
    connection.execute("PRAGMA recursive_triggers = ON")
    connection.row_factory = sqlite3.Row


def _refuse_damaged(connection: sqlite3.Connection, path: str) -> None:
    finding = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if finding != "ok":
        raise BookDamagedError(f"{path} is damaged ({finding}); keep a copy of all its files, and restore it from a backup")


def _make_private_file(path: str) -> None:
    # SQLite gives its -wal and -shm files the mode of the database.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
