"""Moments as people read them: the date and the time of day in UTC, for tables, progress and errors."""

from datetime import UTC, datetime


def utc_minute(time_ms: int) -> str:
    """A moment (ms UTC) to the minute it is in: 2025-01-31 23:59."""
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M}"


def utc_second(time_ms: int) -> str:
    """A moment (ms UTC) to the second it is in: 2025-01-31 23:59:59."""
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"
