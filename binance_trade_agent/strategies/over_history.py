"""Strategy over a whole history: its action at every candle, the very ones that it would have said live.

A strategy may have a method `actions(window) -> ActionColumn` that reckons all of them at once. What it cannot tell for certain, because
figures reckoned over a whole history differ in their last digits from those of a short window, it leaves to `evaluate`, by `evaluated`.
Without such a method every candle is evaluated in turn, which is slow and right.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from binance_trade_agent.domain.errors import StrategyError
from binance_trade_agent.domain.market import CandleWindow
from binance_trade_agent.domain.signal import Action
from binance_trade_agent.domain.utc_text import utc_second
from binance_trade_agent.strategies.rolling import Mask, ReadableCloses
from binance_trade_agent.strategies.strategy import Strategy, opinion_of
from binance_trade_agent.strategies.window_averages import Estimate

ActionColumn = NDArray[np.int8]

BUY, SELL, HOLD = 1, -1, 0

CODES: Mapping[Action, int] = MappingProxyType({Action.BUY: BUY, Action.SELL: SELL, Action.HOLD: HOLD})


class Votes(NamedTuple):
    """What a strategy says at every candle, and how surely, shape (n,) each; the confidence counts only where it does not hold."""

    actions: ActionColumn
    confidence: Estimate


def votes_over(strategy: Strategy, window: CandleWindow) -> Votes:
    """The votes of `strategy`, by its method `votes(window)`; without one its confidence may be anything from 0 to 1."""
    tell: Callable[[CandleWindow], Votes] | None = getattr(strategy, "votes", None)
    if tell is not None:
        return tell(window)
    half = np.full(len(window), 0.5)
    return Votes(actions_over(strategy, window), Estimate(half, half))


def votes_without_doubt(actions: ActionColumn) -> Votes:
    """Those of a strategy whose confidence is 1 whenever it speaks."""
    return Votes(actions, Estimate(np.ones(len(actions)), np.zeros(len(actions))))


def actions_over(strategy: Strategy, window: CandleWindow) -> ActionColumn:
    """The action at every candle of `window`, shape (n,): 1 for BUY, -1 for SELL, 0 for HOLD.

    Entry i is what `strategy` says when candle i has just closed; nothing of it rests on a later candle. Raises StrategyError when the
    strategy fails, or its own method `actions` gives what is no such column.
    """
    at_once = getattr(strategy, "actions", None)
    if at_once is None:
        column = np.zeros(len(window), np.int8)
        evaluated(strategy, window, column, range(len(window)))
        return column
    try:
        actions = at_once(window)
    except Exception as error:
        raise StrategyError(f"strategy {strategy.name} failed over {window.symbol}: {type(error).__name__}: {error}") from error
    if not (isinstance(actions, np.ndarray) and actions.dtype == np.int8 and actions.shape == (len(window),)):
        raise StrategyError(f"strategy {strategy.name}: actions returned {type(actions).__name__}, expected a column of int8, one a candle")
    return actions


def evaluated(strategy: Strategy, window: CandleWindow, column: ActionColumn, entries: Iterable[int]) -> None:
    """Put into `column` what `strategy` says at each of `entries`, by its method `evaluate`."""
    for entry in entries:
        try:
            opinion = opinion_of(strategy, window.part(0, entry + 1))
        except Exception as error:
            at = f"{window.symbol} at the candle of {utc_second(int(window.open_times_ms[entry]))} UTC"
            raise StrategyError(f"strategy {strategy.name} failed for {at}: {type(error).__name__}: {error}") from error
        column[entry] = CODES[opinion.action]


def settled(strategy: Strategy, window: CandleWindow, actions: ActionColumn, closes: ReadableCloses, doubtful: Mask) -> ActionColumn:
    """`actions` where a window can be read and HOLD elsewhere, with the live method's word wherever `actions` is `doubtful`."""
    column = np.where(closes.passes, actions, HOLD).astype(np.int8)
    evaluated(strategy, window, column, np.flatnonzero(closes.passes & doubtful | closes.extreme).tolist())
    return column
