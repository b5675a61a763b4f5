"""Life: one process of the daemon within the simulation: its steps are counted, it can be struck at any of them, and its power be cut.

A step is a moment at which the process touches the outside: a request leaves, an answer comes in, a transaction is about to be committed or
has just been. Nothing of a process outlives the cut of its power but what it had committed and the requests that had left.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from contextvars import ContextVar
from typing import Any

from simulating.plan import Blow

_MOST_ROUNDS = 200
"""A process that is cancelled ends within so many rounds, or there is a task in it that cannot be cancelled."""

_TURNS_A_ROUND = 20

ORDER_LEAVES = frozenset({"POST /api/v3/order leaves", "POST /api/v3/orderList/oco leaves", "order.place leaves"})
BEFORE_A_COMMIT, AFTER_A_COMMIT = "before a commit", "after a commit"

_HALTS = frozenset({Blow.HALT, Blow.HALT_AND_CUT})

CURRENT: ContextVar["Life | None"] = ContextVar("life", default=None)
"""The life that the running code belongs to; None is the world outside."""


class PowerCutError(BaseException):
    """Ends what runs when the power is cut; no code may catch it."""


class StepFailedError(Exception):
    """The step fails; whoever made it raises what such a failure is there."""


class Life:
    """`note` is called with each step; `request_stop` and `halt` are set once the daemon runs."""

    def __init__(self, number: int, blows: Mapping[int, Blow], note: Callable[[str], None], aim: int | None = None) -> None:
        self.number = number
        self.steps = 0
        self.is_dead = False
        self.ends_halted = False
        """Whether its power is cut when the halt that is due has been written."""
        self.died = asyncio.Event()
        self.request_stop: Callable[[str], None] | None = None
        self.halt: Callable[[], None] | None = None
        self.tasks: set[asyncio.Task[Any]] = set()
        self.struck: Counter[str] = Counter()
        self.blows = dict(blows)
        self._note = note
        self._main: asyncio.Task[Any] | None = None
        self._halt_is_due = False
        self._aim = aim
        self._aimed: list[Blow] = []
        self._since_order: int | None = None

    def start(self, main: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run `main` as the process."""
        token = CURRENT.set(self)
        try:
            self._main = asyncio.get_running_loop().create_task(main, name=f"life {self.number}")
        finally:
            CURRENT.reset(token)
        return self._main

    def step(self, what: str) -> None:
        """Count a step, and let strike what is due. Raises PowerCutError or StepFailedError."""
        if self.is_dead:
            raise PowerCutError
        self.steps += 1
        self._note(f"{self.number}.{self.steps} {what}")
        blow = self._due(what)
        if blow is not None:
            self.struck[blow.value] += 1
        if blow in _HALTS:
            self._halt_is_due = True
            self.ends_halted = self.ends_halted or blow is Blow.HALT_AND_CUT
        if self._halt_is_due and what == BEFORE_A_COMMIT and self.halt is not None:
            self._halt_is_due = False
            self.halt()
        match blow:
            case Blow.POWER_CUT:
                self.cut_power()
                raise PowerCutError
            case Blow.ERROR:
                raise StepFailedError(what)
            case Blow.STOP:
                self.stop("asked to stop")
            case Blow.CANCEL:
                self.stop("asked to stop")
                self.stop("asked to stop again")

    def _due(self, what: str) -> Blow | None:
        """What strikes now; with an aim it waits for an order."""
        blow = self.blows.pop(self.steps, None)
        if self._aim is None or blow in _HALTS:
            return blow
        if blow is not None:
            self._aimed.append(blow)
        if self._since_order is not None:
            self._since_order += 1
        if self._aimed and self._since_order is None and what in ORDER_LEAVES:
            self._since_order = 0
        if self._aimed and self._since_order == self._aim:
            self._since_order = None
            return self._aimed.pop(0)
        return None

    def spare(self) -> None:
        """Nothing strikes this life any more."""
        self.blows.clear()
        self._aimed.clear()

    def stop(self, reason: str) -> None:
        """As by a signal: the daemon is asked, and a process that has not come so far is interrupted."""
        if self.request_stop is not None:
            self.request_stop(reason)
        elif self._main is not None:
            self._main.cancel()

    def cut_power(self) -> None:
        """From now on the process can do nothing any more."""
        self._note(f"{self.number}.{self.steps} the power is cut")
        self.is_dead = True
        self.died.set()

    async def bury(self) -> None:
        """Return when every task of the dead process is gone. RuntimeError when one does not go."""
        for _ in range(_MOST_ROUNDS):
            left = sorted((task for task in self.tasks if not task.done()), key=hash)
            if not left:
                return
            for task in left:
                task.cancel()
            for _ in range(_TURNS_A_ROUND):
                await asyncio.sleep(0)
        raise RuntimeError(f"tasks of a dead process go on: {left}")


def watch_tasks() -> None:
    """From now on every task of the running loop is counted to the life that it belongs to."""
    loop = asyncio.get_running_loop()
    make = loop.get_task_factory()
    if make is None:
        raise RuntimeError("the simulation needs the tasks of a VirtualLoop")

    def counted(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> Any:
        task = make(loop, coro, **options)
        life = CURRENT.get()
        if life is not None:
            life.tasks.add(task)
            task.add_done_callback(life.tasks.discard)
            if life.is_dead:
                task.cancel()
        return task

    loop.set_task_factory(counted)


def outside(coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """A task of the world, which goes on when the process of the caller has ended."""
    token = CURRENT.set(None)
    try:
        return asyncio.get_running_loop().create_task(coro)
    finally:
        CURRENT.reset(token)
