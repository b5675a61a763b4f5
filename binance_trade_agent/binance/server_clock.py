"""ServerClock: our best estimate of the exchange's clock, and how far it can be off. Source: rest-api.md, "Timing security"."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClockSample:
    """One answer of the time endpoint: the exchange's time lies somewhere between our sending and our receiving."""

    sent_ms: int
    received_ms: int
    server_ms: int
    round_trip_ms: float

    @property
    def offset_ms(self) -> int:
        """Exchange's clock less ours, taking the answer to have been written half way through the round trip."""
        return self.server_ms - (self.sent_ms + self.received_ms) // 2

    @property
    def error_bound_ms(self) -> float:
        """How far `offset_ms` can be off; infinite when our clock was set back meanwhile."""
        elapsed = self.received_ms - self.sent_ms
        return elapsed / 2 + 1 if elapsed >= 0 else math.inf


def best_of(samples: Iterable[ClockSample]) -> ClockSample:
    """The sample that pins the offset down best: the one with the smallest round trip."""
    return min(samples, key=lambda sample: (sample.error_bound_ms, sample.round_trip_ms))


DRIFT_SHARE = 100e-6
"""How much a machine's clock may gain or lose by itself between two looks, as a share of the time between them."""

SLEWED_SHARE = 500e-6
"""How fast a time service may bend a clock without setting it."""

LONGEST_JUMP_MS = 250
"""What local time may differ from the time that never jumps, beyond drift and bending, before the clock counts as set."""


class ServerClock:
    """Local time plus a measured offset; before the first sample the offset is 0 and the error without bound.

    With `monotonic_ms`, a time that never jumps and passes as fast as local time does, it notices when local time was set.
    """

    def __init__(self, local_ms: Callable[[], int], monotonic_ms: Callable[[], float] | None = None) -> None:
        self._local_ms = local_ms
        self._monotonic_ms = monotonic_ms
        self._adopted_at = (0, 0.0)
        self._offset_ms = 0
        self._error_bound_ms = math.inf
        self.version = 0
        """Grows whenever what is known of the exchange's clock changes."""

    def now_ms(self) -> int:
        """The exchange's time now, milliseconds UTC."""
        return self._local_ms() + self._offset_ms

    @property
    def error_bound_ms(self) -> float:
        """How far `now_ms` can be off, more with every minute since the last sample; infinite before the first and after `doubt`."""
        return self._error_bound_ms + self._since_adopted_ms() * DRIFT_SHARE

    @property
    def is_synced(self) -> bool:
        """True when a sample stands behind the offset."""
        return math.isfinite(self._error_bound_ms)

    def adopt(self, sample: ClockSample) -> None:
        """Go by this sample from now on."""
        self._offset_ms = sample.offset_ms
        self._error_bound_ms = sample.error_bound_ms
        self._adopted_at = (self._local_ms(), self._monotonic_ms()) if self._monotonic_ms is not None else (0, 0.0)
        self.version += 1

    def jump_ms(self) -> int:
        """By how much local time was set since the last sample; 0 when it was not, and when nothing was measured yet."""
        if self._monotonic_ms is None or not self.is_synced:
            return 0
        passed_ms = self._since_adopted_ms()
        jump_ms = self._local_ms() - self._adopted_at[0] - passed_ms
        return round(jump_ms) if abs(jump_ms) > LONGEST_JUMP_MS + passed_ms * SLEWED_SHARE else 0

    def doubt(self) -> None:
        """The exchange called a timestamp wrong, or our own clock was set: keep the offset as the best there is, but trust it no more."""
        self._error_bound_ms = math.inf
        self.version += 1

    def _since_adopted_ms(self) -> float:
        return self._monotonic_ms() - self._adopted_at[1] if self._monotonic_ms is not None else 0.0
