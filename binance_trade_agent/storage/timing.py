"""Durations of database operations, reported as facts."""

from binance_trade_agent.domain.facts import DatabaseDone
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.observer import Observer


class Timing:
    """Reports how long each database operation took, by the clock's monotonic time."""

    def __init__(self, observer: Observer, clock: Clock) -> None:
        self._observer = observer
        self._clock = clock

    def start(self) -> float:
        """The moment an operation begins, for `done`."""
        return self._clock.monotonic_ms()

    def done(self, operation: str, started_ms: float, *, failed: bool) -> None:
        """Report the operation (`write`, `read` or `commit`) that began at `started_ms`; `failed` when it ended in a BookError."""
        self._observer.observe(DatabaseDone(operation, self._clock.monotonic_ms() - started_ms, failed))
