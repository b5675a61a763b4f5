"""FilePlace: whether the book's files are still where the book was opened, since SQLite goes on writing to a file that has lost its name.

Whoever moves, deletes or replaces `book.sqlite` or its log under a daemon would otherwise learn at the next start that everything since
then is gone.
"""

import os
from pathlib import Path

from binance_trade_agent.domain.errors import BookError

_LOG_SUFFIX = "-wal"


class FilePlace:
    """The files of one book as they were when it was opened; for the one thread that writes."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._known: dict[str, tuple[int, int]] = {}

    def require_unmoved(self) -> None:
        """Raise BookError when one of the files is not the one that is open. What is there is remembered when it is first seen."""
        for path in (self._path, f"{self._path}{_LOG_SUFFIX}"):
            found = _identity(path)
            if path not in self._known and found is not None:
                self._known[path] = found
            elif self._known.get(path) != found:
                raise BookError(
                    f"{Path(path).name} in {Path(path).parent} was moved, deleted or replaced while this daemon had it open; what was "
                    "committed until then is in the file that is open: put that back if it was moved, or a backup, before you start again"
                )


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
