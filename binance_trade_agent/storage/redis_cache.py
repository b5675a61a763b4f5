"""RedisCache: the Cache port over a Redis server that several processes share; trading never waits for it or fails by it.

Every call ends in time. After a failure the server is left alone for a pause that doubles from failure to failure, and
until one call has succeeded again only one at a time may try: a server that is down costs its timeout once a pause, not once a call.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from binance_trade_agent.domain.facts import CacheFailed, CacheRecovered
from binance_trade_agent.ports.observer import Observer

CALL_TIMEOUT_S = 0.25
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
MAX_CONNECTIONS = 8
MAX_VALUE_BYTES = 1024 * 1024
"""Larger values are not put; 1000 candles take about a tenth of it."""
CLAIM_MS = 2_000
"""How long the others wait at most for somebody who died with a claim."""


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where the server is; the connection is not encrypted, so it belongs on this machine or a network of one's own."""

    host: str
    port: int = 6379
    db: int = 0
    password: str | None = field(default=None, repr=False)


class RedisCache:
    """Entries in Redis, each with an expiry of its own; opened by its first call, closed by `aclose`.

    Every call ends within `call_timeout_s`.
    """

    def __init__(self, address: RedisAddress, observer: Observer, *, call_timeout_s: float = CALL_TIMEOUT_S) -> None:
        self._observer = observer
        self._call_timeout_s = call_timeout_s
        self._redis = Redis(
            host=address.host,
            port=address.port,
            db=address.db,
            password=address.password,
            max_connections=MAX_CONNECTIONS,
            socket_timeout=call_timeout_s,
            socket_connect_timeout=call_timeout_s,
            retry=Retry(NoBackoff(), 0),  # a second try would cost its time again; the pause below sees to that
        )
        self._pause_s = 0.0
        self._next_try_s = 0.0
        self._is_probing = False
        self._slots = asyncio.Semaphore(MAX_CONNECTIONS)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """What is held; nothing while the server fails."""
        values: Sequence[bytes | None] = await self._asked("get", lambda: self._redis.mget(keys), ()) if keys else ()
        return {key: value for key, value in zip(keys, values, strict=False) if value is not None}

    async def put(self, entries: Mapping[str, bytes], ttl_ms: int) -> None:
        """Hold `entries`; nothing happens while the server fails."""

        def put_all() -> Awaitable[object]:
            pipeline = self._redis.pipeline(transaction=False)
            for key, value in entries.items():
                if len(value) <= MAX_VALUE_BYTES:
                    pipeline.set(key, value, px=ttl_ms)
            return pipeline.execute()

        await self._asked("put", put_all, None)

    async def claim(self, name: str) -> bool:
        """True for the first who claims `name`, and for everybody while the server fails."""
        return bool(await self._asked("claim", lambda: self._redis.set(name, b"1", nx=True, px=CLAIM_MS), True))

    async def release(self, name: str) -> None:
        """End a claim. One that has run out may be somebody else's by now: then two ask the exchange, which harms nothing."""
        await self._asked("release", lambda: self._redis.delete(name), None)

    async def _asked(self, operation: str, call: Callable[[], Any], otherwise: Any) -> Any:
        """The answer to `call`, or `otherwise` when there is none in time or it is not even asked for."""
        is_probe = self._pause_s > 0
        if is_probe and (self._is_probing or asyncio.get_running_loop().time() < self._next_try_s):
            return otherwise
        self._is_probing |= is_probe
        try:
            async with asyncio.timeout(self._call_timeout_s), self._slots:
                answer = await call()
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(operation, error)
            return otherwise
        finally:
            self._is_probing &= not is_probe
        if is_probe:
            self._pause_s = 0.0
            self._observer.observe(CacheRecovered())
        return answer

    def _failed(self, operation: str, error: BaseException) -> None:
        """Only the kind of the error is told: a text of the library may quote what it was asked to do."""
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._next_try_s:  # else it is one of several calls that failed together, and counted already
            self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2 or FIRST_PAUSE_S)
            self._next_try_s = now_s + self._pause_s
            self._observer.observe(CacheFailed(operation, type(error).__name__, self._pause_s))
