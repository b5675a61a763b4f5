"""The check-up of a book that may be in use: its file and everything derived in it, read from one moment and without a write."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from binance_trade_agent.domain.errors import BookDamagedError
from binance_trade_agent.storage import audit
from binance_trade_agent.storage.faults import book_error
from binance_trade_agent.storage.migrations import MIGRATIONS, refuse_unknown, schema_version
from binance_trade_agent.storage.sqlite_file import open_reader

MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class BookFigures:
    """A sound book: its size with its log, how much is in it, and whose account it is, None before the first start came that far."""

    file_bytes: int
    schema_version: int
    orders: int
    fills: int
    account_uid: int | None

    @property
    def is_of_an_older_version(self) -> bool:
        """Whether the next start brings it to the present schema; until then only its file can be checked."""
        return self.schema_version < MIGRATIONS[-1].version


def examine_book(path: Path) -> BookFigures:
    """Read the whole book through, also while a daemon writes it.

    Raises BookDamagedError with the first findings, BookError for a file that is none of ours or of a newer version.
    """
    try:
        with closing(open_reader(str(path))) as connection:
            return _examined(connection, path)
    except sqlite3.Error as error:
        raise book_error(error, f"reading {path}") from error


def _examined(connection: sqlite3.Connection, path: Path) -> BookFigures:
    connection.execute("BEGIN")  # all that follows sees the book as it is now
    refuse_unknown(connection, str(path))
    version = schema_version(connection)
    if version == MIGRATIONS[-1].version:
        findings = audit.differences(connection)
    else:
        findings = tuple(row[0] for row in connection.execute("PRAGMA quick_check(5)") if row[0] != "ok")
    if findings:
        raise BookDamagedError(f"{path} is not sound: {'; '.join(findings[:MOST_SHOWN])}")
    uid = connection.execute("SELECT value FROM meta WHERE key = 'account_uid'").fetchone() if version else None
    log = Path(f"{path}-wal")
    return BookFigures(
        file_bytes=path.stat().st_size + (log.stat().st_size if log.exists() else 0),
        schema_version=version,
        orders=connection.execute("SELECT count(*) FROM orders").fetchone()[0] if version else 0,
        fills=connection.execute("SELECT count(*) FROM fills").fetchone()[0] if version else 0,
        account_uid=None if uid is None else int(uid[0]),
    )
