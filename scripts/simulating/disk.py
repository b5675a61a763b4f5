"""The disk under the book: each transaction is a step before its commit and one after, at which the process can be struck."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import TypeVar

from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.storage.database import SqlDatabase, open_database
from simulating.life import AFTER_A_COMMIT, BEFORE_A_COMMIT, Life, PowerCutError, StepFailedError

T = TypeVar("T")


STALL_S = 7.0
"""Longer than a decision may wait for its order to be sent."""


class Disk:
    """How long commits take: `typical_ms`, and with `stall_chance` STALL_S."""

    def __init__(self, seed: int, typical_ms: float, stall_chance: float) -> None:
        self._random = Random(f"{seed}:disk")  # noqa: S311 - it has to repeat, not to be secret
        self._typical_s = typical_ms / 1_000
        self.stall_chance = stall_chance

    async def wait(self) -> None:
        """Let a commit take its time."""
        is_stalled = self.stall_chance > 0 and self._random.random() < self.stall_chance
        delay_s = STALL_S if is_stalled else self._typical_s
        if delay_s > 0:
            await asyncio.sleep(delay_s)


class BreakableDatabase:
    """The book's database as this life sees it; one transaction is committed after the other."""

    def __init__(self, life: Life, disk: Disk, real: SqlDatabase) -> None:
        self._life = life
        self._disk = disk
        self._real = real
        self._turn = asyncio.Lock()
        self._is_closing = False

    async def write(self, work: Callable[[sqlite3.Connection], T], *, durable: bool) -> T:
        """See SqlDatabase.write. Struck before the commit it leaves nothing; struck after, what it wrote stays."""
        if self._is_closing:
            raise BookError("the book is being closed")
        async with self._turn:
            self._step(BEFORE_A_COMMIT)
            await self._disk.wait()
            if self._life.is_dead:
                raise PowerCutError
            result = await self._real.write(work, durable=durable)
            self._step(AFTER_A_COMMIT)
        return result

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """See SqlDatabase.read."""
        if self._life.is_dead:
            raise PowerCutError
        return await self._real.read(work)

    async def finish(self) -> None:
        """Return when the writes that were taken on are committed; no other is from now on."""
        self._is_closing = True
        if not self._life.is_dead:
            async with self._turn:
                return

    def _step(self, what: str) -> None:
        try:
            self._life.step(what)
        except StepFailedError:
            raise BookError(f"the disk failed {what}") from None


class Mount:
    """Opens the book's file for a life; see OpenDatabase."""

    def __init__(self, life: Life, disk: Disk) -> None:
        self._life = life
        self._disk = disk

    @asynccontextmanager
    async def __call__(self, path: str, *, inline: bool, clock: Clock, observer: Observer | None) -> AsyncIterator[SqlDatabase]:
        """The database in the file `path`."""
        async with open_database(path, inline=inline, clock=clock, observer=observer) as real:
            database = BreakableDatabase(self._life, self._disk, real)
            try:
                yield database
            finally:
                await database.finish()
