"""Clocks that a test moves by hand."""


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
