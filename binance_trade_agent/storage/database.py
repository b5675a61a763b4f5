"""The book's database: whole transactions as closures, committed in groups by one writer thread, read by a small pool."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar, cast

from binance_trade_agent.domain.errors import BookError, BookMismatchError
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.observer import NullObserver, Observer
from binance_trade_agent.storage.fate import see_through, until_done
from binance_trade_agent.storage.faults import told
from binance_trade_agent.storage.file_place import FilePlace
from binance_trade_agent.storage.inline_database import InlineDatabase
from binance_trade_agent.storage.sqlite_file import MEMORY, open_reader, open_writer
from binance_trade_agent.storage.sqlite_thread import SqliteThread
from binance_trade_agent.storage.timing import Timing
from binance_trade_agent.storage.transactions import Done, Failed, Work, read_consistently, write_together

T = TypeVar("T")

READERS = 2
WRITES_WAITING = 1_024
"""Writes that may be on their way at once; the next caller waits before its write is taken on."""

WRITES_A_COMMIT = 64

CLOSE_TIMEOUT_S = 5.0
"""How long the last commits and the closing of all connections may take before the threads are left behind."""

_CLOSED = "the book is closed"


class SqlDatabase(Protocol):
    """What the book's queries need of a database, whichever thread it works in."""

    async def write(self, work: Callable[[sqlite3.Connection], T], *, durable: bool) -> T:
        """What `work` returns, once the transaction that it ran in is committed.

        Whatever `work` raises is raised here and nothing of it is written; a fault of SQLite is a BookError. A cancelled caller
        gets CancelledError after the fate of its write is known: it happened as a whole or not at all. `durable` waits for
        the disk (synchronous=FULL). `work` must not begin or end transactions, and may run in another thread.
        """
        ...

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns; all its queries see one moment of the book, and it cannot write."""
        ...


@dataclass(frozen=True, slots=True)
class _Job:
    work: Work
    durable: bool
    fate: "asyncio.Future[Any]"


class Database:
    """SQLite in threads, for production: one writer, and `readers` that read beside it.

    Writes that arrive while a commit is under way share the next one, at most WRITES_A_COMMIT of them, each in a savepoint.
    """

    def __init__(self, writer: SqliteThread, readers: list[SqliteThread], timing: Timing, place: FilePlace) -> None:
        self._writer = writer
        self._place = place
        self._readers: asyncio.Queue[SqliteThread] = asyncio.Queue(len(readers))
        for reader in readers:
            self._readers.put_nowait(reader)
        self._timing = timing
        self._room = asyncio.Semaphore(WRITES_WAITING)
        self._waiting: deque[_Job] = deque()
        self._committing: asyncio.Task[None] | None = None
        self._closed = False

    async def write(self, work: Callable[[sqlite3.Connection], T], *, durable: bool) -> T:
        """See SqlDatabase.write."""
        started_ms = self._timing.start()
        failed = False
        try:
            async with self._room:
                return cast(T, await see_through(self._enqueue(work, durable)))
        except BookError as error:
            failed = not isinstance(error, BookMismatchError)  # then it was the news that was refused; the book is sound
            raise
        finally:
            self._timing.done("write", started_ms, failed=failed)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """See SqlDatabase.read."""
        started_ms = self._timing.start()
        failed = False
        reader = await self._readers.get()
        try:
            if self._closed:
                raise BookError(_CLOSED)
            return cast(T, await see_through(reader.run(partial(read_consistently, work=work))))
        except (BookError, sqlite3.Error) as error:
            failed = True
            raise told(error, "reading the book") from error.__cause__
        finally:
            self._readers.put_nowait(reader)
            self._timing.done("read", started_ms, failed=failed)

    async def finish(self) -> None:
        """Take no more work, and return when the writes that were taken on are committed."""
        self._closed = True
        while self._committing is not None:
            await asyncio.wait((self._committing,))

    def _enqueue(self, work: Work, durable: bool) -> "asyncio.Future[Any]":
        if self._closed:
            raise BookError(_CLOSED)
        fate: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Job(work, durable, fate))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_waiting(), name="book-writer")
        return fate

    async def _commit_waiting(self) -> None:
        try:
            while self._waiting:
                await self._commit([self._waiting.popleft() for _ in range(min(len(self._waiting), WRITES_A_COMMIT))])
        finally:
            self._committing = None
            # Only the end of the loop leaves jobs behind here; their callers must not wait for ever.
            _fail_all(list(self._waiting), _CLOSED)
            self._waiting.clear()

    async def _commit(self, jobs: list[_Job]) -> None:
        started_ms = self._timing.start()
        durable = any(job.durable for job in jobs)
        hop = self._writer.run(partial(_write_in_place, place=self._place, works=[job.work for job in jobs], durable=durable))
        interrupted = await until_done(hop)
        self._timing.done("commit", started_ms, failed=not _tell(jobs, hop))
        if interrupted is not None:
            raise interrupted


@asynccontextmanager
async def open_database(
    path: str, *, inline: bool, clock: Clock, observer: Observer | None = None, readers: int = READERS
) -> AsyncIterator[SqlDatabase]:
    """The database in the file `path`, made when there is none; closed, with all writes committed, when the block ends.

    A disk that hangs holds the end of the block up for CLOSE_TIMEOUT_S at most: then it raises BookError.

    `inline` keeps all work in the loop's thread (for virtual time) and also takes MEMORY as a path. Raises BookError when the
    file is damaged, foreign, newer than this program, or cannot be opened.
    """
    timing = Timing(NullObserver() if observer is None else observer, clock)
    if inline:
        database = InlineDatabase(open_writer(path), timing)
        try:
            yield database
        finally:
            database.close()
        return
    if path == MEMORY:
        raise BookError("a book in memory has no second connection to read it by; open it inline")
    async with AsyncExitStack() as opening:
        writer = await opening.enter_async_context(SqliteThread(partial(open_writer, path), "book-writer"))
        pool = [
            await opening.enter_async_context(SqliteThread(partial(open_reader, path), f"book-reader-{number}"))
            for number in range(1, readers + 1)
        ]
        threaded = Database(writer, pool, timing, FilePlace(path))
        opening.push_async_callback(threaded.finish)
        opened = opening.pop_all()
    try:
        yield threaded
    finally:
        await _close_in_time(opened)


async def _close_in_time(opened: AsyncExitStack) -> None:
    closing = asyncio.ensure_future(opened.aclose())
    done, _ = await asyncio.wait((closing,), timeout=CLOSE_TIMEOUT_S)
    if done:
        return closing.result()
    while not closing.done():  # each time it gives up one of the few things that it waits for
        closing.cancel()
        await asyncio.sleep(0)
    raise BookError(f"the book did not close within {CLOSE_TIMEOUT_S:g} s: its disk does not answer; what was committed is in the file")


def _write_in_place(connection: sqlite3.Connection, place: FilePlace, works: Sequence[Work], durable: bool) -> list[Done | Failed]:
    place.require_unmoved()
    return write_together(connection, works, durable=durable)


def _tell(jobs: list[_Job], hop: "asyncio.Task[list[Done | Failed]]") -> bool:
    """Tell every caller of the batch what became of its work; False when SQLite took none of it."""
    if hop.cancelled():
        _fail_all(jobs, "the event loop ended while a write was under way; only the file knows its fate")
        return False
    error = hop.exception()
    if error is not None:
        for job in jobs:
            job.fate.set_exception(told(error, "writing the book"))
        return False
    for job, result in zip(jobs, hop.result(), strict=True):
        if isinstance(result, Done):
            job.fate.set_result(result.value)
        else:
            job.fate.set_exception(told(result.error, "writing the book"))
    return True


def _fail_all(jobs: list[_Job], why: str) -> None:
    for job in jobs:
        job.fate.set_exception(BookError(why))
