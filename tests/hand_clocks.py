"""Clocks that a test moves by hand."""

import asyncio


class HandClock:
    """Stands where it was put; sleeping moves it at once."""

    def __init__(self, time_ms: int) -> None:
        self.time_ms = time_ms

    def now_ms(self) -> int:
        return self.time_ms

    def monotonic_ms(self) -> float:
        return float(self.time_ms)

    async def sleep_until(self, time_ms: int) -> None:
        self.time_ms = time_ms


class StillClock:
    """Stands still, for code that may read the time but has nothing to wait for."""

    def __init__(self, time_ms: int = 0) -> None:
        self._time_ms = time_ms

    def now_ms(self) -> int:
        return self._time_ms

    def monotonic_ms(self) -> float:
        return 0.0

    async def sleep_until(self, time_ms: int) -> None:
        raise AssertionError("nobody waits here")


class SteppedClock:
    """Stands where it was put; who sleeps wakes up when it is moved to his time."""

    def __init__(self, time_ms: int) -> None:
        self.time_ms = time_ms
        self._sleepers: list[tuple[int, asyncio.Event]] = []

    def now_ms(self) -> int:
        return self.time_ms

    def monotonic_ms(self) -> float:
        return float(self.time_ms)

    async def sleep_until(self, time_ms: int) -> None:
        woken = asyncio.Event()
        self._sleepers.append((time_ms, woken))
        if time_ms <= self.time_ms:
            woken.set()
        await woken.wait()

    def move(self, by_ms: int) -> None:
        self.time_ms += by_ms
        for time_ms, woken in self._sleepers:
            if time_ms <= self.time_ms:
                woken.set()
