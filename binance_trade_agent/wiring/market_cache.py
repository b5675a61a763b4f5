"""The cache of market data by the settings: Redis when it is named, else memory; none in virtual time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from binance_trade_agent.async_market_data_agent import CacheTtls
from binance_trade_agent.ports.cache import Cache
from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.settings import Settings
from binance_trade_agent.storage.memory_cache import MemoryCache
from binance_trade_agent.wiring.venue import Venue

if TYPE_CHECKING:
    from binance_trade_agent.storage.redis_cache import RedisCache

FORMAT = 1
"""To be raised whenever the form of what is kept changes, so that processes of two versions do not read each other's entries."""


@asynccontextmanager
async def open_cache(venue: Venue, observer: Observer) -> AsyncIterator[Cache]:
    """The store that the market data agent keeps its cache in."""
    settings = venue.settings
    if not settings.redis_host or venue.is_virtual:
        yield MemoryCache(venue.clock.now_ms)
        return
    redis = redis_cache(settings, observer)
    try:
        yield redis
    finally:
        await redis.aclose()


def redis_cache(settings: Settings, observer: Observer) -> "RedisCache":
    """The cache in the Redis server that the settings name; nothing is asked of it yet."""
    from binance_trade_agent.storage.redis_cache import RedisAddress, RedisCache  # a third of a second that most never need

    password = settings.redis_password
    address = RedisAddress(settings.redis_host, settings.redis_port, settings.redis_db, password.get_secret_value() if password else None)
    return RedisCache(address, observer)


def cache_namespace(venue: Venue) -> str:
    """What keys begin with: prices of two exchanges are two things, and so are those of two demos.

    Modes are kept apart even at one address, which may stand for something else on another machine (a proxy, a loopback); and simulated
    money must not be able to spoil what real money decides on.
    """
    return f"trade-agent:{FORMAT}:{venue.name}:{urlsplit(venue.connection.base_url).netloc}"


def cache_ttls(venue: Venue) -> CacheTtls:
    """How old cached data may be here.

    Nothing is cached in virtual time, where an answer costs no time. Candles are cached only where others share them: the agent keeps
    its own in any case.
    """
    settings: Settings = venue.settings
    if venue.is_virtual:
        return CacheTtls(0, 0, 0)
    return CacheTtls(
        price_ms=round(settings.cache_price_ttl_seconds * 1000),
        book_ms=round(settings.cache_book_ttl_seconds * 1000),
        candles_ms=round(settings.cache_candles_ttl_seconds * 1000) if settings.redis_host else 0,
    )
