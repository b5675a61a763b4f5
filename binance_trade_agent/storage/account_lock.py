"""The lock on an account: two daemons with two data folders and one key would both trade, so this machine lets one of them start.

It is a file in the machine's folder for temporary files, named after a digest of server and key, and the kernel holds its lock for
the open file (flock), as with the data folder. Another machine, or a container with a folder of its own, does not see it.
"""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from binance_trade_agent.domain.errors import BookError, BookLockedError

_DIGITS = 24
_ADVICE = "one daemon at a time on one account; end the other one, or use the key of another account"


@contextmanager
def account_lock(server: str, api_key: str, folder: Path | None = None) -> Iterator[Path]:
    """Hold the account that `api_key` opens on `server` for this process, and yield the lock file's path.

    Raises BookLockedError when another process of this machine has it, or has left a file there that is another user's; BookError
    when the folder (by default that for temporary files) cannot be written.
    """
    fingerprint = hashlib.sha256(f"{server}\n{api_key}".encode()).hexdigest()[:_DIGITS]
    path = (folder or Path(tempfile.gettempdir())) / f"binance-trade-agent-{fingerprint}.lock"
    try:
        # No link is followed: everybody may write into that folder.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except PermissionError:
        raise BookLockedError(f"the account of this key is locked by {path}, a file of another user: {_ADVICE}") from None
    except OSError as error:
        raise BookError(f"{path} cannot be made ({error.strerror}), which keeps a second daemon off the account; set TMPDIR") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BookLockedError(f"another daemon on this machine trades with this key (lock {path}): {_ADVICE}") from None
        yield path
    finally:
        os.close(descriptor)
