"""Symbols that move together: what moves together is measured as anybody would, and of all of it no more is bought than allowed."""

import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from risk_desk import NOW, STEP_MS, journaled, position_of, refused_by, review, rules_of, signal_of, view_of

from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.market import Candle, CandleWindow, MarketSnapshot
from binance_trade_agent.domain.money import times
from binance_trade_agent.domain.risk import Approved, RiskRule
from binance_trade_agent.risk_management_agent import RiskLimits, RiskManagementAgent
from binance_trade_agent.risk_management_agent.correlation import correlation
from binance_trade_agent.settings import load_settings

WHOLE = Decimal(1)
RETURNS = 40


def window_of(closes, symbol, step=1, first=0):
    """Candles of these closes, the newest of which ends at NOW; from `first` on, with only every `step`th there."""
    rows = [(NOW - (len(closes) - index) * STEP_MS, close, close, close, close, 1.0) for index, close in enumerate(closes)]
    return CandleWindow(symbol, STEP_MS, [Candle(*row, row[0] + STEP_MS - 1) for row in rows[first::step]])


def walk(seed, count=RETURNS + 1):
    steps = np.random.default_rng(seed).normal(0, 0.01, count)
    return (100 * np.exp(np.cumsum(steps))).tolist()


def mirrored(closes):
    """Closes whose returns are the others' turned round."""
    moves = np.diff(closes) / np.array(closes[:-1])
    return [100.0, *(100 * np.cumprod(1 - moves)).tolist()]


MARKET = {"BTCUSDT": walk(1), "ETHUSDT": walk(1), "LTCUSDT": mirrored(walk(1)), "XRPUSDT": walk(2)}
WINDOWS = {symbol: window_of(closes, symbol) for symbol, closes in MARKET.items()}


def agent_of(**limits):
    ids = iter(f"id-{number}" for number in range(1000))
    given_limits = {
        "max_single_trade_size": Decimal("0.2"),
        "max_position_per_symbol": WHOLE,
        "max_total_exposure": WHOLE,
        "max_correlated_exposure": Decimal("0.3"),
        "correlation_candles": RETURNS,
        "volatility_threshold": Decimal(0),
        "cooldown_ms": 0,
        "taker_rate": Decimal(0),
        **limits,
    }
    return RiskManagementAgent(RiskLimits(**given_limits), next_order_id=lambda: next(ids))


def reviewed(agent, view, symbol="BTCUSDT", candles_of=WINDOWS.get, **about):
    snapshot = MarketSnapshot(symbol, NOW, Decimal(100), WINDOWS[symbol])
    about.setdefault("signal", signal_of(symbol=symbol))
    quantity = about.get("quantity")
    wish = None if quantity is None else Decimal(quantity)
    return agent.review(about["signal"], snapshot, rules_of(symbol), view, correlation_id="c", quantity=wish, candles_of=candles_of)


# -- the limit --------------------------------------------------------------------------------------------------------------------


def test_what_moves_along_is_counted_with_the_symbol_and_what_does_not_is_not():
    held = [position_of("15", "1500", "ETHUSDT"), position_of("30", "3000", "LTCUSDT"), position_of("10", "1000", "XRPUSDT")]
    view = view_of("4500", held)
    assert reviewed(agent_of(), view).intent.quantity == Decimal(15), "3000 of 10000, less 1500 of ETHUSDT; LTCUSDT goes the other way"
    assert reviewed(agent_of(max_correlated_exposure=WHOLE), view).intent.quantity == Decimal(20)
    assert reviewed(agent_of(correlation_threshold=Decimal(0)), view).intent.quantity == Decimal(5), "XRPUSDT goes a little along"


def test_a_refusal_says_what_moves_along_and_how_much():
    view = view_of("7000", [position_of("20", "2000", "ETHUSDT"), position_of("10", "1000")])
    decision = reviewed(agent_of(), view)
    assert refused_by(decision) is RiskRule.CORRELATION
    told = "symbols that move together may be 30 % of equity 10000, and 3000 is held and on order of BTCUSDT, ETHUSDT (1.00)"
    assert decision.reason.startswith(f"{told}: at 100 that leaves 0 BTC, and less than ")


def test_a_given_quantity_is_held_to_it_too():
    view = view_of("8000", [position_of("20", "2000", "ETHUSDT")])
    assert refused_by(reviewed(agent_of(), view, quantity="11")) is RiskRule.CORRELATION
    assert reviewed(agent_of(), view, quantity="10").intent.quantity == Decimal(10)


def test_what_is_held_without_candles_counts_as_moving_along():
    view = view_of("7000", [position_of("30", "3000", "XRPUSDT")])
    assert isinstance(reviewed(agent_of(), view), Approved)
    decision = reviewed(agent_of(), view, candles_of=lambda _: None)
    assert refused_by(decision) is RiskRule.CORRELATION
    assert "XRPUSDT (not known)" in decision.reason
    assert refused_by(review(agent_of(), view=view)) is RiskRule.CORRELATION, "whoever gives no candles is not trusted with more"


def test_what_is_on_order_counts_as_held_and_so_does_what_was_approved_a_moment_ago():
    view = replace(view_of("10000"), open_orders=(journaled(symbol="ETHUSDT", quantity="25"),))
    assert reviewed(agent_of(), view).intent.quantity == Decimal(5)
    agent = agent_of()
    assert reviewed(agent, view_of("10000"), "ETHUSDT").intent.quantity == Decimal(20)
    assert reviewed(agent, view_of("10000")).intent.quantity == Decimal(10)
    assert reviewed(agent, view_of("10000"), "XRPUSDT").intent.quantity == Decimal(20)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    held=st.dictionaries(st.sampled_from(sorted(MARKET)), st.decimals("0", "40", places=3), max_size=4),
    cap=st.decimals("0.05", "0.95", places=2),
    threshold=st.sampled_from([Decimal(0), Decimal("0.5"), WHOLE]),
    order=st.permutations(sorted(MARKET)),
)
def test_of_all_that_moves_together_no_more_is_bought_than_allowed(held, cap, threshold, order):
    """One pass over all symbols: whatever was held before, no purchase brings its group above the limit, to the last digit."""
    view = view_of("10000", [position_of(quantity, quantity * 100, symbol) for symbol, quantity in held.items()])
    agent = agent_of(max_correlated_exposure=cap, correlation_threshold=threshold)
    values = {symbol: quantity * 100 for symbol, quantity in held.items()}
    for symbol in order:
        decision = reviewed(agent, view, symbol)
        if not isinstance(decision, Approved):
            continue
        values[symbol] = values.get(symbol, Decimal(0)) + decision.intent.quantity * 100
        group = [each for each in MARKET if each == symbol or correlation(WINDOWS[symbol], WINDOWS[each], RETURNS) >= float(threshold)]
        assert sum(values.get(each, Decimal(0)) for each in group) <= times(cap, view.equity)


# -- the measure ------------------------------------------------------------------------------------------------------------------

WALKS = st.lists(st.floats(0.01, 1e6), min_size=RETURNS + 1, max_size=RETURNS + 1)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(one=WALKS, other=WALKS)
def test_it_is_pearsons_coefficient_of_returns(one, other):
    windows = window_of(one, "A"), window_of(other, "B")
    measured = correlation(*windows, RETURNS)
    moves = [np.diff(closes) / np.array(closes[:-1]) for closes in (one, other)]
    if measured is None:
        assert min(move.std() for move in moves) < 1e-9
        return
    assert measured == correlation(*reversed(windows), RETURNS)
    assert measured == pytest.approx(float(np.corrcoef(*moves)[0, 1]), abs=1e-6)


def test_only_the_newest_candles_count_wherever_the_window_begins():
    one, other = walk(5, 90), walk(6, 90)
    long = correlation(window_of(one, "A"), window_of(other, "B"), RETURNS)
    assert long == correlation(window_of(one[-RETURNS - 1 :], "A"), window_of(other[-RETURNS - 1 :], "B"), RETURNS)


def test_candles_that_one_of_them_lacks_are_left_out_for_both():
    whole, holes = window_of(walk(7), "A"), window_of(walk(7), "B", step=2)
    assert correlation(whole, holes, RETURNS) == pytest.approx(1.0)
    late = window_of(walk(8), "B", first=RETURNS // 2 + 1)
    assert correlation(whole, late, RETURNS) is None, "fewer than half of the returns"


@pytest.mark.parametrize("broken", [0.0, math.nan, math.inf, -1.0])
def test_what_are_no_prices_or_do_not_move_have_no_correlation(broken):
    closes = walk(9)
    closes[20] = broken
    assert correlation(window_of(closes, "A"), window_of(walk(9), "B"), RETURNS) is None
    assert correlation(window_of([1.0] * (RETURNS + 1), "A"), window_of(walk(9), "B"), RETURNS) is None


@pytest.mark.parametrize("name", ["max_correlated_exposure", "correlation_candles"])
def test_limits_out_of_range_are_refused(name):
    with pytest.raises(ConfigurationError, match=f"risk limit {name} is "):
        RiskLimits(**{name: Decimal(0) if name == "max_correlated_exposure" else 3})


def test_a_window_that_is_too_short_for_the_correlation_is_refused_at_the_start():
    told = "RISK_CORRELATION_CANDLES is 100; allowed: less than CANDLE_WINDOW, which is 100"
    with pytest.raises(ConfigurationError, match=told):
        load_settings(risk_max_correlated_exposure="0.5", candle_window=100)
    load_settings(candle_window=100)
