"""Indicators against plain-Python references written from their definitions."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from binance_trade_agent.strategies import indicators

PRICES = st.lists(st.floats(min_value=50.0, max_value=150.0), min_size=40, max_size=120)


def wilder_rsi(closes, period):
    changes = [after - before for before, after in pairwise(closes)]
    gain = sum(max(change, 0.0) for change in changes[:period]) / period
    loss = sum(max(-change, 0.0) for change in changes[:period]) / period
    for change in changes[period:]:
        gain = (gain * (period - 1) + max(change, 0.0)) / period
        loss = (loss * (period - 1) + max(-change, 0.0)) / period
    return 100.0 * gain / (gain + loss)


def simple_mean_rsi(closes, period):
    changes = [after - before for before, after in pairwise(closes)][-period:]
    gain, loss = sum(max(change, 0.0) for change in changes), sum(max(-change, 0.0) for change in changes)
    return 100.0 * gain / (gain + loss)


def plain_ema(values, period, start=None):
    """Values from `start` (the seed's index) on; the seed is the mean of the `period` values up to it."""
    at = period - 1 if start is None else start
    average = math.fsum(values[at - period + 1 : at + 1]) / period
    result = [average]
    for value in values[at + 1 :]:
        average += (value - average) * 2.0 / (period + 1)
        result.append(average)
    return result


def plain_macd(closes, fast, slow, signal):
    line = [a - b for a, b in zip(plain_ema(closes, fast, slow - 1), plain_ema(closes, slow, slow - 1), strict=True)]
    smoothed = plain_ema(line, signal)
    return line[-1], smoothed[-1]


def plain_bands(closes, period, deviations):
    used = closes[-period:]
    middle = math.fsum(used) / period
    deviation = math.sqrt(math.fsum((close - middle) ** 2 for close in used) / period)
    return middle + deviations * deviation, middle, middle - deviations * deviation


@given(PRICES, st.integers(2, 14))
def test_rsi_is_wilders(closes, period):
    closes = closes[-(8 * period + 2) :]
    assume(max(closes) - min(closes) > 1e-3)
    assert indicators.rsi(np.array(closes), period)[-1] == pytest.approx(wilder_rsi(closes, period), abs=1e-6)


def test_rsi_is_not_the_simple_mean():
    closes = [100.0 + 5.0 * math.sin(index / 3.0) + index * 0.1 for index in range(80)]
    value = indicators.rsi(np.array(closes), 14)[-1]
    assert value == pytest.approx(wilder_rsi(closes, 14), abs=1e-9)
    assert abs(value - simple_mean_rsi(closes, 14)) > 1.0


@given(PRICES, st.integers(2, 30))
def test_ema(closes, period):
    assert indicators.ema(np.array(closes), period)[-1] == pytest.approx(plain_ema(closes, period)[-1], rel=1e-12)


@given(PRICES)
def test_macd(closes):
    lines = indicators.macd(np.array(closes), 5, 12, 4)
    line, signal = plain_macd(closes, 5, 12, 4)
    assert lines.line[-1] == pytest.approx(line, abs=1e-9)
    assert lines.signal[-1] == pytest.approx(signal, abs=1e-9)
    assert lines.histogram[-1] == pytest.approx(line - signal, abs=1e-9)


@given(PRICES, st.integers(2, 30))
def test_bollinger(closes, period):
    bands = indicators.bollinger(np.array(closes), period, 2.0)
    # Sums of squares lose half the digits where prices hardly differ.
    assert (bands.upper[-1], bands.middle[-1], bands.lower[-1]) == pytest.approx(plain_bands(closes, period, 2.0), abs=1e-4)


@pytest.mark.parametrize("exponent", [-24, -14, 10])
def test_cheap_and_dear_coins_read_alike(exponent):
    """Prices near 1e-6 with steps near 1e-8 are real; their variances must not be taken for zero."""
    closes = np.array([100.0 + 0.5 * math.sin(index) for index in range(60)])
    scaled = np.ldexp(closes, exponent)
    assert np.array_equal(indicators.rsi(scaled, 14), indicators.rsi(closes, 14), equal_nan=True)
    assert np.array_equal(
        indicators.bollinger(scaled, 20, 2.0).upper, np.ldexp(indicators.bollinger(closes, 20, 2.0).upper, exponent), equal_nan=True
    )
    assert np.array_equal(indicators.ema(scaled, 9), np.ldexp(indicators.ema(closes, 9), exponent), equal_nan=True)
    assert np.array_equal(
        indicators.macd(scaled, 12, 26, 9).line, np.ldexp(indicators.macd(closes, 12, 26, 9).line, exponent), equal_nan=True
    )


def test_bands_of_a_coin_at_a_millionth_have_width():
    closes = np.array([1.23e-6 + 1e-8 * (index % 3) for index in range(40)])
    bands = indicators.bollinger(closes, 20, 2.0)
    assert (bands.upper[-1], bands.middle[-1], bands.lower[-1]) == pytest.approx(plain_bands(list(closes), 20, 2.0), rel=1e-6)
    assert bands.upper[-1] > bands.lower[-1]


def test_too_few_closes_give_no_number():
    assert np.isnan(indicators.rsi(np.array([1.0, 2.0]), 14)).all()
    assert indicators.ema(np.array([]), 5).shape == (0,)
