"""SignalAgent: opinions become signals, and failures never become HOLD."""

from decimal import Decimal

import pytest

from binance_trade_agent.domain.errors import StrategyError
from binance_trade_agent.domain.market import Candle, CandleWindow, MarketSnapshot
from binance_trade_agent.domain.signal import Action, Opinion
from binance_trade_agent.signal_agent import SignalAgent
from binance_trade_agent.strategies.rsi import RsiStrategy


def snapshot(symbol="BTCUSDT", closes=()):
    candles = [Candle(index * 1000, close, close, close, close, 1.0, index * 1000 + 999) for index, close in enumerate(closes)]
    return MarketSnapshot(symbol, 77_000, Decimal("100"), CandleWindow(symbol, 1000, candles))


class Fixed:
    name = "fixed"
    required_candles = 3

    def __init__(self, answer):
        self.answer = answer

    def evaluate(self, window):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_an_opinion_becomes_a_signal_of_its_symbol_and_time():
    signal = SignalAgent(Fixed(Opinion(Action.SELL, 0.7, "why", {"x": 1.0}))).decide(snapshot())
    assert (signal.symbol, signal.time_ms, signal.strategy) == ("BTCUSDT", 77_000, "fixed")
    assert (signal.action, signal.confidence, signal.reason, signal.indicators) == (Action.SELL, 0.7, "why", {"x": 1.0})


def test_the_snapshots_candles_decide():
    closes = [100.0 + index % 3 for index in range(110)]
    agent = SignalAgent(RsiStrategy())
    assert agent.decide(snapshot(closes=[*closes, *(100.0 - 2 * index for index in range(20))])).action is Action.BUY
    assert agent.decide(snapshot(closes=[*closes, *(100.0 + 2 * index for index in range(20))])).action is Action.SELL


def test_a_symbol_may_have_a_strategy_of_its_own():
    agent = SignalAgent(RsiStrategy(), {"ETHUSDT": Fixed(Opinion(Action.BUY, 1.0, "why"))})
    assert agent.decide(snapshot("ETHUSDT")).strategy == "fixed"
    assert agent.decide(snapshot("BTCUSDT")).strategy == "rsi"
    assert agent.required_candles == RsiStrategy().required_candles


@pytest.mark.parametrize("error", [ZeroDivisionError("by zero"), StrategyError("odd"), KeyError("x")])
def test_a_strategy_that_fails_is_named_with_its_symbol(error):
    with pytest.raises(StrategyError, match=rf"strategy fixed failed for BTCUSDT: {type(error).__name__}"):
        SignalAgent(Fixed(error)).decide(snapshot())


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "BUY",
        Opinion(Action.BUY, 1.01, ""),
        Opinion(Action.BUY, -0.1, ""),
        Opinion(Action.BUY, float("nan"), ""),
        Opinion("LONG", 0.5, ""),
    ],
)
def test_what_is_no_opinion_is_an_error_not_a_hold(answer):
    with pytest.raises(StrategyError, match="BTCUSDT"):
        SignalAgent(Fixed(answer)).decide(snapshot())
