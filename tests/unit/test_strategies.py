"""Strategies: what they say, when they hold, and what parameters they refuse."""

import ast
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import binance_trade_agent.strategies
from binance_trade_agent.domain.candle_intervals import HOUR_MS
from binance_trade_agent.domain.errors import StrategyError
from binance_trade_agent.domain.market import Candle, CandleWindow
from binance_trade_agent.domain.need import Frame
from binance_trade_agent.domain.resampling import resampled
from binance_trade_agent.domain.signal import Action, Opinion
from binance_trade_agent.strategies.atr_trend import AtrTrendStrategy
from binance_trade_agent.strategies.bollinger import BollingerStrategy
from binance_trade_agent.strategies.catalogue import BUILT_IN, make_strategy
from binance_trade_agent.strategies.combined import CombinedStrategy, Member
from binance_trade_agent.strategies.dca import DcaStrategy
from binance_trade_agent.strategies.donchian import DonchianStrategy
from binance_trade_agent.strategies.ema_cross import EmaCrossStrategy
from binance_trade_agent.strategies.grid import GridStrategy
from binance_trade_agent.strategies.macd import MacdStrategy
from binance_trade_agent.strategies.mean_reversion import MeanReversionStrategy
from binance_trade_agent.strategies.rsi import RsiStrategy
from binance_trade_agent.strategies.strategy import MAX_REQUIRED_CANDLES
from binance_trade_agent.strategies.trigger import Trigger

STEP_MS = 60_000
CROSSING = [
    RsiStrategy,
    MacdStrategy,
    EmaCrossStrategy,
    BollingerStrategy,
    DonchianStrategy,
    AtrTrendStrategy,
    MeanReversionStrategy,
]
NAMES = sorted(BUILT_IN)
PRICED = [name for name in NAMES if name != "dca"]
"""Those that look at prices; `dca` looks at the time alone."""


def window(closes):
    candles = [Candle(index * STEP_MS, close, close, close, close, 1.0, (index + 1) * STEP_MS - 1) for index, close in enumerate(closes)]
    own = CandleWindow("BTCUSDT", STEP_MS, candles)
    return own.with_others({Frame("BTCUSDT", HOUR_MS): resampled(own, HOUR_MS)})


def wave(count=200, *, shift=0.0):
    return [100.0 + 3.0 * math.sin((index + shift) / 5.0) + 0.5 * math.sin(index * 1.7) for index in range(count)]


def falling(count=200):
    return [*wave(count - 12), *(98.0 - 0.15 * index**2 for index in range(12))]


def rising(count=200):
    return [*wave(count - 12), *(102.0 + 0.15 * index**2 for index in range(12))]


class Saying:
    """Says the same of any candles."""

    required_candles = 1

    def __init__(self, name, action, confidence):
        self.name = name
        self.opinion = Opinion(action, confidence, "because", {"x": 1.0})

    def evaluate(self, window):
        return self.opinion


@pytest.mark.parametrize("name", NAMES)
def test_too_few_candles_hold_and_say_so(name):
    strategy = make_strategy(name)
    opinion = strategy.evaluate(window(falling(400)[-strategy.required_candles + 1 :]))
    assert opinion.action is Action.HOLD
    assert "candles needed are there" in opinion.reason
    assert strategy.evaluate(window([])).action is Action.HOLD


@pytest.mark.parametrize("name", PRICED)
@pytest.mark.parametrize("price", [1e-6, 100.0])
def test_flat_prices_hold_and_say_so(name, price):
    opinion = make_strategy(name).evaluate(window([price] * 300))
    assert opinion.action is Action.HOLD
    assert "flat" in opinion.reason


@pytest.mark.parametrize("name", PRICED)
@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.0, -1.0])
def test_a_close_that_is_no_price_holds_and_says_so(name, bad):
    closes = falling(300)
    closes[-7] = bad
    opinion = make_strategy(name).evaluate(window(closes))
    assert opinion.action is Action.HOLD
    assert "not a positive number" in opinion.reason


@pytest.mark.parametrize("strategy", [RsiStrategy(), BollingerStrategy()])
def test_reversion_buys_after_a_fall_and_sells_after_a_rise(strategy):
    low, high = strategy.evaluate(window(falling())), strategy.evaluate(window(rising()))
    assert (low.action, high.action) == (Action.BUY, Action.SELL)
    assert 0.5 <= low.confidence <= 1.0
    assert 0.5 <= high.confidence <= 1.0


@pytest.mark.parametrize("strategy", [MacdStrategy(trigger=Trigger.ZONE), EmaCrossStrategy(trigger=Trigger.ZONE)])
def test_trend_sells_in_a_fall_and_buys_in_a_rise(strategy):
    low, high = strategy.evaluate(window(falling())), strategy.evaluate(window(rising()))
    assert (low.action, high.action) == (Action.SELL, Action.BUY)


@pytest.mark.parametrize("kind", CROSSING)
def test_crossing_speaks_only_where_the_zone_begins(kind):
    zone, crossing = kind(trigger=Trigger.ZONE), kind(trigger=Trigger.CROSSING)
    closes, spoke = wave(500), 0
    before = Action.HOLD
    for end in range(zone.required_candles + 1, len(closes) + 1):
        now = zone.evaluate(window(closes[:end])).action
        said = crossing.evaluate(window(closes[:end])).action
        if end > zone.required_candles + 1:
            assert said is (now if now is not before else Action.HOLD)
            spoke += said is not Action.HOLD
        before = now
    assert spoke > 5


@pytest.mark.parametrize("name", PRICED)
def test_opinions_depend_on_the_candles_given(name):
    """Regression: signals that ignored the fetched candles were the same for every market."""
    strategy = make_strategy(name)
    seen = [strategy.evaluate(window(wave(300, shift=shift))) for shift in range(32)]
    assert len({tuple(opinion.indicators.values()) for opinion in seen}) == len(seen)
    assert len({opinion.action for opinion in [*seen, *(strategy.evaluate(window(make())) for make in (falling, rising))]}) > 1


@pytest.mark.parametrize("name", NAMES)
def test_only_the_required_candles_are_read(name):
    strategy = make_strategy(name)
    candles = window(wave(400))
    assert strategy.evaluate(candles) == strategy.evaluate(candles.last(strategy.required_candles))


@given(closes=st.lists(st.floats(min_value=1e-6, max_value=1e6), min_size=145, max_size=160), name=st.sampled_from(NAMES))
def test_any_prices_give_a_sound_opinion(closes, name):
    opinion = make_strategy(name).evaluate(window(closes))
    assert 0.0 <= opinion.confidence <= 1.0
    assert opinion.reason
    assert all(math.isfinite(value) for value in opinion.indicators.values())
    assert (opinion.confidence == 0.0) == (opinion.action is Action.HOLD)


def test_a_standstill_after_a_move_is_no_trend():
    closes = [*wave(300), *([100.0] * 2000)]
    for strategy in (MacdStrategy(slow=200, fast=100, trigger="zone"), EmaCrossStrategy(trigger="zone"), MacdStrategy(trigger="zone")):
        assert strategy.evaluate(window(closes)).action is Action.HOLD


@pytest.mark.parametrize(
    ("votes", "expected", "score"),
    [
        ([(Action.BUY, 0.9, 1), (Action.HOLD, 0.0, 1)], Action.BUY, 0.45),
        ([(Action.BUY, 0.9, 1), (Action.SELL, 0.9, 1)], Action.HOLD, 0.0),
        ([(Action.BUY, 0.9, 1), (Action.SELL, 0.9, 3)], Action.SELL, -0.45),
        ([(Action.BUY, 0.8, 1), (Action.HOLD, 0.0, 3)], Action.HOLD, 0.2),
    ],
)
def test_combined_weighs_votes(votes, expected, score):
    members = tuple(Member(Saying(f"m{index}", action, sure), weight) for index, (action, sure, weight) in enumerate(votes))
    opinion = CombinedStrategy(members=members, threshold=0.4).evaluate(window([1.0]))
    assert opinion.action is expected
    assert opinion.indicators["score"] == pytest.approx(score)
    assert opinion.confidence == pytest.approx(0.0 if expected is Action.HOLD else abs(score))
    assert opinion.indicators["m0.x"] == 1.0
    assert "m1" in opinion.reason


def test_combined_does_not_swallow_a_member_that_talks_nonsense():
    with pytest.raises(StrategyError, match=r"m0.*confidence"):
        CombinedStrategy(members=(Member(Saying("m0", Action.BUY, math.nan)),)).evaluate(window([1.0]))


@pytest.mark.parametrize(
    ("name", "parameters", "parts"),
    [
        ("rsi", {"period": 1}, ["rsi", "period", "1", "2 to 100"]),
        ("rsi", {"period": 14.0}, ["rsi", "period", "14.0", "whole"]),
        ("rsi", {"period": True}, ["rsi", "period", "True"]),
        ("rsi", {"period": "14"}, ["rsi", "period", "'14'"]),
        ("rsi", {"oversold": 80}, ["rsi", "oversold", "80", "overbought", "70"]),
        ("rsi", {"overbought": math.nan}, ["rsi", "overbought", "nan"]),
        ("rsi", {"trigger": "always"}, ["rsi", "trigger", "always", "zone", "crossing"]),
        ("rsi", {"speed": 3}, ["rsi", "speed", "period", "oversold"]),
        ("macd", {"fast": 30}, ["macd", "fast", "30", "below slow", "26"]),
        ("ema_cross", {"slow": 201}, ["ema_cross", "slow", "201", "3 to 200"]),
        ("bollinger", {"deviations": 0}, ["bollinger", "deviations", "0", "0.1 to 10"]),
        ("donchian", {"exit": 1}, ["donchian", "exit", "1", "2 to 500"]),
        ("atr_trend", {"multiple": 0}, ["atr_trend", "multiple", "0", "0.5 to 20"]),
        ("mean_reversion", {"exit": -2.5}, ["mean_reversion", "exit", "-2.5", "above minus entry", "2"]),
        ("grid", {"step": 0}, ["grid", "step", "0", "0.001 to 0.5"]),
        ("dca", {"fraction": 1.5}, ["dca", "fraction", "1.5", "0.001 to 1"]),
        ("combined", {"threshold": 0}, ["combined", "threshold", "0"]),
        ("combined", {"members": {}}, ["combined", "members"]),
        ("combined", {"members": {"rsi": 2}}, ["combined", "members"]),
        ("combined", {"members": {"rsi": {"weight": -1}}}, ["combined", "weight", "-1"]),
        ("combined", {"members": {"rsi": {"period": 0}}}, ["rsi", "period", "0"]),
    ],
)
def test_a_wrong_parameter_is_named_with_its_value_and_range(name, parameters, parts):
    with pytest.raises(StrategyError) as caught:
        make_strategy(name, parameters)
    for part in parts:
        assert part in str(caught.value)


def test_direct_construction_is_checked_too():
    with pytest.raises(StrategyError, match="period"):
        RsiStrategy(period=0)


def test_parameters_reach_the_strategy():
    assert make_strategy("rsi", {"period": 7, "oversold": 25, "trigger": "crossing"}) == RsiStrategy(
        period=7, oversold=25, trigger=Trigger.CROSSING
    )
    combined = make_strategy("combined", {"threshold": 0.5, "members": {"rsi": {"weight": 2, "period": 10}, "macd": {}}})
    assert combined.members == (Member(RsiStrategy(period=10), 2), Member(MacdStrategy(), 1.0))


@pytest.mark.parametrize(
    "strategy",
    [
        RsiStrategy(period=100),
        MacdStrategy(fast=100, slow=200, signal=45),
        EmaCrossStrategy(slow=200),
        BollingerStrategy(period=500),
        DonchianStrategy(entry=500, exit=500),
        AtrTrendStrategy(period=100, lookback=500),
        MeanReversionStrategy(period=500),
        GridStrategy(period=997),
        DcaStrategy(every=100_000),
    ],
)
def test_no_parameters_ask_for_more_candles_than_one_request_brings(strategy):
    assert strategy.required_candles <= MAX_REQUIRED_CANDLES


def test_strategies_know_no_clock_no_chance_and_no_log():
    folder = Path(binance_trade_agent.strategies.__file__).parent
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & {"asyncio", "time", "random", "logging", "datetime", "secrets"}, path
