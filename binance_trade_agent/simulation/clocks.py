"""Clocks: the three ways for market time to pass: as it does on the wall (ours or an exchange's), faster or slower, or virtually.

A clock never polls: it sleeps as long as is left and looks again, so that a loop whose timers fire a little early or whose
wall clock is stepped still returns at the right time and never before it.
"""

import asyncio
import math
import time

from binance_trade_agent.ports.clock import Clock

LEAST_NAP_S = 0.0005
"""The shortest sleep; half a millisecond is below what market time can show, and keeps an early timer from spinning."""

LONGEST_NAP_S = 30.0
"""How long the wall clock is trusted between looks: it can be stepped while we sleep, the loop's timers do not notice."""


class WallClock:
    """Market time is the system's UTC time."""

    def now_ms(self) -> int:
        """Milliseconds UTC."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> float:
        """Milliseconds since an arbitrary moment; never goes back."""
        return time.monotonic_ns() / 1e6

    async def sleep_until(self, time_ms: int) -> None:
        """Return when the system's UTC time has reached `time_ms`, also when it is stepped meanwhile (then up to LONGEST_NAP_S late)."""
        await asyncio.sleep(0)
        while (left_s := time_ms / 1000 - time.time()) > 0 or self.now_ms() < time_ms:  # noqa: ASYNC110 - time itself is waited for, no task could set an event
            await asyncio.sleep(min(max(left_s, LEAST_NAP_S), LONGEST_NAP_S))


class ShiftedClock:
    """Market time is `offset_ms` ahead of the system's UTC time (behind it when negative): another machine's clock, as measured."""

    def __init__(self, offset_ms: int) -> None:
        self._wall = WallClock()
        self._offset_ms = offset_ms

    def now_ms(self) -> int:
        """Milliseconds UTC by that other clock."""
        return self._wall.now_ms() + self._offset_ms

    def monotonic_ms(self) -> float:
        """Milliseconds since an arbitrary moment; never goes back."""
        return self._wall.monotonic_ms()

    async def sleep_until(self, time_ms: int) -> None:
        """Return when that other clock has reached `time_ms`; see WallClock."""
        await self._wall.sleep_until(time_ms - self._offset_ms)


class ScaledClock:
    """Market time starts at `start_ms` when the clock is made and runs `speed` times as fast as real time."""

    def __init__(self, speed: float, start_ms: int) -> None:
        if not (math.isfinite(speed) and speed > 0):
            raise ValueError(f"speed must be a finite number above 0, not {speed!r}")
        self._speed = speed
        self._start_ms = start_ms
        self._started_ns = time.monotonic_ns()

    @property
    def speed(self) -> float:
        """Market seconds per real second."""
        return self._speed

    def now_ms(self) -> int:
        """Market time in whole milliseconds, those that are over."""
        return self._start_ms + int((time.monotonic_ns() - self._started_ns) / 1e6 * self._speed)

    def monotonic_ms(self) -> float:
        """Real milliseconds since an arbitrary moment, not scaled."""
        return time.monotonic_ns() / 1e6

    async def sleep_until(self, time_ms: int) -> None:
        """Return when market time has reached `time_ms`."""
        await asyncio.sleep(0)
        while (left_ms := time_ms - self.now_ms()) > 0:  # noqa: ASYNC110 - time itself is waited for, no task could set an event
            await asyncio.sleep(max(left_ms / 1000 / self._speed, LEAST_NAP_S))


class SkewedClock:
    """Another clock's time, until it is set wrong: the clock of a machine that nobody looks after."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._skew_ms = 0
        self.was_set = False

    def shift(self, by_ms: int) -> None:
        """Set the clock forward, or back when `by_ms` is negative."""
        self._skew_ms += by_ms
        self.was_set = True

    @property
    def skew_ms(self) -> int:
        """How far it is wrong."""
        return self._skew_ms

    def now_ms(self) -> int:
        """Milliseconds UTC as this clock has them."""
        return self._clock.now_ms() + self._skew_ms

    def monotonic_ms(self) -> float:
        """Milliseconds since an arbitrary moment; the skew does not touch them."""
        return self._clock.monotonic_ms()

    async def sleep_until(self, time_ms: int) -> None:
        """Return when this clock reaches `time_ms` by the skew that it has now."""
        await self._clock.sleep_until(time_ms - self._skew_ms)


class VirtualClock:
    """Market time is `start_ms` plus the time of the running VirtualLoop, which begins at 0; use it inside that loop only."""

    def __init__(self, start_ms: int) -> None:
        self._start_ms = start_ms

    def now_ms(self) -> int:
        """Market time, rounded to the nearest millisecond: a timer set for a whole millisecond lands on it whatever its float does."""
        return self._start_ms + round(asyncio.get_running_loop().time() * 1000)

    def monotonic_ms(self) -> float:
        """Virtual milliseconds since the loop began."""
        return asyncio.get_running_loop().time() * 1000

    async def sleep_until(self, time_ms: int) -> None:
        """Return when market time has reached `time_ms`."""
        loop = asyncio.get_running_loop()
        # The loop time is reckoned from the start each time, so that rounding never adds up over many sleeps.
        target_s = (time_ms - self._start_ms) / 1000
        await asyncio.sleep(0)
        while self.now_ms() < time_ms:  # noqa: ASYNC110 - time itself is waited for, no task could set an event
            await asyncio.sleep(max(target_s - loop.time(), LEAST_NAP_S))
