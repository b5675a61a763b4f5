"""Histories: whole histories of candles, each together with what its symbol's strategy reads beside it."""

from collections.abc import Mapping

from binance_trade_agent.domain.errors import StrategyError
from binance_trade_agent.domain.market import CandleWindow
from binance_trade_agent.domain.need import Frame, Needs
from binance_trade_agent.domain.resampling import resampled
from binance_trade_agent.strategies.strategy import Strategy, needs_of


def histories_with_needs(histories: Mapping[str, CandleWindow], needs: Needs) -> Mapping[str, CandleWindow]:
    """The histories by symbol, all of one interval, each with the other symbols and intervals that `needs` names.

    Longer intervals are made of the histories; each is made once. Raises StrategyError for a symbol that has no history, or an interval
    that cannot be made.
    """
    made: dict[Frame, CandleWindow] = {window.frame: window for window in histories.values()}
    joined = {}
    for symbol, window in histories.items():
        wanted = {need.of(window.frame) for need in needs.of(symbol)} - {window.frame}
        for frame in wanted - made.keys():
            if frame.symbol not in histories:
                raise StrategyError(f"the strategy of {symbol} reads candles of {frame.symbol}, and there is no history of them")
            made[frame] = resampled(histories[frame.symbol], frame.interval_ms)
        joined[symbol] = window.with_others({frame: made[frame] for frame in wanted}) if wanted else window
    return joined


def warm_up_candles(strategy: Strategy, interval_ms: int) -> int:
    """How many candles of `interval_ms` have to lie before a time for nothing older to matter to `strategy` from then on.

    A longer candle that is needed is made of several; the first of them can be cut off by the beginning, and the newest is still open.
    """
    warm_up = strategy.required_candles
    for need in needs_of(strategy):
        longer = need.of(Frame("", interval_ms)).interval_ms // interval_ms
        warm_up = max(warm_up, need.candles if longer == 1 else (need.candles + 2) * longer)
    return warm_up
