"""Filters: they hold buys back while other candles fall, are too few, or are old, let sells pass, and say why."""

import pytest
from made_up_candles import START_MS
from scripted_strategies import Buying, Selling

from binance_trade_agent.domain.candle_intervals import HOUR_MS
from binance_trade_agent.domain.errors import StrategyError
from binance_trade_agent.domain.market import Candle, CandleWindow
from binance_trade_agent.domain.need import Frame, Need
from binance_trade_agent.domain.signal import Action
from binance_trade_agent.strategies.benchmark_filter import BenchmarkFilterStrategy
from binance_trade_agent.strategies.catalogue import make_strategy
from binance_trade_agent.strategies.combined import CombinedStrategy, Member
from binance_trade_agent.strategies.rsi import RsiStrategy
from binance_trade_agent.strategies.strategy import opinion_of
from binance_trade_agent.strategies.trend_filter import TrendFilterStrategy

MINUTE = 60_000
RISING, FALLING = (1.0, 2.0, 3.0), (3.0, 2.0, 1.0)


def window_of(frame: Frame, closes: tuple[float, ...], *, ends_ms: int = START_MS) -> CandleWindow:
    """Candles of which the newest closes right before `ends_ms`."""
    candles = []
    for age, close in enumerate(reversed(closes)):
        open_ms = ends_ms - (age + 1) * frame.interval_ms
        candles.insert(0, Candle(open_ms, close, close, close, close, 1.0, open_ms + frame.interval_ms - 1))
    return CandleWindow(frame.symbol, frame.interval_ms, candles)


def seen(frame: Frame, other: CandleWindow, *, ends_ms: int = START_MS) -> CandleWindow:
    return window_of(Frame("ETHUSDT", MINUTE), (1.0, 2.0), ends_ms=ends_ms).with_others({frame: other})


HOURS, BENCHMARK = Frame("ETHUSDT", HOUR_MS), Frame("BTCUSDT", MINUTE)
FILTERS = [
    (HOURS, lambda inner: TrendFilterStrategy(strategy=inner, period=3)),
    (BENCHMARK, lambda inner: BenchmarkFilterStrategy(strategy=inner, period=3)),
]


@pytest.mark.parametrize(("frame", "filtering"), FILTERS)
def test_a_buy_passes_only_above_the_mean(frame, filtering):
    rising = opinion_of(filtering(Buying()), seen(frame, window_of(frame, RISING)))
    falling = opinion_of(filtering(Buying()), seen(frame, window_of(frame, FALLING)))
    assert (rising.action, rising.confidence) == (Action.BUY, 1.0)
    assert rising.reason == f"it always buys, and {frame} at 3 is above its mean 2"
    assert (falling.action, falling.confidence) == (Action.HOLD, 0.0)
    assert falling.reason == f"{frame} at 1 is not above its mean 2, so no BUY passes (it always buys)"
    assert falling.indicators == {"other_close": 1.0, "other_mean": 2.0}


@pytest.mark.parametrize(("frame", "filtering"), FILTERS)
@pytest.mark.parametrize("closes", [RISING, FALLING, (1.0,), ()])
def test_a_sell_passes_in_any_case(frame, filtering, closes):
    assert opinion_of(filtering(Selling()), seen(frame, window_of(frame, closes))).action is Action.SELL


@pytest.mark.parametrize(("frame", "filtering"), FILTERS)
def test_too_few_candles_hold_buys_back_and_say_what_is_missing(frame, filtering):
    few = opinion_of(filtering(Buying()), seen(frame, window_of(frame, RISING[1:])))
    assert few.action is Action.HOLD
    assert few.reason == f"2 of the 3 candles of {frame} needed are there, and without them no BUY passes (it always buys)"
    none = opinion_of(filtering(Buying()), seen(frame, CandleWindow.lacking(frame, "the exchange is away")))
    assert none.reason.startswith(f"0 of the 3 candles of {frame} needed are there: the exchange is away, and without")


@pytest.mark.parametrize(("frame", "filtering"), FILTERS)
def test_candles_that_are_old_hold_buys_back(frame, filtering):
    other = window_of(frame, RISING)
    young = opinion_of(filtering(Buying()), seen(frame, other, ends_ms=START_MS + frame.interval_ms - MINUTE))
    old = opinion_of(filtering(Buying()), seen(frame, other, ends_ms=START_MS + frame.interval_ms))
    assert (young.action, old.action) == (Action.BUY, Action.HOLD)
    assert old.reason == f"the newest candle of {frame} closed {frame.interval_ms // 1000} s before, so no BUY passes (it always buys)"


def test_a_candle_that_has_not_closed_is_not_seen():
    later = window_of(HOURS, (*RISING, 0.5), ends_ms=START_MS + HOUR_MS)
    assert opinion_of(FILTERS[0][1](Buying()), seen(HOURS, later, ends_ms=START_MS)).action is Action.BUY
    assert opinion_of(FILTERS[0][1](Buying()), seen(HOURS, later, ends_ms=START_MS + HOUR_MS)).action is Action.HOLD


@pytest.mark.parametrize(("closes", "action"), [((9.0, 9.0, *RISING), Action.BUY), ((0.0, 0.0, *FALLING), Action.HOLD)])
def test_the_benchmark_is_held_against_its_own_mean(closes, action):
    """It needs more candles of itself than the strategy around which the filter stands."""
    own = window_of(Frame("BTCUSDT", MINUTE), closes)
    assert opinion_of(BenchmarkFilterStrategy(strategy=Buying(), period=3), own).action is action


def test_filters_are_made_by_name_with_the_strategy_that_they_stand_around():
    made = make_strategy("trend_filter", {"interval": "4h", "strategy": {"name": "rsi", "period": 7}})
    assert made == TrendFilterStrategy(interval="4h", strategy=RsiStrategy(period=7))
    assert made.needs == (Need(50, interval="4h"),)
    around = make_strategy("benchmark_filter", {"strategy": {"name": "trend_filter", "period": 20}})
    assert around.needs == (Need(50, symbol="BTCUSDT"), Need(20, interval="1h"))


def test_a_vote_brings_what_its_members_need():
    members = tuple(Member(filtering(RsiStrategy())) for _, filtering in FILTERS)
    assert CombinedStrategy(members=members).needs == (Need(3, interval="1h"), Need(3, symbol="BTCUSDT"))


@pytest.mark.parametrize(
    ("name", "parameters", "text"),
    [
        ("trend_filter", {"interval": "7h"}, "trend_filter: parameter interval is '7h'; allowed are intervals of the exchange: 1s"),
        ("trend_filter", {"period": 1}, "trend_filter: parameter period is 1; allowed are whole numbers from 2 to 500"),
        ("trend_filter", {"strategy": "rsi"}, "trend_filter: parameter strategy is 'rsi'; allowed are a mapping of the parameters"),
        ("trend_filter", {"strategy": {"period": 3}}, "with its name beside them"),
        ("trend_filter", {"strategy": {"name": "rsi", "period": 1}}, "strategy rsi: parameter period is 1"),
        ("benchmark_filter", {"symbol": "btcusdt"}, "benchmark_filter: parameter symbol is 'btcusdt'; allowed are symbols"),
        ("benchmark_filter", {"symbol": 3}, "benchmark_filter: parameter symbol is 3"),
        ("benchmark_filter", {"interval": "7h"}, "benchmark_filter: parameter interval is '7h'"),
    ],
)
def test_wrong_parameters_are_named(name, parameters, text):
    with pytest.raises(StrategyError) as caught:
        make_strategy(name, parameters)
    assert text in str(caught.value)
