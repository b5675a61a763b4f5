"""Facts that the daemon tells of itself: its rhythm, whether it is ready, what its process and its book take up, and backups."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PassBegun:
    """A pass over so many symbols began; told in its task, so that all that it does is done in a context that has heard of it."""

    number: int
    correlation_id: str
    symbols: int


@dataclass(frozen=True, slots=True)
class PassesScheduled:
    """From now on a pass begins each `interval_s` real seconds."""

    interval_s: float


@dataclass(frozen=True, slots=True)
class ReadinessChecked:
    """Somebody asked whether the daemon is ready: each check by name, and whether it holds."""

    checks: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class ProcessMeasured:
    """How many tasks the event loop has that are not done, how many threads the process, and how many writes of log lines it has lost."""

    tasks: int
    threads: int
    lost_log_writes: int = 0


@dataclass(frozen=True, slots=True)
class DiskMeasured:
    """The book's files take `book_bytes`; their disk has `free_bytes` left of `size_bytes` for this user."""

    book_bytes: int
    free_bytes: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class BackupsPlanned:
    """The book is backed up every `interval_s` seconds, 0 for never; the newest copy is of `newest_s` (seconds UTC), None without one."""

    interval_s: float
    newest_s: float | None


@dataclass(frozen=True, slots=True)
class BackupDone:
    """A scheduled backup ended at `ended_s` (seconds UTC), with a checked copy at `path` or with an error."""

    ended_s: float
    duration_ms: float
    path: str = ""
    error: str = ""


ServiceFact = PassBegun | PassesScheduled | ReadinessChecked | ProcessMeasured | DiskMeasured | BackupsPlanned | BackupDone
