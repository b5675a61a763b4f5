"""The pool's promises: bounds, first come first served, nothing lost to cancellation, and facts that agree with its counts."""

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder import Recorder

from binance_trade_agent.binance.http import pool as http_pool
from binance_trade_agent.binance.http.pool import ConnectionPool, PoolBounds
from binance_trade_agent.binance.route import Origin
from binance_trade_agent.domain.errors import NotSentError, PoolTimeoutError
from binance_trade_agent.domain.facts import PoolAcquired, PoolChanged, PoolTimedOut
from binance_trade_agent.domain.lane import Lane
from binance_trade_agent.simulation.virtual_loop import run_virtual

HERE = Origin("https", "here.invalid", 443)
THERE = Origin("https", "there.invalid", 443)
ANY, ORDERS, MARKET = Lane.MARKET_DATA, Lane.ORDERS, Lane.MARKET_DATA


class Line:
    """A connection without a socket."""

    def __init__(self, origin: Origin = HERE) -> None:
        self.origin = origin
        self.alive = True

    def usable(self) -> bool:
        return self.alive

    def is_silent(self) -> bool:
        return self.alive

    def abort(self) -> None:
        self.alive = False


def make_pool(
    most: int = 2, keepalive: int = 2, expiry_s: float = 60.0, recorder: Recorder | None = None, reserved: int = 0
) -> ConnectionPool[Line]:
    return ConnectionPool(PoolBounds(most, keepalive, expiry_s, reserved), recorder)


async def acquire(pool: ConnectionPool[Line], lane: Lane, origin: Origin, timeout_s: float) -> Line | None:
    return pool.take(lane, origin) if pool.has_room(lane) else await pool.wait(lane, origin, timeout_s)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def queued(pool: ConnectionPool[Line], origin: Origin = HERE, lane: Lane = ANY) -> "asyncio.Task[Line | None]":
    task = asyncio.create_task(acquire(pool, lane, origin, 60.0))
    await settle()
    return task


async def test_the_first_request_has_to_open_and_the_next_gets_the_same_connection():
    pool, line = make_pool(), Line()
    assert await acquire(pool, ANY, HERE, 1.0) is None
    pool.keep(ANY, line)
    assert (pool.in_use, pool.idle) == (0, 1)
    assert await acquire(pool, ANY, HERE, 1.0) is line
    assert (pool.in_use, pool.idle, pool.reused) == (1, 0, 1)
    pool.release(ANY)
    assert pool.in_use == 0
    pool.close()


async def test_the_freshest_idle_connection_is_taken_first():
    pool, old, fresh = make_pool(), Line(), Line()
    await acquire(pool, ANY, HERE, 1.0)
    await acquire(pool, ANY, HERE, 1.0)
    pool.keep(ANY, old)
    pool.keep(ANY, fresh)
    assert await acquire(pool, ANY, HERE, 1.0) is fresh
    pool.close()


async def test_a_connection_that_ended_while_idle_is_not_given_out():
    pool, dead = make_pool(), Line()
    await acquire(pool, ANY, HERE, 1.0)
    pool.keep(ANY, dead)
    dead.alive = False
    assert await acquire(pool, ANY, HERE, 1.0) is None
    assert (pool.in_use, pool.idle, pool.reused) == (1, 0, 0)


async def test_a_connection_that_ended_in_use_is_not_kept():
    pool, dead = make_pool(), Line()
    await acquire(pool, ANY, HERE, 1.0)
    dead.alive = False
    pool.keep(ANY, dead)
    assert (pool.in_use, pool.idle) == (0, 0)


async def test_those_who_wait_are_served_in_the_order_they_came_and_nobody_overtakes():
    pool = make_pool(most=1)
    await acquire(pool, ANY, HERE, 1.0)
    served: list[int] = []

    async def ask(number: int) -> None:
        await acquire(pool, ANY, HERE, 60.0)
        served.append(number)
        await asyncio.sleep(0)
        pool.release(ANY)

    tasks = []
    for number in range(20):
        tasks.append(asyncio.create_task(ask(number)))
        await asyncio.sleep(0)
    assert pool.waiting == 20
    pool.release(ANY)
    latecomer = asyncio.create_task(ask(99))  # the slot is promised already; a newcomer may not snatch it
    await asyncio.gather(*tasks, latecomer)
    assert served == [*range(20), 99]
    assert (pool.in_use, pool.waiting) == (0, 0)


async def test_a_waiting_request_gets_the_connection_itself_when_it_leads_to_its_origin():
    pool, line = make_pool(most=1), Line()
    await acquire(pool, ANY, HERE, 1.0)
    waiting = await queued(pool)
    pool.keep(ANY, line)
    assert await waiting is line
    assert (pool.in_use, pool.idle) == (1, 0)


async def test_a_waiting_request_for_another_origin_gets_the_slot_and_the_connection_is_closed():
    pool, line = make_pool(most=1), Line(HERE)
    await acquire(pool, ANY, HERE, 1.0)
    waiting = await queued(pool, THERE)
    pool.keep(ANY, line)
    assert await waiting is None
    assert not line.alive


async def test_an_idle_connection_elsewhere_makes_way_for_a_new_one():
    pool, line = make_pool(most=1), Line(HERE)
    await acquire(pool, ANY, HERE, 1.0)
    pool.keep(ANY, line)
    assert await acquire(pool, ANY, THERE, 1.0) is None
    assert not line.alive
    assert (pool.in_use, pool.idle) == (1, 0)


async def test_no_more_than_max_keepalive_are_kept_and_the_oldest_goes():
    pool, lines = make_pool(most=3, keepalive=2), [Line(), Line(), Line()]
    for _ in lines:
        await acquire(pool, ANY, HERE, 1.0)
    for line in lines:
        pool.keep(ANY, line)
    assert pool.idle == 2
    assert [line.alive for line in lines] == [False, True, True]
    pool.close()
    assert not any(line.alive for line in lines)


async def test_with_no_keepalive_nothing_is_kept():
    pool, line = make_pool(keepalive=0), Line()
    await acquire(pool, ANY, HERE, 1.0)
    pool.keep(ANY, line)
    assert (pool.idle, line.alive) == (0, False)


async def test_idle_connections_expire_without_any_traffic():
    pool, first, second = make_pool(expiry_s=0.02), Line(), Line()
    await acquire(pool, ANY, HERE, 1.0)
    await acquire(pool, ANY, HERE, 1.0)
    pool.keep(ANY, first)
    await asyncio.sleep(0.01)
    pool.keep(ANY, second)
    async with asyncio.timeout(5):
        while pool.idle:  # noqa: ASYNC110  # until both have expired
            await asyncio.sleep(0.005)
    assert not first.alive
    assert not second.alive


async def test_a_wait_ends_with_pool_timeout_and_leaves_the_queue():
    recorder = Recorder()
    pool = make_pool(most=1, recorder=recorder)
    await acquire(pool, ANY, HERE, 1.0)
    with pytest.raises(PoolTimeoutError):
        await acquire(pool, ANY, HERE, 0.01)
    assert (pool.in_use, pool.waiting) == (1, 0)
    assert len(recorder.of(PoolTimedOut)) == 1
    pool.release(ANY)
    assert await acquire(pool, ANY, HERE, 1.0) is None


def test_each_wait_ends_in_its_own_time_whatever_the_others_wait_for():
    async def scenario() -> list[float]:
        loop = asyncio.get_running_loop()
        pool = make_pool(most=1)
        await acquire(pool, MARKET, HERE, 1.0)

        async def waited(lane: Lane, timeout_s: float) -> float:
            with pytest.raises(PoolTimeoutError):
                await pool.wait(lane, HERE, timeout_s)
            return loop.time()

        ends = [waited(MARKET, 30.0), waited(MARKET, 10.0), waited(ORDERS, 20.0), waited(ORDERS, 5.0), waited(MARKET, 30.0)]
        return await asyncio.gather(*ends)

    assert run_virtual(scenario()) == [30.0, 10.0, 20.0, 5.0, 30.0]


async def test_the_queue_is_bounded(monkeypatch):
    monkeypatch.setattr(http_pool, "MAX_WAITING", 1)
    pool = make_pool(most=1)
    await acquire(pool, ANY, HERE, 1.0)
    waiting = await queued(pool)
    with pytest.raises(PoolTimeoutError):
        await acquire(pool, ANY, HERE, 60.0)
    pool.release(ANY)
    assert await waiting is None


async def test_a_slot_granted_to_a_request_that_is_cancelled_in_the_same_moment_goes_to_the_next():
    pool, line = make_pool(most=1), Line()
    await acquire(pool, ANY, HERE, 1.0)
    unlucky, next_one = await queued(pool), await queued(pool)
    pool.keep(ANY, line)  # granted to the first, which has not run yet
    unlucky.cancel()
    assert await next_one is line
    assert unlucky.cancelled()
    assert (pool.in_use, pool.waiting) == (1, 0)


async def test_a_cancelled_wait_is_skipped():
    pool = make_pool(most=1)
    await acquire(pool, ANY, HERE, 1.0)
    gone, stays = await queued(pool), await queued(pool)
    gone.cancel()
    pool.release(ANY)
    assert await stays is None
    pool.release(ANY)
    assert (pool.in_use, pool.waiting) == (0, 0)


async def test_a_closed_pool_refuses_those_who_wait_and_those_who_come():
    pool, idle = make_pool(most=1), Line()
    await acquire(pool, ANY, HERE, 1.0)
    pool.keep(ANY, idle)
    await acquire(pool, ANY, HERE, 1.0)
    waiting = await queued(pool)
    pool.close()
    with pytest.raises(NotSentError):
        await waiting
    with pytest.raises(NotSentError):
        await acquire(pool, ANY, HERE, 1.0)
    returned = Line()
    pool.keep(ANY, returned)
    assert not returned.alive
    assert (pool.in_use, pool.idle, pool.waiting) == (0, 0, 0)


async def test_facts_tell_waits_and_reuse_at_once():
    recorder = Recorder()
    pool, line = make_pool(most=2, recorder=recorder, reserved=1), Line()
    await acquire(pool, MARKET, HERE, 1.0)
    waiting = await queued(pool)
    assert recorder.of(PoolAcquired) == [PoolAcquired(MARKET, 0.0, False)]
    pool.keep(MARKET, line)
    await waiting
    assert [(fact.lane, fact.reused) for fact in recorder.of(PoolAcquired)] == [(MARKET, False), (MARKET, True)]
    assert recorder.of(PoolChanged) == []
    pool.close()


async def test_counts_are_reported_by_themselves_some_moments_after_they_changed(monkeypatch):
    monkeypatch.setattr(http_pool, "REPORT_INTERVAL_S", 0.01)
    recorder = Recorder()
    pool, line = make_pool(most=2, recorder=recorder, reserved=1), Line()

    async def until(*expected: PoolChanged) -> None:
        async with asyncio.timeout(5):
            while recorder.of(PoolChanged)[-2:] != list(expected):  # noqa: ASYNC110  # until the timer has fired
                await asyncio.sleep(0.005)

    await acquire(pool, MARKET, HERE, 1.0)
    waiting = await queued(pool)
    await until(PoolChanged(ORDERS, 2, 0, 0, 0), PoolChanged(MARKET, 1, 1, 1, 0))
    pool.keep(MARKET, line)
    await waiting
    pool.keep(MARKET, line)
    await until(PoolChanged(ORDERS, 2, 0, 0, 1), PoolChanged(MARKET, 1, 0, 0, 1))
    pool.discard(line)
    pool.close()
    assert [fact.idle for fact in recorder.of(PoolChanged)[-2:]] == [0, 0]


async def test_market_data_leaves_the_reserved_slots_to_orders():
    pool = make_pool(most=3, reserved=1)
    for _ in range(2):
        await acquire(pool, MARKET, HERE, 1.0)
    blocked = await queued(pool, lane=MARKET)
    assert (pool.in_use, pool.waiting) == (2, 1)
    assert await acquire(pool, ORDERS, HERE, 0.0) is None
    pool.release(ORDERS)
    await settle()
    assert not blocked.done()  # what an order gives back does not become one of market data's
    pool.release(MARKET)
    assert await blocked is None
    assert (pool.in_use, pool.waiting) == (2, 0)


async def test_orders_take_what_market_data_does_not_use_and_give_it_back():
    pool = make_pool(most=3, reserved=1)
    for _ in range(3):
        await acquire(pool, ORDERS, HERE, 1.0)
    blocked = await queued(pool, lane=MARKET)
    pool.release(ORDERS)
    assert await blocked is None
    assert pool.in_use == 3


async def test_orders_that_wait_come_before_market_data_that_waits_longer():
    pool = make_pool(most=1)
    await acquire(pool, MARKET, HERE, 1.0)
    data, first, second = await queued(pool, lane=MARKET), await queued(pool, lane=ORDERS), await queued(pool, lane=ORDERS)
    for served in (first, second, data):
        pool.release(MARKET if served is first else ORDERS)
        await settle()
        assert served.done()
    pool.release(MARKET)
    assert (pool.in_use, pool.waiting) == (0, 0)


async def test_a_slot_promised_to_an_order_that_is_cancelled_goes_on_to_market_data():
    pool, line = make_pool(most=1), Line()
    await acquire(pool, MARKET, HERE, 1.0)
    order, data = await queued(pool, lane=ORDERS), await queued(pool, lane=MARKET)
    pool.keep(MARKET, line)
    order.cancel()
    assert await data is line
    assert (pool.in_use, pool.waiting) == (1, 0)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), most=st.integers(2, 5), keepalive=st.integers(0, 4), reserved=st.integers(0, 1))
def test_any_mix_of_cancellation_failure_and_reuse_keeps_the_bounds_and_loses_no_slot(seed, most, keepalive, reserved):
    asyncio.run(_storm(random.Random(seed), most, keepalive, reserved))


async def _storm(chance: random.Random, most: int, keepalive: int, reserved: int) -> None:
    pool = make_pool(most, keepalive, reserved=reserved)
    in_hand = {ORDERS: 0, MARKET: 0}

    def check() -> None:
        assert sum(in_hand.values()) <= pool.in_use <= most
        assert pool.in_use + pool.idle <= most
        assert pool.idle <= keepalive
        assert in_hand[MARKET] <= most - reserved

    async def use() -> None:
        lane = chance.choice((ORDERS, MARKET))
        line = await acquire(pool, lane, chance.choice((HERE, THERE)), 60.0)
        in_hand[lane] += 1
        check()
        try:
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            if chance.random() < 0.3:
                raise ConnectionError
        except BaseException:
            in_hand[lane] -= 1
            pool.release(lane)
            raise
        in_hand[lane] -= 1
        pool.keep(lane, line or Line(chance.choice((HERE, THERE))))

    tasks = [asyncio.create_task(use()) for _ in range(30)]
    while not all(task.done() for task in tasks):
        chance.choice(tasks).cancel() if chance.random() < 0.3 else None
        await asyncio.sleep(0)
        check()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(result is None or isinstance(result, ConnectionError | asyncio.CancelledError) for result in results)
    assert (pool.in_use, pool.waiting) == (0, 0)
    for number in range(most):  # every slot can still be had at once
        await acquire(pool, MARKET if number < most - reserved else ORDERS, HERE, 0.0)
    assert (pool.in_use, pool.idle) == (most, 0)
    pool.close()
