"""Clocks: each tells its kind of time, and none returns from a sleep too early."""

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.simulation.clocks import ScaledClock, VirtualClock, WallClock
from binance_trade_agent.simulation.virtual_loop import run_virtual

START_MS = 1_764_000_000_000


@pytest.mark.parametrize("make", [WallClock, lambda: ScaledClock(50.0, START_MS), lambda: ScaledClock(0.5, START_MS)])
async def test_a_sleep_ends_when_its_time_has_come_and_not_before(make) -> None:
    clock: Clock = make()
    for ahead_ms in (0, 1, 7, 20):
        target_ms = clock.now_ms() + ahead_ms
        await clock.sleep_until(target_ms)
        assert clock.now_ms() >= target_ms


@pytest.mark.parametrize("make", [WallClock, lambda: ScaledClock(2.0, START_MS)])
async def test_a_sleep_until_the_past_lets_others_run_and_returns(make) -> None:
    clock: Clock = make()
    others: list[int] = []
    asyncio.get_running_loop().call_soon(others.append, 1)
    await clock.sleep_until(clock.now_ms() - 10_000_000)
    assert others == [1]


def test_wall_time_is_the_systems() -> None:
    before = time.time_ns() // 1_000_000
    now = WallClock().now_ms()
    assert before <= now <= time.time_ns() // 1_000_000


async def test_scaled_time_is_real_time_multiplied_and_its_monotonic_time_is_not() -> None:
    clock = ScaledClock(1000.0, START_MS)
    real_before, market_before = clock.monotonic_ms(), clock.now_ms()
    await asyncio.sleep(0.02)
    market_after, real_after = clock.now_ms(), clock.monotonic_ms()
    assert market_before >= START_MS
    assert market_after - market_before >= 19_000
    assert market_after - market_before <= (real_after - real_before) * 1000 + 1


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf")])
def test_a_speed_must_move_time_forward(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        ScaledClock(speed, START_MS)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(min_value=0, max_value=40_000_000_000), max_size=20), st.floats(min_value=0, max_value=0.01))
def test_virtual_sleeps_end_on_the_very_millisecond_far_out_as_well(steps_ms: list[int], odd_delay: float) -> None:
    async def main() -> None:
        clock = VirtualClock(START_MS)
        assert clock.now_ms() == START_MS
        target_ms = START_MS
        for step_ms in steps_ms:
            target_ms += step_ms
            await clock.sleep_until(target_ms)
            assert clock.now_ms() == target_ms
        await asyncio.sleep(odd_delay)
        target_ms = clock.now_ms() + 1
        await clock.sleep_until(target_ms)
        assert clock.now_ms() == target_ms

    run_virtual(main())


def test_virtual_sleepers_wake_in_the_order_of_their_times() -> None:
    async def main() -> tuple[list[int], float]:
        clock = VirtualClock(START_MS)
        woken: list[int] = []

        async def sleeper(after_ms: int) -> None:
            await clock.sleep_until(START_MS + after_ms)
            woken.append(clock.now_ms() - START_MS)

        async with asyncio.TaskGroup() as group:
            for after_ms in (86_400_000, 3, 60_000, 1, 2, 59_999):
                group.create_task(sleeper(after_ms))
        return woken, clock.monotonic_ms()

    assert run_virtual(main()) == ([1, 2, 3, 59_999, 60_000, 86_400_000], 86_400_000.0)
