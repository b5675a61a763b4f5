"""The pool's promises: bounds, first come first served, nothing lost to cancellation, and facts that agree with its counts."""

import asyncio
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder import Recorder

from binance_trade_agent.binance import http_pool
from binance_trade_agent.binance.http_pool import ConnectionPool, PoolBounds
from binance_trade_agent.binance.route import Origin
from binance_trade_agent.domain.errors import NotSentError, PoolTimeoutError
from binance_trade_agent.domain.facts import Fact, PoolAcquired, PoolChanged, PoolTimedOut

HERE = Origin("https", "here.invalid", 443)
THERE = Origin("https", "there.invalid", 443)


class Line:
    """A connection without a socket."""

    def __init__(self, origin: Origin = HERE) -> None:
        self.origin = origin
        self.alive = True

    def usable(self) -> bool:
        return self.alive

    def abort(self) -> None:
        self.alive = False


def make_pool(most: int = 2, keepalive: int = 2, expiry_s: float = 60.0, recorder: Recorder | None = None) -> ConnectionPool[Line]:
    return ConnectionPool(PoolBounds(most, keepalive, expiry_s), recorder)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def queued(pool: ConnectionPool[Line], origin: Origin = HERE, timeout_s: float = 60.0) -> "asyncio.Task[Line | None]":
    task = asyncio.create_task(pool.acquire(origin, timeout_s))
    await settle()
    return task


async def test_the_first_request_has_to_open_and_the_next_gets_the_same_connection():
    pool, line = make_pool(), Line()
    assert await pool.acquire(HERE, 1.0) is None
    pool.keep(line)
    assert (pool.in_use, pool.idle) == (0, 1)
    assert await pool.acquire(HERE, 1.0) is line
    assert (pool.in_use, pool.idle, pool.reused) == (1, 0, 1)
    pool.release()
    assert pool.in_use == 0
    pool.close()


async def test_the_freshest_idle_connection_is_taken_first():
    pool, old, fresh = make_pool(), Line(), Line()
    await pool.acquire(HERE, 1.0)
    await pool.acquire(HERE, 1.0)
    pool.keep(old)
    pool.keep(fresh)
    assert await pool.acquire(HERE, 1.0) is fresh
    pool.close()


async def test_a_connection_that_ended_while_idle_is_not_given_out():
    pool, dead = make_pool(), Line()
    await pool.acquire(HERE, 1.0)
    pool.keep(dead)
    dead.alive = False
    assert await pool.acquire(HERE, 1.0) is None
    assert (pool.in_use, pool.idle, pool.reused) == (1, 0, 0)


async def test_a_connection_that_ended_in_use_is_not_kept():
    pool, dead = make_pool(), Line()
    await pool.acquire(HERE, 1.0)
    dead.alive = False
    pool.keep(dead)
    assert (pool.in_use, pool.idle) == (0, 0)


async def test_those_who_wait_are_served_in_the_order_they_came_and_nobody_overtakes():
    pool = make_pool(most=1)
    await pool.acquire(HERE, 1.0)
    served: list[int] = []

    async def ask(number: int) -> None:
        await pool.acquire(HERE, 60.0)
        served.append(number)
        await asyncio.sleep(0)
        pool.release()

    tasks = []
    for number in range(20):
        tasks.append(asyncio.create_task(ask(number)))
        await asyncio.sleep(0)
    assert pool.waiting == 20
    pool.release()
    latecomer = asyncio.create_task(ask(99))  # the slot is promised already; a newcomer may not snatch it
    await asyncio.gather(*tasks, latecomer)
    assert served == [*range(20), 99]
    assert (pool.in_use, pool.waiting) == (0, 0)


async def test_a_waiting_request_gets_the_connection_itself_when_it_leads_to_its_origin():
    pool, line = make_pool(most=1), Line()
    await pool.acquire(HERE, 1.0)
    waiting = await queued(pool)
    pool.keep(line)
    assert await waiting is line
    assert (pool.in_use, pool.idle) == (1, 0)


async def test_a_waiting_request_for_another_origin_gets_the_slot_and_the_connection_is_closed():
    pool, line = make_pool(most=1), Line(HERE)
    await pool.acquire(HERE, 1.0)
    waiting = await queued(pool, THERE)
    pool.keep(line)
    assert await waiting is None
    assert not line.alive


async def test_an_idle_connection_elsewhere_makes_way_for_a_new_one():
    pool, line = make_pool(most=1), Line(HERE)
    await pool.acquire(HERE, 1.0)
    pool.keep(line)
    assert await pool.acquire(THERE, 1.0) is None
    assert not line.alive
    assert (pool.in_use, pool.idle) == (1, 0)


async def test_no_more_than_max_keepalive_are_kept_and_the_oldest_goes():
    pool, lines = make_pool(most=3, keepalive=2), [Line(), Line(), Line()]
    for _ in lines:
        await pool.acquire(HERE, 1.0)
    for line in lines:
        pool.keep(line)
    assert pool.idle == 2
    assert [line.alive for line in lines] == [False, True, True]
    pool.close()
    assert not any(line.alive for line in lines)


async def test_with_no_keepalive_nothing_is_kept():
    pool, line = make_pool(keepalive=0), Line()
    await pool.acquire(HERE, 1.0)
    pool.keep(line)
    assert (pool.idle, line.alive) == (0, False)


async def test_idle_connections_expire_without_any_traffic():
    empty = asyncio.Event()

    class Watcher(Recorder):
        def observe(self, fact: Fact) -> None:
            if isinstance(fact, PoolChanged) and fact.idle == fact.in_use == 0:
                empty.set()

    pool, first, second = make_pool(expiry_s=0.02, recorder=Watcher()), Line(), Line()
    await pool.acquire(HERE, 1.0)
    await pool.acquire(HERE, 1.0)
    pool.keep(first)
    await asyncio.sleep(0.01)
    pool.keep(second)
    async with asyncio.timeout(5):
        await empty.wait()
    assert not first.alive
    assert not second.alive


async def test_a_wait_ends_with_pool_timeout_and_leaves_the_queue():
    recorder = Recorder()
    pool = make_pool(most=1, recorder=recorder)
    await pool.acquire(HERE, 1.0)
    with pytest.raises(PoolTimeoutError):
        await pool.acquire(HERE, 0.01)
    assert (pool.in_use, pool.waiting) == (1, 0)
    assert len(recorder.of(PoolTimedOut)) == 1
    pool.release()
    assert await pool.acquire(HERE, 1.0) is None


async def test_the_queue_is_bounded(monkeypatch):
    monkeypatch.setattr(http_pool, "MAX_WAITING", 1)
    pool = make_pool(most=1)
    await pool.acquire(HERE, 1.0)
    waiting = await queued(pool)
    with pytest.raises(PoolTimeoutError):
        await pool.acquire(HERE, 60.0)
    pool.release()
    assert await waiting is None


async def test_a_slot_granted_to_a_request_that_is_cancelled_in_the_same_moment_goes_to_the_next():
    pool, line = make_pool(most=1), Line()
    await pool.acquire(HERE, 1.0)
    unlucky, next_one = await queued(pool), await queued(pool)
    pool.keep(line)  # granted to the first, which has not run yet
    unlucky.cancel()
    assert await next_one is line
    assert unlucky.cancelled()
    assert (pool.in_use, pool.waiting) == (1, 0)


async def test_a_cancelled_wait_is_skipped():
    pool = make_pool(most=1)
    await pool.acquire(HERE, 1.0)
    gone, stays = await queued(pool), await queued(pool)
    gone.cancel()
    pool.release()
    assert await stays is None
    pool.release()
    assert (pool.in_use, pool.waiting) == (0, 0)


async def test_a_closed_pool_refuses_those_who_wait_and_those_who_come():
    pool, idle = make_pool(most=1), Line()
    await pool.acquire(HERE, 1.0)
    pool.keep(idle)
    await pool.acquire(HERE, 1.0)
    waiting = await queued(pool)
    pool.close()
    with pytest.raises(NotSentError):
        await waiting
    with pytest.raises(NotSentError):
        await pool.acquire(HERE, 1.0)
    returned = Line()
    pool.keep(returned)
    assert not returned.alive
    assert (pool.in_use, pool.idle, pool.waiting) == (0, 0, 0)


async def test_facts_tell_waits_reuse_and_counts():
    recorder = Recorder()
    pool, line = make_pool(most=1, recorder=recorder), Line()
    await pool.acquire(HERE, 1.0)
    waiting = await queued(pool)
    pool.keep(line)
    await waiting
    pool.keep(line)
    pool.discard(line)
    acquired = recorder.of(PoolAcquired)
    assert [fact.reused for fact in acquired] == [False, True]
    assert acquired[0].wait_ms == 0.0
    assert [(fact.in_use, fact.idle, fact.waiting) for fact in recorder.of(PoolChanged)] == [
        (1, 0, 0),  # granted
        (1, 0, 1),  # the second waits
        (1, 0, 0),  # handed over
        (1, 0, 0),  # granted
        (0, 1, 0),  # laid aside
        (0, 0, 0),  # ended while idle
    ]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), most=st.integers(1, 4), keepalive=st.integers(0, 4))
def test_any_mix_of_cancellation_failure_and_reuse_keeps_the_bounds_and_loses_no_slot(seed, most, keepalive):
    asyncio.run(_storm(random.Random(seed), most, keepalive))


async def _storm(chance: random.Random, most: int, keepalive: int) -> None:
    recorder = Recorder()
    pool = make_pool(most, keepalive, recorder=recorder)
    out = itertools.count()
    in_hand: set[int] = set()

    async def use() -> None:
        line = await pool.acquire(chance.choice((HERE, THERE)), 60.0)
        mine = next(out)
        in_hand.add(mine)
        assert len(in_hand) <= most
        try:
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            if chance.random() < 0.3:
                raise ConnectionError
        except BaseException:
            in_hand.discard(mine)
            pool.release()
            raise
        in_hand.discard(mine)
        pool.keep(line or Line(chance.choice((HERE, THERE))))

    tasks = [asyncio.create_task(use()) for _ in range(30)]
    while not all(task.done() for task in tasks):
        chance.choice(tasks).cancel() if chance.random() < 0.3 else None
        await asyncio.sleep(0)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(result is None or isinstance(result, ConnectionError | asyncio.CancelledError) for result in results)
    for fact in recorder.of(PoolChanged):
        assert fact.in_use + fact.idle <= most
        assert fact.idle <= keepalive
    assert (pool.in_use, pool.waiting) == (0, 0)
    for _ in range(most):  # every slot can still be had at once
        await pool.acquire(HERE, 0.0)
    assert (pool.in_use, pool.idle) == (most, 0)
    pool.close()
