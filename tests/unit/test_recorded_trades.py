"""RecordedTradesMarket: what was traded is shown when it was traded, to the last digit, and resting orders take part in it."""

from decimal import Decimal
from pathlib import Path

import pytest
from hand_clocks import HandClock
from hypothesis import given
from hypothesis import strategies as st
from recorded_trades import START_MS, Trade, aggregate_rows, single_rows, write_rows

from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.records import NewOrder
from binance_trade_agent.simulation.engine.terms import OrderType
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.markets.recorded_trades import RecordedTradesMarket
from binance_trade_agent.simulation.markets.trade_files import load_trades

D = Decimal
MINUTE_MS = 60_000


def market_of(folder: Path, trades: list[Trade], *, aggregate: bool = False) -> RecordedTradesMarket:
    rows, kind = (aggregate_rows(trades), "aggTrades") if aggregate else (single_rows(trades), "trades")
    return RecordedTradesMarket(load_trades(write_rows(folder, f"BTCUSDT-{kind}-1.csv", rows)))


@st.composite
def recordings(draw: st.DrawFn) -> list[Trade]:
    at, trades = draw(st.integers(0, 90_000)), []
    for number in range(draw(st.integers(1, 25))):
        at += draw(st.sampled_from([0, 0, 1, 400, 20_000, 61_000]))
        trades.append(Trade(100 + number, at, draw(st.integers(9_990, 10_010)), draw(st.integers(1, 500)), draw(st.booleans())))
    return trades


@given(trades=recordings(), aggregate=st.booleans(), interval_ms=st.sampled_from([1_000, 15_000, MINUTE_MS]), now=st.integers(0, 400_000))
def test_candles_are_what_was_traded_until_now(tmp_path_factory, trades, aggregate, interval_ms, now) -> None:
    market = market_of(tmp_path_factory.mktemp("trades"), trades, aggregate=aggregate)
    now_ms = START_MS + now
    candles = market.candles("BTCUSDT", interval_ms, start_ms=0, end_ms=None, limit=1_000, now_ms=now_ms)
    done = [one for one in trades if one.at <= now]
    close = None
    end_ms = min(now_ms, START_MS + trades[-1].at)
    opens = range((START_MS + trades[0].at) // interval_ms * interval_ms, end_ms + 1, interval_ms) if done else ()
    assert [candle.open_time_ms for candle in candles] == list(opens)
    for candle in candles:
        own = [one for one in done if candle.open_time_ms <= START_MS + one.at <= candle.close_time_ms]
        prices = [D(one.cents) / 100 for one in own] or [close]
        assert (candle.open, candle.high, candle.low, candle.close) == (prices[0], max(prices), min(prices), prices[-1])
        assert (candle.volume, candle.trades) == (sum(D(one.size) / 100 for one in own), len(own))
        assert candle.quote_volume == sum(D(one.size * one.cents) / 10_000 for one in own)
        assert candle.taker_buy_volume == sum(D(one.size) / 100 for one in own if not one.is_buyer_maker)
        assert candle.first_trade_id == (own[0].number if own else None)
        close = candle.close


@given(trades=recordings(), aggregate=st.booleans(), cut=st.integers(0, 400_000))
def test_taker_orders_are_those_of_the_file_however_they_are_asked_for(tmp_path_factory, trades, aggregate, cut) -> None:
    market = market_of(tmp_path_factory.mktemp("trades"), trades, aggregate=aggregate)
    cut_ms = START_MS + cut
    orders = [*market.taker_orders("BTCUSDT", 0, cut_ms), *market.taker_orders("BTCUSDT", cut_ms, market.end_ms)]
    shown = [(order.first_trade_id + place, order.time_ms) for order in orders for place in range(len(order.quantities))]
    assert shown == [(one.number, START_MS + one.at) for one in trades]
    assert [order.aggregate_id for order in orders] == list(range(len(orders)))
    assert all(quantity > 0 for order in orders for quantity in order.quantities) or aggregate
    for order in orders:
        own = [one for one in trades if order.first_trade_id <= one.number < order.first_trade_id + len(order.quantities)]
        assert sum(order.quantities) == sum(D(one.size) / 100 for one in own)
        assert {one.taker for one in own} == {(order.time_ms - START_MS, order.price * 100, order.is_buyer_maker)}


@given(trades=recordings())
def test_every_book_fits_the_last_trade_and_quotes_are_every_change(tmp_path_factory, trades) -> None:
    market = market_of(tmp_path_factory.mktemp("trades"), trades)
    quotes = list(market.quotes("BTCUSDT", 0, market.end_ms))
    assert [quote.time_ms for quote in quotes] == [*sorted({START_MS + one.at for one in trades}), market.end_ms]
    for quote in quotes[:-1]:
        last = [one for one in trades if START_MS + one.at == quote.time_ms][-1]
        bids, asks = quote.ladder.bids, quote.ladder.asks
        assert market.quote("BTCUSDT", quote.time_ms) == quote
        assert quote.price == D(last.cents) / 100 == (bids if last.is_buyer_maker else asks)[0][0]
        assert bids[0][0] < asks[0][0]
        assert list(bids) == sorted(bids, reverse=True)
        assert list(asks) == sorted(asks)
        assert all(price % market.rules["BTCUSDT"].tick_size == 0 and quantity > 0 for price, quantity in (*bids, *asks))
    assert (quotes[-1].ladder.bids, quotes[-1].ladder.asks) == ((), ())
    assert market.quote("BTCUSDT", market.end_ms + 1) == quotes[-1]
    assert market.quote("BTCUSDT", market.start_ms - 1) is None
    assert market.quote("NOSUCH", market.start_ms) is None


def test_grains_are_those_of_the_file_and_rules_can_be_given(tmp_path: Path) -> None:
    trades = [Trade(1, 0, 10_050, 50), Trade(2, 5, 10_060, 125)]
    market = market_of(tmp_path, trades)
    rules = market.rules["BTCUSDT"]
    assert (rules.tick_size, rules.step_size, rules.min_quantity) == (D("0.1"), D("0.01"), D("0.01"))
    given = RecordedTradesMarket(load_trades(tmp_path), rules={"BTCUSDT": rules})
    assert given.rules["BTCUSDT"] is rules
    write_rows(tmp_path, "XXXYYY-trades-1.csv", single_rows(trades))
    with pytest.raises(ConfigurationError, match="XXXYYY"):
        RecordedTradesMarket(load_trades(tmp_path))


def test_depth_follows_what_was_traded_in_the_last_minute(tmp_path: Path) -> None:
    market = market_of(tmp_path, [Trade(1, 0, 10_000, 100_000), Trade(2, 30_000, 10_001, 50_000), Trade(3, 80_000, 10_001, 100)])
    depths = [sum(quantity for _, quantity in quote.ladder.bids) for quote in market.quotes("BTCUSDT", 0, market.end_ms - 1)]
    assert depths == [200, 300, 100]  # in whole steps on each of 20 levels


def test_a_resting_order_is_filled_by_the_recorded_trades_in_its_turn(tmp_path: Path) -> None:
    sold = {"is_buyer_maker": True}
    trades = [
        Trade(1, 0, 10_000, 10_000, **sold),
        Trade(2, 1_000, 10_000, 70, **sold),
        Trade(3, 2_000, 10_000, 60, **sold),
        Trade(4, 3_000, 9_999, 500, **sold),
    ]
    clock = HandClock(START_MS)
    exchange = SimulatedExchange(market_of(tmp_path, trades), clock)
    exchange.open_account("key", "secret", {"USDT": D(10_000)})
    (at_price,) = [quantity for price, quantity in exchange.venue.market.quote("BTCUSDT", START_MS).ladder.bids if price == 100]
    assert at_price == 1  # a twentieth of a fifth of what was traded
    order = NewOrder("BTCUSDT", Side.BUY, OrderType.LIMIT, quantity=D("0.5"), price=D(100))
    exchange.venue.engine.place(1, order, START_MS)
    filled = []
    for second in range(5):
        clock.time_ms = START_MS + second * 1_000
        filled.append(sum((trade.quantity for trade in exchange.trades("key")), D(0)))
    assert filled == [0, 0, D("0.3"), D("0.5"), D("0.5")]
    exchange.close()
