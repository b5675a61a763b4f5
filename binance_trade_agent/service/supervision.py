"""Supervisor: the daemon's parts as tasks, and word of the first one that ends.

A plain list in order of starting, not a TaskGroup: that cancels in the order of a set, which differs from run to run.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ended:
    """A component that is no longer running. `error` is None when it returned or was cancelled."""

    name: str
    error: BaseException | None


class Supervisor:
    """Starts components and tells when one ends; `ended` is the first that did."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._news = asyncio.Event()
        self.ended: Ended | None = None

    def start(self, name: str, work: Coroutine[object, object, None]) -> "asyncio.Task[None]":
        """Run `work` as the component `name`."""
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work, name=name)
        task.add_done_callback(self._note)
        self._tasks.append(task)
        return task

    def interrupt(self) -> None:
        """Have `until_news` return although nothing has ended."""
        self._news.set()

    async def until_news(self) -> None:
        """Return when any component has ended, or somebody interrupts."""
        await self._news.wait()

    async def close(self, timeout_s: float) -> tuple[str, ...]:
        """Cancel what still runs, the newest first, and wait for it; returns the names that would not end in time."""
        running = [task for task in reversed(self._tasks) if not task.done()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=timeout_s)
        return tuple(task.get_name() for task in running if not task.done())

    def _note(self, task: "asyncio.Task[None]") -> None:
        # Asking for the exception also keeps the loop from complaining about one that nobody fetched.
        error = None if task.cancelled() else task.exception()
        if self.ended is None:
            self.ended = Ended(task.get_name(), error)
        self._news.set()
