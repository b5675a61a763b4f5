"""Strategies on ranges, grids and times against reckonings of their own, written plainly from what the page about them says."""

import itertools
import math
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from candle_histories import STEP_MS, Shape, history

from binance_trade_agent.domain.signal import Action
from binance_trade_agent.strategies import indicators
from binance_trade_agent.strategies.atr_trend import AtrTrendStrategy
from binance_trade_agent.strategies.dca import DcaStrategy
from binance_trade_agent.strategies.donchian import DonchianStrategy
from binance_trade_agent.strategies.grid import GridStrategy
from binance_trade_agent.strategies.mean_reversion import MeanReversionStrategy

SHAPES = [Shape(11, swing=0.01), Shape(12, price=4e-6, tick=1e-3), Shape(13, gaps=True, swing=0.008)]


def candles_before(window, end, count):
    return window.candles[end - count : end]


def said(strategy, window, entries):
    return [(entry, strategy.evaluate(window.part(entry + 1 - strategy.required_candles, entry + 1))) for entry in entries]


@pytest.mark.parametrize("shape", SHAPES)
def test_donchian_compares_with_the_ranges_before(shape):
    window, strategy = history(shape, 260), DonchianStrategy(entry=12, exit=7)
    spoke = set()
    for entry, opinion in said(strategy, window, range(20, 260)):
        close = window.candles[entry].close
        above = all(close > candle.high for candle in candles_before(window, entry, 12))
        below = all(close < candle.low for candle in candles_before(window, entry, 7))
        assert opinion.action is (Action.BUY if above else Action.SELL if below else Action.HOLD)
        spoke.add(opinion.action)
    assert len(spoke) == 3


def wilders_range(candles, period):
    """The average true range of the newest of `candles`, exactly."""
    ranges = []
    for before, candle in itertools.pairwise(candles):
        high, low, close = Fraction(candle.high), Fraction(candle.low), Fraction(before.close)
        ranges.append(max(high - low, abs(high - close), abs(low - close)))
    average = sum(ranges[:period]) / period
    for each in ranges[period:]:
        average = (average * (period - 1) + each) / period
    return average


@pytest.mark.parametrize("shape", SHAPES)
def test_the_average_true_range_is_wilders(shape):
    window = history(shape, 60)
    values = indicators.atr(window.highs, window.lows, window.closes, 9)
    assert all(math.isnan(value) for value in values[:9])
    for end in (10, 33, 60):
        assert values[end - 1] == pytest.approx(float(wilders_range(window.candles[:end], 9)), rel=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_atr_trend_follows_its_two_lines(shape):
    window, strategy = history(shape, 300), AtrTrendStrategy(period=5, lookback=15, multiple=2.0)
    spoke = set()
    for entry, opinion in said(strategy, window, range(50, 300, 3)):
        far = 2 * wilders_range(candles_before(window, entry + 1, strategy.required_candles), 5)
        newest = candles_before(window, entry + 1, 15)
        stop, line = max(Fraction(candle.high) for candle in newest) - far, min(Fraction(candle.low) for candle in newest) + far
        close = Fraction(window.candles[entry].close)
        assert opinion.action is (Action.SELL if close < stop else Action.BUY if close > line else Action.HOLD)
        assert opinion.indicators["stop"] == pytest.approx(float(stop))
        assert opinion.indicators["line"] == pytest.approx(float(line))
        spoke.add(opinion.action)
    assert {Action.BUY, Action.SELL} <= spoke


@pytest.mark.parametrize("shape", SHAPES)
def test_mean_reversion_measures_in_deviations_of_the_closes_before(shape):
    window, strategy = history(shape, 300), MeanReversionStrategy(period=30, entry=1.5, exit=0.5)
    spoke = set()
    with localcontext(prec=50):
        for entry, opinion in said(strategy, window, range(31, 300)):
            earlier = [Decimal(candle.close) for candle in candles_before(window, entry, 30)]
            mean = sum(earlier) / 30
            deviation = (sum((close - mean) ** 2 for close in earlier) / 30).sqrt()
            if deviation == 0:
                assert opinion.action is Action.HOLD
                continue
            score = (Decimal(window.candles[entry].close) - mean) / deviation
            assert opinion.action is (Action.BUY if score <= Decimal("-1.5") else Action.SELL if score >= Decimal("0.5") else Action.HOLD)
            if "score" in opinion.indicators:
                assert opinion.indicators["score"] == pytest.approx(float(score), rel=1e-6, abs=1e-9)
            spoke.add(opinion.action)
    assert len(spoke) == 3


def walked_depth(closes, step, levels):
    """How deep the price stands after `closes`, walked line by line; ties with a line count as crossed upwards."""
    cells = [math.floor(math.log(close) / math.log(1 + step)) for close in closes]
    line = cells[-1]
    for before, cell in itertools.pairwise(cells):
        if cell != before:
            line = cell if cell > before else cell + 1
    has_moved = len(set(cells)) > 1
    return min(max(cells) - line, levels) if has_moved else 0


@pytest.mark.parametrize("shape", [Shape(11, swing=0.01), Shape(12, swing=0.004), Shape(13, gaps=True, standstills=True, swing=0.008)])
def test_a_grid_that_follows_its_shares_holds_as_much_as_it_stands_deep(shape):
    window, strategy = history(shape, 700), GridStrategy(step=0.01, levels=4, period=60)
    held, spoke = None, set()
    for entry, opinion in said(strategy, window, range(60, 700)):
        closes = window.closes[entry - 59 : entry + 1].tolist()
        depth = walked_depth(closes, 0.01, 4)
        assert opinion.indicators.get("depth", 0) == depth
        if held is not None:
            held += Fraction(opinion.fraction).limit_denominator(8) if opinion.action is Action.BUY else 0
            held -= held * Fraction(opinion.fraction).limit_denominator(8) if opinion.action is Action.SELL else 0
            assert held == Fraction(depth, 4)
        elif depth == 0:
            held = Fraction(0)
        spoke.add(opinion.action)
    assert len(spoke) == 3


@pytest.mark.parametrize("shape", [Shape(11), Shape(13, gaps=True)])
def test_dca_buys_once_each_round_of_candles_also_after_a_gap(shape):
    window, strategy = history(shape, 500), DcaStrategy(every=25, offset=3, fraction=0.2)
    rounds = [(candle.open_time_ms // STEP_MS - 3) // 25 for candle in window.candles]
    bought = [entry for entry, opinion in said(strategy, window, range(1, 500)) if opinion.action is Action.BUY]
    assert [rounds[entry] for entry in bought] == sorted(set(rounds) - {rounds[0]}), "once in each round that has a candle"
    assert all(rounds[entry - 1] < rounds[entry] for entry in bought), "with its first candle"
    assert strategy.evaluate(window.part(bought[0] - 1, bought[0] + 1)).fraction == 0.2
