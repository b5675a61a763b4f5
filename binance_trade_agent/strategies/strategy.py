"""Strategy: the Protocol that every strategy keeps, and the checks around its one method."""

import math
from collections.abc import Iterable, Mapping
from typing import Protocol

import numpy as np

from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.errors import StrategyError
from binance_trade_agent.domain.market import CandleWindow
from binance_trade_agent.domain.need import Need
from binance_trade_agent.domain.signal import Action, Opinion

MAX_REQUIRED_CANDLES = 999
"""One klines request answers at most 1000 candles (rest-api.md, "Kline/Candlestick data"), of which the newest is still open."""

_ACTIONS = tuple(Action)


class Strategy(Protocol):
    """A pure reading of closed candles: the same candles give the same opinion, and nothing but the candles is read.

    One that reads candles of other symbols or intervals has `needs` as well, a tuple of Need; see `needs_of`.
    """

    @property
    def name(self) -> str:
        """What the strategy is called in settings, logs and metrics."""
        ...

    @property
    def required_candles(self) -> int:
        """How many closed candles it needs, 1 to MAX_REQUIRED_CANDLES; with fewer its opinion is HOLD."""
        ...

    def evaluate(self, window: CandleWindow) -> Opinion:
        """The opinion over `window`, whose newest candle is the last one."""
        ...


def needs_of(strategy: Strategy) -> tuple[Need, ...]:
    """What `strategy` reads beside the candles of its own symbol and interval; it finds them by `window.other`."""
    needs: tuple[Need, ...] = getattr(strategy, "needs", ())
    return needs


def hold(reason: str, indicators: Mapping[str, float] | None = None) -> Opinion:
    """An opinion to do nothing, and why."""
    return Opinion(Action.HOLD, 0.0, reason, indicators or {})


def hold_if_too_few(window: CandleWindow, required_candles: int) -> Opinion | None:
    """HOLD with its reason when fewer than `required_candles` are there."""
    if len(window) >= required_candles:
        return None
    return hold(f"{len(window)} of the {counted(required_candles, 'candle')} needed are there")


def hold_if_others_too_few(window: CandleWindow, needs: Iterable[Need]) -> Opinion | None:
    """HOLD with its reason when of one of `needs` fewer candles are there than it asks for."""
    for need in needs:
        other = window.other(interval=need.interval, symbol=need.symbol)
        if len(other) < need.candles:
            why = f": {other.lack}" if other.lack else ""
            return hold(f"{len(other)} of the {counted(need.candles, 'candle')} of {other.frame} needed are there{why}")
    return None


def hold_if_unreadable(window: CandleWindow, required_candles: int) -> Opinion | None:
    """HOLD with its reason when the newest `required_candles` closes say nothing: too few, not all positive numbers, or all equal."""
    too_few = hold_if_too_few(window, required_candles)
    if too_few is not None:
        return too_few
    closes = window.closes[-required_candles:]
    # nan when one of the closes is; told straight to the ufuncs, which takes half the time
    least, greatest = np.minimum.reduce(closes), np.maximum.reduce(closes)
    if not (least > 0 and greatest < math.inf):
        return hold("a close among the candles is not a positive number")
    if least == greatest:
        return hold(f"prices have been flat for {required_candles} candles")
    return None


def opinion_of(strategy: Strategy, window: CandleWindow) -> Opinion:
    """What `strategy` says at the newest candle of `window`, of which it sees the newest `required_candles`, its needs, and no more.

    So nothing that it says can rest on how much history happens to be there. Raises StrategyError when it says what is no opinion.
    """
    return checked_opinion(strategy, strategy.evaluate(window.seen_by(strategy.required_candles, needs_of(strategy))))


def hold_if_candles_unreadable(window: CandleWindow, required_candles: int) -> Opinion | None:
    """`hold_if_unreadable`, and HOLD as well when a high or a low among the newest `required_candles` is no price."""
    unreadable = hold_if_unreadable(window, required_candles)
    if unreadable is not None:
        return unreadable
    if not (window.lows[-required_candles:].min() > 0 and window.highs[-required_candles:].max() < math.inf):
        return hold("a high or low among the candles is not a positive number")
    return None


def checked_opinion(strategy: Strategy, opinion: object) -> Opinion:
    """`opinion` itself; raises StrategyError for anything else (a user's strategy may return it), and for numbers out of their range."""
    if not isinstance(opinion, Opinion) or opinion.action not in _ACTIONS:
        raise StrategyError(f"strategy {strategy.name}: evaluate returned {type(opinion).__name__}, expected an Opinion with an Action")
    if not (math.isfinite(opinion.confidence) and 0.0 <= opinion.confidence <= 1.0):
        raise StrategyError(f"strategy {strategy.name}: confidence is {opinion.confidence!r}; allowed are numbers from 0 to 1")
    if not 0.0 < opinion.fraction <= 1.0:
        raise StrategyError(f"strategy {strategy.name}: fraction is {opinion.fraction!r}; allowed are numbers above 0 up to 1")
    return opinion
