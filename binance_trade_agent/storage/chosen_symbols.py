"""ChosenSymbols: a file beside the book with what was chosen or named last, so that the next start can tell what is new in it."""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

FILE_NAME = "symbols.json"


class ChosenSymbols:
    """The list in a data folder. It is a memory and no account: one that is lost costs no more than the places it would have kept."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME

    def read(self) -> frozenset[str] | None:
        """What was chosen last. None, which is not known, where there is no list, or none that can be read."""
        try:
            return frozenset(msgspec.json.decode(self._path.read_bytes(), type=list[str]))
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def write(self, symbols: Sequence[str]) -> None:
        """Put `symbols` in its place at once, as well as it can be."""
        made = self._path.with_suffix(".json.new")
        with contextlib.suppress(OSError):
            made.write_bytes(msgspec.json.encode(list(symbols)))
            os.replace(made, self._path)

    def forget(self) -> None:
        """Have no list, as it speaks of another book than the one that is beside it from now on. Raises OSError."""
        self._path.unlink(missing_ok=True)
