"""ErrorOutput: standard error that loses lines when it must and never fails: trading must not end because a log cannot be written."""

import errno
import io
import json
import os
import select
import sys

PATIENCE_MS = 20
"""What a pass may be held up by whoever reads the log."""

STANDARD_ERROR = 2
_NEWLINE = ord("\n")


class ErrorOutput(io.RawIOBase):
    """Writes to a descriptor at once and whole, or drops what it was given and counts that.

    A pipe whose reader does not read, and a terminal that was stopped, would hold the writer up for as long as that lasts. So nothing
    is written that there is no room for: PATIENCE_MS are waited for room, and not again before something could be written. A pipe with
    room takes PIPE_BUF bytes at once, so more than that is written in parts. Source: POSIX, "write" and "poll"; Linux, pipe(7).

    The first write that succeeds again is preceded by a line that says how many were lost and why the last one was. Nothing is kept for
    later: what a full disk refused would be in the way of the next line, and make the process end with 120.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lost = 0
        self._why = ""
        self._room = _poll_of(descriptor)
        self.lost_writes = 0
        """Since the start."""
        self._is_inside_a_line = False

    def writable(self) -> bool:
        """It is for nothing else."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether somebody looks at it."""
        return os.isatty(self._descriptor)

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]  # typeshed names a buffer type of its own
        """Always the length of `data`."""
        content = bytes(data)
        try:
            self._write_whole(self._ahead() + content)
        except OSError as error:
            self._lost += 1
            self.lost_writes += 1
            self._why = error.strerror or type(error).__name__
        else:
            self._lost = 0
        return len(content)

    def _ahead(self) -> bytes:
        """What comes first after a loss."""
        if not self._lost:
            return b""
        notice = {"level": "warning", "event": "writes to standard error were lost", "count": self._lost, "error": self._why}
        return b"\n" * self._is_inside_a_line + json.dumps(notice).encode() + b"\n"

    def _write_whole(self, content: bytes) -> None:
        left = memoryview(content)
        while left:
            if self._room is not None and not self._room.poll(0 if self._lost else PATIENCE_MS):
                raise BlockingIOError(errno.EAGAIN, "nobody reads it")
            written = os.write(self._descriptor, left[: select.PIPE_BUF] if self._room is not None else left)
            self._is_inside_a_line = left[written - 1] != _NEWLINE
            left = left[written:]


def lost_writes() -> int:
    """Writes to standard error that were lost since the start; 0 where it is not one of ours."""
    output = getattr(sys.stderr, "buffer", None)
    return output.lost_writes if isinstance(output, ErrorOutput) else 0


def _poll_of(descriptor: int) -> "select.poll | None":
    """What tells of room; None where the system has no such thing."""
    if not hasattr(select, "poll"):
        return None
    room = select.poll()
    room.register(descriptor, select.POLLOUT)
    return room


def spare_standard_error() -> None:
    """Let nothing that is written to standard error fail from now on, neither a log line nor the sentence that a command ends with.

    Descriptors 0 to 2 that the process was started without become /dev/null first: the next file that is opened would take their number,
    and be written to as if it were standard error.
    """
    held = os.open(os.devnull, os.O_RDWR)
    while held <= STANDARD_ERROR:
        held = os.open(os.devnull, os.O_RDWR)
    os.close(held)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - it is open as long as the process is
    encoding = sys.stderr.encoding if sys.stderr is not None else "utf-8"
    sys.stderr = io.TextIOWrapper(ErrorOutput(STANDARD_ERROR), encoding=encoding, errors="backslashreplace", write_through=True)
