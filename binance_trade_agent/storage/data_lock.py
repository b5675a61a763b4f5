"""The lock on the data folder: two daemons on one book would both trade, so the second one is turned away.

The kernel holds the lock for the open file (flock), so it is gone the moment its process is, even after kill -9. The file stays;
its content, the holder's process id, is for people only.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from binance_trade_agent.domain.errors import AgentError, BookFullError, BookLockedError, ConfigurationError

LOCK_FILE = "lock"
_PID_BYTES = 32


@contextmanager
def data_folder_lock(data_dir: Path) -> Iterator[Path]:
    """Hold `data_dir` (made when it is missing) for this process alone, and yield the lock file's path.

    Raises BookLockedError naming the holder's process id, and ConfigurationError when the folder cannot be written.
    """
    path = data_dir / LOCK_FILE
    descriptor = _open(data_dir, path)
    try:
        _take(descriptor, path)
        _write_pid(descriptor, path)
        yield path
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _open(data_dir: Path, path: Path) -> int:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(data_dir, error) from error
    # The database makes files beside the lock, so a lock file that may be written in a folder that may not is no help.
    if not os.access(data_dir, os.W_OK | os.X_OK):
        os.close(descriptor)
        raise _unusable(data_dir, PermissionError("the folder is not writable"))
    return descriptor


def _take(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, _PID_BYTES, 0).decode("ascii", "replace").strip()
        who = f"process {holder}" if holder.isdigit() else "another process"
        raise BookLockedError(f"{path} is held by {who}: one daemon at a time on one data folder (DATA_DIR)") from None
    except OSError as error:
        raise _unusable(path.parent, error) from error


def _write_pid(descriptor: int, path: Path) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
    except OSError as error:
        raise _unusable(path.parent, error) from error


def _unusable(data_dir: Path, error: OSError) -> AgentError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return BookFullError(f"DATA_DIR={data_dir}: the disk is full; free some space there and start again")
    why = error.strerror or str(error)
    return ConfigurationError(f"DATA_DIR={data_dir} cannot be used ({why}); allowed is a local folder that this user can write")
