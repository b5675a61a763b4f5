"""Where market data comes from: the closed sets of names that facts and metrics tell it apart by."""

from enum import StrEnum


class CacheKind(StrEnum):
    """What is kept in the cache, each kind with a time to live of its own."""

    PRICE = "price"
    BOOK = "book"
    CANDLES = "candles"
