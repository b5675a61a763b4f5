"""A SQLite connection in a thread of its own that takes whole closures: one hop there and back for any number of statements."""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from typing import Any, Self, TypeVar, cast

import aiosqlite

from binance_trade_agent.storage.fate import see_through

T = TypeVar("T")
_ROWS_AT_ONCE = 64


class SqliteThread(aiosqlite.Connection):
    """aiosqlite's connection and thread with one method more: `run`.

    aiosqlite's own methods take one statement a hop, which costs twice as much and lets a cancelled caller leave half a transaction
    behind; a closure is whole.
    """

    def __init__(self, connector: Callable[[], sqlite3.Connection], name: str) -> None:
        super().__init__(connector, _ROWS_AT_ONCE)
        # A process that ends without closing must not hang on this thread; SQLite is safe against being cut off at any point.
        self._thread.daemon = True
        self._thread.name = name

    async def __aenter__(self) -> Self:
        try:
            await self
        except BaseException:
            # The thread is on its way out, and reports that to the loop: it must be gone before the loop can be.
            await see_through(asyncio.get_running_loop().run_in_executor(None, self._thread.join))
            raise
        return self

    def run(self, work: Callable[[sqlite3.Connection], T]) -> "asyncio.Task[T]":
        """Start `work` on the connection, in its thread; cancelling the task does not stop work that has begun."""
        connection = self._conn
        hop = self._execute(lambda: work(connection))  # type: ignore[no-untyped-call]  # aiosqlite leaves it untyped
        return asyncio.ensure_future(cast(Coroutine[Any, Any, T], hop))
