"""Sizing: how large an entry is meant to be by each method, exactly, and that limits and wishes stand above it."""

import math
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from risk_desk import NOW, STEP_MS, position_of, refused_by, review, signal_of, snapshot_of, view_of

from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.market import Candle, CandleWindow, MarketSnapshot
from binance_trade_agent.domain.risk import Approved, ClosedOrder, Refused, RiskRule, RiskState, SizingMethod
from binance_trade_agent.domain.signal import Action, Signal
from binance_trade_agent.risk_management_agent import RiskLimits, RiskManagementAgent
from binance_trade_agent.risk_management_agent.entry_target import average_true_range
from binance_trade_agent.risk_management_agent.kelly import kelly_share
from binance_trade_agent.risk_management_agent.sizing_rules import SizingRules
from binance_trade_agent.settings import load_settings
from binance_trade_agent.wiring.stations import risk_limits

WHOLE = Decimal(1)
ROOMY = {"max_single_trade_size": Decimal("0.5"), "max_position_per_symbol": WHOLE, "max_total_exposure": WHOLE, "max_loss_streak": 0}


def agent_of(closed=(), **sizing):
    limits = RiskLimits(**ROOMY, sizing=SizingRules(**sizing), volatility_threshold=Decimal(0), max_candle_age_ms=10**12)
    agent = RiskManagementAgent(limits, next_order_id=lambda: "id")
    agent.restore(state=RiskState(Decimal(10_000), 1, Decimal(10_000), closed=tuple(closed)), modes={}, open_orders=())
    return agent


def closed_of(*gains):
    """Closing orders that gained these shares of a cost of 100."""
    return [ClosedOrder(number, NOW, "ETHUSDT", Decimal(gain) * 100, Decimal(100)) for number, gain in enumerate(gains, 1)]


def wide_candles(true_range, count=40):
    """Candles of one range around 100."""
    rows = [(NOW - (count - index) * STEP_MS, 100.0, 100.0 + true_range / 2, 100.0 - true_range / 2, 100.0, 1.0) for index in range(count)]
    candles = [Candle(*row, row[0] + STEP_MS - 1) for row in rows]
    return MarketSnapshot("BTCUSDT", NOW, Decimal(100), CandleWindow("BTCUSDT", STEP_MS, candles))


def bought(agent, snapshot=None, **about):
    return review(agent, snapshot=snapshot, **about).intent.quantity


# -- each method ----------------------------------------------------------------------------------------------------------------


def test_by_fraction_an_entry_is_a_share_of_equity_or_all_that_one_trade_may_be():
    assert bought(agent_of(fraction=Decimal("0.02"))) == Decimal(2), "2 % of 10000 at 100"
    assert bought(agent_of()) == Decimal(50), "RISK_MAX_SINGLE_TRADE_SIZE is 50 %"


def test_by_an_amount_it_does_not_follow_equity():
    for cash in ("10000", "3000"):
        assert bought(agent_of(method=SizingMethod.FIXED, amount=Decimal("123.45")), view=view_of(cash)) == Decimal("1.234")


def test_by_volatility_a_move_of_one_range_costs_the_same_in_every_market():
    agent = {"method": SizingMethod.VOLATILITY, "atr_share": Decimal("0.01")}
    sizes = [bought(agent_of(**agent), wide_candles(true_range)) for true_range in (4.0, 8.0)]
    assert sizes == [Decimal(25), Decimal("12.5")], "1 % of 10000 is 100, which 25 lose at 4 and 12.5 at 8"
    assert bought(agent_of(**agent), wide_candles(0.0)) == Decimal(50), "a market that stands still sets no size, the limit does"


def test_without_enough_candles_there_is_no_entry_by_volatility():
    decision = review(agent_of(method=SizingMethod.VOLATILITY, atr_candles=40), snapshot=wide_candles(4.0))
    assert refused_by(decision) is RiskRule.SIZING
    assert decision.reason == "the average true range of BTCUSDT of 40 candles cannot be measured from 40"


def test_by_kelly_the_share_follows_what_was_won_and_lost():
    closed = closed_of("0.04", "0.02", "-0.02", "-0.01", "0.03")  # 3 of 5 won, 3 % against 1.5 %: 0.6 - 0.4 / 2 = 0.4
    assert bought(agent_of(closed, method=SizingMethod.KELLY, kelly_orders=5, kelly_factor=Decimal("0.5"))) == Decimal(20)
    assert bought(agent_of(closed, method=SizingMethod.KELLY, kelly_orders=5, kelly_factor=WHOLE)) == Decimal(40)
    wins = closed_of("0.04", "0.02")
    assert bought(agent_of(wins, method=SizingMethod.KELLY, kelly_orders=2, kelly_factor=WHOLE)) == Decimal(50), "the limit stands above it"


def test_kelly_waits_for_enough_closing_orders_and_sizes_by_the_fraction_until_then():
    few = {"method": SizingMethod.KELLY, "kelly_orders": 3, "fraction": Decimal("0.03")}
    assert bought(agent_of(closed_of("-0.1", "-0.1"), **few)) == Decimal(3)
    assert bought(agent_of(closed_of("-0.1", "-0.1", "0.1"), **few)) == Decimal("0.5"), "there is no edge, and 0.5 % is the least"


def test_where_there_is_no_edge_kelly_keeps_learning_unless_told_to_stop():
    closed = closed_of("0.01", "-0.02")
    kelly = {"method": SizingMethod.KELLY, "kelly_orders": 2}
    assert bought(agent_of(closed, **kelly, kelly_least=Decimal("0.01"))) == Decimal(1)
    decision = review(agent_of(closed, **kelly, kelly_least=Decimal(0)))
    assert refused_by(decision) is RiskRule.SIZING
    assert decision.reason == "50 % of Kelly's share by 2 closing orders is -25 %, which speaks for no entry"


# -- what stands above it ---------------------------------------------------------------------------------------------------------


def test_a_given_quantity_is_not_sized():
    assert bought(agent_of(method=SizingMethod.FIXED), quantity="7") == Decimal(7)


def test_limits_make_an_entry_smaller_than_it_was_meant():
    view = view_of("1000", [position_of("90", "9000")])
    assert bought(agent_of(method=SizingMethod.FIXED, amount=Decimal(5000)), view=view) == Decimal("9.490"), "cash less reserve and fee"


def test_what_is_meant_and_too_small_to_sell_again_is_refused_by_the_sizing():
    decision = review(agent_of(method=SizingMethod.FIXED, amount=Decimal(5)))
    assert refused_by(decision) is RiskRule.SIZING
    assert decision.reason.startswith("an entry is meant to be 5: at 100 that leaves 0.05 BTC, and less than ")


def test_a_share_is_one_of_what_is_meant():
    signal = Signal("BTCUSDT", NOW, "grid", Action.BUY, 0.9, "a step of the grid", fraction=0.25)
    assert bought(agent_of(method=SizingMethod.FIXED, amount=Decimal(800)), signal=signal) == Decimal(2)
    assert bought(agent_of(), signal=signal) == Decimal("12.5")


def test_a_symbol_can_be_sized_by_a_method_of_its_own():
    given = {"BTCUSDT": {"risk_sizing": "fixed", "risk_sizing_amount": "77"}}
    limits = risk_limits(load_settings(risk_sizing_fraction="0.01", symbol_overrides=given), Decimal("0.001"))
    agent = RiskManagementAgent(limits, next_order_id=lambda: "id")
    assert bought(agent) == Decimal("0.77")
    assert bought(agent, snapshot_of(symbol="ETHUSDT")) == Decimal(1)


# -- exactness --------------------------------------------------------------------------------------------------------------------

FRACTIONS = st.decimals("0.001", "1", places=3)
GAINS = st.lists(st.decimals("-0.5", "0.5", places=4), min_size=2, max_size=30)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(gains=GAINS)
def test_kelly_is_the_formula(gains):
    won, lost = [Fraction(gain) for gain in gains if gain > 0], [-Fraction(gain) for gain in gains if gain < 0]
    share = kelly_share(closed_of(*gains))
    if not won or not lost:
        assert share == (1 if won else -1 if lost else 0)
        return
    odds = (sum(won) / len(won)) / (sum(lost) / len(lost))
    expected = Fraction(len(won), len(won) + len(lost)) - Fraction(len(lost), len(won) + len(lost)) / odds
    assert abs(Fraction(share) - expected) < Fraction(1, 10**9)
    assert share < 1


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    method=st.sampled_from(SizingMethod),
    fraction=st.just(Decimal(0)) | FRACTIONS,
    amount=st.decimals("0.01", "20000", places=2),
    atr_share=FRACTIONS,
    ranges=st.lists(st.floats(0, 60), min_size=14, max_size=14),
    gains=GAINS,
    factor=FRACTIONS,
    least=st.just(Decimal(0)) | FRACTIONS,
    cash=st.decimals("10", "50000", places=2),
    price=st.decimals("0.5", "2000", places=2),
    cap=FRACTIONS,
    share=st.sampled_from([1.0, 0.5, 0.1]),
)
def test_an_entry_is_as_much_as_is_meant_and_allowed_and_not_a_step_more(
    method, fraction, amount, atr_share, ranges, gains, factor, least, cash, price, cap, share
):
    rules = SizingRules(
        method=method, fraction=fraction, amount=amount, atr_share=atr_share, kelly_factor=factor, kelly_orders=10, kelly_least=least
    )
    limits = RiskLimits(**{**ROOMY, "max_single_trade_size": cap}, sizing=rules, volatility_threshold=Decimal(0))
    agent = RiskManagementAgent(limits, next_order_id=lambda: "id")
    closed = tuple(closed_of(*gains))
    agent.restore(state=RiskState(cash, 1, cash, closed=closed), modes={}, open_orders=())
    rows = [(NOW - (14 - index) * STEP_MS, 100.0, 100.0 + width, 100.0, 100.0, 1.0) for index, width in enumerate(ranges)]
    before = (NOW - 15 * STEP_MS, 100.0, 100.0, 100.0, 100.0, 1.0)
    candles = [Candle(*row, row[0] + STEP_MS - 1) for row in (before, *rows)]
    snapshot = MarketSnapshot("BTCUSDT", NOW, price, CandleWindow("BTCUSDT", STEP_MS, candles))
    signal = Signal("BTCUSDT", NOW, "any", Action.BUY, 1.0, "any", fraction=share)
    decision = review(agent, signal, snapshot, view_of(str(cash)))

    equity, part = Fraction(cash), Fraction(str(share))
    bounds = [part * Fraction(cap) * equity / Fraction(price), equity * Fraction(995, 1000) / (Fraction(price) * Fraction(1001, 1000))]
    meant = None
    if method is SizingMethod.FIXED:
        meant = Fraction(amount) / Fraction(price)
    elif method is SizingMethod.VOLATILITY:
        true_range = Fraction(repr(math.fsum(max(width, 0.0) for width in (row[2] - row[3] for row in rows)) / 14))
        meant = None if true_range == 0 else Fraction(atr_share) * equity / true_range
    elif method is SizingMethod.FRACTION or len(closed) < 10:
        meant = Fraction(fraction) * equity / Fraction(price) if fraction else None
    else:
        meant = max(Fraction(kelly_share(closed)) * Fraction(factor), Fraction(least)) * equity / Fraction(price)
    if meant is not None:
        bounds.append(part * meant)
    exact = min(bounds) // Fraction(1, 1000) * Fraction(1, 1000)
    if isinstance(decision, Approved):
        assert Fraction(decision.intent.quantity) == exact
    else:
        assert isinstance(decision, Refused)
        assert decision.rule in {RiskRule.SIZING, RiskRule.TRADE_SIZE, RiskRule.CASH}
        assert exact * Fraction(price) * Fraction(9, 10) < 6, "what could be sold again was not refused"


@settings(max_examples=100, deadline=None, derandomize=True)
@given(highs=st.lists(st.floats(1, 1e6), min_size=8, max_size=30), count=st.integers(2, 30))
def test_the_true_range_is_that_of_wilders_words_wherever_the_window_begins(highs, count):
    rows = [(index * 60_000, high, high, high * 0.9, high * 0.95, 1.0, index * 60_000 + 59_999) for index, high in enumerate(highs)]
    window = CandleWindow("X", 60_000, [Candle(*row) for row in rows])
    measured = average_true_range(window, count)
    if count + 1 > len(highs):
        assert measured is None
        return
    used = rows[-count - 1 :]
    widths = [max(row[2] - row[3], abs(row[2] - past[4]), abs(row[3] - past[4])) for past, row in pairwise(used)]
    assert measured == pytest.approx(math.fsum(widths) / count, rel=1e-12)
    assert average_true_range(window.last(count + 1), count) == measured
    table = np.asfortranarray(np.array([row[:6] for row in rows]))
    assert average_true_range(CandleWindow.over("X", 60_000, table.T), count) == measured, "however columns lie in memory"


@pytest.mark.parametrize("broken", [0.0, math.nan, math.inf])
def test_candles_that_are_no_prices_have_no_true_range(broken):
    candles = [Candle(index, 1.0, 1.0, 1.0, broken if index == 3 else 1.0, 1.0, index) for index in range(6)]
    assert average_true_range(CandleWindow("X", 1, candles), 4) is None


# -- rules and settings -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("method", "huge"),
        ("fraction", Decimal("1.1")),
        ("fraction", 0.5),
        ("amount", Decimal(0)),
        ("atr_share", Decimal(0)),
        ("atr_candles", 1),
        ("kelly_factor", Decimal(2)),
        ("kelly_orders", 501),
        ("kelly_least", Decimal(-1)),
    ],
)
def test_rules_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigurationError, match=f"sizing rule {name} is "):
        SizingRules(**{name: value})


def test_a_window_that_is_too_short_for_the_true_range_is_refused_at_the_start():
    with pytest.raises(ConfigurationError, match=r"RISK_SIZING_ATR_CANDLES is 14; allowed: less than CANDLE_WINDOW, which is 14"):
        load_settings(risk_sizing="volatility", candle_window=14)
    load_settings(risk_sizing="volatility", candle_window=15)


def test_exits_are_not_sized():
    held = view_of(positions=[position_of("3", "300")])
    assert review(agent_of(method=SizingMethod.FIXED, amount=Decimal(20)), signal_of(Action.SELL), view=held).intent.quantity == Decimal(3)
