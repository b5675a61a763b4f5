"""Self-measure: what the daemon tells of itself whenever its metrics are asked for: readiness, tasks, threads, and the disk of its book."""

import asyncio
import shutil
import threading
from pathlib import Path

from binance_trade_agent.domain.service_facts import DiskMeasured, ProcessMeasured, ReadinessChecked
from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.service.vitals import Report
from binance_trade_agent.telemetry.error_output import lost_writes

_BESIDE_THE_BOOK = ("", "-wal", "-shm")
"""SQLite's own files, by what they add to the name of the book's."""


def measure_self(observer: Observer, readiness: Report, book: Path | None) -> None:
    """Report to `observer`; `book` is None where it is kept in memory. To be called in the event loop's thread."""
    observer.observe(ReadinessChecked({name: check.ok for name, check in readiness.checks.items()}))
    observer.observe(ProcessMeasured(len(asyncio.all_tasks()), threading.active_count(), lost_writes()))
    if book is not None:
        disk = _disk_of(book)
        if disk is not None:
            observer.observe(disk)


def _disk_of(book: Path) -> DiskMeasured | None:
    """None when the folder cannot be looked at just now."""
    try:
        usage = shutil.disk_usage(book.parent)
    except OSError:
        return None
    return DiskMeasured(sum(_size_of(book.with_name(book.name + ending)) for ending in _BESIDE_THE_BOOK), usage.free, usage.total)


def _size_of(file: Path) -> int:
    """0 for a file that is not there, such as the log of changes of a book that has just been opened."""
    try:
        return file.stat().st_size
    except OSError:
        return 0
