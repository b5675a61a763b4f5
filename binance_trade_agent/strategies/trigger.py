"""Trigger: whether a strategy speaks as long as its condition lasts, or only on the candle with which it begins."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from binance_trade_agent.domain.signal import Action


class Trigger(StrEnum):
    """When a condition counts.

    `zone`: on every candle at whose close it holds. `crossing`: only on the first candle at whose close it holds; a pass that
    comes later than that candle's successor misses it, so passes should not be further apart than candles.
    """

    ZONE = "zone"
    CROSSING = "crossing"

    def applied(self, before: Action, now: Action) -> Action:
        """The action for a condition that said `before` at the last close but one, and says `now` at the last close."""
        return now if self is Trigger.ZONE or now is not before else Action.HOLD

    def applied_over(self, before: NDArray[np.int8], now: NDArray[np.int8]) -> NDArray[np.int8]:
        """`applied` for columns of actions as `over_history` codes them, HOLD being 0."""
        return now if self is Trigger.ZONE else now * (now != before)
