"""Passes happen at fixed market times, and a slow pass neither stacks nor shifts them."""

import asyncio
import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorder import Recorder

from binance_trade_agent.domain.candle_intervals import INTERVALS_MS, WEEK_MS, candle_open_ms
from binance_trade_agent.domain.facts import Fact, PassOverrun
from binance_trade_agent.domain.slots import SETTLE_DELAY_MS, Slots
from binance_trade_agent.service.schedule import Schedule
from binance_trade_agent.simulation.clocks import VirtualClock
from binance_trade_agent.simulation.virtual_loop import run_virtual

MINUTE_MS = 60_000
START_MS = 1_700_000_000_123
EPOCH_SCALE_MS = st.integers(0, 4_000_000_000_000)
SLOTS = st.builds(Slots.every, st.one_of(st.integers(1, 86_400_000), st.sampled_from(list(INTERVALS_MS.values()))))


@given(SLOTS, EPOCH_SCALE_MS)
def test_the_first_slot_from_a_time_is_the_nearest_one_not_before_it(slots: Slots, time_ms: int) -> None:
    slot = slots.first_from(time_ms)
    assert slots.time_of(slot) >= time_ms > slots.time_of(slot - 1)


@given(SLOTS, st.integers(0, 10_000_000))
def test_slots_lie_just_after_a_candle_of_the_interval_has_opened(slots: Slots, slot: int) -> None:
    due_ms = slots.time_of(slot)
    assert due_ms - candle_open_ms(due_ms, slots.interval_ms) == slots.settle_delay_ms <= min(SETTLE_DELAY_MS, slots.interval_ms / 10)


def test_weekly_passes_come_on_mondays() -> None:
    """As the weekly candles of the exchange do; the epoch, from which all other intervals count, was a Thursday."""

    async def main() -> list[datetime]:
        clock, taken = VirtualClock(START_MS), list[datetime]()

        async def take(slot_ms: int) -> None:
            assert clock.now_ms() == slot_ms
            taken.append(datetime.fromtimestamp(slot_ms / 1000, UTC))

        await Schedule(clock, Recorder(), Slots.every(WEEK_MS), take, stop_at_ms=START_MS + 2 * WEEK_MS).run()
        return taken

    assert run_virtual(main()) == [datetime(2023, 11, day, 0, 0, 1, tzinfo=UTC) for day in (20, 27)]


def test_an_interval_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 ms"):
        Slots.every(0)


def taken_with(durations_s: list[float], stop_at_ms: int | None = None) -> tuple[list[int], list[Fact], int]:
    """Slot times taken by passes of these durations, counted from the first boundary, and what was observed."""

    async def main() -> tuple[list[int], list[Fact], int]:
        clock, recorder, taken = VirtualClock(START_MS), Recorder(), []
        work = iter(durations_s)

        async def take(slot_ms: int) -> None:
            assert clock.now_ms() == slot_ms
            taken.append(slot_ms)
            await asyncio.sleep(next(work))
            if len(taken) == len(durations_s):
                schedule.stop()

        schedule = Schedule(clock, recorder, Slots.every(MINUTE_MS), take, stop_at_ms)
        await schedule.run()
        return taken, recorder.facts, schedule.missed

    return run_virtual(main())


def test_quick_passes_take_every_slot() -> None:
    taken, facts, missed = taken_with([0.5, 0.0, 58.9])
    assert [b - a for a, b in itertools.pairwise(taken)] == [MINUTE_MS, MINUTE_MS]
    assert taken[0] % MINUTE_MS == SETTLE_DELAY_MS
    assert facts == []
    assert missed == 0


def test_a_slow_pass_is_counted_and_the_next_slot_ahead_is_taken() -> None:
    taken, facts, missed = taken_with([150.0, 61.0, 0.0])
    assert [b - a for a, b in itertools.pairwise(taken)] == [3 * MINUTE_MS, 2 * MINUTE_MS]
    assert facts == [PassOverrun(2), PassOverrun(1)]
    assert missed == 3


def test_a_pass_that_ends_as_the_next_slot_falls_due_misses_nothing() -> None:
    taken, facts, _ = taken_with([60.0, 0.0])
    assert taken[1] - taken[0] == MINUTE_MS
    assert facts == []


@given(st.lists(st.integers(0, 400).map(float), min_size=1, max_size=8))
def test_every_slot_is_either_taken_or_counted_as_missed(durations_s: list[float]) -> None:
    taken, facts, missed = taken_with([*durations_s, 0.0])
    assert (taken[-1] - taken[0]) // MINUTE_MS == len(taken) - 1 + missed
    assert missed == sum(fact.missed for fact in facts if isinstance(fact, PassOverrun))


def test_the_recorded_market_ends_the_schedule_with_its_last_slot() -> None:
    last_ms = Slots.every(MINUTE_MS).time_of(START_MS // MINUTE_MS + 3)
    taken, _, _ = taken_with([0.0] * 50, stop_at_ms=last_ms)
    assert len(taken) == 3
    assert taken[-1] == last_ms
    taken, _, _ = taken_with([0.0] * 50, stop_at_ms=last_ms - 1)
    assert len(taken) == 2


def test_stop_ends_a_waiting_schedule_at_once_and_cancelling_it_is_not_swallowed() -> None:
    async def main() -> tuple[int, bool]:
        clock = VirtualClock(START_MS)

        async def take(slot_ms: int) -> None:
            raise AssertionError(f"slot {slot_ms} was taken")

        stopped = Schedule(clock, Recorder(), Slots.every(MINUTE_MS), take)
        asyncio.get_running_loop().call_later(1, stopped.stop)
        await stopped.run()
        waited_ms = clock.now_ms() - START_MS
        cancelled = asyncio.ensure_future(Schedule(clock, Recorder(), Slots.every(MINUTE_MS), take).run())
        await asyncio.sleep(1)
        cancelled.cancel()
        await asyncio.wait([cancelled])
        return waited_ms, cancelled.cancelled()

    assert run_virtual(main()) == (1000, True)


def test_what_a_pass_raises_ends_the_schedule() -> None:
    async def main() -> None:
        async def take(slot_ms: int) -> None:
            raise LookupError("broken")

        await Schedule(VirtualClock(START_MS), Recorder(), Slots.every(MINUTE_MS), take).run()

    with pytest.raises(LookupError, match="broken"):
        run_virtual(main())
