"""ClockSync: measures the exchange's clock by several looks at it, one task at a time. Source: rest-api.md, "Check server time"."""

import asyncio
from collections.abc import Awaitable, Callable

from binance_trade_agent.binance.connection import Connection
from binance_trade_agent.binance.server_clock import LONGEST_JUMP_MS, ClockSample, ServerClock, best_of
from binance_trade_agent.domain.errors import ExchangeError, FateUnknownError
from binance_trade_agent.domain.facts import ClockJumped, ClockSynced

CLOCK_SAMPLES = 5

SHORTEST_DRIFT_MS = 60_000.0
"""Looks at the clock that are closer together say more of their own error than of a drift."""

Look = Callable[[float], Awaitable[ClockSample]]
"""One request for the exchange's time that may take as many seconds; raises ExchangeError."""


class ClockSync:
    """Keeps `server_clock` measured by means of `look`. A measurement takes no longer than one request may.

    When our own clock was set since the last one, what was measured counts no more, whatever asks next.
    """

    def __init__(self, connection: Connection, server_clock: ServerClock, look: Look) -> None:
        self._connection = connection
        self._clock = connection.clock
        self._server_clock = server_clock
        self._look = look
        self._lock = asyncio.Lock()
        self._measured: tuple[int, float] | None = None
        self._attempts = 0
        self._failure: ExchangeError | None = None

    async def measure(self) -> int:
        """Measure the offset of the exchange's clock, go by the best sample, and return it (ms).

        Raises the last ExchangeError when no sample could be taken.
        """
        async with self._lock:
            return await self._measure()

    def is_known(self) -> bool:
        """Whether the offset is known: measured, and not in doubt since."""
        self._doubt_after_a_jump()
        return self._server_clock.is_synced

    async def ensure(self) -> None:
        """Measure the offset unless it is known; raises as `measure` does.

        Who comes while it is being measured takes what comes of that, so that many are not kept waiting for one attempt each.
        """
        if self.is_known():
            return
        attempts = self._attempts
        async with self._lock:
            if self._failure is not None and self._attempts != attempts:
                raise self._failure
            if not self._server_clock.is_synced:
                await self._measure()

    def error_bound_ms(self) -> float:
        """How far the exchange's clock as we reckon it can be off; infinite while it is not known."""
        self._doubt_after_a_jump()
        return self._server_clock.error_bound_ms

    def _doubt_after_a_jump(self) -> None:
        jump_ms = self._server_clock.jump_ms()
        if jump_ms:
            self._server_clock.doubt()
            self._measured = None  # what it says of our drift is nothing now
            self._connection.observer.observe(ClockJumped(jump_ms))

    async def _measure(self) -> int:
        self._failure = None
        try:
            offset_ms = await self._look_and_adopt()
        except ExchangeError as error:
            self._failure = error
            raise
        else:
            return offset_ms
        finally:
            self._attempts += 1

    async def _look_and_adopt(self) -> int:
        if self._connection.shares_clock:
            return self._adopt(ClockSample(sent_ms=0, received_ms=0, server_ms=0, round_trip_ms=0.0))
        deadline_ms = self._clock.monotonic_ms() + self._connection.request_timeout_s * 1_000
        samples: list[ClockSample] = []
        failure: ExchangeError = FateUnknownError("the exchange's clock could not be read in time")
        ahead_ms = self._ahead_ms()
        for _ in range(CLOCK_SAMPLES):
            remaining_s = (deadline_ms - self._clock.monotonic_ms()) / 1_000
            if remaining_s <= 0:
                break
            try:
                samples.append(await self._look(remaining_s))
            except ExchangeError as error:
                failure = error
            if abs(self._ahead_ms() - ahead_ms) > LONGEST_JUMP_MS:
                # Our own clock was set meanwhile: what was read before counts no more, and would hide the jump.
                ahead_ms = self._ahead_ms()
                samples.clear()
        if not samples:
            raise failure
        return self._adopt(best_of(samples))

    def _ahead_ms(self) -> float:
        """Local time less the time that never jumps."""
        return self._clock.now_ms() - self._clock.monotonic_ms()

    def _adopt(self, sample: ClockSample) -> int:
        now_ms = self._clock.monotonic_ms()
        drift_ppm = None
        if self._measured is not None and now_ms - self._measured[1] >= SHORTEST_DRIFT_MS:
            drift_ppm = (sample.offset_ms - self._measured[0]) / (now_ms - self._measured[1]) * 1e6
        self._measured = (sample.offset_ms, now_ms)
        self._server_clock.adopt(sample)
        self._connection.observer.observe(ClockSynced(sample.offset_ms, sample.round_trip_ms, sample.error_bound_ms, drift_ppm))
        return sample.offset_ms
