"""Clock: the only source of time for the stations; wall, scaled or virtual behind one Protocol."""

from typing import Protocol


class Clock(Protocol):
    """Time of the market that is traded. Durations of our own work are measured with `monotonic_ms`."""

    def now_ms(self) -> int:
        """Market time, integer milliseconds UTC."""
        ...

    def monotonic_ms(self) -> float:
        """Milliseconds of real (or virtual) time that never go back, for durations; not scaled."""
        ...

    async def sleep_until(self, time_ms: int) -> None:
        """Return when market time has reached `time_ms`; at once when it already has."""
        ...
