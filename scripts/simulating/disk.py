"""The disk under the book: each transaction is a step before its commit and one after, at which the process can be struck."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.storage.database import SqlDatabase, open_database
from simulating.life import Life, PowerCutError, StepFailedError

T = TypeVar("T")


class BreakableDatabase:
    """The book's database as this life sees it."""

    def __init__(self, life: Life, real: SqlDatabase) -> None:
        self._life = life
        self._real = real

    async def write(self, work: Callable[[sqlite3.Connection], T], *, durable: bool) -> T:
        """See SqlDatabase.write. Struck before the commit it leaves nothing; struck after, what it wrote stays."""
        self._step("before a commit")
        result = await self._real.write(work, durable=durable)
        self._step("after a commit")
        return result

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """See SqlDatabase.read."""
        if self._life.is_dead:
            raise PowerCutError
        return await self._real.read(work)

    def _step(self, what: str) -> None:
        try:
            self._life.step(what)
        except StepFailedError:
            raise BookError(f"the disk failed {what}") from None


class Disk:
    """Opens the book's file for a life; see OpenDatabase."""

    def __init__(self, life: Life) -> None:
        self._life = life

    @asynccontextmanager
    async def __call__(self, path: str, *, inline: bool, clock: Clock, observer: Observer | None) -> AsyncIterator[SqlDatabase]:
        """The database in the file `path`."""
        async with open_database(path, inline=inline, clock=clock, observer=observer) as real:
            yield BreakableDatabase(self._life, real)
