"""BanFiles: one small file by host that says until when its address wants silence, so that the next process keeps it, too.

A file and not a table of the book: several modes have a book each and one address, and a client without a book is banned all the same.
It is replaced as a whole, so that a crash leaves the old time or the new one; a host has a file of its own, so that two processes that
talk to different hosts never undo each other's. Written only when the exchange asks for silence, so no thread is spent on it.
"""

import os
import re
from pathlib import Path

from binance_trade_agent.domain.errors import BookError

FOLDER = "bans"
_MOST_BYTES = 20
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9.-]")


class BanFiles:
    """The folder `bans` of the data folder; made when the first ban is to be remembered."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / FOLDER

    def banned_until_ms(self, host: str) -> int | None:
        """What was remembered for `host`, ms UTC. Raises BookError naming the file when it holds anything but a time."""
        path = self._path(host)
        try:
            with path.open("rb") as file:
                text = file.read(_MOST_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BookError(f"{path} cannot be read ({error.strerror}); it says until when {host} has banned this address") from error
        digits = text.strip()
        if not digits.isdigit() or len(text) > _MOST_BYTES:
            raise BookError(f"{path} holds no time in ms UTC; delete it when {host} has not banned this address")
        return int(digits)

    def remember(self, host: str, until_ms: int) -> bool:
        """Keep `until_ms` for `host`; False when the disk did not take it."""
        path = self._path(host)
        draft = path.with_name(f"{path.name}.{os.getpid()}.new")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with draft.open("wb") as file:
                file.write(b"%d\n" % until_ms)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError:
            return False
        return True

    def _path(self, host: str) -> Path:
        return self._folder / _NOT_IN_A_NAME.sub("_", host.lower())
