"""Faults of SQLite as BookError: what went wrong in words, and what a person can do about it.

Decided by SQLite's result code (sqlite.org/rescode.html), never by the text of the error.
"""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from binance_trade_agent.domain.errors import BookDamagedError, BookError, BookFullError, BookLockedError, MoneyError

_PRIMARY_CODE_MASK = 0xFF
FINDINGS_AT_MOST = 5

_ADVICE = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space where the book lives and start again",
    sqlite3.SQLITE_READONLY: "the book cannot be written; make the file and its folder writable for this user",
    sqlite3.SQLITE_PERM: "access to the book is denied; check the owner and mode of the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "the book cannot be opened; check that its folder exists and belongs to this user",
    sqlite3.SQLITE_CORRUPT: "the book is damaged; stop, keep a copy of all its files, and restore it from a backup",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database; check the path of the book, or restore it from a backup",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write; check the disk and its mount before starting again",
    sqlite3.SQLITE_NOMEM: "memory ran out; give the process more",
    sqlite3.SQLITE_CONSTRAINT: "the book refused a row that breaks one of its rules; nothing of it was written",
}
_KINDS: dict[int, type[BookError]] = {
    sqlite3.SQLITE_FULL: BookFullError,
    sqlite3.SQLITE_CORRUPT: BookDamagedError,
    sqlite3.SQLITE_NOTADB: BookDamagedError,
}
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_LOCKED = "another process is writing to the book; stop it, and never run two daemons on one book"


def book_error(error: sqlite3.Error, doing: str) -> BookError:
    """The BookError for `error`, which came up while `doing` (such as "opening /data/book.sqlite3")."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & _PRIMARY_CODE_MASK
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    if primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return BookLockedError(f"{doing}: {_LOCKED} ({name})")
    if primary is None:
        return BookError(f"{doing}: the database failed ({name}: {error})")
    found = "".join(f"; {note}" for note in getattr(error, "__notes__", ()))
    return _KINDS.get(primary, BookError)(f"{doing}: {_ADVICE.get(primary, 'the database failed')} ({name}: {error}{found})")


@contextmanager
def sound_rows() -> Iterator[None]:
    """Within it rows are read: such as are never written, or that do not agree with one another, raise BookDamagedError."""
    try:
        yield
    except (MoneyError, ValueError, ArithmeticError) as error:
        why = f"an amount is beyond all bounds ({type(error).__name__})" if isinstance(error, ArithmeticError) else f"{error}"
        raise BookDamagedError(f"the book is not sound: {why}; keep a copy of all its files, and restore it from a backup") from error


def file_error(error: OSError, doing: str, advice: str) -> BookError:
    """The BookError for a fault of the file system itself, which came up while `doing`; BookFullError when there is no room."""
    if error.errno in _NO_ROOM:
        return BookFullError(f"{doing}: {_ADVICE[sqlite3.SQLITE_FULL]} ({error.strerror})")
    return BookError(f"{doing}: {error.strerror}; {advice}")


def note_damage(connection: sqlite3.Connection, error: BaseException) -> None:
    """When `error` says that the file is damaged, look through the whole of it, and note the first findings on `error`."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None or code & _PRIMARY_CODE_MASK != sqlite3.SQLITE_CORRUPT:
        return
    try:
        findings = [str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({FINDINGS_AT_MOST})")]
    except sqlite3.Error as broken:
        findings = [f"the check itself failed: {broken}"]
    error.add_note("integrity check: " + ", ".join(" ".join(finding.split()) for finding in findings[:FINDINGS_AT_MOST]))


class BatchLostError(Exception):
    """SQLite gave up the whole transaction (disk full, I/O fault), so nothing of the batch was written; `__cause__` says why."""


def told(error: BaseException, doing: str) -> BaseException:
    """The error as a caller of the database gets it: a new BookError for a fault of SQLite, anything else as it is."""
    cause = error.__cause__ if isinstance(error, BatchLostError) and error.__cause__ is not None else error
    if not isinstance(cause, sqlite3.Error):
        return cause
    fault = book_error(cause, doing)
    fault.__cause__ = cause
    return fault
