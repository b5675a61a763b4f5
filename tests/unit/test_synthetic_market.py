"""SyntheticMarket: the same market for the same seed wherever and whenever it is asked, and one that looks like a market."""

import os
import subprocess
import sys
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hand_clocks import HandClock
from hypothesis import given, settings
from hypothesis import strategies as st

import binance_trade_agent
from binance_trade_agent.domain.candle_intervals import INTERVALS_MS, WEEK_MS
from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.money import floor_to_step, times
from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.records import NewOrder
from binance_trade_agent.simulation.engine.terms import OrderType
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.markets import candle_memory
from binance_trade_agent.simulation.markets.candle_memory import CandleMemory
from binance_trade_agent.simulation.markets.candle_resampling import resampled
from binance_trade_agent.simulation.markets.candle_rows import CandleRows
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket
from binance_trade_agent.simulation.markets.synthetic_path import LADDER_LEVELS, LISTED_MS, QUOTE_STEP_MS

SYMBOLS = ("BTCUSDT", "ETHUSDT", "DOGEUSDT", "ETHBTC", "SHIBUSDT", "BTCTRY", "USDCUSDT", "NEWCOINFDUSD")
NOW_MS = 1_764_000_012_345
MINUTE_MS = 60_000
DAY_MS = 86_400_000
moments = st.integers(min_value=LISTED_MS, max_value=4_000_000_000_000)


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
@given(moments, st.sampled_from(SYMBOLS), st.sampled_from([1_000, 15_000, MINUTE_MS, 5 * MINUTE_MS, 60 * MINUTE_MS]))
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
    assert bids[0][0] < asks[0][0]
    assert quote.price in {bids[0][0], asks[0][0]}
    for price, quantity in (*bids, *asks):
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


def test_every_interval_can_be_made(market: SyntheticMarket) -> None:
    for interval_ms in INTERVALS_MS.values():
        candles = newest(market, "BTCUSDT", 2, interval_ms)
        assert [candle.open_time_ms for candle in candles] == [candles[0].open_time_ms, candles[0].open_time_ms + interval_ms]
        assert candles[1].open_time_ms <= NOW_MS <= candles[1].close_time_ms
    with pytest.raises(ValueError, match="500 ms"):
        newest(market, "BTCUSDT", 2, 500)


def test_seconds_add_up_to_minutes_with_what_buyers_took(market: SyntheticMarket) -> None:
    open_ms = NOW_MS // MINUTE_MS * MINUTE_MS - 10 * MINUTE_MS
    seconds = market.candles("ETHUSDT", 1_000, start_ms=open_ms, end_ms=None, limit=600, now_ms=NOW_MS)
    minutes = market.candles("ETHUSDT", MINUTE_MS, start_ms=open_ms, end_ms=None, limit=10, now_ms=NOW_MS)
    assert resampled(seconds, MINUTE_MS) == tuple(minutes)
    bought = [order for order in market.taker_orders("ETHUSDT", open_ms - 1, open_ms + MINUTE_MS - 1) if not order.is_buyer_maker]
    assert minutes[0].taker_buy_volume == sum(sum(order.quantities) for order in bought)
    assert minutes[0].taker_buy_quote_volume == sum(order.price * sum(order.quantities) for order in bought)


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
    assert market.quote("BTCUSDT", LISTED_MS - 1) is None
    assert market.quote("BTCUSDT", -1) is None
    assert list(market.quotes("BTCUSDT", 0, LISTED_MS)) == [market.quote("BTCUSDT", LISTED_MS)]
    assert list(market.taker_orders("BTCUSDT", 0, LISTED_MS - 1)) == []
    (first_order,) = market.taker_orders("BTCUSDT", 0, LISTED_MS)
    assert (first_order.aggregate_id, first_order.first_trade_id) == (0, 0)
    assert market.quote("NOSUCHUSDT", NOW_MS) is None
    assert list(market.quotes("NOSUCHUSDT", 0, NOW_MS)) == []
    assert newest(market, "NOSUCHUSDT", 5) == []
    first = newest(market, "BTCUSDT", 5, now_ms=LISTED_MS + MINUTE_MS + 1)
    assert [candle.open_time_ms for candle in first] == [LISTED_MS, LISTED_MS + MINUTE_MS]
    (week,) = newest(market, "BTCUSDT", 5, WEEK_MS, now_ms=LISTED_MS + DAY_MS)
    assert week.open_time_ms < LISTED_MS  # a Wednesday: the first week is a short one
    assert week.open == first[0].open
    assert newest(market, "BTCUSDT", 5, now_ms=LISTED_MS - 1) == []


def middle(market: SyntheticMarket, symbol: str) -> Decimal:
    ladder = market.quote(symbol, NOW_MS).ladder
    return (ladder.bids[0][0] + ladder.asks[0][0]) / 2


def test_prices_of_crosses_fit_together(market: SyntheticMarket) -> None:
    eth, btc, cross = (middle(market, symbol) for symbol in ("ETHUSDT", "BTCUSDT", "ETHBTC"))
    assert abs(eth / btc / cross - 1) < Decimal("0.0001")


def test_a_level_is_the_same_whether_it_is_read_alone_or_with_others(market: SyntheticMarket) -> None:
    for symbol in SYMBOLS:
        ladder = market.quote(symbol, NOW_MS).ladder
        for side in (ladder.bids, ladder.asks):
            everything = list(side)
            assert [side[place] for place in range(len(side))] == everything
            assert list(side[3:250]) == everything[3:250]
            assert tuple(side[::-1]) == tuple(reversed(everything))
            assert side[-1] == everything[-1]
            assert side == everything
            assert side != everything[1:]
            with pytest.raises(IndexError):
                side[LADDER_LEVELS]


def test_most_of_a_book_outlives_a_quote(market: SyntheticMarket) -> None:
    books = [dict(quote.ladder.bids) for quote in market.quotes("ETHUSDT", NOW_MS - 60_000, NOW_MS)]
    kept = [len(before.items() & after.items()) / len(before) for before, after in pairwise(books)]
    assert sum(kept) / len(kept) > 0.8
    assert min(kept) > 0.3
    assert books[0] != books[-1]


def test_spreads_widen_and_books_thin_out_when_the_market_gets_wild(market: SyntheticMarket) -> None:
    rows = []
    for hour in range(80):
        until_ms = NOW_MS - hour * 3_600_000
        books = [quote.ladder for quote in market.quotes("ETHUSDT", until_ms - MINUTE_MS, until_ms)]
        middles = np.array([float(book.bids[0][0] + book.asks[0][0]) / 2 for book in books])
        spreads = [float(book.asks[0][0] - book.bids[0][0]) for book in books]
        depth = sum(float(size) for book in books[::10] for _, size in (*book.bids[:40], *book.asks[:40]))
        rows.append((np.abs(np.diff(np.log(middles))).sum(), sum(spreads), depth))
    travelled, spread, depth = np.array(rows).T
    wild = travelled > np.median(travelled)
    assert spread[wild].mean() > 1.1 * spread[~wild].mean()
    assert depth[wild].mean() < 0.85 * depth[~wild].mean()


def test_coins_move_together_but_not_alike(market: SyntheticMarket) -> None:
    moves = [np.diff(np.log([float(candle.close) for candle in newest(market, symbol, 3000)])) for symbol in ("BTCUSDT", "ETHUSDT")]
    assert 0.2 < np.corrcoef(*moves)[0, 1] < 0.8


def test_volatility_comes_in_regimes(market: SyntheticMarket) -> None:
    hours = np.array([float(candle.high / candle.low) - 1 for candle in newest(market, "BTCUSDT", 24 * 30, 3_600_000)])
    days = hours.reshape(-1, 24).mean(axis=1)
    assert days.max() > 1.5 * days.min()


def test_news_make_prices_jump(market: SyntheticMarket) -> None:
    moves = np.abs(np.diff(np.log([float(candle.close) for candle in newest(market, "BTCUSDT", 4000)])))
    assert moves.max() > 6 * np.median(moves)


def test_a_resting_order_at_the_best_price_is_filled_by_what_is_traded_there() -> None:
    clock = HandClock(NOW_MS)
    exchange = SimulatedExchange(SyntheticMarket(("BTCUSDT",), seed=7), clock)
    exchange.open_account("key", "secret", {"USDT": Decimal(1_000_000)})
    price = exchange.venue.market.quote("BTCUSDT", NOW_MS).ladder.bids[0][0]
    order = NewOrder("BTCUSDT", Side.BUY, OrderType.LIMIT, quantity=Decimal(1), price=price)
    exchange.venue.engine.place(1, order, NOW_MS)
    clock.time_ms += 5 * MINUTE_MS
    traded = [
        taker
        for taker in exchange.venue.market.taker_orders("BTCUSDT", NOW_MS, clock.time_ms)
        if taker.is_buyer_maker and taker.price <= price
    ]
    filled = sum(trade.quantity for trade in exchange.trades("key"))
    assert {trade.price for trade in exchange.trades("key")} == {price}
    assert 0 < filled < sum(sum(taker.quantities) for taker in traded)
    exchange.close()


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
        prices = [float(market.quote(symbol, int(time_ms)).price) for time_ms in rng.integers(LISTED_MS, 4_000_000_000_000, 300)]
        assert max(prices) / min(prices) < 12
        assert max(prices) / min(prices) > 1.2


def test_remembered_candles_are_those_that_are_made_anew() -> None:
    used = SyntheticMarket(("BTCUSDT",), seed=7)
    rng = np.random.default_rng(3)
    for now_ms in (NOW_MS + rng.integers(-90, 90, 25) * MINUTE_MS).tolist():
        limit = int(rng.integers(1, 40))
        assert newest(used, "BTCUSDT", limit, now_ms=now_ms) == newest(
            SyntheticMarket(("BTCUSDT",), seed=7), "BTCUSDT", limit, now_ms=now_ms
        )


def test_the_memory_of_candles_has_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candle_memory, "LONGEST_RUN", 50)
    monkeypatch.setattr(candle_memory, "CANDLES_KEPT", 60)
    memory = CandleMemory()

    def made(first: int, end: int) -> CandleRows:
        asked.append((first, end))
        return CandleRows(np.arange(first, end).reshape(-1, 1))

    asked: list[tuple[int, int]] = []
    for symbol, first, end in [("A", 0, 40), ("A", 10, 30), ("A", 30, 55), ("B", 7, 20), ("A", 0, 5), ("A", 100, 160), ("A", 150, 160)]:
        answer = memory.candles(symbol, 1, first, end, made)
        assert answer.table[:, 0].tolist() == list(range(first, end))
        assert len(memory) <= 60
    assert asked == [(0, 40), (40, 55), (7, 20), (0, 5), (100, 160)]


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
