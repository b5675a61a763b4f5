"""Backups of the book: copied while the daemon writes, checked before they get their name, and put back under the folder's lock."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from binance_trade_agent.domain.errors import BookDamagedError, BookError, BookMismatchError
from binance_trade_agent.storage import audit
from binance_trade_agent.storage.chosen_symbols import ChosenSymbols
from binance_trade_agent.storage.data_lock import data_folder_lock
from binance_trade_agent.storage.faults import book_error, file_error
from binance_trade_agent.storage.migrations import MIGRATIONS, refuse_unknown, schema_version
from binance_trade_agent.storage.sqlite_file import BUSY_TIMEOUT_MS, open_writer

_IDENTITY = ("epoch", "account_uid")
_SUFFIXES = ("", "-wal", "-shm")


def back_up(book: Path, target: Path) -> None:
    """Copy the book as of one moment to `target`, a single file; it has its name only when it was read back and found sound.

    A daemon may write meanwhile. Raises BookDamagedError when the book itself is not sound, BookFullError, BookError.
    """
    if not book.is_file():
        raise BookError(f"there is no book at {book}; DATA_DIR and TRADING_MODE say where it is")
    part = _part_of(target)
    with _faults_told(f"backing up {book} to {target}"):
        try:
            _new_private_file(part)
            with closing(connect(book, "rw")) as source, closing(connect(part, "rw")) as copy:
                source.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
            _require_sound(part)
            _onto_disk(part)
            part.replace(target)
            _onto_disk(target.parent)
        finally:
            _remove(part)


def restore(backup: Path, book: Path, *, aside: str = "before-restore") -> Path | None:
    """Put `backup` in the place of `book`, and return where what was there was set aside (named by `aside`); None when there was nothing.

    The folder's lock is held meanwhile, so BookLockedError is raised while a daemon has the book. The backup is copied, brought to the
    present schema and read through first: BookDamagedError when it is not sound, BookMismatchError when it is of another
    account than the book in place. Cut off at any point, `book` is the old one or the restored one, never a mixture.
    What was chosen last is forgotten: it is no word on which trades the restored book knows.
    """
    if not backup.is_file():
        raise BookError(f"there is no backup at {backup}")
    with data_folder_lock(book.parent), _faults_told(f"restoring {book} from {backup}"):
        part = _part_of(book)
        try:
            _new_private_file(part)
            shutil.copyfile(backup, part)
            _require_sound(part)  # before anything is made of it: an empty file would become an empty book
            open_writer(str(part)).close()
            _require_sound(part)
            _require_same_account(part, book)
            kept = _set_aside(book, aside) if book.exists() else None
            _onto_disk(part)
            ChosenSymbols(book.parent).forget()
            part.replace(book)
            _onto_disk(book.parent)
        finally:
            _remove(part)
    return kept


def _require_sound(path: Path) -> None:
    with closing(connect(path, "ro")) as connection:
        connection.row_factory = sqlite3.Row
        refuse_unknown(connection, str(path))
        findings = [row[0] for row in connection.execute("PRAGMA integrity_check(5)") if row[0] != "ok"]
        if not findings and schema_version(connection) == MIGRATIONS[-1].version:
            findings += audit.differences(connection)
        if findings or schema_version(connection) == 0:
            raise BookDamagedError(f"the copy {path} is no sound book: {'; '.join(findings[:5]) or 'it is empty'}")


def _require_same_account(backup: Path, book: Path) -> None:
    """A book that cannot be read any more is nobody's to compare with."""
    if not book.exists():
        return
    try:
        kept = _identity(book)
    except sqlite3.Error:
        return
    theirs = _identity(backup)
    for key in _IDENTITY:
        if key in kept and key in theirs and kept[key] != theirs[key]:
            raise BookMismatchError(
                f"the backup has the {key} {theirs[key]}, and {book} has {kept[key]}: they are different books; move it away"
            )


def _identity(path: Path) -> dict[str, str]:
    with closing(connect(path, "rw")) as connection:
        return dict(connection.execute("SELECT key, value FROM meta WHERE key IN (?, ?)", _IDENTITY).fetchall())


def _set_aside(book: Path, word: str) -> Path:
    """Copy what is there, its log included, and leave no log behind: SQLite would play it into the restored file."""
    aside = _free_name(book, word)
    for suffix in _SUFFIXES[:2]:
        if Path(f"{book}{suffix}").exists():
            _new_private_file(Path(f"{aside}{suffix}"))
            shutil.copyfile(f"{book}{suffix}", f"{aside}{suffix}")
            _onto_disk(Path(f"{aside}{suffix}"))
    try:
        with closing(connect(book, "rw")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.DatabaseError:
        pass  # it is damaged; what there is of it is set aside
    for suffix in _SUFFIXES[1:]:
        Path(f"{book}{suffix}").unlink(missing_ok=True)
    return aside


def _free_name(book: Path, word: str) -> Path:
    number = 1
    while (aside := book.with_name(f"{book.name}.{word}-{number}")).exists():
        number += 1
    return aside


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """A connection to an existing file, `mode` being `ro` or `rw`; waits for a lock of SQLite as long as the daemon does."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None)


def _part_of(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _new_private_file(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _remove(part: Path) -> None:
    for left in part.parent.glob(f"{part.name}*"):
        left.unlink()


def _onto_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _faults_told(doing: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise book_error(error, doing) from error
    except OSError as error:
        raise file_error(error, doing, "check that the folder exists and belongs to this user") from error
