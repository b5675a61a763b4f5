"""FailureNote: a line beside the book for what the book itself could not take, in room that was set aside while there was some."""

import contextlib
import os
from pathlib import Path

import msgspec

from binance_trade_agent.domain.risk import ModeChange

NOTE_BYTES = 4_096
"""The whole file, always: writing over it needs no room on a disk that is full."""


class FailureNote:
    """At most one change of mode. Writing it may fail, too, as on a disk that is read-only: then only the log has it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def prepare(self) -> None:
        """Set the room aside while there is some; where there is none, the book itself will say so better."""
        with contextlib.suppress(OSError):
            if not self._path.exists() or self._path.stat().st_size != NOTE_BYTES:
                self._fill(b"")

    def read(self) -> ModeChange | None:
        """The change that was noted; None when there is none, or what is there cannot be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes().rstrip(), type=ModeChange)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def write(self, change: ModeChange) -> None:
        """Note `change`, as well as it can be."""
        text = msgspec.json.encode(change)
        with contextlib.suppress(OSError):
            if len(text) <= NOTE_BYTES:
                self._fill(text)

    def clear(self) -> None:
        """The book has it now."""
        with contextlib.suppress(OSError):
            self._fill(b"")

    def _fill(self, text: bytes) -> None:
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.write(file, text.ljust(NOTE_BYTES))
        finally:
            os.close(file)
