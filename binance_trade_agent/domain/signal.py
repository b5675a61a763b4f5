"""What a strategy says of a symbol: buy, sell or hold, how surely, and why."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class Action(StrEnum):
    """The three things a strategy can say."""

    BUY = "BUY"
    SELL = "SELL"
    HOLD = "HOLD"


class Opinion(msgspec.Struct, frozen=True, gc=False):
    """A strategy's pure result over one candle window.

    `confidence` is 0 to 1; `reason` is one sentence for people; `indicators` are the numbers it was read from. `fraction` is how much
    is meant: the share of a full entry to buy, or of what is held to sell, above 0 and at most 1.
    """

    action: Action
    confidence: float
    reason: str
    indicators: Mapping[str, float] = msgspec.field(default_factory=dict)
    fraction: float = 1.0


class Signal(msgspec.Struct, frozen=True, gc=False):
    """An opinion about one symbol at one time, by a named strategy."""

    symbol: str
    time_ms: int
    strategy: str
    action: Action
    confidence: float
    reason: str
    indicators: Mapping[str, float] = msgspec.field(default_factory=dict)
    fraction: float = 1.0
