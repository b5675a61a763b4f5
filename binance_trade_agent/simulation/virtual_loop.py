"""VirtualLoop: an asyncio event loop whose time jumps to the next timer, so that hours of waiting pass in milliseconds.

Everything that waits by the loop (sleeps, timeouts, call_later) waits in virtual time, which starts at 0 and moves only when nothing
is ready to run. Real sockets, pipes and signals are looked at on every turn, so a health page answers during a replay; but nobody waits
for a peer: a timeout on a real connection passes at once. While a thread of an executor works, time stands still until it is done.

Runs repeat exactly: timers fire in order of their time, and tasks are hashed by a counter, because TaskGroup and friends cancel in
the order of a set, which would otherwise follow memory addresses.
"""

import asyncio
import math
import selectors
import time
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Executor
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

RESOLUTION_S = 1e-6
"""A timer is due when it is less than this ahead.

asyncio takes the real clock's nanosecond, which vanishes in the rounding of a float after some weeks of seconds: a timer exactly at the
present would never be due, and the loop would spin. A microsecond lasts for a century.
"""


class _JumpingSelector(selectors.DefaultSelector):
    """A selector that spends a timeout by adding it to the virtual time, after really waiting for its `speed`-th part."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed
        self.now_s = 0.0
        self.holds = 0  # reasons for time to stand still

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; when nothing is, time moves on by `timeout`, or with no timer set the real world is waited for."""
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None or self.holds:
            return super().select(None)
        if math.isfinite(self._speed):
            return self._paced(timeout)
        self.now_s += timeout
        return ready

    def _paced(self, timeout: float) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for the real world as long as `timeout` takes at this speed; what comes earlier moves time only so far."""
        began_s = time.monotonic()
        ready = super().select(timeout / self._speed)
        self.now_s += min(timeout, (time.monotonic() - began_s) * self._speed) if ready else timeout
        return ready


class _CountedTask(asyncio.Task[T]):
    """A task whose hash is its number, the same in every process."""

    def __init__(self, number: int, coro: Generator[Any, None, T] | Coroutine[Any, Any, T], **options: Any) -> None:
        # Registering the task, inside the base class, needs the hash already.
        self._number = number
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self._number


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time; see the module. `speed` paces it: so many virtual seconds pass in a real one, at most."""

    def __init__(self, speed: float = math.inf) -> None:
        self._jumping = _JumpingSelector(speed)
        self._tasks_made = 0
        super().__init__(self._jumping)
        if not speed > 0:
            self.close()  # a loop that is dropped open, or half made, complains when it is collected
            raise ValueError(f"speed must be above 0, not {speed!r}")
        self._clock_resolution = RESOLUTION_S  # the base class reads it; there is no public way
        self.set_task_factory(self._make_task)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.now_s

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, coro: Generator[Any, None, T] | Coroutine[Any, Any, T], **options: Any
    ) -> asyncio.Task[T]:
        self._tasks_made += 1
        return _CountedTask(self._tasks_made, coro, loop=loop, **options)

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """As always, but virtual time stands still until the job is done: a working thread is invisible to the selector."""
        future = super().run_in_executor(executor, func, *args)
        self._jumping.holds += 1
        future.add_done_callback(self._release)
        return future

    def _release(self, _: object) -> None:
        self._jumping.holds -= 1

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncio's own signature since 3.12
        """Wait for the executor's threads for real; a `timeout` in virtual time would pass at once, so there is none."""
        self._jumping.holds += 1
        try:
            await super().shutdown_default_executor()
        finally:
            self._jumping.holds -= 1


def run_virtual(main: Coroutine[Any, Any, T], *, speed: float = math.inf) -> T:
    """Run `main` on a new VirtualLoop, as asyncio.run does on a real one; the first SIGINT cancels it."""
    with asyncio.Runner(loop_factory=partial(VirtualLoop, speed)) as runner:
        return runner.run(main)
