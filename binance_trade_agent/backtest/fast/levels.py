"""Levels: at which pass the price of what is held next reaches a stop-loss, a take-profit or a trailing stop."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np
from numpy.typing import NDArray

from binance_trade_agent.backtest.fast.tracks import Track
from binance_trade_agent.domain.money import times
from binance_trade_agent.risk_management_agent import RiskLimits

_FIRST_SPAN = 128
"""How many passes are looked at first; each further look is twice as long."""

_SLACK = 1 + 1e-12
"""Floats within this of a trailing stop count as having reached it; the review of that pass reckons exactly."""

_NEVER_LOW, _NEVER_HIGH = -1, 2**62


@dataclass(slots=True)
class Levels:
    """Of one position, as long as its average price stays; prices in the track's units.

    At `low` or below, or at `high` or above, a pass sells. `trail` is the fraction below the highest price at which it does, 0 for none;
    `peak` is the highest price at which the position was seen by the pass before `looked_to`, up to which nothing is reached. Without a
    trail nobody needs the peak, so prices are looked at far ahead: `is_hit` when `looked_to` reaches a level.
    """

    track: Track
    low: int
    high: int
    trail: float
    peak: int
    looked_to: int
    is_hit: bool = False

    @classmethod
    def of(cls, track: Track, limits: RiskLimits, average: Decimal, peak: Decimal, number: int) -> "Levels":
        """The levels of a position that costs `average` apiece, to be looked for from pass `number` on."""
        low, high = _NEVER_LOW, _NEVER_HIGH
        if average > 0 and limits.stop_loss_pct:
            low = int(times(average, 1 - limits.stop_loss_pct).scaleb(track.decimals).to_integral_value(ROUND_FLOOR))
        if average > 0 and limits.take_profit_pct:
            high = int(times(average, 1 + limits.take_profit_pct).scaleb(track.decimals).to_integral_value(ROUND_CEILING))
        return cls(track, low, high, float(limits.trailing_stop_pct), int(peak.scaleb(track.decimals)), number)

    def reached_by(self, until: int) -> int | None:
        """The first pass from `looked_to` on, and before `until`, at which a level is or may be reached; None when there is none."""
        span, last = _FIRST_SPAN, until if self.trail else len(self.track.prices)
        while self.looked_to < until and not self.is_hit:
            end = min(self.looked_to + span, last)
            prices = self.track.prices[self.looked_to : end]
            hits = (prices <= self.low) | (prices >= self.high)
            if self.trail:
                peaks = np.maximum(np.maximum.accumulate(prices), self.peak)
                hits |= prices <= peaks * ((1 - self.trail) * _SLACK)
            first = int(hits.argmax())
            self.is_hit = hits.item(first)
            if self.trail:
                self.peak = int(peaks[first if self.is_hit else -1])
            self.looked_to, span = self.looked_to + first if self.is_hit else end, span * 2
        return self.looked_to if self.is_hit and self.looked_to < until else None

    def may_be_reached(self, number: int) -> bool:
        """Whether pass `number`, up to which nothing is reached, reaches a level or may do so."""
        price = self.track.prices.item(number)
        return price <= self.low or price >= self.high or bool(self.trail and price <= max(price, self.peak) * ((1 - self.trail) * _SLACK))

    def pass_by(self, number: int) -> None:
        """Pass `number`, the next to be looked at, was walked, and the position stays."""
        self.peak = max(self.peak, self.track.prices.item(number))
        self.looked_to, self.is_hit = number + 1, False

    def reached(self) -> NDArray[np.bool_]:
        """The passes from `looked_to` on in which a level is reached, shape (passes,), while nothing is sold."""
        passes = np.zeros(len(self.track.prices), bool)
        prices = self.track.prices[self.looked_to :]
        hits = (prices <= self.low) | (prices >= self.high)
        if self.trail and len(prices):
            hits |= prices <= np.maximum(np.maximum.accumulate(prices), self.peak) * (1 - self.trail)
        passes[self.looked_to :] = hits
        return passes
