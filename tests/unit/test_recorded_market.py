"""RecordedMarket: plays the candles back in full, in time, and never shows what has not happened yet."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.money import floor_to_step
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.markets.candle_files import RecordedCandles
from binance_trade_agent.simulation.markets.candle_resampling import resampled
from binance_trade_agent.simulation.markets.market import Ladder, MarketCandle
from binance_trade_agent.simulation.markets.recorded import RecordedMarket

STEP_MS = 300_000
QUARTER_MS = STEP_MS // 4
HOUR_MS = 12 * STEP_MS
START_MS = 1_735_689_600_000


def candle(number: int, prices: tuple[str, str, str, str] = ("10.00", "11.00", "9.00", "10.50"), volume: str = "400") -> MarketCandle:
    opened, high, low, close = map(Decimal, prices)
    open_ms = START_MS + number * STEP_MS
    return MarketCandle(open_ms, opened, high, low, close, Decimal(volume), open_ms + STEP_MS - 1, Decimal(volume) * 10, 40)


def market_of(*candles: MarketCandle, symbol: str = "ETHUSDT", **options) -> RecordedMarket:
    return RecordedMarket(RecordedCandles(STEP_MS, {symbol: candles}), **options)


def prices_of(market: RecordedMarket, symbol: str = "ETHUSDT") -> list[tuple[int, Decimal]]:
    return [(quote.time_ms - START_MS, quote.price) for quote in market.quotes(symbol, 0, market.end_ms)]


def klines(
    market: RecordedMarket, now_ms: int, interval_ms: int = STEP_MS, start_ms=None, end_ms=None, limit: int = 1000
) -> list[MarketCandle]:
    return list(market.candles("ETHUSDT", interval_ms, start_ms=start_ms, end_ms=end_ms, limit=limit, now_ms=now_ms))


@st.composite
def recordings(draw: st.DrawFn) -> tuple[MarketCandle, ...]:
    numbers = sorted(draw(st.sets(st.integers(min_value=0, max_value=40), min_size=1, max_size=25)))
    made = []
    for number in numbers:
        ticks = draw(st.lists(st.integers(min_value=1, max_value=5000), min_size=4, max_size=4))
        opened, close = ticks[0], ticks[1]
        texts = [str(Decimal(value) / 100) for value in (opened, max(ticks), min(ticks), close)]
        made.append(candle(number, (texts[0], texts[1], texts[2], texts[3]), str(draw(st.integers(min_value=0, max_value=10**6)))))
    return tuple(made)


def test_a_rising_candle_goes_low_first_and_a_falling_one_high_first() -> None:
    market = market_of(candle(0), candle(1, ("10.50", "12.00", "8.00", "9.00")))
    assert prices_of(market) == [
        (0, Decimal("10.00")),
        (QUARTER_MS, Decimal("9.00")),
        (2 * QUARTER_MS, Decimal("11.00")),
        (3 * QUARTER_MS, Decimal("10.50")),
        (STEP_MS, Decimal("10.50")),
        (STEP_MS + QUARTER_MS, Decimal("12.00")),
        (STEP_MS + 2 * QUARTER_MS, Decimal("8.00")),
        (STEP_MS + 3 * QUARTER_MS, Decimal("9.00")),
        (2 * STEP_MS, Decimal("9.00")),  # the market ends here
    ]


@settings(max_examples=60, deadline=None)
@given(
    recordings(),
    st.integers(min_value=0, max_value=24),
    st.integers(min_value=-STEP_MS, max_value=2 * STEP_MS) | st.integers(min_value=0, max_value=STEP_MS),
    st.sampled_from([STEP_MS, 3 * STEP_MS, HOUR_MS]),
)
def test_the_future_changes_nothing_that_is_shown_now(
    recording: tuple[MarketCandle, ...], near: int, offset_ms: int, interval_ms: int
) -> None:
    """Whatever comes after `now`, also the rest of the candle that is still open, leaves every answer as it is."""
    now_ms = recording[near % len(recording)].open_time_ms + offset_ms
    market = market_of(*recording)
    rules = market.rules["ETHUSDT"]
    past = [one for one in recording if one.close_time_ms <= now_ms]
    current = next((one for one in recording if one.open_time_ms <= now_ms < one.close_time_ms), None)
    if current is not None:
        shown = [quote.price for quote in market.quotes("ETHUSDT", current.open_time_ms - 1, now_ms)]
        up = current.close >= current.open
        # Another candle with the same beginning and the same direction, that ends elsewhere.
        low = min(shown) if len(shown) < 2 or not up else shown[1]
        high = max(shown) if len(shown) < 2 or up else shown[1]
        if len(shown) == 1:
            low, high = (low / 2, high) if up else (low, high * 2)
        if len(shown) == 2:
            low, high = (low, high + 1) if up else (low / 2, high)
        if len(shown) == 3:
            low, high = min(shown), max(shown)
        close = shown[3] if len(shown) == 4 else (max(current.open, high) if up else low)
        other = structs.replace(current, low=min(low, close), high=max(high, close), close=close)
        if (other.close >= other.open) != up:
            return
        past.append(other)
    known = told(past, rules)
    assert klines(known, now_ms, interval_ms) == klines(market, now_ms, interval_ms)
    if current is not None:
        past[-1] = structs.replace(past[-1], volume=past[-1].volume * 3 + 10**6)  # what a candle trades in all is known at its end
    known = told(past, rules)
    assert known.quote("ETHUSDT", now_ms) == market.quote("ETHUSDT", now_ms)
    assert list(known.quotes("ETHUSDT", now_ms - HOUR_MS, now_ms)) == list(market.quotes("ETHUSDT", now_ms - HOUR_MS, now_ms))


def told(candles: list[MarketCandle], rules: SymbolRules) -> RecordedMarket:
    return RecordedMarket(RecordedCandles(STEP_MS, {"ETHUSDT": tuple(candles)} if candles else {}), rules={"ETHUSDT": rules})


@settings(max_examples=60, deadline=None)
@given(recordings(), st.integers(min_value=0, max_value=45 * STEP_MS))
def test_candles_and_quotes_tell_the_same_story(recording: tuple[MarketCandle, ...], elapsed_ms: int) -> None:
    now_ms = START_MS + elapsed_ms
    market = market_of(*recording)
    for shown in klines(market, now_ms):
        prices = [quote.price for quote in market.quotes("ETHUSDT", shown.open_time_ms - 1, min(now_ms, shown.close_time_ms))]
        assert (shown.open, shown.high, shown.low, shown.close) == (prices[0], max(prices), min(prices), prices[-1])
    everything = list(market.quotes("ETHUSDT", 0, market.end_ms))
    assert [quote.time_ms for quote in everything] == sorted({quote.time_ms for quote in everything})
    newest = [quote for quote in everything if quote.time_ms <= now_ms]
    assert market.quote("ETHUSDT", now_ms) == (newest[-1] if newest else None)
    split = list(market.quotes("ETHUSDT", 0, now_ms)) + list(market.quotes("ETHUSDT", now_ms, market.end_ms))
    assert [quote for quote in split if quote.time_ms <= market.end_ms] == everything or now_ms > market.end_ms


@settings(max_examples=40, deadline=None)
@given(recordings())
def test_when_all_is_over_the_recording_has_been_shown_whole(recording: tuple[MarketCandle, ...]) -> None:
    market = market_of(*recording)
    assert tuple(klines(market, market.end_ms)) == recording
    of_hours = resampled(recording, HOUR_MS)
    # An hour of which the recording has no beginning is not told.
    whole = of_hours if recording[0].open_time_ms % HOUR_MS == 0 else of_hours[1:]
    assert tuple(klines(market, market.end_ms + HOUR_MS, HOUR_MS)) == whole
    assert (market.start_ms, market.end_ms) == (recording[0].open_time_ms, recording[-1].close_time_ms + 1)


@settings(max_examples=60, deadline=None)
@given(recordings(), st.integers(min_value=0, max_value=45 * STEP_MS), st.data())
def test_books_lie_around_the_price_on_the_grid(recording: tuple[MarketCandle, ...], elapsed_ms: int, data: st.DataObject) -> None:
    market = market_of(*recording, spread_bps=Decimal(data.draw(st.integers(min_value=0, max_value=50))))
    rules = market.rules["ETHUSDT"]
    for quote in market.quotes("ETHUSDT", 0, START_MS + elapsed_ms):
        bids, asks = quote.ladder.bids, quote.ladder.asks
        if not asks:
            assert not bids
            continue
        assert all(price < quote.price for price, _ in bids)
        assert all(price > quote.price for price, _ in asks)
        assert [price for price, _ in bids] == sorted({price for price, _ in bids}, reverse=True)
        assert [price for price, _ in asks] == sorted({price for price, _ in asks})
        for price, quantity in (*bids, *asks):
            assert price > 0
            assert floor_to_step(price, rules.tick_size) == price
            assert floor_to_step(quantity, rules.step_size) == quantity >= rules.min_quantity


def test_the_spread_and_the_depth_are_as_asked_for() -> None:
    prices = ("1000.00", "1000.01", "1000.00", "1000.00")
    market = market_of(candle(0, prices, "6000"), candle(1, prices, "0"), spread_bps=Decimal(4), depth_share=Decimal("0.5"))
    ladder = market.quote("ETHUSDT", START_MS + STEP_MS).ladder
    assert (ladder.bids[0][0], ladder.asks[0][0]) == (Decimal("999.80"), Decimal("1000.20"))
    assert sum(quantity for _, quantity in ladder.asks) == 3000  # half of what the candle before traded


def test_a_book_is_never_empty_while_there_is_a_market() -> None:
    market = market_of(candle(0, volume="0"), candle(1, volume="0"))
    rules = market.rules["ETHUSDT"]
    for quote in market.quotes("ETHUSDT", 0, START_MS + 2 * STEP_MS - 1):
        price, quantity = quote.ladder.asks[0]
        assert quantity >= rules.smallest_quantity_at(price)


def test_in_a_gap_the_book_is_empty_and_the_price_stays() -> None:
    market = market_of(candle(0), candle(4))
    assert market.quote("ETHUSDT", START_MS + STEP_MS - 1).ladder.asks
    for elapsed_ms in (STEP_MS, 3 * STEP_MS, 4 * STEP_MS - 1):
        quote = market.quote("ETHUSDT", START_MS + elapsed_ms)
        assert (quote.time_ms, quote.price, quote.ladder) == (START_MS + STEP_MS, Decimal("10.50"), Ladder((), ()))
    assert market.quote("ETHUSDT", START_MS + 4 * STEP_MS).ladder.asks
    assert [one.open_time_ms for one in klines(market, START_MS + 3 * STEP_MS)] == [START_MS]
    changes = [quote.time_ms - START_MS for quote in market.quotes("ETHUSDT", START_MS + 3 * QUARTER_MS, START_MS + 4 * STEP_MS)]
    assert changes == [STEP_MS, 4 * STEP_MS]


def test_an_open_candle_shows_only_its_part() -> None:
    market = market_of(candle(0), candle(1))
    (shown,) = klines(market, START_MS + QUARTER_MS)
    assert (shown.open, shown.high, shown.low, shown.close) == (Decimal(10), Decimal(10), Decimal(9), Decimal(9))
    assert (shown.volume, shown.quote_volume, shown.trades) == (Decimal(200), Decimal(2000), 20)
    assert shown.close_time_ms == START_MS + STEP_MS - 1


def test_a_longer_candle_that_has_shown_nothing_yet_is_not_there() -> None:
    market = market_of(candle(0), candle(14))
    assert START_MS % HOUR_MS == 0
    assert [one.open_time_ms for one in klines(market, START_MS + 13 * STEP_MS, HOUR_MS, limit=1)] == [START_MS]
    assert [one.open_time_ms for one in klines(market, START_MS + 14 * STEP_MS, HOUR_MS)] == [START_MS, START_MS + HOUR_MS]


@settings(max_examples=60, deadline=None)
@given(
    recordings(),
    st.integers(min_value=0, max_value=45 * STEP_MS),
    st.none() | st.integers(min_value=-STEP_MS, max_value=45 * STEP_MS),
    st.none() | st.integers(min_value=-STEP_MS, max_value=45 * STEP_MS),
    st.integers(min_value=1, max_value=30),
    st.sampled_from([STEP_MS, HOUR_MS]),
)
def test_a_request_gets_the_candles_that_the_endpoint_would_give(recording, elapsed_ms, start, end, limit, interval_ms) -> None:
    market, now_ms = market_of(*recording), START_MS + elapsed_ms
    start_ms, end_ms = (None if moment is None else START_MS + moment for moment in (start, end))
    allowed = [
        one
        for one in klines(market, now_ms, interval_ms)
        if (end_ms is None or one.open_time_ms <= end_ms) and (start_ms is None or one.open_time_ms >= start_ms)
    ]
    expected = allowed[-limit:] if start_ms is None else allowed[:limit]
    assert klines(market, now_ms, interval_ms, start_ms, end_ms, limit) == expected


@pytest.mark.parametrize("interval_ms", [0, 60_000, STEP_MS + 1, STEP_MS * 3 // 2])
def test_shorter_and_uneven_intervals_cannot_be_made(interval_ms: int) -> None:
    with pytest.raises(ValueError, match="cannot be made"):
        klines(market_of(candle(0)), START_MS, interval_ms)


def test_rules_are_inferred_from_the_data_or_taken_as_given() -> None:
    tiny = candle(0, ("0.00005330", "0.00005400", "0.00005288", "0.00005290"))
    rules = market_of(tiny, symbol="ADABTC").rules["ADABTC"]
    assert (rules.base_asset, rules.quote_asset) == ("ADA", "BTC")
    assert (rules.tick_size, rules.step_size, rules.min_notional) == (Decimal("1E-8"), Decimal("0.1"), Decimal("0.0001"))
    coarse = market_of(candle(0, ("60000.00", "60001.10", "59999.9", "60000"))).rules["ETHUSDT"]
    assert (coarse.tick_size, coarse.min_notional) == (Decimal("0.1"), Decimal(5))
    given_rules = replace(rules, symbol="XYZ", tick_size=Decimal("0.00000005"))
    assert market_of(tiny, symbol="XYZ", rules={"XYZ": given_rules}).rules == {"XYZ": given_rules}
    with pytest.raises(ConfigurationError, match="XYZ"):
        market_of(tiny, symbol="XYZ")


def test_strangers_and_the_time_before_have_no_market() -> None:
    market = market_of(candle(0))
    assert market.quote("ETHUSDT", START_MS - 1) is None
    assert market.quote("NOSUCH", START_MS) is None
    assert list(market.quotes("NOSUCH", 0, market.end_ms)) == []
    assert market.candles("NOSUCH", STEP_MS, start_ms=None, end_ms=None, limit=5, now_ms=START_MS) == ()
    assert klines(market, START_MS - 1) == []


@pytest.mark.parametrize("options", [{"spread_bps": Decimal(-1)}, {"depth_share": Decimal(-1)}])
def test_shares_are_not_negative(options: dict[str, Decimal]) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        market_of(candle(0), **options)
