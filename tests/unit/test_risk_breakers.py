"""Breakers, loss streaks and modes: when trading stops by itself, who may start it again, and what a restart keeps."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from binance_trade_agent.domain.order import Fill, JournaledOrder, OrderIntent, OrderState, OrderType, Purpose, Side
from binance_trade_agent.domain.portfolio import PortfolioView
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.risk import ModeChange, RiskRule, RiskState, TradingMode
from binance_trade_agent.risk_management_agent import RiskLimits, RiskManagementAgent

DAY = 86_400_000
NOON = 19_000 * DAY + DAY // 2
ACTIVE, REDUCING, HALTED = TradingMode.ACTIVE, TradingMode.REDUCING, TradingMode.HALTED


def view_of(cash, time_ms=NOON, held="0", mark="100"):
    position = Position("BTCUSDT", "BTC", "USDT", Decimal(held), Decimal(held) * 100)
    return PortfolioView(time_ms, "USDT", Decimal(cash), {"BTCUSDT": position}, {"BTCUSDT": Decimal(mark)})


def agent_of(**limits):
    return RiskManagementAgent(RiskLimits(**limits), next_order_id=lambda: "id", observer=None)


def intent_of(purpose=Purpose.ENTRY, symbol="BTCUSDT", order_id="id"):
    side = Side.BUY if purpose is Purpose.ENTRY else Side.SELL
    return OrderIntent(order_id, symbol, side, OrderType.MARKET, Decimal(3), Decimal(100), purpose, NOON, "c", "r")


def restarted(agent, changes, loosened_ms=0, **limits):
    """What a new process makes of the state and the mode changes that the old one journaled, the last loosening at `loosened_ms`."""
    after = agent_of(**limits)
    modes = {change.scope: change for change in changes}
    after.restore(state=agent.state, modes=modes, open_orders=(), loosened_ms=loosened_ms)
    return after


def test_a_calm_day_changes_nothing():
    agent = agent_of()
    for cash in ("1000", "1100", "1060", "955"):
        assert agent.begin_pass(view_of(cash)) == ()
    assert agent.mode_for("BTCUSDT") is ACTIVE
    assert (agent.state.peak_equity, agent.state.day_start_equity, agent.state.day) == (Decimal(1100), Decimal(1000), 19_000)


def test_the_daily_breaker_holds_until_somebody_resumes():
    agent = agent_of()
    agent.begin_pass(view_of("1000"))
    changes = agent.begin_pass(view_of("950"))
    assert [change.rule for change in changes] == [RiskRule.DAILY_DRAWDOWN]
    for later in (agent, restarted(agent, changes)):
        assert later.begin_pass(view_of("1000", NOON + 3 * DAY)) == (), "neither new days nor a recovery arm it again"
        assert later.gate(intent_of()).rule is RiskRule.REDUCING
        assert later.gate(intent_of(Purpose.EXIT)) is None
        later.change_mode("*", ACTIVE, "operator", "looked at it", NOON + 3 * DAY)
        assert later.gate(intent_of()) is None


def test_where_it_may_the_daily_breaker_lets_exits_pass_and_ends_with_its_day():
    agent = agent_of(daily_drawdown_rearms=True)
    agent.begin_pass(view_of("1000"))
    (change,) = agent.begin_pass(view_of("950"))
    assert (change.scope, change.mode, change.rule, change.time_ms) == ("*", REDUCING, RiskRule.DAILY_DRAWDOWN, NOON)
    assert "950" in change.reason
    assert "5 %" in change.reason
    assert agent.gate(intent_of()).rule is RiskRule.REDUCING
    assert agent.gate(intent_of(Purpose.EXIT)) is None
    assert agent.begin_pass(view_of("1000", NOON + 1)) == (), "a recovery on the same day does not arm it again"
    assert agent.gate(intent_of()).rule is RiskRule.REDUCING
    (change,) = agent.begin_pass(view_of("940", NOON + DAY // 2))
    assert (change.mode, change.rule) == (ACTIVE, RiskRule.DAILY_DRAWDOWN)
    assert agent.gate(intent_of()) is None
    assert agent.state.day_start_equity == Decimal(940)
    assert agent.state.peak_equity == Decimal(1000), "a new day does not forgive the total drawdown"


def test_unrealised_losses_count():
    agent = agent_of()
    agent.begin_pass(view_of("500", held="5"))
    (change,) = agent.begin_pass(view_of("500", held="5", mark="90"))
    assert change.rule == RiskRule.DAILY_DRAWDOWN


def test_the_total_breaker_halts_until_somebody_resumes():
    agent = agent_of(max_daily_drawdown=Decimal(1))
    agent.begin_pass(view_of("1000"))
    (change,) = agent.begin_pass(view_of("850"))
    assert (change.mode, change.rule) == (HALTED, RiskRule.TOTAL_DRAWDOWN)
    for purpose in Purpose:
        assert agent.gate(intent_of(purpose)).rule is RiskRule.HALTED
    assert agent.begin_pass(view_of("1000", NOON + 3 * DAY)) == ()
    assert agent.mode_for("BTCUSDT") is HALTED
    agent.change_mode("*", ACTIVE, "operator", "looked at it", NOON + 3 * DAY)
    assert agent.begin_pass(view_of("850", NOON + 3 * DAY)) == (), "drawdowns are counted from the resume on"
    assert agent.state.peak_equity == Decimal(850)
    assert agent.begin_pass(view_of("722.5", NOON + 3 * DAY))[0].rule == RiskRule.TOTAL_DRAWDOWN


@pytest.mark.parametrize("rule", ["operator", RiskRule.FLATTEN])
def test_what_a_breaker_halted_can_be_sold_without_being_halted_again(rule):
    agent = agent_of(max_daily_drawdown=Decimal(1))
    agent.begin_pass(view_of("500", held="5"))
    agent.begin_pass(view_of("500", held="5", mark="60"))
    assert agent.mode_for("BTCUSDT") is HALTED
    agent.change_mode("*", REDUCING, rule, "out of it", NOON)
    assert agent.begin_pass(view_of("500", held="5", mark="60")) == ()
    assert agent.gate(intent_of(Purpose.EXIT)) is None
    assert agent.gate(intent_of()).rule is RiskRule.REDUCING


def test_an_account_that_is_being_sold_is_not_halted_half_way_nor_by_the_next_process():
    agent = agent_of(max_daily_drawdown=Decimal(1))
    agent.begin_pass(view_of("500", held="5"))
    flatten = agent.change_mode("*", REDUCING, RiskRule.FLATTEN, "out of it", NOON)
    assert agent.begin_pass(view_of("500", held="5", mark="60")) == ()
    assert restarted(agent, [flatten]).begin_pass(view_of("500", held="5", mark="50")) == ()


def test_an_account_that_somebody_reduced_is_still_halted_when_it_falls_on():
    agent = agent_of(max_daily_drawdown=Decimal(1))
    agent.begin_pass(view_of("1000"))
    agent.change_mode("*", REDUCING, "operator", "careful", NOON)
    assert agent.begin_pass(view_of("800"))[-1].rule == RiskRule.TOTAL_DRAWDOWN


def test_both_breakers_at_once_end_in_the_stricter():
    agent = agent_of()
    agent.begin_pass(view_of("1000"))
    assert [change.mode for change in agent.begin_pass(view_of("800"))] == [REDUCING, HALTED]
    assert agent.mode_for("BTCUSDT") is HALTED


def test_a_new_day_does_not_undo_what_others_stopped():
    for mode, rule in ((REDUCING, "operator"), (HALTED, RiskRule.EMERGENCY_STOP)):
        agent = agent_of(daily_drawdown_rearms=True)
        agent.begin_pass(view_of("1000"))
        agent.begin_pass(view_of("940"))
        agent.change_mode("*", mode, rule, "why", NOON)
        assert agent.begin_pass(view_of("940", NOON + DAY)) == ()
        assert agent.mode_for("BTCUSDT") is mode


def test_breakers_and_the_emergency_stop_survive_a_restart():
    agent = agent_of()
    agent.begin_pass(view_of("1000"))
    changes = agent.begin_pass(view_of("940"))
    after = restarted(agent, changes)
    assert after.begin_pass(view_of("940", NOON + 1)) == ()
    assert after.mode_for("BTCUSDT") is REDUCING
    assert after.state.day_start_equity == Decimal(1000)
    stop = after.change_mode("*", HALTED, RiskRule.EMERGENCY_STOP, "by hand", NOON + 2)
    again = restarted(after, [stop])
    again.begin_pass(view_of("1000", NOON + DAY))
    assert again.gate(intent_of(Purpose.EXIT)).rule is RiskRule.HALTED
    assert "by hand" in again.gate(intent_of()).reason


def test_a_loss_over_a_restart_counts():
    agent = agent_of()
    agent.begin_pass(view_of("1000"))
    assert restarted(agent, []).begin_pass(view_of("800", NOON + 1))[-1].rule == RiskRule.TOTAL_DRAWDOWN


def test_a_resume_between_two_processes_counts_drawdowns_anew_once():
    agent = agent_of()
    agent.begin_pass(view_of("1000"))
    agent.begin_pass(view_of("800"))
    resume = ModeChange(NOON + 5, "*", ACTIVE, "operator", "while stopped")
    after = restarted(agent, [resume], loosened_ms=resume.time_ms)
    assert after.begin_pass(view_of("800", NOON + 10)) == ()
    assert after.state.peak_equity == Decimal(800)
    after.begin_pass(view_of("900", NOON + 20))
    later = restarted(after, [resume], loosened_ms=resume.time_ms)
    later.begin_pass(view_of("880", NOON + 30))
    assert later.state.peak_equity == Decimal(900), "the same resume does not forgive twice"


def test_a_resume_of_what_is_active_already_forgives_nothing_neither_now_nor_after_a_restart():
    agent = agent_of(max_daily_drawdown=Decimal(1))
    agent.begin_pass(view_of("1000"))
    resume = agent.change_mode("*", ACTIVE, "operator", "just in case", NOON + 5)
    agent.begin_pass(view_of("900", NOON + 10))
    assert agent.state.peak_equity == Decimal(1000)
    after = restarted(agent, [resume], max_daily_drawdown=Decimal(1))
    assert after.begin_pass(view_of("840", NOON + 20))[-1].rule == RiskRule.TOTAL_DRAWDOWN


def test_a_state_without_the_time_of_arming_forgives_nothing():
    agent = agent_of()
    resume = ModeChange(NOON, "*", ACTIVE, "operator", "long ago")
    state = RiskState(Decimal(1000), 19_000, Decimal(1000))
    agent.restore(state=state, modes={"*": resume}, open_orders=(), loosened_ms=NOON)
    assert agent.begin_pass(view_of("800"))[-1].rule == RiskRule.TOTAL_DRAWDOWN


def test_loss_streak_pause_and_peaks_survive_a_restart():
    state = RiskState(Decimal(1000), 19_000, Decimal(1000), 3, NOON + 500, {"BTCUSDT": Decimal(130)}, armed_ms=NOON)
    agent = agent_of()
    agent.restore(state=state, modes={}, open_orders=())
    agent.begin_pass(view_of("800", held="2"))
    assert agent.state == state


def test_peaks_are_forgotten_with_the_position():
    agent = agent_of()
    agent.begin_pass(view_of("800", held="2", mark="120"))
    assert agent.state.peak_prices == {"BTCUSDT": Decimal(120)}
    agent.begin_pass(view_of("1040"))
    assert agent.state.peak_prices == {}


def test_reservations_are_rebuilt_from_unsettled_orders():
    def order(order_id, purpose, executed="0"):
        return JournaledOrder(intent_of(purpose, order_id=order_id), OrderState.UNKNOWN, NOON, None, Decimal(executed), NOON)

    agent = agent_of()
    agent.restore(state=None, modes={}, open_orders=[order("a", Purpose.ENTRY, "1"), order("b", Purpose.EXIT)])
    amounts = {order_id: held.quote_amount for order_id, held in agent.reservations.items()}
    assert amounts == {"a": Decimal("200.2"), "b": Decimal(0)}
    agent.release("a")
    agent.release("nobody's")
    assert list(agent.reservations) == ["b"]


def test_the_stricter_of_account_and_symbol_holds():
    agent = agent_of()
    agent.change_mode("BTCUSDT", HALTED, RiskRule.UNSETTLED_ORDER, "a late order", NOON)
    assert (agent.mode_for("BTCUSDT"), agent.mode_for("ETHUSDT")) == (HALTED, ACTIVE)
    agent.change_mode("*", REDUCING, "operator", "careful", NOON)
    assert (agent.mode_for("BTCUSDT"), agent.mode_for("ETHUSDT")) == (HALTED, REDUCING)
    agent.change_mode("BTCUSDT", ACTIVE, "operator", "fine", NOON)
    assert agent.mode_for("BTCUSDT") is REDUCING
    assert "careful" in agent.gate(intent_of()).reason


def test_resuming_a_symbol_does_not_forgive_the_accounts_losses():
    agent = agent_of()
    agent.begin_pass(view_of("1000"))
    agent.change_mode("BTCUSDT", HALTED, "operator", "x", NOON)
    agent.change_mode("BTCUSDT", ACTIVE, "operator", "x", NOON)
    agent.begin_pass(view_of("960"))
    assert agent.state.peak_equity == Decimal(1000)


def test_failures_only_tighten():
    agent = agent_of()
    assert agent.tighten("*", REDUCING, "book_failed", "why", NOON) == ModeChange(NOON, "*", REDUCING, "book_failed", "why")
    agent.change_mode("*", HALTED, RiskRule.EMERGENCY_STOP, "why", NOON)
    assert agent.tighten("*", REDUCING, "book_failed", "why", NOON) is None
    assert agent.mode_for("BTCUSDT") is HALTED


@pytest.mark.parametrize(("moved", "after"), [("-300", "700"), ("300", "1300")])
def test_money_moved_is_neither_profit_nor_loss(moved, after):
    agent = agent_of()
    agent.begin_pass(view_of("1000"))
    agent.note_external(Decimal(moved))
    assert agent.begin_pass(view_of(after)) == ()
    assert agent.begin_pass(view_of(str(Decimal(after) * Decimal("0.95"))))[0].rule == RiskRule.DAILY_DRAWDOWN


def test_a_clock_that_steps_back_begins_no_day():
    agent = agent_of()
    agent.begin_pass(view_of("1000"))
    before = agent.state
    agent.begin_pass(view_of("990", NOON - DAY))
    assert agent.state == replace(before, peak_prices={})


def test_an_empty_account_trips_nothing():
    agent = agent_of()
    assert agent.begin_pass(view_of("0")) == ()
    assert agent.begin_pass(view_of("1000")) == ()


# -- loss streak --------------------------------------------------------------------------------------------------------------


def fill_of(order_id, side=Side.SELL):
    one = Decimal(1)
    return Fill("BTCUSDT", 1, 1, order_id, side, Decimal(100), one, Decimal(100), Decimal(0), "USDT", NOON, False)


def close(agent, *profits):
    """One closing order with as many fills as there are profits."""
    order = JournaledOrder(intent_of(Purpose.EXIT, order_id="exit"), OrderState.SENT, NOON, None, Decimal(0), NOON)
    agent.restore(state=agent.state, modes={}, open_orders=[order])
    for profit in profits:
        agent.note_fill(fill_of("exit"), Decimal(profit), NOON)
    agent.release("exit")


def test_a_streak_of_losses_pauses_entries():
    agent = agent_of(max_loss_streak=2, loss_pause_ms=1000)
    close(agent, "-1")
    assert (agent.state.loss_streak, agent.state.entries_paused_until_ms) == (1, 0)
    close(agent, "-1")
    assert (agent.state.loss_streak, agent.state.entries_paused_until_ms) == (2, NOON + 1000)


def test_the_fills_of_one_order_are_one_win_or_one_loss():
    agent = agent_of()
    close(agent, "-1", "-1", "-1")
    assert agent.state.loss_streak == 1
    close(agent, "-1", "3")
    assert agent.state.loss_streak == 0


def test_an_order_that_sold_nothing_is_neither():
    agent = agent_of()
    close(agent, "-1")
    close(agent)
    close(agent, "0")
    agent.note_fill(fill_of("by hand", Side.BUY), Decimal(0), NOON)
    assert agent.state.loss_streak == 1


def test_sales_that_risk_did_not_approve_count_each():
    agent = agent_of()
    close(agent, "-1")
    agent.note_fill(fill_of("by hand"), Decimal(-1), NOON)
    assert agent.state.loss_streak == 2
    agent.note_fill(fill_of("by hand"), Decimal(1), NOON)
    assert agent.state.loss_streak == 0


def test_no_streak_limit_no_pause():
    agent = agent_of(max_loss_streak=0)
    for _ in range(20):
        close(agent, "-1")
    assert agent.state.entries_paused_until_ms == 0
