"""Strategies over a history: every strategy of the catalogue says there what it says live, whatever the candles and parameters."""

from dataclasses import fields
from typing import Annotated, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from candle_histories import SHAPES, STEP_MS, Shape, history, joined, window_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scripted_strategies import Alternating

from binance_trade_agent.domain.errors import StrategyError
from binance_trade_agent.domain.signal import Action, Opinion
from binance_trade_agent.domain.utc_text import utc_second
from binance_trade_agent.strategies.catalogue import BUILT_IN, make_strategy
from binance_trade_agent.strategies.histories import warm_up_candles
from binance_trade_agent.strategies.over_history import CODES, actions_over, votes_over
from binance_trade_agent.strategies.strategy import opinion_of

NAMES = sorted(BUILT_IN)
ENTRIES = 60
"""How many candles with an opinion each example has."""


OTHER = "ETHUSDT"
"""A symbol that some strategies read beside that of the history."""

OF_TEXT = {"interval": ["3m", "5m", "15m"], "symbol": [OTHER, "BTCUSDT"]}


def values_of(name, hint, default):
    """What a parameter of this declared type may be; whole numbers not far above the least, so that few candles are needed."""
    if hint is str:
        return st.sampled_from(OF_TEXT[name])
    if get_origin(hint) is not Annotated:
        return st.sampled_from(list(hint)) if isinstance(hint, type) and issubclass(hint, str) else st.just(default)
    kind, bounds = get_args(hint)
    if kind is int:
        return st.integers(int(bounds.least), int(min(bounds.most, bounds.least + 12)))
    return st.floats(bounds.least, bounds.most) | st.just(default)


@st.composite
def made(draw, name):
    kind, hints = BUILT_IN[name], get_type_hints(BUILT_IN[name], include_extras=True)
    parameters = {}
    for field in fields(kind):
        # A longer interval than these would take too many candles.
        if (draw(st.booleans()) or field.name == "interval") and field.name not in {"members", "strategy"}:
            parameters[field.name] = draw(values_of(field.name, hints[field.name], field.default))
    try:
        return make_strategy(name, parameters)
    except StrategyError:
        assume(False)


def live(strategy, window):
    """Each action by the way that the daemon goes: a window that ends there, and is longer than needed."""
    longer = warm_up_candles(strategy, STEP_MS) + 30
    return [CODES[opinion_of(strategy, window.part(max(0, entry + 1 - longer), entry + 1)).action] for entry in range(len(window))]


def lived(strategy, shape, entries=ENTRIES):
    """A history of `shape` together with what the strategy reads besides; the other symbol has a shape of its own."""
    count = warm_up_candles(strategy, STEP_MS) + entries
    return joined(strategy, history(shape, count), history(Shape(shape.seed + 1, gaps=shape.gaps), count, OTHER))


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data(), shape=SHAPES)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_history_says_what_live_windows_say(name, data, shape):
    strategy = data.draw(made(name))
    window = lived(strategy, shape)
    assert actions_over(strategy, window).tolist() == live(strategy, window)


@given(data=st.data(), shape=SHAPES)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_votes_of_any_members_come_to_the_same_over_a_history(data, shape):
    """The default members vote by their own reckoning of confidence; these also of strategies that have none, or a share."""
    voters = ["rsi", "macd", "ema_cross", "bollinger", "donchian", "grid", "dca"]
    names = data.draw(st.lists(st.sampled_from(voters), min_size=1, max_size=4, unique=True))
    members = {name: {"weight": data.draw(st.sampled_from([0.3, 1, 2.5]))} for name in names}
    for name in {"rsi", "macd", "ema_cross", "bollinger", "donchian"} & members.keys():
        members[name]["trigger"] = data.draw(st.sampled_from(["zone", "crossing"]))
    strategy = make_strategy("combined", {"members": members, "threshold": data.draw(st.sampled_from([0.1, 0.25, 0.3, 0.5, 1.0]))})
    window = lived(strategy, shape)
    assert actions_over(strategy, window).tolist() == live(strategy, window)


def test_a_confidence_that_cannot_be_told_is_left_to_the_live_method():
    strategy = make_strategy("combined", {"members": {"bollinger": {"period": 5}}})
    window = history(Shape(6, price=1.0, swing=1e-15, standstills=True, spikes=True), 200)
    votes = votes_over(strategy.members[0].strategy, window)
    assert np.isnan(votes.confidence.value[votes.actions != 0]).any()
    assert actions_over(strategy, window).tolist() == live(strategy, window)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [Shape(1), Shape(2, price=2e-6, tick=1e-3), Shape(3, standstills=True, gaps=True), Shape(4, swing=0.02)])
def test_the_default_says_something_over_a_longer_history_and_the_same_as_live(name, shape):
    strategy = make_strategy(name)
    window = joined(strategy, history(shape, 1200))
    actions = actions_over(strategy, window)
    assert actions.tolist() == live(strategy, window)
    assert np.count_nonzero(actions) > 3


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data(), shape=SHAPES)
@settings(max_examples=10, deadline=None, derandomize=True)
def test_later_candles_change_nothing_that_was_said_before(name, data, shape):
    strategy = data.draw(made(name))
    count = warm_up_candles(strategy, STEP_MS) + ENTRIES
    window, read = history(shape, count), history(Shape(shape.seed + 1, gaps=shape.gaps), count, OTHER)
    cut = data.draw(st.integers(1, count - 1))
    closed = int(np.searchsorted(read.close_times_ms, window.close_times_ms[cut - 1], side="right"))
    changed, changed_read = mixed(window, cut, shape.price * 2), mixed(read, closed, 500.0)
    before, after = actions_over(strategy, joined(strategy, window, read)), actions_over(strategy, joined(strategy, changed, changed_read))
    assert after[:cut].tolist() == before[:cut].tolist()


def mixed(window, cut, price):
    """`window` up to candle `cut`, and others from then on, at the same times."""
    other = history(Shape(77, price=price, swing=0.05), len(window))
    columns = [
        np.concatenate((getattr(window, name)[:cut], getattr(other, name)[cut:]))
        for name in ("opens", "highs", "lows", "closes", "volumes")
    ]
    return window_of(*columns, open_times=window.open_times_ms, symbol=window.symbol)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data(), shape=SHAPES)
@settings(max_examples=10, deadline=None, derandomize=True)
def test_where_a_history_begins_does_not_matter_beyond_the_warm_up(name, data, shape):
    strategy = data.draw(made(name))
    warm_up = warm_up_candles(strategy, STEP_MS)
    window, read = history(shape, warm_up + ENTRIES), history(Shape(shape.seed + 1), warm_up + 60 * ENTRIES, OTHER)
    cut = data.draw(st.integers(1, ENTRIES))
    shorter = window.last(len(window) - cut)
    shorter_read = read.last(int((read.open_times_ms >= shorter.open_times_ms[0]).sum()))
    whole = actions_over(strategy, joined(strategy, window, read))
    assert actions_over(strategy, joined(strategy, shorter, shorter_read))[warm_up - 1 :].tolist() == whole[cut + warm_up - 1 :].tolist()


@pytest.mark.parametrize("name", NAMES)
def test_no_candles_no_actions(name):
    strategy = make_strategy(name)
    assert actions_over(strategy, joined(strategy, history(Shape(1), 50).last(1))).tolist() == [0] or strategy.required_candles == 1
    assert actions_over(strategy, joined(strategy, window_of(*[np.empty(0)] * 5, open_times=np.empty(0)))).shape == (0,)


def test_a_strategy_without_a_method_of_its_own_is_evaluated_candle_by_candle():
    actions = actions_over(Alternating(), history(Shape(1), 20))
    assert actions.dtype == np.int8
    assert (np.diff(actions) != 0).all()


class Own:
    """A user's strategy whose `actions` gives, or does, what it is told."""

    name = "own"
    required_candles = 1

    def __init__(self, given):
        self.given = given

    def evaluate(self, window):
        return Opinion(Action.HOLD, 0.0, "because")

    def actions(self, window):
        return self.given(len(window))


@pytest.mark.parametrize("given", [lambda count: [0] * count, np.zeros, lambda count: np.zeros(count + 1, np.int8), lambda count: 1 // 0])
def test_a_method_that_gives_no_such_column_is_named(given):
    with pytest.raises(StrategyError, match="strategy own"):
        actions_over(Own(given), history(Shape(1), 20))


def test_a_strategy_that_fails_somewhere_is_named_with_the_candle():
    class Failing(Own):
        actions = None

        def evaluate(self, window):
            if window.candles[-1].open_time_ms == times[7]:
                raise ZeroDivisionError("by zero")
            return Opinion(Action.HOLD, 0.0, "because")

    window = history(Shape(1), 20)
    times = [candle.open_time_ms for candle in window.candles]
    with pytest.raises(StrategyError, match=f"own failed for BTCUSDT at the candle of {utc_second(times[7])} UTC: ZeroDivisionError"):
        actions_over(Failing(None), window)


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.1, float("nan")])
def test_a_share_out_of_its_range_is_no_opinion(fraction):
    class Sharing(Own):
        actions = None

        def evaluate(self, window):
            return Opinion(Action.BUY, 1.0, "because", fraction=fraction)

    with pytest.raises(StrategyError, match="fraction"):
        actions_over(Sharing(None), history(Shape(1), 3))
