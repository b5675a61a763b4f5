"""The plan of faults: what strikes whom, how often, by which chance, and that a seed repeats it."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_trade_agent.simulation.faults.delay import LONGEST_DELAY_MS, Delay, DelayShape
from binance_trade_agent.simulation.faults.kinds import POINTS, FaultKind, FaultPoint
from binance_trade_agent.simulation.faults.mutation import mutated, with_a_wrong_digit
from binance_trade_agent.simulation.faults.passage import UNTROUBLED, passage
from binance_trade_agent.simulation.faults.plan import MOST_FAULTS, Fault, FaultPlan

REST = FaultPoint.REST


def test_each_fault_strikes_once_the_oldest_that_matches_first():
    plan = FaultPlan()
    first, second = Fault(FaultKind.LOSE_ANSWER, "GET /a"), Fault(FaultKind.LOSE_REQUEST)
    plan.append(first)
    plan.append(second)
    assert [plan.take(REST, f"GET {path}") for path in ("/b", "/a", "/a")] == [second, first, None]
    assert plan.struck == {FaultKind.LOSE_ANSWER: 1, FaultKind.LOSE_REQUEST: 1}
    assert len(plan) == 0


def test_a_star_stands_for_any_rest_and_a_fault_without_end_strikes_until_it_is_lifted():
    plan = FaultPlan()
    number = plan.append(Fault(FaultKind.LOSE_ANSWER, "GET /api/*", times=None))
    assert [plan.take(REST, name) is not None for name in ("GET /api/x", "GET /api/", "GET /sapi", "POST /api/x")] == [
        True,
        True,
        False,
        False,
    ]
    plan.lift(number)
    assert plan.take(REST, "GET /api/x") is None
    with pytest.raises(LookupError, match=f"no fault {number}"):
        plan.lift(number)


def test_a_fault_strikes_where_its_kind_can_or_where_it_is_kept_to():
    plan = FaultPlan()
    plan.append(Fault(FaultKind.LOSE_ANSWER, point=FaultPoint.WEBSOCKET_API))
    plan.append(Fault(FaultKind.DROP_EVENT))
    assert plan.take(REST, "x") is None
    assert plan.take(FaultPoint.MARKET_EVENT, "x") is not None
    assert plan.take(FaultPoint.ACCOUNT_EVENT, "x") is None
    assert plan.take(FaultPoint.WEBSOCKET_API, "x") is not None


def test_every_kind_has_a_place_to_strike_at():
    assert set(POINTS) == set(FaultKind)
    assert all(POINTS.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"times": 0},
        {"chance": 0.0},
        {"chance": 1.5},
        {"chance": math.nan},
        {"status": 200},
        {"point": FaultPoint.MARKET_EVENT},
    ],
)
def test_what_cannot_be_is_said_at_once(wrong):
    with pytest.raises(ValueError, match=r"fault|strikes"):
        Fault(FaultKind.LOSE_ANSWER, **wrong)


@pytest.mark.parametrize("wrong", [{"typical_ms": -1}, {"typical_ms": math.inf}, {"typical_ms": LONGEST_DELAY_MS + 1}, {"spread": -0.1}])
def test_a_delay_that_cannot_be_is_said_at_once(wrong):
    with pytest.raises(ValueError, match="delay"):
        Delay(**wrong)


def test_waiting_faults_are_bounded():
    plan = FaultPlan()
    for _ in range(MOST_FAULTS):
        plan.append(Fault(FaultKind.LOSE_ANSWER))
    with pytest.raises(ValueError, match="at most"):
        plan.append(Fault(FaultKind.LOSE_ANSWER))
    plan.clear()
    assert len(plan) == 0


def strikes(plan: FaultPlan, point: FaultPoint, count: int = 200) -> list[bool]:
    return [plan.take(point, "GET /x") is not None for _ in range(count)]


@given(st.integers(), st.floats(0.05, 0.95))
def test_a_seed_repeats_its_strikes_whatever_happens_at_other_points(seed, chance):
    quiet, busy = FaultPlan(seed), FaultPlan(seed)
    for plan in (quiet, busy):
        plan.append(Fault(FaultKind.LOSE_ANSWER, times=None, chance=chance, point=REST))
        plan.append(Fault(FaultKind.DROP_EVENT, times=None, chance=0.5))
    strikes(busy, FaultPoint.MARKET_EVENT, 37)
    struck = strikes(quiet, REST)
    assert struck == strikes(busy, REST)
    assert abs(sum(struck) / len(struck) - chance) < 0.25


@given(st.sampled_from(DelayShape), st.floats(0, LONGEST_DELAY_MS), st.floats(0, 10), st.integers())
def test_a_drawn_delay_is_within_bounds_and_repeats(shape, typical_ms, spread, seed):
    delay = Delay(typical_ms, shape, spread)
    first, second = (delay.drawn_s(FaultPlan(seed).random(REST)) for _ in range(2))
    assert first == second
    assert 0 <= first <= LONGEST_DELAY_MS / 1_000


def test_latency_is_drawn_for_each_way_and_adds_to_what_strikes():
    plan = FaultPlan(3)
    plan.append(Fault(FaultKind.LATENCY, "POST *", times=None, delay=Delay(100, DelayShape.LOGNORMAL)))
    assert passage(plan, REST, "GET /x") is UNTROUBLED
    way = passage(plan, REST, "POST /x")
    assert way.there_s > 0
    assert way.back_s > 0
    assert way.there_s != way.back_s
    plan.append(Fault(FaultKind.DELAY_ANSWER, delay=Delay(60_000)))
    assert passage(plan, REST, "POST /x").back_s > 60


@given(st.binary(max_size=200) | st.sampled_from([b'{"price":"1.5"}', b"[]", b"{}"]), st.integers())
def test_mutated_bytes_are_never_taken_for_an_answer(content, seed):
    damaged = mutated(content, FaultPlan(seed).random(REST))
    try:
        decoded = json.loads(damaged)
    except (ValueError, RecursionError):
        return
    assert not isinstance(decoded, dict | list)


def test_a_wrong_digit_leaves_an_answer_readable():
    content = b'{"price":"1.50000000","id":7}'
    damaged = [with_a_wrong_digit(content, FaultPlan(seed).random(REST)) for seed in range(50)]
    assert all(len(each) == len(content) and each != content for each in damaged)
    assert with_a_wrong_digit(b"{}", FaultPlan().random(REST)) == b"{}"
