"""Candle intervals: Binance's names for them and their lengths, the one table that every room reckons with.

Source: rest-api.md, "Kline/Candlestick data". `1M` is left out on purpose: months differ in length, and everything that reckons with
candles (gaps, the next close, resampling) needs one length per interval.
"""

from collections.abc import Mapping
from types import MappingProxyType

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS

INTERVALS_MS: Mapping[str, int] = MappingProxyType(
    {
        "1s": SECOND_MS,
        "1m": MINUTE_MS,
        "3m": 3 * MINUTE_MS,
        "5m": 5 * MINUTE_MS,
        "15m": 15 * MINUTE_MS,
        "30m": 30 * MINUTE_MS,
        "1h": HOUR_MS,
        "2h": 2 * HOUR_MS,
        "4h": 4 * HOUR_MS,
        "6h": 6 * HOUR_MS,
        "8h": 8 * HOUR_MS,
        "12h": 12 * HOUR_MS,
        "1d": DAY_MS,
        "3d": 3 * DAY_MS,
        "1w": WEEK_MS,
    }
)
"""Interval by name, shortest first."""

_FIRST_MONDAY_MS = 4 * DAY_MS
"""1970-01-05; weekly candles open on Mondays, and the epoch was a Thursday."""


def grid_offset_ms(interval_ms: int) -> int:
    """Where the first candle of the grid opens after the epoch: weeks on Monday, all else at 0."""
    return _FIRST_MONDAY_MS if interval_ms == WEEK_MS else 0


def candle_open_ms(time_ms: int, interval_ms: int) -> int:
    """When the candle that covers `time_ms` opens."""
    return time_ms - (time_ms - grid_offset_ms(interval_ms)) % interval_ms
