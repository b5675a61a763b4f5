"""Slots: the fixed market times at which passes are due: slot k is the settle delay after candle k of the interval's grid has opened."""

from dataclasses import dataclass

from binance_trade_agent.domain.candle_intervals import grid_offset_ms

SETTLE_DELAY_MS = 1_000
"""How long after a candle's end a pass begins, so that the exchange has closed the candle when it is asked."""

SETTLE_SHARE = 10
"""The settle delay is at most this fraction (one tenth) of the interval, for intervals of a few seconds."""


@dataclass(frozen=True, slots=True)
class Slots:
    """The arithmetic of slots; all times are market time in ms UTC. `first_ms` is when slot 0 is due."""

    interval_ms: int
    settle_delay_ms: int
    first_ms: int

    @classmethod
    def every(cls, interval_ms: int) -> "Slots":
        """Slots each `interval_ms` (at least 1), with the usual settle delay after candles of that length open: weeks on Mondays."""
        if interval_ms < 1:
            raise ValueError(f"an interval is at least 1 ms: {interval_ms}")
        settle_delay_ms = min(SETTLE_DELAY_MS, interval_ms // SETTLE_SHARE)
        return cls(interval_ms, settle_delay_ms, grid_offset_ms(interval_ms) + settle_delay_ms)

    def time_of(self, slot: int) -> int:
        """When `slot` is due."""
        return slot * self.interval_ms + self.first_ms

    def first_from(self, time_ms: int) -> int:
        """The first slot that is due at `time_ms` or later."""
        return -((self.first_ms - time_ms) // self.interval_ms)
