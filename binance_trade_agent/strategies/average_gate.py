"""Average gate: lets BUY pass only while the newest close of another interval or symbol is above the mean of its last closes."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from binance_trade_agent.domain.market import CandleWindow, Column
from binance_trade_agent.domain.need import Need
from binance_trade_agent.domain.signal import Action, Opinion
from binance_trade_agent.strategies.over_history import BUY, HOLD, ActionColumn, actions_over
from binance_trade_agent.strategies.strategy import Strategy, hold, hold_if_others_too_few, needs_of, opinion_of


@dataclass(frozen=True, slots=True)
class AverageGate:
    """Stands behind `strategy` and reads `need.candles` closes of what `need` names.

    SELL passes in any case, so that a position can be left whatever the other candles do. A BUY is held back where they are too few, and
    where the newest of them is older than the last one that can have closed.
    """

    strategy: Strategy
    need: Need

    def opinion(self, window: CandleWindow) -> Opinion:
        """The strategy's opinion over `window`, or HOLD where it is BUY and must not pass."""
        opinion = opinion_of(self.strategy, window)
        if opinion.action is not Action.BUY:
            return opinion
        too_few = hold_if_others_too_few(window, (self.need,))
        if too_few is not None:
            return hold(f"{too_few.reason}, and without them no BUY passes ({opinion.reason})", opinion.indicators)
        other = window.other(interval=self.need.interval, symbol=self.need.symbol)
        late_ms = int(window.close_times_ms[-1] - other.close_times_ms[-1])
        if late_ms >= other.interval_ms:
            why = f"the newest candle of {other.frame} closed {late_ms / 1000:g} s before"
            return hold(f"{why}, so no BUY passes ({opinion.reason})", opinion.indicators)
        close, mean = float(other.closes[-1]), _mean(other.closes[-self.need.candles :])
        numbers = {**opinion.indicators, "other_close": close, "other_mean": mean}
        place = f"{other.frame} at {close:.6g} is{'' if close > mean else ' not'} above its mean {mean:.6g}"
        if close > mean:
            return replace(opinion, reason=f"{opinion.reason}, and {place}", indicators=numbers)
        return hold(f"{place}, so no BUY passes ({opinion.reason})", numbers)

    def actions(self, window: CandleWindow) -> ActionColumn:
        """What `opinion` says at every candle."""
        column = actions_over(self.strategy, window)
        other, closed = window.other_history(interval=self.need.interval, symbol=self.need.symbol)
        buys = np.flatnonzero(column == BUY)
        passes = np.zeros(len(buys), np.bool_)
        enough = closed[buys] >= self.need.candles
        newest = closed[buys[enough]] - 1
        is_above: NDArray[np.bool_] = other.closes[self.need.candles - 1 :] > _means(other.closes, self.need.candles)
        late_ms = window.close_times_ms[buys[enough]] - other.close_times_ms[newest]
        passes[enough] = is_above[newest - (self.need.candles - 1)] & (late_ms < other.interval_ms)
        gated = column.copy()
        gated[buys[~passes]] = HOLD
        return gated


@dataclass(frozen=True, slots=True, kw_only=True)
class GatedStrategy(ABC):
    """What `strategy` says, but for a BUY that its gate holds back. Confidence and share are those of `strategy`."""

    strategy: Strategy

    @property
    @abstractmethod
    def gate(self) -> AverageGate:
        """What stands behind `strategy`."""

    @property
    def required_candles(self) -> int:
        """As many as `strategy` needs."""
        return self.strategy.required_candles

    @property
    def needs(self) -> tuple[Need, ...]:
        """What the gate reads, and what `strategy` reads besides."""
        return (self.gate.need, *needs_of(self.strategy))

    def evaluate(self, window: CandleWindow) -> Opinion:
        """The opinion over `window`."""
        return self.gate.opinion(window)

    def actions(self, window: CandleWindow) -> ActionColumn:
        """What `evaluate` says at every candle."""
        return self.gate.actions(window)


def _mean(closes: Column) -> float:
    """The mean of `closes`, at least one, summed in their order."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.add.accumulate(closes)[-1] / len(closes))


def _means(closes: Column, count: int) -> Column:
    """Means of `count` closes, one for each close that ends so many: to the last digit what `_mean` gives of each by itself."""
    ends = max(len(closes) - count + 1, 0)
    total = closes[:ends].copy()
    with np.errstate(over="ignore", invalid="ignore"):
        for place in range(1, count):
            total += closes[place : place + ends]
    return total / count
