"""One turn of the scheduled backups, as a process of its own: the whole book is read through, copied, and the oldest copies go.

A process, because checking 100,000 orders takes seconds of Python, in which a thread would hold up the daemon's event loop. It ends with
the daemon that has started it, runs with low priority, and gets no secret: three paths and two numbers are all that it is told.
"""

import os
import sqlite3
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from binance_trade_agent.domain.errors import AgentError, BookDamagedError, BookError, BookFullError
from binance_trade_agent.storage import audit
from binance_trade_agent.storage.backup import back_up, connect
from binance_trade_agent.storage.book_state import read_epoch
from binance_trade_agent.storage.faults import FINDINGS_AT_MOST, book_error, file_error

PREFIX = "scheduled"
ROOM_LEFT_BYTES = 64 * 1024 * 1024
"""A copy on the disk of the book leaves the book at least as much room as this."""

_NICENESS = 10
_TIME_IN_NAME = "%Y%m%dT%H%M%SZ"
_PART = ".part"


def take_turn(book: Path, folder: Path, keep: int, made_s: float) -> Path:
    """Copy `book` into `folder` as of now (`made_s`, seconds UTC), delete its scheduled copies but the newest `keep`; the copy's path.

    Copies of other books and those made by hand are left alone. Whether or not a copy can be made, the book is read through:
    BookDamagedError means that the book itself is not sound. Raises BookFullError when the copy would leave the book too little room,
    BookError for all else; then no copy is deleted.
    """
    try:
        name = f"{PREFIX}-{_epoch_of(book)}-"
        _make_folder(folder)
        for left in folder.glob(f"{name}*{_PART}"):
            left.unlink()  # of a turn that was cut off
        _require_room(book, folder)
        target = folder / f"{name}{time.strftime(_TIME_IN_NAME, time.gmtime(made_s))}.sqlite"
        back_up(book, target)
    except (BookError, OSError) as error:
        read_through(book)
        if isinstance(error, BookDamagedError):
            raise BookError(f"the book is sound, but its copy is not: check the disk of {folder} ({error})") from error
        raise file_error(error, f"backing up to {folder}", "check BACKUP_DIR") if isinstance(error, OSError) else error from error
    for old in sorted(folder.glob(f"{name}*.sqlite"))[:-keep]:
        old.unlink(missing_ok=True)
    return target


def newest_copy_s(folder: Path, epoch: str) -> float | None:
    """When the newest scheduled copy of the book `epoch` was made, seconds UTC; None when there is none."""
    try:
        copies = [path.stat().st_mtime for path in folder.glob(f"{PREFIX}-{epoch}-*.sqlite")]
    except OSError:
        return None
    return max(copies, default=None)


def read_through(book: Path) -> None:
    """Check the whole file and everything that is derived in it, as of one moment. Raises BookDamagedError, BookError."""
    try:
        with closing(connect(book, "rw")) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            findings = audit.differences(connection)
    except sqlite3.Error as error:
        raise book_error(error, f"reading {book} through") from error
    if findings:
        raise BookDamagedError(f"{book} is not sound: {'; '.join(findings[:FINDINGS_AT_MOST])}")


def _epoch_of(book: Path) -> str:
    if not book.is_file():
        raise BookError(f"there is no book at {book}")
    try:
        with closing(connect(book, "rw")) as connection:
            epoch = read_epoch(connection)
    except sqlite3.Error as error:
        raise book_error(error, f"reading {book}") from error
    return epoch or "new"


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _require_room(book: Path, folder: Path) -> None:
    """Another disk may be filled to the last byte; the book's own is needed for the next order."""
    if folder.stat().st_dev != book.stat().st_dev:
        return
    log = book.with_name(f"{book.name}-wal")
    needed = book.stat().st_size + (log.stat().st_size if log.exists() else 0)
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    if free - needed < ROOM_LEFT_BYTES:
        raise BookFullError(
            f"a backup of {needed >> 20} MiB would leave the book less than {ROOM_LEFT_BYTES >> 20} MiB of the {free >> 20} MiB that are "
            f"free on the disk of {folder}: free some space, or set BACKUP_DIR to another disk"
        )


def _end_with_the_daemon() -> None:
    """Standard input is a pipe that only the daemon holds: it ends when the daemon does, however that was."""

    def wait() -> None:
        os.read(0, 1)  # below Python's own buffers, whose lock must be free when the process ends
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main(arguments: Sequence[str]) -> int:
    """Take a turn with BOOK, FOLDER, KEEP as `arguments`; writes the copy's path, or to standard error why there is none."""
    book, folder, keep = arguments
    os.nice(_NICENESS)
    _end_with_the_daemon()
    try:
        sys.stdout.write(f"{take_turn(Path(book), Path(folder), int(keep), time.time())}\n")
    except AgentError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
