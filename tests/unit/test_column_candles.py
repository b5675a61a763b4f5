"""Candles kept in columns: as a market's candles they are the very same, one by one, and so is the market made of them."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from binance_trade_agent.simulation.markets.candle_files import RecordedCandles
from binance_trade_agent.simulation.markets.column_candles import ColumnCandles, finest_price_exponent
from binance_trade_agent.simulation.markets.exact_candles import columns_of
from binance_trade_agent.simulation.markets.market import MarketCandle
from binance_trade_agent.simulation.markets.recorded import RecordedMarket

STEP_MS = 60_000


@st.composite
def recordings(draw: st.DrawFn) -> tuple[MarketCandle, ...]:
    numbers = sorted(draw(st.sets(st.integers(0, 40), min_size=1, max_size=20)))
    places = draw(st.integers(0, 8))
    made = []
    for number in numbers:
        ticks = draw(st.lists(st.integers(1, 10**6), min_size=4, max_size=4))
        opened, high, low, close = (Decimal(tick).scaleb(-places) for tick in (ticks[0], max(ticks), min(ticks), ticks[1]))
        volume, trades = Decimal(draw(st.integers(0, 10**9))).scaleb(-3), draw(st.integers(0, 9))
        open_ms = number * STEP_MS
        made.append(MarketCandle(open_ms, opened, high, low, close, volume, open_ms + STEP_MS - 1, volume * 2, trades))
    return tuple(made)


@given(recordings())
def test_each_candle_is_the_one_that_was_put_in(candles: tuple[MarketCandle, ...]) -> None:
    kept = ColumnCandles(columns_of("ETHUSDT", STEP_MS, candles))
    assert tuple(kept) == candles
    assert (kept[-1], kept[0:2]) == (candles[-1], candles[0:2])
    assert finest_price_exponent(kept) == finest_price_exponent(candles)


@given(recordings(), st.integers(0, 41 * STEP_MS))
def test_the_market_of_columns_is_the_market_of_the_candles(candles: tuple[MarketCandle, ...], now_ms: int) -> None:
    one = RecordedMarket(RecordedCandles(STEP_MS, {"ETHUSDT": candles}))
    other = RecordedMarket(RecordedCandles(STEP_MS, {"ETHUSDT": ColumnCandles(columns_of("ETHUSDT", STEP_MS, candles))}))
    assert one.rules == other.rules
    assert one.quote("ETHUSDT", now_ms) == other.quote("ETHUSDT", now_ms)
    assert list(one.quotes("ETHUSDT", 0, now_ms)) == list(other.quotes("ETHUSDT", 0, now_ms))
    assert list(one.taker_orders("ETHUSDT", -1, now_ms)) == list(other.taker_orders("ETHUSDT", -1, now_ms))
    asked = {"start_ms": None, "end_ms": None, "limit": 9, "now_ms": now_ms}
    assert list(one.candles("ETHUSDT", STEP_MS, **asked)) == list(other.candles("ETHUSDT", STEP_MS, **asked))
