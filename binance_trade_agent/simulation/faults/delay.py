"""Delay: how late something comes: a fixed time, or one drawn from a distribution."""

import math
from enum import StrEnum
from random import Random

import msgspec

LONGEST_DELAY_MS = 600_000.0
"""Whatever is drawn, nothing is later than this."""

_STEEPEST_TAIL = 10.0


class DelayShape(StrEnum):
    """The distribution of a delay around `typical_ms`."""

    FIXED = "fixed"
    UNIFORM = "uniform"
    """Anything between typical * (1 - spread) and typical * (1 + spread)."""
    EXPONENTIAL = "exponential"
    """Mean `typical_ms`."""
    LOGNORMAL = "lognormal"
    """Median `typical_ms`; `spread` is the standard deviation of its logarithm."""
    PARETO = "pareto"
    """At least `typical_ms`, with a tail that is the heavier the larger `spread` is (exponent 1 / spread)."""


class Delay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Milliseconds of the running loop's time. ValueError for what cannot be."""

    typical_ms: float = 0.0
    shape: DelayShape = DelayShape.FIXED
    spread: float = 0.5

    def __post_init__(self) -> None:
        """See the class."""
        if not (math.isfinite(self.typical_ms) and 0 <= self.typical_ms <= LONGEST_DELAY_MS):
            raise ValueError(f"a delay is 0 to {LONGEST_DELAY_MS:g} ms, not {self.typical_ms!r}")
        if not (math.isfinite(self.spread) and 0 <= self.spread <= _STEEPEST_TAIL):
            raise ValueError(f"the spread of a delay is 0 to {_STEEPEST_TAIL:g}, not {self.spread!r}")

    def drawn_s(self, random: Random) -> float:
        """One delay, in seconds."""
        return min(max(self._drawn_ms(random), 0.0), LONGEST_DELAY_MS) / 1_000

    def _drawn_ms(self, random: Random) -> float:
        typical = self.typical_ms
        match self.shape:
            case DelayShape.FIXED:
                return typical
            case DelayShape.UNIFORM:
                return typical * (1 + self.spread * (2 * random.random() - 1))
            case DelayShape.EXPONENTIAL:
                return -typical * math.log(1 - random.random())
            case DelayShape.LOGNORMAL:
                return typical * math.exp(random.gauss(0, self.spread))
            case DelayShape.PARETO:
                return typical * math.pow(1 - random.random(), -self.spread)
