"""Results over candles, reckoned by hand beside the code, and the proof that must see every difference."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from msgspec.structs import replace

from binance_trade_agent.backtest.proof import prove
from binance_trade_agent.backtest.report.bars import Bars
from binance_trade_agent.backtest.report.symbol_result import SymbolHistory, largest_fall, reckon, reckon_all
from binance_trade_agent.domain.order import (
    ExchangeStatus,
    Fill,
    JournaledOrder,
    OrderIntent,
    OrderState,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
)
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.simulation.engine.records import ExchangeOrder, ExchangeTrade
from binance_trade_agent.simulation.engine.terms import OrderType as TheirType

ONE = Decimal(1)


def rules(symbol: str) -> SymbolRules:
    step = Decimal("0.001")
    return SymbolRules(symbol, symbol[:3], "USDT", SymbolStatus.TRADING, step, step, Decimal(10**6), step, step, Decimal(10**6))


def fill(
    symbol: str, trade_id: int, side: Side, price: str, time_ms: int, *, quantity: str = "1", fee: str = "0", asset: str = "USDT"
) -> Fill:
    amount = Decimal(price) * Decimal(quantity)
    return Fill(
        symbol,
        trade_id,
        trade_id,
        f"bta-a-{trade_id}",
        side,
        Decimal(price),
        Decimal(quantity),
        amount,
        Decimal(fee),
        asset,
        time_ms,
        False,
    )


def bars(*prices: str) -> Bars:
    """Candles of 100 ms that end at 100, 200, ..."""
    closes = np.array([float(price) for price in prices])
    ends = 100 * (np.arange(len(prices), dtype=np.int64) + 1)
    return Bars(ends - 99, ends, closes, closes, closes, closes)


def history(
    symbol_rules: SymbolRules, fills: list[Fill], played: Bars, orders: int, gaps: tuple[tuple[int, int], ...] = ()
) -> SymbolHistory:
    return SymbolHistory(symbol_rules, fills, played, Decimal(repr(float(played.closes[-1]))), orders, gaps)


def test_a_round_trip_is_reckoned_as_by_hand():
    fills = [fill("AAAUSDT", 1, Side.BUY, "100", 50, fee="1"), fill("AAAUSDT", 2, Side.SELL, "120", 250, fee="2")]
    symbol = reckon(history(rules("AAAUSDT"), fills, bars("90", "95", "130"), 2))
    result = symbol.result
    assert (result.bought, result.sold, result.fees) == (100, 120, 3)
    assert (result.realized, result.unrealized, result.profit) == (17, 0, 17)
    assert result.max_drawdown == 11  # bought for 101, worth 90 at the first close
    assert symbol.curve.profit.tolist() == [-11, -6, 17]
    assert symbol.curve.held.tolist() == [90, 95, 0]
    assert symbol.curve.open_positions.tolist() == [1, 1, 0]


def test_fees_in_base_are_valued_and_fees_elsewhere_are_told_apart():
    fills = [
        fill("AAAUSDT", 1, Side.BUY, "100", 50, fee="0.01", asset="AAA"),
        fill("AAAUSDT", 2, Side.BUY, "100", 60, fee="0.5", asset="BNB"),
    ]
    result = reckon(history(rules("AAAUSDT"), fills, bars("100"), 2)).result
    assert result.fees == 1
    assert result.fees_elsewhere == {"BNB": Decimal("0.5")}
    assert result.quantity == Decimal("1.99")


def test_a_fill_in_the_last_millisecond_of_a_candle_is_in_what_it_ended_with_and_a_rest_is_no_open_position():
    fills = [
        fill("AAAUSDT", 1, Side.BUY, "100", 100, fee="0.0005", asset="AAA"),
        fill("AAAUSDT", 2, Side.SELL, "100", 201, quantity="0.999"),
    ]
    symbol = reckon(history(rules("AAAUSDT"), fills, bars("100", "100", "100"), 2))
    assert symbol.curve.held.tolist() == pytest.approx([99.95, 99.95, 0.05])
    assert symbol.curve.open_positions.tolist() == [1, 1, 0]


def test_the_common_drawdown_is_that_of_the_sum():
    falling = reckon(history(rules("AAAUSDT"), [fill("AAAUSDT", 1, Side.BUY, "100", 50)], bars("90", "80", "70"), 1))
    rising = reckon(history(rules("BBBUSDT"), [fill("BBBUSDT", 1, Side.BUY, "100", 50)], bars("105", "110", "130"), 1, ((1, 1),)))
    both, curve = reckon_all([falling, rising])
    assert falling.result.max_drawdown == 30
    assert both.max_drawdown == 10  # -10 + 5, -20 + 10, -30 + 30
    assert curve.profit.tolist() == [-5, -10, 0]
    assert (both.orders, both.fills, both.candles, both.missing_candles) == (2, 2, 6, 1)
    assert both.profit == 0
    assert reckon_all([falling])[0].max_drawdown == 30


def test_a_symbol_counts_with_its_last_value_where_it_has_no_candle():
    first = reckon(history(rules("AAAUSDT"), [fill("AAAUSDT", 1, Side.BUY, "100", 50)], bars("90", "80", "70"), 1))
    short = bars("105", "110", "130")
    holed = Bars(*(column[[0, 2]] for column in (short.opens_ms, short.ends_ms, short.opens, short.highs, short.lows, short.closes)))
    second = reckon(history(rules("BBBUSDT"), [fill("BBBUSDT", 1, Side.BUY, "100", 50)], holed, 1))
    _, curve = reckon_all([first, second])
    assert curve.times_ms.tolist() == [100, 200, 300]
    assert curve.profit.tolist() == [-10 + 5, -20 + 5, -30 + 30]


@given(st.lists(st.lists(st.integers(1, 1000), min_size=1, max_size=8), min_size=1, max_size=5))
def test_a_loss_in_all_is_never_larger_than_the_drawdown_in_all(prices):
    symbols = [
        reckon(history(rules(f"S{index}AUSDT"), [fill(f"S{index}AUSDT", 1, Side.BUY, "500", 50)], bars(*map(str, row)), 1))
        for index, row in enumerate(prices)
    ]
    result, _ = reckon_all(symbols)
    assert result.max_drawdown >= -result.profit


@pytest.mark.parametrize(("curve", "fall"), [((), 0), ((5, 3, 4, 1, 9), 4), ((-2, -1), 2), ((1, 2, 3), 0)])
def test_the_largest_fall(curve, fall):
    assert largest_fall(np.array(curve, dtype=float)) == fall


def sides():
    """A book and an exchange that agree: one filled order with one trade."""
    ours = fill("AAAUSDT", 1, Side.BUY, "100", 50, fee="0.001", asset="AAA")
    intent = OrderIntent("bta-a-1", "AAAUSDT", Side.BUY, OrderType.MARKET, ONE, Decimal(100), Purpose.ENTRY, 40, "c", "r")
    theirs = ExchangeTrade("AAAUSDT", 1, 1, 1, Side.BUY, Decimal(100), ONE, Decimal(100), Decimal("0.001"), "AAA", 50, False)
    order = ExchangeOrder(
        "AAAUSDT",
        1,
        1,
        "bta-a-1",
        Side.BUY,
        TheirType.MARKET,
        TimeInForce.GTC,
        Decimal(0),
        ONE,
        Decimal(0),
        50,
        50,
        ExchangeStatus.FILLED,
        ONE,
    )
    return {
        "balances": {"USDT": Decimal(900), "AAA": Decimal("0.999")},
        "orders": [JournaledOrder(intent, OrderState.FILLED, 60, 1, ONE, 50)],
        "fills": [ours],
        "exchange_balances": {"USDT": Decimal(900), "AAA": Decimal("0.999"), "BNB": Decimal(0)},
        "exchange_orders": [order],
        "exchange_trades": [theirs],
    }


def test_two_sides_that_agree_are_proven():
    proof = prove(**sides())
    assert proof.holds
    assert (proof.balances, proof.orders, proof.fills) == (3, 1, 1)


@pytest.mark.parametrize(
    ("name", "change", "word"),
    [
        ("balances", lambda side: {**side, "USDT": Decimal("900.00000001")}, "USDT"),
        ("exchange_balances", lambda side: {**side, "BNB": Decimal("0.00000001")}, "BNB"),
        ("fills", lambda side: [], "trade 1"),
        ("fills", lambda side: [*side, *side], "twice"),
        ("fills", lambda side: [replace(side[0], commission=Decimal("0.002"))], "trade 1"),
        ("fills", lambda side: [replace(side[0], price=Decimal("100.01"))], "trade 1"),
        ("exchange_trades", lambda side: [], "trade 1"),
        ("exchange_orders", lambda side: [], "does not"),
        ("exchange_orders", lambda side: [*side, structs.replace(side[0], order_id=2)], "two orders"),
        ("exchange_orders", lambda side: [structs.replace(side[0], executed_quantity=Decimal("0.5"))], "differs"),
        ("orders", lambda side: [], "not know"),
        ("audit", lambda side: ["position AAAUSDT differs"], "position"),
    ],
)
def test_every_difference_is_seen(name, change, word):
    given_sides = sides()
    given_sides[name] = change(given_sides.get(name))
    proof = prove(**given_sides)
    assert not proof.holds
    assert any(word in difference for difference in proof.differences)
