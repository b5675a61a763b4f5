"""Histories with what strategies read beside them: longer candles as the exchange tells them, and nothing before its time."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_candles import START_MS

from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.domain.errors import StrategyError
from binance_trade_agent.domain.market import Candle, CandleWindow
from binance_trade_agent.domain.need import Need, Needs
from binance_trade_agent.domain.resampling import resampled
from binance_trade_agent.simulation.markets.candle_files import RecordedCandles
from binance_trade_agent.simulation.markets.market import MarketCandle
from binance_trade_agent.simulation.markets.recorded import RecordedMarket
from binance_trade_agent.strategies.histories import histories_with_needs

MINUTE = 60_000


@st.composite
def recordings(draw: st.DrawFn) -> tuple[MarketCandle, ...]:
    """Candles of one minute with holes, beginning anywhere, and with as many decimals as one symbol has."""
    price_digits, volume_digits = draw(st.integers(0, 8)), draw(st.integers(0, 8))
    prices, volumes = st.integers(1, 10**7), st.integers(0, 10**9)
    opens = draw(st.lists(st.integers(0, 40), min_size=1, max_size=25, unique=True).map(sorted))
    offset = draw(st.integers(0, 3000))

    def amount(number: int, digits: int) -> Decimal:
        return Decimal(number).scaleb(-digits)

    recording = []
    for minute in opens:
        low, one, other, high = (amount(number, price_digits) for number in sorted(draw(st.tuples(prices, prices, prices, prices))))
        open_ms = START_MS + (offset + minute) * MINUTE
        volume = amount(draw(volumes), volume_digits)
        recording.append(MarketCandle(open_ms, one, high, low, other, volume, open_ms + MINUTE - 1, volume, draw(st.integers(0, 9))))
    return tuple(recording)


def candle_of(candle: MarketCandle) -> Candle:
    """The candle as it comes out of an answer of the exchange."""
    figures = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    return Candle(candle.open_time_ms, *map(float, figures), candle.close_time_ms, float(candle.quote_volume), candle.trades or 0, 0.0, 0.0)


@given(recordings(), st.sampled_from(["3m", "5m", "1h", "1w"]))
def test_longer_candles_are_those_that_the_exchange_tells(recording: tuple[MarketCandle, ...], interval: str) -> None:
    market = RecordedMarket(RecordedCandles(MINUTE, {"ETHUSDT": recording}))
    longer_ms, later_ms = INTERVALS_MS[interval], market.end_ms + INTERVALS_MS["1w"]
    told = market.candles("ETHUSDT", longer_ms, start_ms=None, end_ms=None, limit=1000, now_ms=later_ms)
    history = CandleWindow("ETHUSDT", MINUTE, [candle_of(candle) for candle in recording])
    assert resampled(history, longer_ms).candles == tuple(map(candle_of, told))


@given(recordings(), recordings(), st.sampled_from(["1m", "3m", "15m"]))
def test_a_strategy_sees_what_had_closed_by_the_close_of_its_own_candle(
    own: tuple[MarketCandle, ...], others: tuple[MarketCandle, ...], interval: str
) -> None:
    windows = {
        symbol: CandleWindow(symbol, MINUTE, [candle_of(candle) for candle in recording])
        for symbol, recording in (("ETHUSDT", own), ("BTCUSDT", others))
    }
    joined = histories_with_needs(windows, Needs((Need(3, interval, "BTCUSDT"),)))["ETHUSDT"]
    market = RecordedMarket(RecordedCandles(MINUTE, {"BTCUSDT": others}))
    for end in range(1, len(own) + 1):
        now_ms = own[end - 1].close_time_ms + 1
        told = market.candles("BTCUSDT", INTERVALS_MS[interval], start_ms=None, end_ms=None, limit=1000, now_ms=now_ms)
        closed = tuple(candle_of(candle) for candle in told if candle.close_time_ms < now_ms)
        seen = joined.part(0, end).other(interval=interval, symbol="BTCUSDT")
        assert seen.candles == closed
        assert joined.part(max(0, end - 2), end).last(1).other(interval=interval, symbol="BTCUSDT").candles == closed


def window_of(symbol: str, count: int = 10) -> CandleWindow:
    candles = [Candle(START_MS + index * MINUTE, 1.0, 1.0, 1.0, 1.0, 1.0, START_MS + (index + 1) * MINUTE - 1) for index in range(count)]
    return CandleWindow(symbol, MINUTE, candles)


def test_a_window_is_its_own_other() -> None:
    window = window_of("BTCUSDT")
    assert window.other(symbol="BTCUSDT").candles == window.candles
    assert window.other_history(interval="1m")[1].tolist() == list(range(1, 11))


def test_what_was_not_named_cannot_be_read() -> None:
    joined = histories_with_needs({"BTCUSDT": window_of("BTCUSDT")}, Needs((Need(1, "5m"),)))["BTCUSDT"]
    assert len(joined.other(interval="5m")) == 2
    with pytest.raises(StrategyError, match="candles of BTCUSDT 15m were asked for"):
        joined.other(interval="15m")
    with pytest.raises(StrategyError, match="'7m' are needed; allowed are 1s, 1m"):
        joined.other(interval="7m")


def test_nothing_comes_before_the_first_candle() -> None:
    joined = histories_with_needs({"BTCUSDT": window_of("BTCUSDT")}, Needs((Need(1, "5m"),)))["BTCUSDT"]
    assert len(joined.part(0, 0).other(interval="5m")) == 0


@pytest.mark.parametrize(
    ("need", "text"),
    [
        (Need(1, symbol="ETHUSDT"), "the strategy of BTCUSDT reads candles of ETHUSDT, and there is no history of them"),
        (Need(1, "1s"), "candles 1s cannot be made of candles 1m; allowed are multiples of that"),
    ],
)
def test_what_cannot_be_had_is_told(need: Need, text: str) -> None:
    with pytest.raises(StrategyError, match=text):
        histories_with_needs({"BTCUSDT": window_of("BTCUSDT")}, Needs((need,)))


def test_longer_candles_are_made_once_for_all_who_read_them() -> None:
    windows = {symbol: window_of(symbol) for symbol in ("BTCUSDT", "ETHUSDT", "BNBUSDT")}
    joined = histories_with_needs(windows, Needs((Need(1, "5m", "BTCUSDT"),)))
    tables = [joined[symbol].other_history(interval="5m", symbol="BTCUSDT")[0].table for symbol in windows]
    assert all(np.shares_memory(table, tables[0]) for table in tables)
