"""How a cost is measured: CPU time of this process, rounds in which all take turns, and the median over the rounds."""

import asyncio
import gc
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

Call = Callable[[], Awaitable[object]]

_FEWEST_CALLS = 20
_MOST_CALLS = 20_000


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured: `rounds` turns, each burning about `turn_s` of CPU time."""

    rounds: int = 7
    turn_s: float = 0.2


async def cost_us(calls: Mapping[str, Call], in_flight: int, plan: Plan) -> dict[str, float]:
    """Median CPU time a call in microseconds, `in_flight` of them at once, by name."""
    counts = {}
    for name, call in calls.items():
        await _burst(call, max(in_flight, _FEWEST_CALLS), in_flight)
        first_us = await _turn_us(call, max(in_flight, _FEWEST_CALLS), in_flight)
        wanted = max(in_flight, _FEWEST_CALLS, int(plan.turn_s * 1e6 / first_us))
        counts[name] = min(wanted, _MOST_CALLS)
    with frozen_heap():
        rounds = [{name: await _turn_us(call, counts[name], in_flight) for name, call in calls.items()} for _ in range(plan.rounds)]
    return medians(rounds)


def sync_cost_us(functions: Mapping[str, Callable[[], object]], plan: Plan) -> dict[str, float]:
    """Median CPU time a call of plain functions in microseconds, by name."""

    def turn_us(function: Callable[[], object], count: int) -> float:
        started = time.process_time()
        for _ in range(count):
            function()
        return (time.process_time() - started) / count * 1e6

    counts = {}
    for name, function in functions.items():
        function()
        counts[name] = max(3, min(_MOST_CALLS, int(plan.turn_s * 1e6 / max(turn_us(function, 3), 0.1))))
    with frozen_heap():
        rounds = [{name: turn_us(function, counts[name]) for name, function in functions.items()} for _ in range(plan.rounds)]
    return medians(rounds)


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    """The median over the rounds, by name."""
    return {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}


async def _turn_us(call: Call, count: int, in_flight: int) -> float:
    gc.collect()
    started = time.process_time()
    await _burst(call, count, in_flight)
    return (time.process_time() - started) / count * 1e6


async def _burst(call: Call, count: int, in_flight: int) -> None:
    turns = iter(range(count))

    async def worker() -> None:
        for _ in turns:
            await call()

    await asyncio.gather(*(worker() for _ in range(in_flight)))


@contextmanager
def frozen_heap() -> Iterator[None]:
    """What is there already (all imported libraries) burdens nobody's garbage collection."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def on_core(number: int) -> Iterator[None]:
    """Run what is started within on one of the cores that we may use: 0 is for clients, 1 for servers. Nothing where there is one core."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(before)[number % len(before)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
