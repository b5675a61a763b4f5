"""Trigger: whether a strategy speaks as long as its condition lasts, or only on the candle with which it begins."""

from enum import StrEnum

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
