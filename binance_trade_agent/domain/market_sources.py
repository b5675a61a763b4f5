"""Where market data comes from: the closed sets of names that facts and metrics tell it apart by."""

from enum import StrEnum


class CandleSource(StrEnum):
    """Who brought a closed candle."""

    STREAM = "stream"
    REST = "rest"


class StreamedKind(StrEnum):
    """What streams bring of a symbol."""

    PRICE = "price"
    CANDLES = "candles"


class FallbackReason(StrEnum):
    """Why REST was asked for something that a stream should have brought."""

    NOT_LIVE = "not_live"
    """The stream is down, stalled, or not confirmed yet."""

    TOO_OLD = "too_old"
    """No price came since the last interruption, or the last one is older than allowed."""

    MISSING = "missing"
    """A candle must have closed and did not come, in time or at all."""


class CacheKind(StrEnum):
    """What is kept in the cache, each kind with a time to live of its own."""

    PRICE = "price"
    BOOK = "book"
    CANDLES = "candles"
