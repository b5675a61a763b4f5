"""SyntheticMarket: the same market for the same seed wherever and whenever it is asked, and one that looks like a market."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import binance_trade_agent
from binance_trade_agent.domain.candle_intervals import INTERVALS_MS, WEEK_MS
from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.money import floor_to_step, times
from binance_trade_agent.simulation.markets.candle_resampling import resampled
from binance_trade_agent.simulation.markets.synthetic import LADDER_LEVELS, QUOTE_STEP_MS, SyntheticMarket

SYMBOLS = ("BTCUSDT", "ETHUSDT", "DOGEUSDT", "ETHBTC", "SHIBUSDT", "BTCTRY", "USDCUSDT", "NEWCOINFDUSD")
NOW_MS = 1_764_000_012_345
MINUTE_MS = 60_000
DAY_MS = 86_400_000
moments = st.integers(min_value=0, max_value=4_000_000_000_000)


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(SYMBOLS, seed=7)


def newest(market: SyntheticMarket, symbol: str, limit: int, interval_ms: int = MINUTE_MS, now_ms: int = NOW_MS) -> list:
    return list(market.candles(symbol, interval_ms, start_ms=None, end_ms=None, limit=limit, now_ms=now_ms))


PROGRAM = """
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket
market = SyntheticMarket(("ETHBTC", "XUSDT", "BTCUSDT"), 99)
for symbol in market.rules:
    print(market.rules[symbol], market.quote(symbol, 1_764_000_012_345))
    print(market.candles(symbol, 60_000, start_ms=None, end_ms=None, limit=30, now_ms=1_764_000_012_345))
"""


def test_separate_processes_see_the_same_market() -> None:
    root = str(Path(next(iter(binance_trade_agent.__path__))).parent)
    told = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": root},
            stdout=subprocess.PIPE,
            check=True,
            timeout=60,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert len(told[0]) > 5000


def test_other_seeds_and_other_symbols_are_other_markets(market: SyntheticMarket) -> None:
    other = SyntheticMarket(SYMBOLS, seed=8)
    for symbol in SYMBOLS[:4]:
        assert newest(market, symbol, 20) != newest(other, symbol, 20)
    shapes = {tuple(candle.close / candles[0].open for candle in candles) for candles in (newest(market, symbol, 20) for symbol in SYMBOLS)}
    assert len(shapes) == len(SYMBOLS)


@settings(max_examples=40, deadline=None)
@given(st.lists(moments, min_size=2, max_size=6), st.sampled_from(SYMBOLS))
def test_a_quote_does_not_depend_on_what_was_asked_before(times_ms: list[int], symbol: str) -> None:
    used = SyntheticMarket(SYMBOLS, seed=7)
    seen = {time_ms: used.quote(symbol, time_ms) for time_ms in times_ms}
    for time_ms, quote in seen.items():
        assert SyntheticMarket((symbol,), seed=7).quote(symbol, time_ms) == quote
        assert used.quote(symbol, time_ms) == quote


@settings(max_examples=60, deadline=None)
@given(moments, st.sampled_from(SYMBOLS), st.sampled_from([5_000, 15_000, MINUTE_MS, 5 * MINUTE_MS, 60 * MINUTE_MS]))
def test_a_candle_is_made_of_the_quotes_in_it(time_ms: int, symbol: str, interval_ms: int) -> None:
    market = SyntheticMarket((symbol,), seed=7)
    (candle,) = newest(market, symbol, 1, interval_ms, time_ms)
    prices = [quote.price for quote in market.quotes(symbol, candle.open_time_ms - 1, time_ms)]
    assert candle.open_time_ms <= time_ms <= candle.close_time_ms == candle.open_time_ms + interval_ms - 1
    assert (candle.open, candle.high, candle.low, candle.close) == (prices[0], max(prices), min(prices), prices[-1])
    assert len(prices) == (time_ms - candle.open_time_ms) // QUOTE_STEP_MS + 1
    assert candle.trades >= len(prices)
    assert candle.low * candle.volume <= candle.quote_volume <= candle.high * candle.volume


@settings(max_examples=40, deadline=None)
@given(moments, st.sampled_from(SYMBOLS))
def test_every_book_is_one_that_an_exchange_could_show(time_ms: int, symbol: str) -> None:
    market = SyntheticMarket((symbol,), seed=7)
    quote, rules = market.quote(symbol, time_ms), market.rules[symbol]
    assert quote.time_ms <= time_ms < quote.time_ms + QUOTE_STEP_MS
    bids, asks = quote.ladder.bids, quote.ladder.asks
    assert len(bids) == len(asks) == LADDER_LEVELS
    assert list(bids) == sorted(bids, key=lambda level: -level[0])
    assert list(asks) == sorted(asks)
    assert bids[0][0] < quote.price < asks[0][0]
    for price, quantity in bids + asks:
        assert price > 0
        assert floor_to_step(price, rules.tick_size) == price
        rules.check(rules.fit_quantity(quantity, market=False), price, market=False)
        assert floor_to_step(quantity, rules.step_size) == quantity
    smallest = rules.smallest_quantity_at(asks[0][0])
    assert sum(times(price, quantity) for price, quantity in asks) > 1000 * times(smallest, asks[0][0])


def test_long_candles_are_the_sum_of_short_ones(market: SyntheticMarket) -> None:
    for symbol in ("BTCUSDT", "BTCTRY"):
        start_ms = NOW_MS // WEEK_MS * WEEK_MS
        hours = market.candles(symbol, 3_600_000, start_ms=start_ms, end_ms=None, limit=72, now_ms=NOW_MS + WEEK_MS)
        days = market.candles(symbol, DAY_MS, start_ms=start_ms, end_ms=None, limit=3, now_ms=NOW_MS + WEEK_MS)
        assert resampled(hours, DAY_MS) == tuple(days)


def test_weeks_open_on_monday(market: SyntheticMarket) -> None:
    for candle in newest(market, "ETHUSDT", 3, WEEK_MS):
        assert (candle.open_time_ms // DAY_MS + 3) % 7 == 0  # the epoch was a Thursday


def test_every_interval_but_the_second_can_be_made(market: SyntheticMarket) -> None:
    for name, interval_ms in INTERVALS_MS.items():
        if name == "1s":
            with pytest.raises(ValueError, match="1000 ms"):
                newest(market, "BTCUSDT", 2, interval_ms)
        else:
            candles = newest(market, "BTCUSDT", 2, interval_ms)
            assert [candle.open_time_ms for candle in candles] == [candles[0].open_time_ms, candles[0].open_time_ms + interval_ms]
            assert candles[1].open_time_ms <= NOW_MS <= candles[1].close_time_ms


@settings(max_examples=60, deadline=None)
@given(
    start_ms=st.none() | st.integers(min_value=NOW_MS - 60 * MINUTE_MS, max_value=NOW_MS + 5 * MINUTE_MS),
    end_ms=st.none() | st.integers(min_value=NOW_MS - 60 * MINUTE_MS, max_value=NOW_MS + 5 * MINUTE_MS),
    limit=st.integers(min_value=1, max_value=80),
)
def test_a_request_gets_the_candles_that_the_endpoint_would_give(start_ms: int | None, end_ms: int | None, limit: int) -> None:
    market = SyntheticMarket(("ETHUSDT",), seed=3)
    everything = newest(market, "ETHUSDT", 200)
    latest_ms = NOW_MS if end_ms is None else min(NOW_MS, end_ms)
    allowed = [
        candle for candle in everything if candle.open_time_ms <= latest_ms and (start_ms is None or candle.open_time_ms >= start_ms)
    ]
    expected = allowed[-limit:] if start_ms is None else allowed[:limit]
    answer = market.candles("ETHUSDT", MINUTE_MS, start_ms=start_ms, end_ms=end_ms, limit=limit, now_ms=NOW_MS)
    assert list(answer) == expected


def test_candles_remembered_while_open_are_not_taken_for_finished(market: SyntheticMarket) -> None:
    fresh = SyntheticMarket(("BTCUSDT",), seed=7)
    open_ms = NOW_MS // MINUTE_MS * MINUTE_MS
    for elapsed_ms in (0, 20_000, 59_999):
        assert newest(fresh, "BTCUSDT", 2, now_ms=open_ms + elapsed_ms)[-1].open_time_ms == open_ms
    later = newest(fresh, "BTCUSDT", 5, now_ms=open_ms + 2 * MINUTE_MS)
    assert later == newest(SyntheticMarket(("BTCUSDT",), seed=7), "BTCUSDT", 5, now_ms=open_ms + 2 * MINUTE_MS)


def test_quotes_are_every_change_between_two_moments(market: SyntheticMarket) -> None:
    after_ms, until_ms = NOW_MS, NOW_MS + 61_000
    quotes = list(market.quotes("BTCUSDT", after_ms, until_ms))
    assert [quote.time_ms for quote in quotes] == [time_ms for time_ms in range(after_ms + 1, until_ms + 1) if time_ms % QUOTE_STEP_MS == 0]
    assert quotes == [market.quote("BTCUSDT", quote.time_ms) for quote in quotes]
    assert list(market.quotes("BTCUSDT", quotes[0].time_ms, quotes[0].time_ms)) == []


def test_nothing_is_known_before_the_beginning_or_of_strangers(market: SyntheticMarket) -> None:
    assert market.quote("BTCUSDT", -1) is None
    assert market.quote("NOSUCHUSDT", NOW_MS) is None
    assert list(market.quotes("NOSUCHUSDT", 0, NOW_MS)) == []
    assert newest(market, "NOSUCHUSDT", 5) == []
    assert [candle.open_time_ms for candle in newest(market, "BTCUSDT", 5, now_ms=MINUTE_MS + 1)] == [0, MINUTE_MS]
    assert newest(market, "BTCUSDT", 5, WEEK_MS, now_ms=DAY_MS) == []


def test_prices_of_crosses_fit_together(market: SyntheticMarket) -> None:
    eth, btc, cross = (market.quote(symbol, NOW_MS).price for symbol in ("ETHUSDT", "BTCUSDT", "ETHBTC"))
    assert abs(eth / btc / cross - 1) < Decimal("0.0001")


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT", "DOGEUSDT", "NEWCOINFDUSD"])
def test_minutes_are_volatile_enough_to_signal_and_calm_enough_to_be_a_market(market: SyntheticMarket, symbol: str) -> None:
    closes = np.array([float(candle.close) for candle in newest(market, symbol, 6000)])
    moves = np.diff(np.log(closes))
    assert 0.0003 < moves.std() < 0.003
    assert np.abs(moves).max() < 0.05
    ups = np.convolve(np.maximum(moves, 0), np.ones(14), "valid")
    downs = np.convolve(np.maximum(-moves, 0), np.ones(14), "valid")
    strength = 100 * ups / (ups + downs)
    assert 0.01 < (strength < 30).mean() < 0.3
    assert 0.01 < (strength > 70).mean() < 0.3


def test_prices_stay_in_a_band_for_ever() -> None:
    market = SyntheticMarket(("BTCUSDT", "DOGEUSDT"), seed=21)
    rng = np.random.default_rng(5)
    for symbol in market.rules:
        prices = [float(market.quote(symbol, int(time_ms)).price) for time_ms in rng.integers(0, 4_000_000_000_000, 300)]
        assert max(prices) / min(prices) < 12
        assert max(prices) / min(prices) > 1.2


def test_the_market_has_memory_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("binance_trade_agent.simulation.markets.synthetic.CANDLES_KEPT", 50)
    market = SyntheticMarket(("BTCUSDT",), seed=7)
    first = newest(market, "BTCUSDT", 120)
    assert len(market._candles) == 50
    assert newest(market, "BTCUSDT", 120) == first


def test_a_symbol_needs_a_known_quote_asset() -> None:
    with pytest.raises(ConfigurationError, match="'BTCXYZ'"):
        SyntheticMarket(("BTCXYZ",), seed=1)
    assert SyntheticMarket(("BTCXYZ",), seed=1, quote_assets=("XYZ",)).rules["BTCXYZ"].quote_asset == "XYZ"
    with pytest.raises(ConfigurationError, match="at least one"):
        SyntheticMarket((), seed=1)


def test_the_longest_quote_asset_decides() -> None:
    rules = SyntheticMarket(("BTCFDUSD", "BTCTUSD", "USDTTRY"), seed=1).rules
    assert {symbol: (rule.base_asset, rule.quote_asset) for symbol, rule in rules.items()} == {
        "BTCFDUSD": ("BTC", "FDUSD"),
        "BTCTUSD": ("BTC", "TUSD"),
        "USDTTRY": ("USDT", "TRY"),
    }
