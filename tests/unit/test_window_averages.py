"""Reckoning over a whole history: what is stated of its error holds, against live windows by TA-Lib and against exact fractions."""

from fractions import Fraction

import numpy as np
import pytest
from candle_histories import SHAPES, Shape, history
from hypothesis import given, settings
from hypothesis import strategies as st

from binance_trade_agent.strategies import indicators
from binance_trade_agent.strategies.macd import MacdStrategy
from binance_trade_agent.strategies.rolling import readable_closes, rolling_max, rolling_min
from binance_trade_agent.strategies.rolling_spread import rolling_spread
from binance_trade_agent.strategies.strategy import hold_if_unreadable
from binance_trade_agent.strategies.window_averages import window_average


@given(shape=SHAPES, period=st.integers(2, 40), steps=st.integers(1, 60))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_window_average_is_the_live_one_within_its_error(shape, period, steps):
    closes = readable_closes(history(shape, 300).closes, 2).closes
    average, length = window_average(closes, period, seed=period, steps=steps), period + steps
    for lag in (0, 1):
        estimate = average.at(lag)
        for entry in range(length - 1, len(closes)):
            live = indicators.ema(closes[entry + 1 - length : entry + 1], period)[-1 - lag]
            assert abs(estimate.value[entry] - live) <= estimate.error[entry]
        assert np.isnan(estimate.value[: length - 1]).all(), "there is none before a window is full"


def test_the_error_stated_is_small_beside_the_price():
    closes = history(Shape(7, standstills=True), 20_000).closes
    estimate = window_average(closes, 26, seed=26, steps=100).at(0)
    assert np.nanmax(estimate.error / closes) < 1e-11


def fractions_average(values, period, seed):
    """An EMA exactly: the mean of the first `seed` values, then each next one with weight 2 / (period + 1)."""
    exact = [Fraction(float(value)) for value in values]
    average = sum(exact[:seed]) / seed
    for value in exact[seed:]:
        average += (value - average) * Fraction(2, period + 1)
    return float(average)


@pytest.mark.parametrize("shape", [Shape(1), Shape(2, price=1e-9, standstills=True), Shape(3, spikes=True)])
def test_a_window_average_is_the_exact_one_within_its_error(shape):
    moves = np.maximum(np.diff(history(shape, 400).closes), 0.0)
    estimate = window_average(moves, 27, seed=14, steps=60).at(0)
    for entry in range(200, 399, 20):
        assert abs(estimate.value[entry] - fractions_average(moves[entry - 73 : entry + 1], 27, 14)) <= estimate.error[entry]


@given(shape=SHAPES, values=st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), max_size=60), count=st.integers(1, 30))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_rolling_extremes_are_those_of_each_window(shape, values, count):
    column = np.array(values)
    for rolling, plain in ((rolling_max, np.max), (rolling_min, np.min)):
        expected = [plain(column[entry + 1 - count : entry + 1]) if entry + 1 >= count else np.nan for entry in range(len(column))]
        np.testing.assert_array_equal(rolling(column, count), expected)


@given(shape=SHAPES, count=st.integers(2, 40))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_rolling_spread_is_the_exact_one_within_its_error(shape, count):
    closes = readable_closes(history(shape, 700).closes, 2).closes
    spread = rolling_spread(closes, count)
    assert np.isnan(spread.mean.value[: count - 1]).all()
    for entry in range(count - 1, len(closes), 37):
        exact = [Fraction(float(value)) for value in closes[entry + 1 - count : entry + 1]]
        mean = sum(exact) / count
        variance = sum((value - mean) ** 2 for value in exact) / count
        assert abs(Fraction(float(spread.mean.value[entry])) - mean) <= Fraction(float(spread.mean.error[entry]))
        assert abs(Fraction(float(spread.variance.value[entry])) - variance) <= Fraction(float(spread.variance.error[entry]))


@given(shape=SHAPES, count=st.integers(2, 40))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_history_is_read_where_a_window_is(shape, count):
    window = history(shape, 200)
    expected = [hold_if_unreadable(window.part(max(0, entry + 1 - count), entry + 1), count) is None for entry in range(200)]
    assert readable_closes(window.closes, count).passes.tolist() == expected


@pytest.mark.parametrize("shape", [Shape(5), Shape(6, price=3e-6, swing=0.02)])
def test_hardly_any_candle_is_left_to_the_live_method(shape, monkeypatch):
    """What makes a history fast: `evaluate` is asked where a figure lies within its error of a threshold, and almost none does."""
    asked = []
    monkeypatch.setattr(MacdStrategy, "evaluate", lambda self, window: asked.append(window))
    MacdStrategy(trigger="zone").actions(history(shape, 30_000))
    assert len(asked) <= 3
