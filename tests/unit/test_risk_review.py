"""Review: which signals become orders, how large, and which rule stops the others."""

import math
from decimal import Decimal

import pytest
from recorder import Recorder
from risk_desk import NOW, STEP_MS, journaled, position_of, refused_by, review, rules_of, signal_of, snapshot_of, view_of

from binance_trade_agent.domain.facts import RiskRefused
from binance_trade_agent.domain.order import OrderType, Purpose, Side
from binance_trade_agent.domain.risk import Approved, Refused, RiskRule, RiskState, TradingMode
from binance_trade_agent.domain.risk_facts import LimitName, RiskMeasured
from binance_trade_agent.domain.signal import Action
from binance_trade_agent.domain.symbol_rules import SymbolStatus
from binance_trade_agent.risk_management_agent import RiskLimits, RiskManagementAgent


def agent_of(observer=None, **limits):
    ids = iter(f"id-{number}" for number in range(1, 1000))
    return RiskManagementAgent(RiskLimits(**limits), next_order_id=lambda: next(ids), observer=observer or Recorder())


# -- approvals ----------------------------------------------------------------------------------------------------------------


def test_a_buy_becomes_a_market_entry_of_the_trade_size():
    decision = review(agent_of())
    intent = decision.intent
    assert (intent.side, intent.type, intent.purpose) == (Side.BUY, OrderType.MARKET, Purpose.ENTRY)
    assert intent.quantity == Decimal(5), "5 % of 10000 at 100"
    assert (intent.reference_price, intent.created_ms, intent.correlation_id) == (Decimal(100), NOW, "corr")
    assert (intent.client_order_id, intent.reason) == ("id-1", "the strategy's reason")
    assert decision.reservation.quote_amount == Decimal("500.500"), "the fee is allowed for"


def test_a_sell_is_the_whole_position_floored_to_the_step():
    decision = review(agent_of(), signal_of(Action.SELL), view=view_of(positions=[position_of("3.0019", "300")]))
    assert (decision.intent.side, decision.intent.purpose, decision.intent.quantity) == (Side.SELL, Purpose.EXIT, Decimal("3.001"))
    assert decision.reservation.quote_amount == 0


def test_dust_joins_the_next_exit():
    dust = view_of(positions=[position_of("0.0009", "0.09")])
    assert refused_by(review(agent_of(), signal_of(Action.SELL), view=dust)) is RiskRule.NO_POSITION
    more = view_of(positions=[position_of("1.0009", "100.09")])
    assert review(agent_of(), signal_of(Action.SELL), view=more).intent.quantity == Decimal("1.000")


def test_a_hold_is_refused_quietly_and_takes_no_id():
    recorder = Recorder()
    agent = agent_of(recorder)
    decision = review(agent, signal_of(Action.HOLD, confidence=0.0))
    assert decision == Refused(RiskRule.HOLD, "the strategy's reason")
    assert recorder.facts == []
    assert not agent.reservations
    assert review(agent).intent.client_order_id == "id-1"


# -- refusals -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "limits", "inputs"),
    [
        (RiskRule.NO_RULES, {}, {"rules": None}),
        (RiskRule.NO_RULES, {}, {"rules": rules_of(quote_asset="BTC")}),
        (RiskRule.SYMBOL_STATUS, {}, {"rules": rules_of(status=SymbolStatus.CANCEL_ONLY)}),
        (RiskRule.SYMBOL_STATUS, {}, {"rules": rules_of(status=SymbolStatus.UNKNOWN)}),
        (RiskRule.STALE_DATA, {}, {"snapshot": snapshot_of("0")}),
        (RiskRule.STALE_DATA, {}, {"snapshot": snapshot_of("NaN")}),
        (RiskRule.STALE_DATA, {}, {"snapshot": snapshot_of(closes=[])}),
        (RiskRule.STALE_DATA, {}, {"snapshot": snapshot_of(time_ms=NOW + 3 * STEP_MS + 1)}),
        (RiskRule.STALE_DATA, {"max_candle_age_ms": 1000}, {"snapshot": snapshot_of(time_ms=NOW + 1001)}),
        (RiskRule.LOW_CONFIDENCE, {"min_confidence": Decimal("0.81")}, {}),
        (RiskRule.VOLATILITY, {}, {"snapshot": snapshot_of(closes=[100.0, 110.0] * 20)}),
        (RiskRule.VOLATILITY, {}, {"snapshot": snapshot_of(closes=[100.0, 100.0])}),
        (RiskRule.VOLATILITY, {}, {"snapshot": snapshot_of(closes=[*[100.0] * 20, math.nan])}),
        (RiskRule.UNSETTLED_ORDER, {}, {"view": view_of(open_orders=[journaled()])}),
        (RiskRule.COOLDOWN, {}, {"view": view_of(positions=[position_of("1", "100", updated_ms=NOW - 59_999)])}),
        (RiskRule.NO_POSITION, {}, {"signal": signal_of(Action.SELL)}),
        (RiskRule.NO_POSITION, {}, {"signal": signal_of(Action.SELL), "view": view_of(positions=[position_of("0", "0")])}),
        (RiskRule.FILTERS, {}, {"signal": signal_of(Action.SELL), "view": view_of(positions=[position_of("0.049", "4.9")])}),
        (RiskRule.POSITION_LIMIT, {}, {"view": view_of(cash="8900", positions=[position_of("11", "1100")])}),
        (RiskRule.CASH, {"max_total_exposure": Decimal(1)}, {"view": view_of(cash="50", positions=[position_of("99", "9900", "ETHUSDT")])}),
        (RiskRule.TRADE_SIZE, {}, {"view": view_of(cash="-1")}),
        (RiskRule.TRADE_SIZE, {}, {"view": view_of(cash="100")}),
        (
            RiskRule.EXPOSURE_LIMIT,
            {},
            {"view": view_of(cash="2000", positions=[position_of("80", "8000", "ETHUSDT")])},
        ),
    ],
)
def test_each_rule_refuses_by_its_name_and_is_reported(expected, limits, inputs):
    recorder = Recorder()
    agent = agent_of(recorder, **limits)
    decision = review(agent, **inputs)
    assert refused_by(decision) is expected
    assert recorder.facts == [RiskRefused("BTCUSDT", decision)]
    assert not agent.reservations


def test_just_within_the_limits_passes():
    assert isinstance(review(agent_of(), snapshot=snapshot_of(time_ms=NOW + 3 * STEP_MS)), Approved)
    assert isinstance(review(agent_of(min_confidence=Decimal("0.8"))), Approved)
    rested = view_of(positions=[position_of("1", "100", updated_ms=NOW - 60_000)])
    assert isinstance(review(agent_of(), view=rested), Approved)


def test_a_strategys_sell_is_not_rationed():
    """Volatility, cooldown and pace stand against buying only: the way out is never closed by them."""
    agent = agent_of(max_orders_per_minute=1)
    assert isinstance(review(agent, snapshot=snapshot_of(symbol="ETHUSDT")), Approved)
    held = view_of(positions=[position_of("1", "100", updated_ms=NOW)])
    assert isinstance(review(agent, signal_of(Action.SELL), snapshot_of(closes=[100.0, 120.0] * 20), held), Approved)


def test_order_rate_counts_a_minute_of_market_time():
    agent = agent_of(max_orders_per_minute=2)
    for index, symbol in enumerate(("AUSDT", "BUSDT")):
        assert isinstance(review(agent, snapshot=snapshot_of(symbol=symbol, time_ms=NOW + index * 1000)), Approved)
    assert refused_by(review(agent, snapshot=snapshot_of(symbol="CUSDT", time_ms=NOW + 59_999))) is RiskRule.ORDER_RATE
    assert isinstance(review(agent, snapshot=snapshot_of(symbol="CUSDT", time_ms=NOW + 60_000)), Approved)
    assert refused_by(review(agent, snapshot=snapshot_of(symbol="DUSDT", time_ms=NOW + 60_500))) is RiskRule.ORDER_RATE


def test_cooldown_is_per_symbol_and_in_market_time():
    agent = agent_of()
    agent.release(review(agent).intent.client_order_id)
    agent.begin_pass(view_of())
    assert refused_by(review(agent, snapshot=snapshot_of(time_ms=NOW + 59_999))) is RiskRule.COOLDOWN
    assert isinstance(review(agent, snapshot=snapshot_of(symbol="ETHUSDT", time_ms=NOW + 1)), Approved)
    assert isinstance(review(agent, snapshot=snapshot_of(time_ms=NOW + 60_000)), Approved)


def test_entries_pause_after_a_loss_streak():
    agent = agent_of()
    agent.restore(state=RiskState(Decimal(10000), NOW // 86_400_000, Decimal(10000), 5, NOW + 1000), modes={}, open_orders=())
    assert refused_by(review(agent, snapshot=snapshot_of(time_ms=NOW + 999))) is RiskRule.LOSS_STREAK
    held = view_of(positions=[position_of("1", "100")])
    assert isinstance(review(agent, signal_of(Action.SELL), view=held), Approved)
    assert isinstance(review(agent, snapshot=snapshot_of(symbol="ETHUSDT", time_ms=NOW + 1000)), Approved)


def test_one_unsettled_order_a_symbol():
    agent = agent_of()
    order_id = review(agent).intent.client_order_id
    held = view_of(positions=[position_of("5", "500")])
    assert refused_by(review(agent, signal_of(Action.SELL), view=held)) is RiskRule.UNSETTLED_ORDER
    agent.release(order_id)
    assert refused_by(review(agent, signal_of(Action.SELL), view=held)) is RiskRule.UNSETTLED_ORDER, "this view is older than the fill"
    agent.begin_pass(held)
    assert isinstance(review(agent, signal_of(Action.SELL), view=held), Approved)


# -- protective exits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "limits", "word"),
    [
        ("95", {}, "stop-loss: price 95 is 5 % or more below the average price 100"),
        ("110", {}, "take-profit: price 110 is 10 % or more above the average price 100"),
        ("97", {"trailing_stop_pct": Decimal("0.03")}, "trailing stop: price 97 is 3 % or more below the highest 100"),
    ],
)
@pytest.mark.parametrize("action", list(Action))
def test_protective_exits_sell_everything_whatever_the_signal(price, limits, word, action):
    held = view_of(positions=[position_of("2", "200")])
    agent = agent_of(**limits)
    agent.begin_pass(held)
    decision = review(agent, signal_of(action), snapshot_of(price), held, quantity="0.5")
    assert (decision.intent.purpose, decision.intent.quantity) == (Purpose.EXIT, Decimal(2))
    assert word in decision.intent.reason


@pytest.mark.parametrize("price", ["95.01", "109.99"])
def test_between_the_stops_nothing_is_forced(price):
    held = view_of(positions=[position_of("2", "200")])
    assert refused_by(review(agent_of(), signal_of(Action.HOLD), snapshot_of(price), held)) is RiskRule.HOLD


def test_stops_that_are_off_force_nothing():
    held = view_of(positions=[position_of("2", "200")])
    agent = agent_of(stop_loss_pct=Decimal(0), take_profit_pct=Decimal(0))
    for price in ("1000", "10"):
        assert refused_by(review(agent, signal_of(Action.HOLD), snapshot_of(price), held)) is RiskRule.HOLD


def test_a_stop_loss_needs_no_fresh_candles():
    held = view_of(positions=[position_of("2", "200")])
    stale = snapshot_of("90", closes=[])
    assert isinstance(review(agent_of(), signal_of(Action.HOLD), stale, held), Approved)
    assert refused_by(review(agent_of(), signal_of(Action.SELL), snapshot_of("100", closes=[]), held)) is RiskRule.STALE_DATA


def test_a_stop_loss_passes_in_reducing_and_not_in_halted():
    held = view_of(positions=[position_of("2", "200")])
    agent = agent_of()
    agent.change_mode("*", TradingMode.REDUCING, "operator", "why", NOW)
    assert refused_by(review(agent, snapshot=snapshot_of("100"), view=held)) is RiskRule.REDUCING
    assert isinstance(review(agent, signal_of(Action.HOLD), snapshot_of("90"), held), Approved)
    halted = agent_of()
    halted.change_mode("BTCUSDT", TradingMode.HALTED, RiskRule.EMERGENCY_STOP, "why", NOW)
    assert refused_by(review(halted, signal_of(Action.HOLD), snapshot_of("90"), held)) is RiskRule.HALTED


def test_what_cannot_be_sold_triggers_no_stop():
    dust = view_of(positions=[position_of("0.0005", "0.05")])
    recorder = Recorder()
    assert refused_by(review(agent_of(recorder), signal_of(Action.HOLD), snapshot_of("1"), dust)) is RiskRule.HOLD
    assert recorder.facts == []


def test_a_gift_has_no_average_price_to_stop_at():
    gift = view_of(positions=[position_of("2", "0")])
    assert refused_by(review(agent_of(), signal_of(Action.HOLD), snapshot_of("50"), gift)) is RiskRule.HOLD


def test_a_trailing_stop_follows_the_highest_mark():
    agent = agent_of(trailing_stop_pct=Decimal("0.03"), take_profit_pct=Decimal(0))
    for mark in ("100", "120", "118"):
        agent.begin_pass(view_of(positions=[position_of("2", "200")], marks={"BTCUSDT": mark}))
    held = view_of(positions=[position_of("2", "200")])
    assert agent.state.peak_prices == {"BTCUSDT": Decimal(120)}
    assert refused_by(review(agent, signal_of(Action.HOLD), snapshot_of("116.41"), held)) is RiskRule.HOLD
    assert "highest 120" in review(agent, signal_of(Action.HOLD), snapshot_of("116.4"), held).intent.reason


def test_a_new_purchase_does_not_inherit_the_high_of_the_old_one():
    agent = agent_of(trailing_stop_pct=Decimal("0.03"), stop_loss_pct=Decimal(0))
    agent.begin_pass(view_of(positions=[position_of("2", "200")], marks={"BTCUSDT": "200"}))
    dust = view_of(positions=[position_of("0.0005", "0.05")])
    agent.begin_pass(dust)
    agent.release(review(agent, view=dust).intent.client_order_id)
    bought = view_of(positions=[position_of("5.0005", "500.05")])
    agent.begin_pass(bought)
    assert agent.state.peak_prices == {"BTCUSDT": Decimal(100)}
    assert refused_by(review(agent, signal_of(Action.HOLD), snapshot_of("99"), bought)) is RiskRule.HOLD


# -- sizing -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("view", "limits", "expected"),
    [
        (view_of(positions=[position_of("7", "700")], cash="9300"), {}, "3"),  # 10 % of 10000 less 700
        (view_of(positions=[position_of("78", "7800", "ETHUSDT")], cash="2200"), {}, "1.998"),  # 200 and its fee under 80 %
        (
            view_of(positions=[position_of("60", "6000", "ETHUSDT")], cash="300"),
            {"max_total_exposure": Decimal(1)},
            "2.682",
        ),  # 300 less 0.5 %
    ],
)
def test_a_purchase_shrinks_into_the_tightest_room(view, limits, expected):
    assert review(agent_of(**limits), view=view).intent.quantity == Decimal(expected)


def test_the_reason_names_the_rule_that_binds_with_figures():
    decision = review(agent_of(), view=view_of(positions=[position_of("10.5", "1050")], cash="8950"))
    assert decision.rule is RiskRule.POSITION_LIMIT
    for part in ("10 %", "10000", "1050", "at 100", "0 BTC"):
        assert part in decision.reason


def test_symbols_of_one_pass_share_the_money():
    agent, view = agent_of(max_single_trade_size=Decimal("0.3"), max_position_per_symbol=Decimal("0.3")), view_of()
    sizes = []
    for symbol in ("AUSDT", "BUSDT", "CUSDT", "DUSDT"):
        decision = review(agent, snapshot=snapshot_of(symbol=symbol), view=view)
        sizes.append(decision.intent.quantity if isinstance(decision, Approved) else decision.rule)
    assert sizes == [Decimal(30), Decimal(30), Decimal("19.920"), RiskRule.EXPOSURE_LIMIT]


def test_money_of_a_filled_order_stays_held_back_until_the_view_shows_it():
    agent, view = agent_of(max_single_trade_size=Decimal("0.8"), max_position_per_symbol=Decimal("0.8")), view_of()
    agent.release(review(agent, view=view).intent.client_order_id)
    assert not agent.reservations
    assert refused_by(review(agent, snapshot=snapshot_of(symbol="ETHUSDT"), view=view)) is RiskRule.EXPOSURE_LIMIT
    fresh = view_of()  # the order came to nothing
    agent.begin_pass(fresh)
    assert isinstance(review(agent, snapshot=snapshot_of(symbol="ETHUSDT"), view=fresh), Approved)


def test_orders_of_the_view_count_with_what_they_have_left():
    agent = agent_of(max_single_trade_size=Decimal("0.5"), max_position_per_symbol=Decimal("0.5"), max_total_exposure=Decimal("0.5"))
    half_done = view_of(
        cash="8000", positions=[position_of("20", "2000", "ETHUSDT")], open_orders=[journaled("x", "ETHUSDT", quantity="30", executed="20")]
    )
    # 5000 less 2000 held less 1001 on order, fee included.
    assert review(agent, view=half_done).intent.quantity == Decimal("19.970")


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("1.2349", "1.234"),
        ("5", "5"),
        ("5.001", RiskRule.TRADE_SIZE),
        ("0.05", RiskRule.FILTERS),
        ("0", RiskRule.FILTERS),
        ("-1", RiskRule.FILTERS),
        ("9001", RiskRule.FILTERS),
    ],
)
def test_a_wished_purchase_is_exact_or_refused(quantity, expected):
    decision = review(agent_of(), quantity=quantity)
    assert (decision.intent.quantity if isinstance(decision, Approved) else decision.rule) == (
        Decimal(expected) if isinstance(expected, str) and not isinstance(expected, RiskRule) else expected
    )
    if isinstance(decision, Refused):
        assert quantity in decision.reason


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("1", "1"),
        ("1.0009", "1.000"),
        ("7", "2.000"),  # no more than is held
        ("1.96", "2.000"),  # the rest of 0.04 at 100 would be worth less than 5
        ("0.0001", RiskRule.FILTERS),
        ("0.04", RiskRule.FILTERS),
    ],
)
def test_a_wished_sale_leaves_a_sellable_rest_or_nothing(quantity, expected):
    held = view_of(positions=[position_of("2.0004", "200.04")])
    decision = review(agent_of(), signal_of(Action.SELL), view=held, quantity=quantity)
    got = decision.intent.quantity if isinstance(decision, Approved) else decision.rule
    assert got == (expected if isinstance(expected, RiskRule) else Decimal(expected))


def test_what_one_order_cannot_hold_is_sold_in_orders_that_leave_no_rest():
    rules = rules_of(market_max_quantity=Decimal(2))
    for held, expected in (("5", "2"), ("2.03", "1.977"), ("2", "2")):
        view = view_of(positions=[position_of(held, str(Decimal(held) * 100))])
        assert review(agent_of(), signal_of(Action.SELL), view=view, rules=rules).intent.quantity == Decimal(expected), held


def test_an_entry_is_capped_at_what_one_order_may_hold():
    assert review(agent_of(), rules=rules_of(market_max_quantity=Decimal(2))).intent.quantity == Decimal(2)
    assert review(agent_of(), rules=rules_of(max_notional=Decimal(350))).intent.quantity == Decimal("3.500")
    assert refused_by(review(agent_of(), rules=rules_of(max_notional=Decimal(5)))) is RiskRule.FILTERS


def test_the_smallest_entry_survives_fee_and_stop():
    """5 USDT at 95 is 0.053, and a fee of a thousandth makes it 0.054: then it can still be sold at the stop-loss."""
    assert refused_by(review(agent_of(), quantity="0.053")) is RiskRule.FILTERS
    assert review(agent_of(), quantity="0.054").intent.quantity == Decimal("0.054")
    assert refused_by(review(agent_of(stop_loss_pct=Decimal(0)), quantity="0.056")) is RiskRule.FILTERS
    assert review(agent_of(stop_loss_pct=Decimal(0)), quantity="0.057").intent.quantity == Decimal("0.057")


def test_rules_without_a_step_are_fitted_to_the_precision_of_the_asset():
    free = rules_of(step_size=Decimal(0), min_quantity=Decimal(0), max_quantity=Decimal(0), min_notional=Decimal(0))
    decision = review(agent_of(), snapshot=snapshot_of("3"), rules=free)
    assert decision.intent.quantity == Decimal("166.66666666")


# -- symbols that differ ---------------------------------------------------------------------------------------------------------


def test_a_symbol_with_limits_of_its_own_is_held_to_those():
    own = RiskLimits(max_single_trade_size=Decimal("0.02"), stop_loss_pct=Decimal("0.01"), min_confidence=Decimal("0.9"))
    agent = agent_of(per_symbol={"BTCUSDT": own})
    assert refused_by(review(agent)) is RiskRule.LOW_CONFIDENCE
    assert review(agent, signal_of(confidence=0.95)).intent.quantity == Decimal(2), "2 % of 10000 at 100"
    assert review(agent, snapshot=snapshot_of(symbol="ETHUSDT")).intent.quantity == Decimal(5), "everybody else's limits"
    agent = agent_of(per_symbol={"BTCUSDT": own})
    held = view_of(positions=[position_of("1", "100"), position_of("1", "100", "ETHUSDT")])
    fallen = [review(agent, signal_of(Action.HOLD, symbol), snapshot_of("98.5", symbol), held) for symbol in ("BTCUSDT", "ETHUSDT")]
    assert [isinstance(decision, Approved) for decision in fallen] == [True, False], "1.5 % down is beyond the stop of one of them"


def test_the_fullest_position_is_measured_against_its_own_limit():
    recorder = Recorder()
    agent = agent_of(recorder, per_symbol={"ETHUSDT": RiskLimits(max_position_per_symbol=Decimal("0.05"))})
    agent.begin_pass(view_of("9500", [position_of("3", "300"), position_of("2", "200", "ETHUSDT")]))
    (measured,) = [fact for fact in recorder.facts if isinstance(fact, RiskMeasured)]
    use = next(use for use in measured.uses if use.name is LimitName.POSITION)
    assert (use.used, use.most) == (0.02, 0.05)
