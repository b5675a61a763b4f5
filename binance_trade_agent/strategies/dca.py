"""DCA strategy: buys the same share again and again at fixed times, whatever the price (dollar cost averaging)."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.market import CandleWindow
from binance_trade_agent.domain.signal import Action, Opinion
from binance_trade_agent.strategies.over_history import BUY, ActionColumn, Votes, votes_without_doubt
from binance_trade_agent.strategies.parameters import Between, check_parameters
from binance_trade_agent.strategies.strategy import hold, hold_if_too_few


@dataclass(frozen=True, slots=True, kw_only=True)
class DcaStrategy:
    """BUY `fraction` of a full entry each `every` candles, counted from 1970 and `offset` candles later; it never sells.

    A candle that is missing at its time is made up for at the next one. Confidence is 1.
    """

    name: ClassVar[str] = "dca"
    every: Annotated[int, Between(1, 100_000)] = 288
    offset: Annotated[int, Between(0, 99_999)] = 0
    fraction: Annotated[float, Between(0.001, 1)] = 0.1

    def __post_init__(self) -> None:
        check_parameters(self)

    @property
    def required_candles(self) -> int:
        """The newest, and the one before it, by which a gap is seen."""
        return 2

    def evaluate(self, window: CandleWindow) -> Opinion:
        """The opinion at the newest candle."""
        too_few = hold_if_too_few(window, self.required_candles)
        if too_few is not None:
            return too_few
        number = int(window.open_times_ms[-1]) // window.interval_ms
        rounds = self._rounds(window)
        left = self.every - (number - self.offset) % self.every
        numbers = {"close": float(window.closes[-1]), "candles_left": float(left)}
        if rounds[-1] == rounds[-2]:
            return hold(f"the next purchase is due in {counted(left, 'candle')}", numbers)
        return Opinion(Action.BUY, 1.0, f"a purchase is due, as every {counted(self.every, 'candle')}", numbers, self.fraction)

    def actions(self, window: CandleWindow) -> ActionColumn:
        """What `evaluate` says at every candle."""
        actions = np.zeros(len(window), np.int8)
        actions[1:] = np.diff(self._rounds(window)) != 0
        return actions * np.int8(BUY)

    def votes(self, window: CandleWindow) -> Votes:
        """The same with the confidence."""
        return votes_without_doubt(self.actions(window))

    def _rounds(self, window: CandleWindow) -> NDArray[np.int64]:
        """The number of the round of `every` candles that each candle belongs to."""
        return (window.open_times_ms // window.interval_ms - self.offset) // self.every
