"""WeightGovernor keeps every burst of callers within the exchange's limits, lets the urgent go first, and leaks nothing."""

import asyncio
from typing import Any

import pytest
from counting_exchange import LIMITS, START_MS, Caller, CountingExchange, Crowd, sample
from hand_clocks import HandClock
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder import Recorder
from virtual_time import virtual

from binance_trade_agent.binance.endpoints import (
    ACCOUNT,
    CANCEL_ORDER,
    DEPTH,
    KLINES,
    NEW_OCO,
    NEW_ORDER,
    OPEN_ORDERS,
    QUERY_ORDER,
    SERVER_TIME,
    TICKER_PRICE,
)
from binance_trade_agent.binance.limits.rate_limit import LimitKind, RateLimit, rate_limit
from binance_trade_agent.binance.limits.silence import Silence
from binance_trade_agent.binance.limits.waiting_lines import Priority, priority_of
from binance_trade_agent.binance.limits.weight_governor import WeightGovernor
from binance_trade_agent.binance.server_clock import ServerClock
from binance_trade_agent.domain.errors import RateLimitedError
from binance_trade_agent.domain.facts import WeightUsed
from binance_trade_agent.domain.limit_facts import OrdersCounted, RateLimitsKnown, RequestHeldBack, RequestsWaiting, SilenceAsked
from binance_trade_agent.ports.ban_memory import ForgetfulBanMemory
from binance_trade_agent.simulation.virtual_loop import run_virtual

WEIGHT = LimitKind.REQUEST_WEIGHT
HEAVY = {"limit": "500"}  # 25 of the 240 of a minute


def to_the_next_minute_s(crowd: Crowd, offset_ms: int = 0) -> float:
    return (60_000 - (crowd.clock.now_ms() + offset_ms) % 60_000) / 1_000


# -- whatever the callers do ----------------------------------------------------------------------------------------------------

ENDPOINTS = (DEPTH, KLINES, TICKER_PRICE, NEW_ORDER, NEW_OCO, CANCEL_ORDER, QUERY_ORDER, ACCOUNT, SERVER_TIME, OPEN_ORDERS)
CALLERS = st.builds(
    Caller,
    endpoint=st.sampled_from(
        [DEPTH, KLINES, TICKER_PRICE, NEW_ORDER, NEW_OCO, CANCEL_ORDER, QUERY_ORDER, ACCOUNT, SERVER_TIME, OPEN_ORDERS]
    ),
    start_s=st.one_of(st.floats(0, 3), st.floats(0, 150), st.sampled_from([0.0, 19.9, 20.0, 20.1, 39.9, 40.0, 40.2, 79.9, 80.0])),
    wait_s=st.sampled_from([0.0, 0.5, 12.0, 30.0, 90.0]),
    there_s=st.sampled_from([0.0, 0.01, 0.2, 2.0, 4.0]),
    back_s=st.sampled_from([0.0, 0.01, 0.3, 3.0]),
    params=st.sampled_from([{}, HEAVY]),
    priority=st.sampled_from([None, None, None, Priority.BACKGROUND]),
    lost=st.sampled_from([False, False, False, True]),
    cancel_after_s=st.sampled_from([None, None, None, 0.0, 0.005, 1.0, 25.0]),
)
CROWDS = st.one_of(
    st.lists(CALLERS, min_size=1, max_size=60),
    st.builds(lambda caller, count: [caller] * count, CALLERS, st.integers(1, 150)),
)
CLOCKS = st.one_of(st.none(), st.tuples(st.integers(-3_000, 3_000), st.floats(1.5, 4_000), st.floats(-1, 1)))
"""How the exchange's clock is known: not at all, or by its offset, the error it may have and the share of that which it does have."""


def crowd_of(clock: tuple[int, float, float] | None, *, tells: bool, limits: tuple[RateLimit, ...] = LIMITS) -> Crowd:
    if clock is None:
        return Crowd(CountingExchange(7_777, limits, tells=tells))
    offset_ms, error_ms, share = clock
    crowd = Crowd(CountingExchange(offset_ms, limits, tells=tells))
    crowd.know_the_clock(offset_ms + int((error_ms - 1.5) * share), error_ms)
    return crowd


@settings(max_examples=150, deadline=None)
@given(callers=CROWDS, clock=CLOCKS, tells=st.booleans())
def test_no_limit_is_ever_passed_and_everybody_is_answered_in_time(
    callers: list[Caller], clock: tuple[int, float, float] | None, tells: bool
) -> None:
    async def scenario() -> None:
        crowd = crowd_of(clock, tells=tells)
        outcomes = await crowd.run(callers)
        assert crowd.exchange.violations == []
        for outcome in outcomes:
            caller = outcome.caller
            if outcome.admitted_s is not None:
                assert outcome.admitted_s <= caller.start_s + caller.wait_s + 0.001
            elif outcome.error is not None:
                assert outcome.ended_s is not None
                assert outcome.ended_s <= caller.start_s + caller.wait_s + 0.001
            else:
                assert caller.cancel_after_s is not None
        assert crowd.governor.waiting == 0
        await asyncio.sleep(3 * 86_400)  # nothing that was counted outlives its windows: no admission was forgotten
        assert crowd.governor.try_admit(TICKER_PRICE, {}) is not None
        assert crowd.governor.used(WEIGHT) == 4
        assert crowd.governor.used(LimitKind.RAW_REQUESTS) == 1
        assert crowd.governor.try_admit(NEW_ORDER, {}) is not None
        assert crowd.governor.used(LimitKind.ORDERS) == 1

    run_virtual(scenario())


SHORT_LIMITS = (
    RateLimit(WEIGHT, "10S", 10_000, 30),
    RateLimit(LimitKind.RAW_REQUESTS, "10S", 10_000, 14),
    RateLimit(LimitKind.ORDERS, "10S", 10_000, 4),
)
CROWDING = st.builds(
    Caller,
    endpoint=st.sampled_from([KLINES, KLINES, NEW_ORDER, QUERY_ORDER]),
    start_s=st.floats(0, 20),
    wait_s=st.just(500.0),
    there_s=st.sampled_from([0.0, 0.05, 1.0, 3.0]),
    back_s=st.sampled_from([0.0, 0.05, 1.0, 3.0]),
    lost=st.sampled_from([False, False, False, True]),
    cancel_after_s=st.sampled_from([None, None, None, 5.0]),
)


@settings(max_examples=150, deadline=None)
@given(
    callers=st.lists(CROWDING, min_size=30, max_size=80),
    clock=CLOCKS,
    tells=st.booleans(),
    doubt_after_s=st.sampled_from([None, 14.0, 33.0]),
)
def test_no_limit_is_passed_while_window_after_window_is_filled(
    callers: list[Caller], clock: tuple[int, float, float] | None, tells: bool, doubt_after_s: float | None
) -> None:
    async def scenario() -> None:
        crowd = crowd_of(clock, tells=tells, limits=SHORT_LIMITS)
        loop = asyncio.get_running_loop()
        if doubt_after_s is not None:
            loop.call_later(doubt_after_s, crowd.server_clock.doubt)
            loop.call_later(doubt_after_s + 8.0, crowd.know_the_clock, crowd.exchange.skew_ms, 5.0)
        outcomes = await crowd.run(callers)
        assert crowd.exchange.violations == []
        assert all(outcome.admitted_s is not None or outcome.caller.cancel_after_s for outcome in outcomes)

    run_virtual(scenario())


@settings(max_examples=60, deadline=None)
@given(callers=CROWDS)
def test_in_each_line_the_first_to_come_is_the_first_to_go(callers: list[Caller]) -> None:
    async def scenario() -> None:
        crowd = crowd_of((0, 5.0, 0.0), tells=True)
        numbered = [Caller(**(vars(caller) | {"start_s": index * 0.01, "cancel_after_s": None})) for index, caller in enumerate(callers)]
        await crowd.run(numbered)
        for line in Priority:
            starts = [each.start_s for each in crowd.admitted if (each.priority or priority_of(each.endpoint)) is line]
            assert starts == sorted(starts)

    run_virtual(scenario())


@settings(max_examples=60, deadline=None)
@given(callers=st.lists(CALLERS, min_size=1, max_size=60))
def test_whoever_can_wait_long_enough_gets_through(callers: list[Caller]) -> None:
    """Nobody starves: 60 callers fit into so many windows, and no line blocks another for good."""

    async def scenario() -> None:
        crowd = crowd_of((0, 5.0, 0.0), tells=True)
        patient = [Caller(**(vars(caller) | {"wait_s": 3 * 86_400.0, "cancel_after_s": None})) for caller in callers]
        outcomes = await crowd.run(patient)
        assert all(outcome.admitted_s is not None for outcome in outcomes)
        assert crowd.exchange.violations == []

    run_virtual(scenario())


# -- room -----------------------------------------------------------------------------------------------------------------------


@virtual
async def test_a_hundred_at_once_cannot_overshoot_what_no_answer_has_told() -> None:
    crowd = crowd_of((0, 5.0, 0.0), tells=True)
    outcomes = await crowd.run([Caller(DEPTH, params=HEAVY, wait_s=0.0) for _ in range(100)])
    assert sum(outcome.admitted_s is not None for outcome in outcomes) == 220 // 25  # 240 less the twelfth that is kept from market data
    assert crowd.exchange.violations == []


@virtual
async def test_the_reserve_is_left_to_those_it_is_for() -> None:
    crowd = crowd_of((0, 5.0, 0.0), tells=True)
    await crowd.run([Caller(KLINES, wait_s=0.0) for _ in range(110)])
    assert crowd.governor.used(WEIGHT) == 220
    assert crowd.governor.try_admit(KLINES, {}) is None
    assert crowd.governor.try_admit(QUERY_ORDER, {}) is not None
    assert [crowd.governor.try_admit(QUERY_ORDER, {}) is None for _ in range(4)] == [False, False, False, True]
    assert crowd.governor.try_admit(CANCEL_ORDER, {}) is not None
    assert crowd.governor.try_admit(NEW_ORDER, {}) is not None


@virtual
async def test_who_waits_goes_on_with_the_next_minute_of_the_exchanges_clock_and_no_sooner() -> None:
    offset_ms = 1_700
    crowd = crowd_of((offset_ms, 40.0, 1.0), tells=True)
    outcomes = await crowd.run([Caller(DEPTH, params=HEAVY, wait_s=90.0) for _ in range(12)])
    began_s = (60_000 - (START_MS + offset_ms) % 60_000) / 1_000
    late = [outcome.admitted_s for outcome in outcomes if outcome.admitted_s]
    assert len(late) == 4
    assert all(began_s <= admitted_s <= began_s + 0.3 for admitted_s in late)


@virtual
async def test_what_others_on_the_address_use_is_believed() -> None:
    crowd = crowd_of((0, 5.0, 0.0), tells=True)
    admission = crowd.governor.try_admit(TICKER_PRICE, {})
    assert admission is not None
    crowd.governor.record_answer(admission, {"x-mbx-used-weight-1m": "219"})
    assert crowd.governor.try_admit(KLINES, {}) is None
    assert crowd.observer.of(WeightUsed) == [WeightUsed(219)]


@virtual
async def test_what_others_used_is_taken_to_be_used_again_until_the_next_minute_tells() -> None:
    crowd = crowd_of((0, 5.0, 0.0), tells=True)
    admission = crowd.governor.try_admit(OPEN_ORDERS, {})
    assert admission is not None
    crowd.governor.record_answer(admission, {"x-mbx-used-weight-1m": "220"})  # 80 of them are ours
    await asyncio.sleep(to_the_next_minute_s(crowd) + 0.2)
    lost = crowd.governor.try_admit(OPEN_ORDERS, {})
    assert lost is not None
    crowd.governor.record_lost(lost)
    assert crowd.governor.try_admit(OPEN_ORDERS, {}) is None  # 140 + 80 + 80 may be more than 240, and no answer has said that it is not
    assert crowd.governor.try_admit(NEW_ORDER, {}) is not None
    told = crowd.governor.try_admit(SERVER_TIME, {})
    assert told is not None
    crowd.governor.record_answer(told, {"x-mbx-used-weight-1m": "2"})
    assert crowd.governor.try_admit(OPEN_ORDERS, {}) is not None


@virtual
async def test_a_minute_that_told_nothing_of_others_leaves_nothing_to_assume() -> None:
    crowd = crowd_of((0, 5.0, 0.0), tells=True)
    admission = crowd.governor.try_admit(TICKER_PRICE, {})
    assert admission is not None
    crowd.governor.record_answer(admission, {"x-mbx-used-weight-1m": "240"})
    await asyncio.sleep(to_the_next_minute_s(crowd) + 0.2)
    assert crowd.governor.try_admit(OPEN_ORDERS, {}) is None
    await asyncio.sleep(to_the_next_minute_s(crowd) + 0.2)
    assert crowd.governor.try_admit(OPEN_ORDERS, {}) is not None


@pytest.mark.parametrize("text", ["", "-1", "1e3", "99999999999", "\u0663"])
@virtual
async def test_a_header_that_holds_no_count_changes_nothing(text: str) -> None:
    crowd = crowd_of((0, 5.0, 0.0), tells=True)
    admission = crowd.governor.try_admit(TICKER_PRICE, {})
    assert admission is not None
    crowd.governor.record_answer(admission, {"x-mbx-used-weight-1m": text})
    assert crowd.governor.used(WEIGHT) == 4


@virtual
async def test_an_answer_that_was_overtaken_takes_nothing_back() -> None:
    crowd = crowd_of((0, 5.0, 0.0), tells=True)
    first, second = crowd.governor.try_admit(TICKER_PRICE, {}), crowd.governor.try_admit(TICKER_PRICE, {})
    assert first is not None
    assert second is not None
    crowd.governor.record_answer(second, {"x-mbx-used-weight-1m": "150"})
    crowd.governor.record_answer(first, {"x-mbx-used-weight-1m": "146"})
    assert crowd.governor.used(WEIGHT) == 150
    third = crowd.governor.try_admit(TICKER_PRICE, {})
    assert third is not None
    crowd.governor.record_answer(third, {"x-mbx-used-weight-1m": "90"})  # the exchange gave weight back, or began a new minute
    assert crowd.governor.used(WEIGHT) == 90


@virtual
async def test_a_report_of_the_minute_before_does_not_fill_the_new_one() -> None:
    crowd = crowd_of((0, 5.0, 0.0), tells=True)
    slow = crowd.governor.try_admit(TICKER_PRICE, {})
    assert slow is not None
    await asyncio.sleep(to_the_next_minute_s(crowd) + 0.2)
    assert crowd.governor.try_admit(KLINES, {}) is not None
    crowd.governor.record_answer(slow, {"x-mbx-used-weight-1m": "240"})
    assert crowd.governor.used(WEIGHT) == 2 + 4


@virtual
async def test_filled_orders_make_room_for_more_as_the_answers_tell() -> None:
    crowd = crowd_of((0, 5.0, 0.0), tells=True)
    for _ in range(30):
        admission = crowd.governor.try_admit(NEW_ORDER, {})
        assert admission is not None
        crowd.governor.record_answer(admission, {"x-mbx-order-count-10s": "1", "x-mbx-order-count-1d": "3"})
    assert OrdersCounted("1D", 3) in crowd.observer.facts
    for _ in range(4):
        assert crowd.governor.try_admit(NEW_ORDER, {}) is not None
    assert crowd.governor.try_admit(NEW_ORDER, {}) is None


@virtual
async def test_answers_of_the_websocket_api_teach_limits_and_counts() -> None:
    crowd = crowd_of((0, 5.0, 0.0), tells=True)
    admission = crowd.governor.try_admit(TICKER_PRICE, {})
    assert admission is not None
    crowd.governor.record_limits(admission, {RateLimit(WEIGHT, "1M", 60_000, 120): 100, RateLimit(LimitKind.ORDERS, "1M", 60_000, 7): 2})
    assert crowd.observer.of(RateLimitsKnown)[-1] == RateLimitsKnown(120, 10)
    assert crowd.governor.try_admit(DEPTH, HEAVY) is None
    with pytest.raises(RateLimitedError, match="leaves to it"):
        await crowd.governor.admit(DEPTH, {"limit": "5000"}, wait_s=10_000.0)


@virtual
async def test_requests_that_left_before_a_limit_was_known_make_no_room_in_it() -> None:
    crowd = crowd_of((0, 5.0, 0.0), tells=True)
    governor, limit = crowd.governor, RateLimit(WEIGHT, "10S", 10_000, 20)
    under_way = [governor.try_admit(TICKER_PRICE, {}) for _ in range(4)]
    first, second, third, fourth = [admission for admission in under_way if admission is not None]
    governor.record_limits(first, {limit: 8})
    governor.record_unsent(second)
    governor.record_lost(third)
    governor.record_answer(fourth, {})
    admitted = [governor.try_admit(TICKER_PRICE, {}, Priority.CANCEL) for _ in range(6)]
    assert [admission is not None for admission in admitted] == [True, True, True, False, False, False]


def test_words_for_limits_that_mean_nothing_to_us_are_left_alone() -> None:
    assert rate_limit("REQUEST_WEIGHT", "MINUTE", 1, 6_000) == RateLimit(WEIGHT, "1M", 60_000, 6_000)
    assert rate_limit("CONNECTIONS", "MINUTE", 5, 300) is None
    assert rate_limit("ORDERS", "FORTNIGHT", 1, 5) is None
    assert rate_limit("ORDERS", "SECOND", 0, 5) is None
    assert rate_limit("ORDERS", "SECOND", 10, 0) is None


# -- waiting --------------------------------------------------------------------------------------------------------------------


@virtual
async def test_cancels_and_orders_go_first_then_the_account_then_market_data() -> None:
    crowd = crowd_of((0, 5.0, 0.0), tells=True)
    crowd.governor.record_limited(RateLimitedError(-1003, "quiet", 429, 10.0))
    waiting = [Caller(KLINES, priority=Priority.BACKGROUND), Caller(KLINES), Caller(ACCOUNT), Caller(NEW_ORDER), Caller(CANCEL_ORDER)]
    await crowd.run(waiting)
    assert crowd.admitted == waiting[::-1]
    longest = [fact.wait_ms for fact in crowd.observer.of(RequestHeldBack)]
    assert longest == pytest.approx([10_000] * 5, abs=2)
    assert crowd.observer.of(RequestsWaiting)[-1].waiting == 0


@virtual
async def test_orders_that_wait_for_their_own_limit_hold_up_nobody_else() -> None:
    crowd = crowd_of((0, 5.0, 0.0), tells=True)
    orders = [Caller(NEW_ORDER, wait_s=12.0) for _ in range(8)]
    outcomes = await crowd.run([*orders, Caller(CANCEL_ORDER, start_s=1.0, wait_s=0.0), Caller(KLINES, start_s=1.0, wait_s=0.0)])
    assert [outcome.admitted_s for outcome in outcomes[-2:]] == [1.0, 1.0]
    assert sum((outcome.admitted_s or 0) > 1 for outcome in outcomes) == 3
    assert crowd.exchange.violations == []


@virtual
async def test_a_wait_that_cannot_be_long_enough_ends_at_once_and_says_how_long_it_would_take() -> None:
    crowd = crowd_of((0, 5.0, 0.0), tells=True)
    await crowd.run([Caller(KLINES, wait_s=0.0) for _ in range(110)])
    (outcome,) = await crowd.run([Caller(KLINES, wait_s=5.0)])
    assert outcome.error is not None
    assert outcome.error.retry_after_s == pytest.approx(to_the_next_minute_s(crowd), abs=0.3)
    assert (outcome.ended_s or 0) < 0.1
    assert RequestHeldBack("market", 0.0, admitted=False) in crowd.observer.facts


@virtual
async def test_a_wait_behind_others_ends_at_its_deadline() -> None:
    crowd = crowd_of((0, 5.0, 0.0), tells=True)
    heavy = [Caller(DEPTH, params=HEAVY, wait_s=200.0) for _ in range(40)]
    *_, outcome = await crowd.run([*heavy, Caller(KLINES, start_s=0.1, wait_s=60.0)])
    assert outcome.error is not None
    assert outcome.ended_s == pytest.approx(60.1)


@virtual
async def test_who_is_cancelled_while_waiting_gives_its_place_and_its_weight_back() -> None:
    crowd = crowd_of((0, 5.0, 0.0), tells=True)
    crowd.governor.record_limited(RateLimitedError(-1003, "quiet", 429, 1.0))
    impatient = [Caller(DEPTH, params=HEAVY, cancel_after_s=after_s) for after_s in (0.0, 0.5, 0.999) for _ in range(8)]
    outcomes = await crowd.run([*impatient, Caller(DEPTH, params=HEAVY, wait_s=2.0)])
    assert outcomes[-1].admitted_s == pytest.approx(1.0, abs=0.01)
    assert crowd.governor.waiting == 0


@virtual
async def test_cancelled_in_the_moment_of_being_let_go_is_as_if_never_asked() -> None:
    crowd = crowd_of((0, 5.0, 0.0), tells=True)
    crowd.governor.record_limited(RateLimitedError(-1003, "quiet", 429, 1.0))
    task = asyncio.ensure_future(crowd.governor.admit(DEPTH, HEAVY, wait_s=5.0))
    await asyncio.sleep(0.5)
    crowd.governor._look_again()
    assert crowd.governor.used(WEIGHT) == 0
    asyncio.get_running_loop().call_later(0.5, lambda: (crowd.governor._look_again(), task.cancel()))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert crowd.governor.used(WEIGHT) == 0


# -- silence --------------------------------------------------------------------------------------------------------------------


@virtual
async def test_too_many_orders_silences_new_orders_and_lets_cancels_and_reads_pass() -> None:
    crowd = crowd_of((0, 5.0, 0.0), tells=True)
    crowd.governor.record_limited(RateLimitedError(-1015, "too many orders", 429, 30.0))
    outcomes = await crowd.run([Caller(NEW_ORDER, wait_s=5.0), Caller(CANCEL_ORDER), Caller(QUERY_ORDER), Caller(KLINES)])
    assert [outcome.admitted_s for outcome in outcomes] == [None, 0.0, 0.0, 0.0]
    assert outcomes[0].error is not None
    assert outcomes[0].error.retry_after_s == pytest.approx(30, abs=0.01)


class Memory:
    """A ban memory of a dict; `full` is a disk that takes nothing more."""

    def __init__(self, **until_ms: int) -> None:
        self.until_ms: dict[str, int] = {host.replace("_", "."): time_ms for host, time_ms in until_ms.items()}
        self.full = False

    def banned_until_ms(self, host: str) -> int | None:
        return self.until_ms.get(host)

    def remember(self, host: str, until_ms: int) -> bool:
        if not self.full:
            self.until_ms[host] = until_ms
        return not self.full


@virtual
async def test_a_ban_holds_in_the_next_process_until_it_is_over() -> None:
    memory = Memory()
    before = Crowd(CountingExchange(), memory=memory)
    before.governor.record_limited(RateLimitedError(-1003, "banned", 418, 600.0))
    assert memory.until_ms == {"exchange.test": START_MS + 600_000}
    await asyncio.sleep(100)
    after = Crowd(CountingExchange(), memory=memory)
    assert after.observer.of(SilenceAsked) == [
        SilenceAsked(500.0, START_MS + 600_000, is_ban=True, orders_only=False, remembered=True),
    ]
    for endpoint in (CANCEL_ORDER, NEW_ORDER, KLINES, SERVER_TIME):
        with pytest.raises(RateLimitedError) as caught:
            await after.governor.admit(endpoint, {}, wait_s=60.0)
        assert caught.value.retry_after_s == 500
    await asyncio.sleep(500)
    assert after.governor.try_admit(SERVER_TIME, {}) is not None


@pytest.mark.parametrize("until_ms", [START_MS, START_MS - 10**9])
@virtual
async def test_a_ban_that_is_over_is_none(until_ms: int) -> None:
    crowd = Crowd(CountingExchange(), memory=Memory(exchange_test=until_ms))
    assert crowd.governor.try_admit(SERVER_TIME, {}) is not None
    assert crowd.observer.of(SilenceAsked) == []


@virtual
async def test_a_remembered_time_further_off_than_any_ban_is_cut_to_the_longest() -> None:
    crowd = Crowd(CountingExchange(), memory=Memory(exchange_test=START_MS + 10**12))
    with pytest.raises(RateLimitedError) as caught:
        await crowd.governor.admit(SERVER_TIME, {}, wait_s=1.0)
    assert caught.value.retry_after_s == 3 * 86_400


@virtual
async def test_a_disk_that_takes_nothing_keeps_the_silence_of_this_process_all_the_same() -> None:
    memory = Memory()
    memory.full = True
    crowd = Crowd(CountingExchange(), memory=memory)
    crowd.governor.record_limited(RateLimitedError(-1003, "banned", 418, 600.0))
    assert crowd.governor.try_admit(SERVER_TIME, {}) is None
    assert crowd.observer.of(SilenceAsked)[-1].remembered is False


# -- the clock ------------------------------------------------------------------------------------------------------------------


@virtual
async def test_a_clock_that_is_called_into_doubt_forgets_nothing() -> None:
    crowd = crowd_of((0, 5.0, 0.0), tells=False)
    await crowd.run([Caller(DEPTH, params=HEAVY, wait_s=0.0) for _ in range(8)])
    crowd.server_clock.doubt()
    await asyncio.sleep(to_the_next_minute_s(crowd) + 1)
    assert crowd.governor.try_admit(DEPTH, HEAVY) is None  # by a clock that may be wrong this was another minute
    crowd.server_clock.adopt(sample(0, 5.0))
    assert crowd.governor.try_admit(DEPTH, HEAVY) is None  # what was counted may belong to the minute in which we learned the time
    await asyncio.sleep(to_the_next_minute_s(crowd) + 0.2)
    assert crowd.governor.try_admit(DEPTH, HEAVY) is not None


def test_in_scaled_time_windows_and_silences_pass_as_fast_as_the_market() -> None:
    clock, observer = HandClock(0), Recorder()
    silence = Silence("here", clock, ForgetfulBanMemory(), observer, market_speed=120.0)
    governor = WeightGovernor(clock, ServerClock(clock.now_ms), silence, observer, market_speed=120.0)
    governor.record_limited(RateLimitedError(-1003, "quiet", 429, 60.0))
    clock.time_ms = 499
    assert governor.try_admit(KLINES, {}) is None
    clock.time_ms = 500
    assert governor.try_admit(KLINES, {}) is not None


# -- cost -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "priority"), [(KLINES, Priority.MARKET), (NEW_ORDER, Priority.ORDER), (CANCEL_ORDER, Priority.CANCEL)]
)
def test_priorities_follow_from_what_a_request_does(endpoint: Any, priority: Priority) -> None:
    assert priority_of(endpoint) is priority
