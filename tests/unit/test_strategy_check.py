"""Check of a strategy: what breaks a promise is found and named, and what keeps all of them passes with its figures."""

import numpy as np
import pytest
from candle_histories import Shape, history

from binance_trade_agent.backtest.strategy_check import check_strategy
from binance_trade_agent.domain.errors import StrategyError
from binance_trade_agent.domain.signal import Action, Opinion
from binance_trade_agent.strategies.catalogue import make_strategy
from binance_trade_agent.strategies.strategy import hold


class Rising:
    """Buys above the close before, and sells below it."""

    name = "rising"
    required_candles = 2

    def evaluate(self, window):
        if len(window) < 2:
            return hold("too few")
        return Opinion(Action.BUY if window.closes[-1] > window.closes[-2] else Action.SELL, 0.7, "because")


class LookingAhead(Rising):
    """Its column says at each candle what follows."""

    def actions(self, window):
        rises = np.diff(window.closes, append=window.closes[-1:]) > 0
        return np.where(rises, 1, -1).astype(np.int8)


class KnowingTheEnd(Rising):
    """Its column is right for one history as a whole, and other for its beginning."""

    def actions(self, window):
        rises = np.diff(window.closes, prepend=np.inf) > 0
        return np.where(rises, 1, -1 if window.closes[-1] == self.end else 0).astype(np.int8) * (np.arange(len(window)) > 0)


class Hasty(Rising):
    """Speaks with one candle."""

    def evaluate(self, window):
        return Opinion(Action.BUY if len(window) else Action.HOLD, 0.7, "because")


class Falling(Rising):
    """Cannot do with one candle."""

    def evaluate(self, window):
        return Opinion(Action.BUY if window.closes[-2] > 1.0 else Action.SELL, 0.7, "because")


class Remembering(Rising):
    """Says something else each time."""

    def __init__(self):
        self.turn = False

    def evaluate(self, window):
        if len(window) < 2:
            return hold("too few")
        self.turn = not self.turn
        return Opinion(Action.BUY if self.turn else Action.SELL, 0.7, "because")


class Nonsense(Rising):
    def evaluate(self, window):
        return "BUY"


class Overwriting(Rising):
    def evaluate(self, window):
        window.closes[-1] = 1.0
        return Opinion(Action.HOLD, 0.0, "because")


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (LookingAhead(), "actions says another thing than evaluate"),
        (Hasty(), "it speaks with 1 of the 2 candles that it needs"),
        (Falling(), "evaluate fails with IndexError"),
        (Remembering(), "the same candles give another opinion"),
        (Nonsense(), "expected an Opinion"),
        (Overwriting(), "read-only"),
    ],
)
def test_a_broken_promise_is_named(strategy, expected):
    with pytest.raises(StrategyError, match=expected):
        check_strategy(strategy)


def test_a_column_that_rests_on_later_candles_is_found():
    window, strategy = history(Shape(1), 400), KnowingTheEnd()
    strategy.end = window.closes[-1]
    with pytest.raises(StrategyError, match="later candles change what is said"):
        check_strategy(strategy, [window])


@pytest.mark.parametrize(
    "strategy",
    [
        Rising(),
        make_strategy("rsi", {"period": 3}),
        make_strategy("trend_filter", {"interval": "5m", "period": 4, "strategy": {"name": "donchian"}}),
    ],
)
def test_a_sound_strategy_passes_with_its_figures(strategy):
    found = check_strategy(strategy)
    assert found.buys > 0
    assert found.sells > 0
    assert found.candles >= found.buys + found.sells
    assert found.live_microseconds > 0
