"""The lock on an account: two daemons with two data folders and one key would both trade, so this machine lets one of them start.

It is a file in the machine's folder for temporary files, named after a digest of server and key, and the kernel holds its lock for
the open file (flock), as with the data folder. Another machine, or a container with a folder of its own, does not see it.

Whoever ends in order removes the file while it still has the lock, and whoever gets a lock looks whether its file is still the one at
that path: so nobody holds a file that others cannot find. A killed process leaves it, empty, to the next.
"""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from binance_trade_agent.domain.errors import BookError, BookLockedError

_DIGITS = 24
_MOST_TRIES = 100
_ADVICE = "one daemon at a time on one account; end the other one, or use the key of another account"


@contextmanager
def account_lock(server: str, api_key: str, folder: Path | None = None) -> Iterator[Path]:
    """Hold the account that `api_key` opens on `server` for this process, and yield the lock file's path.

    Raises BookLockedError when another process of this machine has it, or has left a file there that is another user's; BookError
    when the folder (by default that for temporary files) cannot be written.
    """
    fingerprint = hashlib.sha256(f"{server}\n{api_key}".encode()).hexdigest()[:_DIGITS]
    path = (folder or Path(tempfile.gettempdir())) / f"binance-trade-agent-{fingerprint}.lock"
    descriptor = _held(path)
    try:
        yield path
    finally:
        if _is_at(path, descriptor):
            with suppress(OSError):
                path.unlink()
        os.close(descriptor)


def _held(path: Path) -> int:
    """The descriptor of the locked file that is at `path`, made when it is missing."""
    for _ in range(_MOST_TRIES):
        descriptor = _open(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            break
        if _is_at(path, descriptor):
            return descriptor
        os.close(descriptor)  # it was opened just before the daemon that had it removed it
    raise BookLockedError(f"another daemon on this machine trades with this key (lock {path}): {_ADVICE}")


def _open(path: Path) -> int:
    try:
        # No link is followed: everybody may write into that folder.
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except PermissionError:
        raise BookLockedError(f"the account of this key is locked by {path}, a file of another user: {_ADVICE}") from None
    except OSError as error:
        raise BookError(f"{path} cannot be made ({error.strerror}), which keeps a second daemon off the account; set TMPDIR") from error


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(descriptor))
    except OSError:
        return False
