"""Silent refusals: what risk would have refused in reviews that were left out because nothing could come of them, counted by rule."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from binance_trade_agent.backtest.fast.levels import Levels
from binance_trade_agent.backtest.fast.tracks import Track
from binance_trade_agent.domain.risk import RiskRule, TradingMode
from binance_trade_agent.risk_management_agent import RiskLimits
from binance_trade_agent.risk_management_agent.market_checks import candle_age_limit_ms
from binance_trade_agent.signal_agent import SignalAgent
from binance_trade_agent.strategies.over_history import BUY, SELL

Passes = NDArray[np.bool_]


def silent_refusals(
    track: Track,
    limits: RiskLimits,
    signals: SignalAgent,
    turns: Sequence[int],
    levels: Levels | None,
    mode_line: Sequence[tuple[int, TradingMode]],
    asked: Sequence[int],
) -> Counter[RiskRule]:
    """Refusals of one symbol: of everything while the account was halted, of purchases while it was reducing, of sales of nothing.

    `asked` are the passes in which risk was asked about the symbol: what it said there is counted already, or a stop sold what the strategy
    would have bought. `turns`, `mode_line` and the `levels` at the end are those of Stepping. Nobody ends a halt, so what was held then
    is held at the end.
    """
    actions = track.actions
    silent = np.ones(len(actions), bool)
    silent[np.array(asked, np.int64)] = False
    halted, reducing = _while(mode_line, len(actions), TradingMode.HALTED), _while(mode_line, len(actions), TradingMode.REDUCING)
    flat = np.searchsorted(np.array(turns, np.int64), np.arange(len(actions)), side="right") % 2 == 0
    of_nothing = (actions == SELL) & flat & ~halted
    stale = of_nothing & _stale(track, limits)
    unsure = _unsure(track, limits, signals, of_nothing & ~stale)
    found = {
        RiskRule.HALTED: halted & ((actions != 0) | (levels.reached() if levels is not None else False)),
        RiskRule.REDUCING: reducing & (actions == BUY) & silent,
        RiskRule.STALE_DATA: stale,
        RiskRule.LOW_CONFIDENCE: unsure,
        RiskRule.NO_POSITION: of_nothing & ~stale & ~unsure,
    }
    return Counter({rule: count for rule, passes in found.items() if (count := int(np.count_nonzero(passes)))})


def _while(mode_line: Sequence[tuple[int, TradingMode]], count: int, wanted: TradingMode) -> Passes:
    passes = np.zeros(count, bool)
    for number, mode in mode_line:
        passes[number:] = mode is wanted
    return passes


def _stale(track: Track, limits: RiskLimits) -> Passes:
    closes = track.window.close_times_ms
    newest = closes[np.maximum(track.closed - 1, 0)]
    stale: Passes = track.times_ms - (newest + 1) > candle_age_limit_ms(limits, track.window.interval_ms)
    return stale


def _unsure(track: Track, limits: RiskLimits, signals: SignalAgent, asked: Passes) -> Passes:
    """Of those asked for, the passes in which the strategy is less sure than risk wants."""
    unsure = np.zeros(len(asked), bool)
    if limits.min_confidence > 0:
        for number in np.flatnonzero(asked).tolist():
            unsure[number] = signals.decide(track.snapshot(number)).confidence < limits.min_confidence
    return unsure
