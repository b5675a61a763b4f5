"""Candle histories for strategies: random walks with standstills, gaps, spikes, tiny and huge prices, and candles that are no prices."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from binance_trade_agent.domain.market import CandleWindow
from binance_trade_agent.domain.need import Needs
from binance_trade_agent.strategies.histories import histories_with_needs
from binance_trade_agent.strategies.strategy import Strategy, needs_of

STEP_MS = 60_000


@dataclass(frozen=True)
class Shape:
    """What a history is like; `tick` 0 leaves prices unrounded, so that ties are rare."""

    seed: int
    price: float = 100.0
    swing: float = 0.003
    tick: float = 0.0
    standstills: bool = False
    gaps: bool = False
    spikes: bool = False
    broken: bool = False


SHAPES = st.builds(
    Shape,
    seed=st.integers(0, 10**6),
    price=st.sampled_from([1e-9, 3e-6, 0.07, 1.0, 100.0, 64_000.0, 1e12]),
    swing=st.sampled_from([1e-12, 1e-6, 0.0003, 0.003, 0.05]),
    tick=st.sampled_from([0.0, 0.0, 1e-3, 1e-2]),
    standstills=st.booleans(),
    gaps=st.booleans(),
    spikes=st.booleans(),
    broken=st.sampled_from([False, False, False, True]),
)


def history(shape: Shape, count: int, symbol: str = "BTCUSDT") -> CandleWindow:
    """`count` candles of `shape`; the same shape always gives the same candles."""
    rng = np.random.default_rng(shape.seed)
    moves = rng.normal(0.0, shape.swing, count)
    if shape.standstills:
        for start in rng.integers(0, count, 3):
            moves[start : start + int(rng.integers(5, 400))] = 0.0
    closes = shape.price * np.exp(np.cumsum(moves))
    if shape.spikes:
        closes[rng.integers(0, count, 2)] *= rng.choice([1e-4, 30.0, 1e5], 2)
    if shape.tick:
        closes = np.maximum(np.round(closes / (shape.price * shape.tick)), 1.0) * (shape.price * shape.tick)
    if shape.broken:
        closes[rng.integers(0, count, 2)] = rng.choice([np.nan, np.inf, 0.0, -1.0], 2)
    opens = np.concatenate((closes[:1], closes[:-1]))
    highs = np.maximum(opens, closes) * (1.0 + rng.random(count) * shape.swing)
    lows = np.minimum(opens, closes) * (1.0 - rng.random(count) * shape.swing)
    steps = np.ones(count, np.int64)
    if shape.gaps:
        steps[rng.random(count) < 0.05] = rng.integers(2, 50)
    return window_of(
        opens, highs, lows, closes, rng.random(count), open_times=1_735_689_600_000 + np.cumsum(steps) * STEP_MS, symbol=symbol
    )


def window_of(opens, highs, lows, closes, volumes, *, open_times, symbol: str = "BTCUSDT", step_ms: int = STEP_MS) -> CandleWindow:
    """A window over columns."""
    nothing = np.zeros(len(closes))
    rows = (open_times, opens, highs, lows, closes, volumes, open_times + step_ms - 1, nothing, nothing, nothing, nothing)
    table = np.array(rows, np.float64)
    table.flags.writeable = False
    return CandleWindow.over(symbol, step_ms, table)


def joined(strategy: Strategy, window: CandleWindow, *others: CandleWindow) -> CandleWindow:
    """`window` with what the strategy reads besides, made of it and of `others`, histories of other symbols."""
    histories = {each.symbol: each for each in (*others, window)}
    return histories_with_needs(histories, Needs(needs_of(strategy)))[window.symbol]
