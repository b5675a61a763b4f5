"""Locks of entries: closing orders that went badly let entries rest, by figures that anybody can reckon, also after a restart."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from recorder import Recorder
from risk_desk import NOW, position_of, refused_by, review, rules_of, signal_of, snapshot_of, view_of

from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.order import Fill, JournaledOrder, OrderIntent, OrderState, OrderType, Purpose, Side
from binance_trade_agent.domain.portfolio import EquityPoint
from binance_trade_agent.domain.risk import (
    MOST_CLOSED_ORDERS,
    Approved,
    CountedFills,
    Refused,
    Reservation,
    RiskRule,
    RiskState,
    UncountedFill,
)
from binance_trade_agent.domain.risk_facts import EntriesLocked, RiskMeasured
from binance_trade_agent.domain.signal import Action
from binance_trade_agent.risk_management_agent import RiskLimits, RiskManagementAgent
from binance_trade_agent.risk_management_agent.lock_rules import LockRules
from binance_trade_agent.simulation.clocks import WallClock
from binance_trade_agent.storage.book_store import SqliteBookStore
from binance_trade_agent.storage.database import open_database

HOUR = 3_600_000
ZERO = Decimal(0)


def agent_of(observer=None, **rules):
    ids = iter(f"id-{number}" for number in range(1, 10_000))
    limits = RiskLimits(locks=LockRules(**rules), max_loss_streak=0, cooldown_ms=0, max_orders_per_minute=6000, max_candle_age_ms=10**12)
    return RiskManagementAgent(limits, next_order_id=lambda: next(ids), observer=observer or Recorder())


def closing(agent, realized, *, symbol="BTCUSDT", time_ms=NOW, stop=True, proceeds="100", order_id="exit"):
    """An exit that sold for `proceeds` and realised `realized`, from its approval until its fate is known."""
    reason = "stop-loss: the price fell" if stop else "the strategy sells"
    intent = OrderIntent(order_id, symbol, Side.SELL, OrderType.MARKET, Decimal(1), Decimal(100), Purpose.EXIT, time_ms, "c", reason)
    agent.hold(Approved(intent, Reservation(order_id, symbol, ZERO)))
    price = Decimal(proceeds)
    agent.note_fill(
        Fill(symbol, 1, 1, order_id, Side.SELL, price, Decimal(1), price, ZERO, "USDT", time_ms, False), Decimal(realized), time_ms
    )
    agent.release(order_id)


def entry(agent, symbol="BTCUSDT", time_ms=NOW):
    agent.begin_pass(view_of(time_ms=time_ms))
    return review(agent, signal_of(symbol=symbol), replace(snapshot_of("100", symbol), time_ms=time_ms), view_of(time_ms=time_ms))


def allowed(agent, symbol="BTCUSDT", time_ms=NOW):
    """Whether an entry is approved at `time_ms`, or the rule that refuses it."""
    decision = entry(agent, symbol, time_ms)
    return True if isinstance(decision, Approved) else decision.rule


# -- stop guard ---------------------------------------------------------------------------------------------------------------


def test_the_stop_guard_locks_the_symbol_that_was_stopped_too_often_and_lets_it_go_in_time():
    recorder = Recorder()
    agent = agent_of(recorder, stop_guard_stops=2, stop_guard_window_ms=HOUR, stop_guard_pause_ms=1000)
    agent.begin_pass(view_of())
    closing(agent, "-5", time_ms=NOW - HOUR + 1)
    assert allowed(agent) is True
    agent.release("id-1")
    closing(agent, "-5", time_ms=NOW)
    decision = entry(agent, time_ms=NOW + 400)
    assert refused_by(decision) is RiskRule.STOP_GUARD
    assert decision.reason == "2 stop-losses of BTCUSDT within 1 h, and the limit is 2; entries pause for 600 ms more"
    assert allowed(agent, "ETHUSDT", NOW + 400) is True
    assert allowed(agent, time_ms=NOW + 999) is RiskRule.STOP_GUARD
    (locked,) = [fact for fact in recorder.facts if isinstance(fact, EntriesLocked)]
    assert (locked.lock.scope, locked.lock.since_ms, locked.lock.until_ms) == ("BTCUSDT", NOW, NOW + 1000)
    assert allowed(agent, time_ms=NOW + 1000) is True
    assert agent.state.locks == ()


@pytest.mark.parametrize(
    ("closings", "what"),
    [
        ([("-5", True, NOW - HOUR), ("-5", True, NOW)], "the first was a whole window ago"),
        ([("-5", False, NOW), ("-5", True, NOW)], "the strategy sold one of them"),
        ([("5", True, NOW), ("-5", True, NOW)], "a trailing stop that won is no stop-loss"),
        ([("-5", True, NOW), ("0", True, NOW)], "one that neither won nor lost is none either"),
    ],
)
def test_what_the_stop_guard_does_not_count(closings, what):
    agent = agent_of(stop_guard_stops=2, stop_guard_window_ms=HOUR)
    for realized, stop, time_ms in closings:
        closing(agent, realized, stop=stop, time_ms=time_ms)
    assert allowed(agent, time_ms=NOW) is True, what


def test_the_stop_guard_of_the_account_counts_and_locks_all_symbols():
    agent = agent_of(stop_guard_stops=2, stop_guard_of_account=True)
    closing(agent, "-5", symbol="BTCUSDT")
    closing(agent, "-5", symbol="ETHUSDT")
    assert allowed(agent, "BNBUSDT") is RiskRule.STOP_GUARD


@pytest.mark.parametrize("stop_price", [None, Decimal(95)])
def test_a_stop_that_was_on_its_way_when_the_process_ended_is_known_as_one_by_its_order(stop_price):
    reason = "stop-loss on the exchange" if stop_price else "trailing stop: price 95 is 5 % below the highest 100"
    kind = OrderType.STOP_LOSS if stop_price else OrderType.MARKET
    sell = (Side.SELL, kind, Decimal(1), Decimal(100), Purpose.EXIT, NOW, "c", reason)
    intent = OrderIntent("old", "BTCUSDT", *sell, stop_price=stop_price)
    agent = agent_of(stop_guard_stops=1)
    agent.restore(state=None, modes={}, open_orders=[JournaledOrder(intent, OrderState.UNKNOWN, NOW, None, ZERO, NOW)])
    price = Decimal(95)
    agent.note_fill(Fill("BTCUSDT", 1, 1, "old", Side.SELL, price, Decimal(1), price, ZERO, "USDT", NOW, False), Decimal(-5), NOW)
    agent.release("old")
    assert allowed(agent) is RiskRule.STOP_GUARD


def test_what_a_pass_sells_at_a_stop_loss_counts_and_what_the_strategy_sells_does_not():
    for action, price, locked in ((Action.HOLD, "90", True), (Action.SELL, "99", False)):
        agent = agent_of(stop_guard_stops=1)
        held = view_of(positions=[position_of("1", "100")], marks={"BTCUSDT": price})
        agent.begin_pass(held)
        intent = review(agent, signal_of(action), snapshot_of(price), held).intent
        sold = Decimal(price)
        fill = Fill("BTCUSDT", 1, 1, intent.client_order_id, Side.SELL, sold, Decimal(1), sold, ZERO, "USDT", NOW, False)
        agent.note_fill(fill, sold - 100, NOW)
        agent.release(intent.client_order_id)
        assert allowed(agent, time_ms=NOW) is (RiskRule.STOP_GUARD if locked else True)


# -- low profit and drawdown ------------------------------------------------------------------------------------------------------


def test_a_symbol_that_gains_too_little_is_locked():
    agent = agent_of(low_profit_orders=3, low_profit_least=Decimal("0.02"), low_profit_window_ms=HOUR, low_profit_pause_ms=1000)
    closing(agent, "5", symbol="ETHUSDT", proceeds="105", stop=False)
    for realized in ("5", "-4"):
        closing(agent, realized, proceeds=str(100 + int(realized)), stop=False)
        assert allowed(agent) is True
        agent.release(f"id-{len(agent.state.closed) - 1}")
    closing(agent, "1", proceeds="101", stop=False)
    assert allowed(agent, time_ms=NOW + 1) is True, "5 %, -4 % and 1 % are 2 %, which is enough"
    agent.release("id-3")
    closing(agent, "-0.01", proceeds="99.99", stop=False)
    decision = entry(agent, time_ms=NOW + 1)
    assert refused_by(decision) is RiskRule.LOW_PROFIT
    assert decision.reason.startswith("4 closing orders of BTCUSDT within 1 h gained 1.99 % together, and the least is 2 %; entries pause")
    assert allowed(agent, "ETHUSDT", NOW + 1) is True


def test_a_fall_of_what_was_realised_locks_all_entries():
    agent = agent_of(drawdown=Decimal("0.03"), drawdown_window_ms=HOUR, drawdown_pause_ms=1000)
    agent.begin_pass(view_of("10000"))
    for realized, symbol in (("400", "BTCUSDT"), ("-200", "ETHUSDT"), ("-99.99", "BTCUSDT")):
        closing(agent, realized, symbol=symbol, stop=False)
    assert allowed(agent) is True
    agent.release("id-1")
    closing(agent, "-0.01", symbol="ETHUSDT", stop=False)
    decision = entry(agent, "BNBUSDT")
    assert refused_by(decision) is RiskRule.DRAWDOWN_LOCK
    share = "3 % of the day's first equity 10000, and the limit is 3 %"
    assert decision.reason == f"closing orders within 1 h lost 300 from their best, {share}; entries pause for 1 s more"


def test_the_pause_after_a_streak_of_losses_is_told_when_it_begins_and_when_it_grows():
    recorder = Recorder()
    limits = RiskLimits(max_loss_streak=2, loss_pause_ms=HOUR)
    agent = RiskManagementAgent(limits, next_order_id=lambda: "id", observer=recorder)
    for time_ms, realized in ((NOW, "-1"), (NOW + 5, "-1"), (NOW + 7, "-1"), (NOW + 9, "4")):
        closing(agent, realized, time_ms=time_ms, stop=False)
    told = [fact.lock for fact in recorder.facts if isinstance(fact, EntriesLocked)]
    assert [(lock.rule, lock.scope, lock.until_ms - HOUR - NOW) for lock in told] == [
        (RiskRule.LOSS_STREAK, "*", 5),
        (RiskRule.LOSS_STREAK, "*", 7),
    ]
    assert told[1].reason == "3 closing orders in a row lost"


def test_exits_pass_every_lock():
    agent = agent_of(stop_guard_stops=1, stop_guard_of_account=True)
    closing(agent, "-5")
    held = view_of(positions=[position_of("1", "100")])
    agent.begin_pass(held)
    assert isinstance(review(agent, signal_of(Action.SELL), view=held), Approved)


def test_a_rule_that_was_turned_off_locks_no_longer():
    agent = agent_of(stop_guard_stops=1)
    closing(agent, "-5")
    assert allowed(agent) is RiskRule.STOP_GUARD
    later = agent_of()
    later.restore(state=agent.state, modes={}, open_orders=())
    assert allowed(later) is True
    assert later.resting(view_of()) == ()


def test_of_two_locks_of_one_rule_the_longer_holds():
    agent = agent_of(stop_guard_stops=1, stop_guard_pause_ms=1000)
    closing(agent, "-5", time_ms=NOW)
    closing(agent, "-5", time_ms=NOW + 500)
    assert [lock.until_ms for lock in agent.state.locks] == [NOW + 1500]


def test_what_rests_is_measured_with_every_pass():
    recorder = Recorder()
    agent = agent_of(recorder, stop_guard_stops=1, stop_guard_pause_ms=1000)
    closing(agent, "-5")
    agent.begin_pass(view_of(time_ms=NOW))
    agent.begin_pass(view_of(time_ms=NOW + 1000))
    first, second = [fact.resting for fact in recorder.facts if isinstance(fact, RiskMeasured)]
    assert ([(lock.rule, lock.scope) for lock in first], second) == ([(RiskRule.STOP_GUARD, "BTCUSDT")], ())


def test_cooldown_and_loss_streak_are_shown_beside_the_locks():
    limits = RiskLimits(max_loss_streak=1, loss_pause_ms=5000, cooldown_ms=2000)
    agent = RiskManagementAgent(limits, next_order_id=lambda: "id")
    closing(agent, "-5", stop=False)
    held = view_of(positions=[position_of("1", "100", "ETHUSDT", updated_ms=NOW - 500)])
    rests = {(lock.rule, lock.scope): lock.until_ms for lock in agent.resting(held)}
    assert rests == {(RiskRule.COOLDOWN, "ETHUSDT"): NOW + 1500, (RiskRule.LOSS_STREAK, "*"): NOW + 5000}


# -- exactness, restarts and bounds -----------------------------------------------------------------------------------------------

CLOSINGS = st.lists(
    st.tuples(
        st.sampled_from(["AUSDT", "BUSDT"]),
        st.decimals("-50", "50", places=4),
        st.decimals("50.0001", "500", places=4),
        st.integers(0, 40 * 60_000),
        st.booleans(),
    ),
    max_size=12,
)
RULES = st.builds(
    LockRules,
    stop_guard_stops=st.integers(0, 3),
    stop_guard_window_ms=st.integers(1, 3 * HOUR),
    stop_guard_pause_ms=st.integers(0, HOUR),
    stop_guard_of_account=st.booleans(),
    low_profit_orders=st.integers(0, 3),
    low_profit_least=st.decimals("-0.2", "0.2", places=3),
    low_profit_window_ms=st.integers(1, 3 * HOUR),
    low_profit_pause_ms=st.integers(0, HOUR),
    drawdown=st.decimals("0", "0.01", places=4),
    drawdown_window_ms=st.integers(1, 3 * HOUR),
    drawdown_pause_ms=st.integers(0, HOUR),
)


def expected_locks(rules, closed):
    """The ends of locks by (rule, scope), reckoned in fractions from the rules' own words."""
    ends = {}

    def lock(rule, scope, end_ms):
        ends[rule, scope] = max(ends.get((rule, scope), 0), end_ms)

    for count, (symbol, realized, _, time_ms, stop) in enumerate(closed, 1):
        so_far = closed[:count]
        if rules.stop_guard_stops and stop and realized < 0:
            stops = [each for each in so_far if each[4] and each[1] < 0 and each[3] > time_ms - rules.stop_guard_window_ms]
            counted = stops if rules.stop_guard_of_account else [each for each in stops if each[0] == symbol]
            if len(counted) >= rules.stop_guard_stops:
                scope = "*" if rules.stop_guard_of_account else symbol
                lock(RiskRule.STOP_GUARD, scope, time_ms + rules.stop_guard_pause_ms)
        own = [each for each in so_far if each[0] == symbol and each[3] > time_ms - rules.low_profit_window_ms]
        # Gains are kept to 18 decimals, as every ratio is.
        gained = sum(Fraction(round(Fraction(each[1]) / Fraction(each[2] - each[1]) * 10**18), 10**18) for each in own)
        if rules.low_profit_orders and len(own) >= rules.low_profit_orders and gained < Fraction(rules.low_profit_least):
            lock(RiskRule.LOW_PROFIT, symbol, time_ms + rules.low_profit_pause_ms)
        sums = [Fraction(0)]
        for each in so_far:
            if each[3] > time_ms - rules.drawdown_window_ms:
                sums.append(sums[-1] + Fraction(each[1]))
        if rules.drawdown and max(sums) - sums[-1] >= Fraction(rules.drawdown) * 10_000:
            lock(RiskRule.DRAWDOWN_LOCK, "*", time_ms + rules.drawdown_pause_ms)
    return ends


@settings(max_examples=150, deadline=None, derandomize=True)
@given(rules=RULES, given_closings=CLOSINGS, cut=st.integers(0, 12), look_ms=st.integers(0, 2 * HOUR))
def test_locks_are_what_their_words_say_and_a_restart_changes_nothing(rules, given_closings, cut, look_ms):
    limits = RiskLimits(locks=rules, max_loss_streak=0, cooldown_ms=0, max_orders_per_minute=6000, max_candle_age_ms=10**12)
    ids = iter(f"id-{number}" for number in range(100))
    agent = RiskManagementAgent(limits, next_order_id=lambda: next(ids))
    agent.begin_pass(view_of("10000", time_ms=NOW))
    time_ms, closed = NOW, []
    for number, (symbol, realized, proceeds, rest_ms, stop) in enumerate(given_closings):
        time_ms += rest_ms
        if number == cut:
            agent = restarted(agent, limits)
        closing(agent, realized, symbol=symbol, time_ms=time_ms, stop=stop, proceeds=str(proceeds))
        if realized:
            closed.append((symbol, realized, proceeds, time_ms, stop))
    ends = expected_locks(rules, closed)
    when = time_ms + look_ms
    for symbol in ("AUSDT", "BUSDT"):
        holding = {rule for (rule, scope), end_ms in ends.items() if scope in {symbol, "*"} and when < end_ms}
        told = allowed(agent, symbol, when)
        assert (told in holding) if holding else told is True
    shown = {(lock.rule, lock.scope): lock.until_ms for lock in agent.resting(view_of(time_ms=when))}
    assert shown == {key: end_ms for key, end_ms in ends.items() if when < end_ms}


def restarted(agent, limits):
    later = RiskManagementAgent(limits, next_order_id=lambda: "later")
    later.restore(state=agent.state, modes={}, open_orders=())
    return later


async def test_the_book_gives_back_the_whole_memory_and_of_locks_those_that_still_hold(tmp_path):
    agent = agent_of(stop_guard_stops=1, stop_guard_pause_ms=HOUR, low_profit_orders=1, low_profit_pause_ms=10)
    agent.begin_pass(view_of())
    path = str(tmp_path / "book.sqlite")
    for count, end_ms in ((2, NOW + 5), (3, NOW + 2_000)):
        closing(agent, "-5", symbol=f"{'ABC'[count - 1]}USDT", time_ms=NOW)
        async with open_database(path, inline=True, clock=WallClock()) as database:
            store = SqliteBookStore(database, new_epoch=lambda: "e1")
            await store.load()
            await store.record_pass((), EquityPoint(end_ms, ZERO, ZERO, ZERO, ZERO, ZERO), agent.state)
            kept = (await store.load()).risk_state
        held = tuple(lock for lock in agent.state.locks if lock.until_ms > end_ms)
        assert kept == replace(agent.state, locks=held)
    assert {lock.rule for lock in kept.locks} == {RiskRule.STOP_GUARD}


def test_memory_is_bounded():
    agent = agent_of()
    for number in range(MOST_CLOSED_ORDERS + 3):
        closing(agent, "1", time_ms=NOW + number)
    closed = agent.state.closed
    assert (len(closed), closed[0].number, closed[-1].number) == (MOST_CLOSED_ORDERS, 4, MOST_CLOSED_ORDERS + 3)


def test_parts_of_one_closing_order_count_once_with_their_sums():
    agent = agent_of()
    intent = OrderIntent("x", "AUSDT", Side.SELL, OrderType.MARKET, Decimal(2), Decimal(9), Purpose.EXIT, NOW, "c", "stop-loss: x")
    agent.hold(Approved(intent, Reservation("x", "AUSDT", ZERO)))
    for time_ms, proceeds, realized in ((NOW, "90", "-10"), (NOW + 5, "95.5", "-4.5")):
        price = Decimal(proceeds)
        fill = Fill("AUSDT", time_ms, 1, "x", Side.SELL, price, Decimal(1), price, ZERO, "USDT", time_ms, False)
        agent.note_fill(fill, Decimal(realized), time_ms)
    assert agent.state.closed == ()
    agent.release("x")
    (closed,) = agent.state.closed
    assert (closed.time_ms, closed.realized, closed.cost, closed.by_stop) == (NOW + 5, Decimal("-14.5"), Decimal(200), True)
    assert closed.gain == Decimal("-0.0725")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stop_guard_stops", -1),
        ("stop_guard_window_ms", 0),
        ("low_profit_orders", 1.5),
        ("low_profit_least", 0.1),
        ("low_profit_least", Decimal(-2)),
        ("drawdown", Decimal("1.1")),
        ("drawdown", Decimal("NaN")),
    ],
)
def test_rules_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigurationError, match=f"lock rule {name} is "):
        LockRules(**{name: value})


def test_a_state_of_an_older_book_has_no_locks():
    state = RiskState(Decimal(1), 1, Decimal(1))
    assert (state.closed, state.locks) == ((), ())
    agent = agent_of(stop_guard_stops=1)
    agent.restore(state=state, modes={}, open_orders=())
    assert not isinstance(entry(agent), Refused)


def test_what_an_open_order_had_sold_before_a_kill_counts_with_what_it_sells_afterwards():
    intent = OrderIntent("x", "AUSDT", Side.SELL, OrderType.MARKET, Decimal(2), Decimal(9), Purpose.EXIT, NOW, "c", "stop-loss: x")
    first, second = (
        Fill("AUSDT", number, 1, "x", Side.SELL, Decimal(90), Decimal(1), Decimal(90), ZERO, "USDT", NOW + number, False)
        for number in (1, 2)
    )
    order = JournaledOrder(intent, OrderState.PARTIALLY_FILLED, NOW, 1, Decimal(1), NOW)
    agent = agent_of()
    missed = [UncountedFill(first, Decimal(-10), intent)]
    agent.restore(state=None, modes={}, open_orders=[order], missed=missed, booked=1)
    assert agent.state.closed == ()
    assert agent.state_to_keep.counted == CountedFills(1, ("x",))
    agent.note_fill(second, Decimal(-4), NOW + 2)
    agent.release("x")
    (closed,) = agent.state.closed
    assert (closed.time_ms, closed.realized, closed.by_stop) == (NOW + 2, Decimal(-14), True)
    assert agent.state_to_keep.counted == CountedFills(2, ())


async def test_a_book_that_another_version_went_on_with_has_nothing_uncounted(tmp_path):
    agent = agent_of()
    agent.begin_pass(view_of())
    async with open_database(str(tmp_path / "book.sqlite"), inline=True, clock=WallClock()) as database:
        store = SqliteBookStore(database, new_epoch=lambda: "e1")
        await store.load()
        await store.save_risk_state(agent.state_to_keep)
        rules = rules_of("AUSDT")
        await store.book_foreign_fills(
            [Fill("AUSDT", 1, 7, "", Side.BUY, Decimal(9), Decimal(2), Decimal(18), ZERO, "USDT", NOW, False)], rules
        )
        await store.book_foreign_fills(
            [Fill("AUSDT", 2, 8, "", Side.SELL, Decimal(8), Decimal(1), Decimal(8), ZERO, "USDT", NOW, False)], rules
        )
        (missed,) = (await store.load()).uncounted.fills
        assert (missed.fill.trade_id, missed.realized, missed.intent) == (2, Decimal(-1), None)
        closing(agent, "-1", symbol="AUSDT")
        await store.save_risk_state(agent.state)  # as a version would that does not say what it has counted
        assert (await store.load()).uncounted.fills == ()
