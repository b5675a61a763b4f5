"""ClockSync: measures the exchange's clock by several looks at it, one task at a time. Source: rest-api.md, "Check server time"."""

import asyncio
from collections.abc import Awaitable, Callable

from binance_trade_agent.binance.connection import Connection
from binance_trade_agent.binance.server_clock import ClockSample, ServerClock, best_of
from binance_trade_agent.domain.errors import ExchangeError, FateUnknownError
from binance_trade_agent.domain.facts import ClockSynced

CLOCK_SAMPLES = 5

Look = Callable[[float], Awaitable[ClockSample]]
"""One request for the exchange's time that may take as many seconds; raises ExchangeError."""


class ClockSync:
    """Keeps `server_clock` measured by means of `look`. A measurement takes no longer than one request may."""

    def __init__(self, connection: Connection, server_clock: ServerClock, look: Look) -> None:
        self._connection = connection
        self._clock = connection.clock
        self._server_clock = server_clock
        self._look = look
        self._lock = asyncio.Lock()

    async def measure(self) -> int:
        """Measure the offset of the exchange's clock, go by the best sample, and return it (ms).

        Raises the last ExchangeError when no sample could be taken.
        """
        async with self._lock:
            return await self._measure()

    async def ensure(self) -> None:
        """Measure the offset unless it is known; raises as `measure` does."""
        async with self._lock:
            if not self._server_clock.is_synced:
                await self._measure()

    async def _measure(self) -> int:
        if self._connection.shares_clock:
            return self._adopt(ClockSample(sent_ms=0, received_ms=0, server_ms=0, round_trip_ms=0.0))
        deadline_ms = self._clock.monotonic_ms() + self._connection.request_timeout_s * 1_000
        samples: list[ClockSample] = []
        failure: ExchangeError = FateUnknownError("the exchange's clock could not be read in time")
        for _ in range(CLOCK_SAMPLES):
            remaining_s = (deadline_ms - self._clock.monotonic_ms()) / 1_000
            if remaining_s <= 0:
                break
            try:
                samples.append(await self._look(remaining_s))
            except ExchangeError as error:
                failure = error
        if not samples:
            raise failure
        return self._adopt(best_of(samples))

    def _adopt(self, sample: ClockSample) -> int:
        self._server_clock.adopt(sample)
        self._connection.observer.observe(ClockSynced(sample.offset_ms, sample.round_trip_ms))
        return sample.offset_ms
