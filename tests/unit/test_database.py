"""The book's database: what was awaited is on disk, what failed left nothing, and a cancelled caller knows which."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from binance_trade_agent.domain.errors import BookError, BookLockedError, IllegalTransitionError
from binance_trade_agent.storage import sqlite_file
from binance_trade_agent.storage.database import WRITES_A_COMMIT, open_database
from binance_trade_agent.storage.sqlite_file import MEMORY


class Ticks:
    """A clock that counts its readings."""

    def __init__(self):
        self.reading = 0.0

    def now_ms(self):
        return 0

    def monotonic_ms(self):
        self.reading += 1
        return self.reading

    async def sleep_until(self, time_ms):
        raise AssertionError("a database does not sleep")


class Facts(list):
    def observe(self, fact):
        self.append(fact)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "book.sqlite3")


@pytest.fixture(params=[True, False], ids=["inline", "threads"])
def inline(request):
    return request.param


def opened(path, inline, **options):
    return open_database(path, inline=inline, clock=Ticks(), **options)


def put(key):
    def work(connection):
        connection.execute("INSERT INTO meta (key, value) VALUES (?, '')", (key,))
        return key

    return work


def keys(connection):
    return [row["key"] for row in connection.execute("SELECT key FROM meta ORDER BY key")]


async def test_what_was_written_is_read_and_still_there_after_reopening(path, inline):
    async with opened(path, inline) as database:
        assert await database.write(put("a"), durable=True) == "a"
        assert await database.read(keys) == ["a"]
    async with opened(path, not inline) as database:
        assert await database.read(keys) == ["a"]


@pytest.mark.parametrize("error", [IllegalTransitionError("no"), KeyError("bug")])
async def test_work_that_raises_leaves_nothing_and_its_own_error_reaches_the_caller(path, inline, error):
    def work(connection):
        put("half")(connection)
        raise error

    async with opened(path, inline) as database:
        with pytest.raises(type(error)) as caught:
            await database.write(work, durable=True)
        assert caught.value is error
        assert await database.read(keys) == []
        await database.write(put("next"), durable=False)
        assert await database.read(keys) == ["next"]


async def test_faults_of_sqlite_come_as_book_errors_with_advice(path, inline):
    async with opened(path, inline) as database:
        await database.write(put("a"), durable=True)
        with pytest.raises(BookError, match=r"writing the book.*refused a row"):
            await database.write(put("a"), durable=True)
        with pytest.raises(BookError, match="reading the book"):
            await database.read(lambda connection: connection.execute("SELECT * FROM nothing"))


async def test_a_full_disk_fails_the_write_and_says_so(path, inline):
    def fill_up(connection):
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        connection.execute("INSERT INTO meta (key, value) VALUES ('big', ?)", ("x" * 100_000,))

    async with opened(path, inline) as database:
        with pytest.raises(BookError, match="disk is full"):
            await database.write(fill_up, durable=True)
        assert await database.read(keys) == []


async def test_readers_cannot_write(path, inline):
    async with opened(path, inline) as database:
        with pytest.raises(BookError, match="cannot be written"):
            await database.read(put("a"))
        await database.write(put("b"), durable=False)
        assert await database.read(keys) == ["b"]


async def test_concurrent_writes_share_commits_and_one_that_fails_spoils_no_other(path):
    facts = Facts()

    def fail(connection):
        put("bad")(connection)
        raise ValueError("mine alone")

    works = [put(f"{number:03}") if number % 7 else fail for number in range(100)]
    async with opened(path, False, observer=facts) as database:
        results = await asyncio.gather(*(database.write(work, durable=True) for work in works), return_exceptions=True)
        assert await database.read(keys) == [result for result in results if isinstance(result, str)]
    assert sum(isinstance(result, ValueError) for result in results) == 15
    commits = [fact for fact in facts if fact.operation == "commit"]
    assert len(commits) == -(-100 // WRITES_A_COMMIT)


async def test_results_come_in_the_order_of_the_writes(path):
    finished = []

    async def one(database, name):
        await database.write(put(name), durable=True)
        finished.append(name)

    async with opened(path, False) as database:
        await asyncio.gather(*(one(database, f"{number:02}") for number in range(20)))
    assert finished == sorted(finished)


async def test_a_cancelled_writer_is_told_only_after_its_write_is_committed(path):
    begun, go_on = threading.Event(), threading.Event()

    def slow(connection):
        put("slow")(connection)
        begun.set()
        assert go_on.wait(10)

    async with opened(path, False) as database:
        writing = asyncio.create_task(database.write(slow, durable=True))
        await asyncio.to_thread(begun.wait, 10)
        for _ in range(3):
            writing.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert not writing.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert await database.read(keys) == ["slow"]


async def test_a_cancelled_writer_whose_work_fails_leaves_nothing_for_the_next_commit(path):
    begun, go_on = threading.Event(), threading.Event()

    def failing(connection):
        put("half")(connection)
        begun.set()
        assert go_on.wait(10)
        raise ValueError

    async with opened(path, False) as database:
        writing = asyncio.create_task(database.write(failing, durable=True))
        await asyncio.to_thread(begun.wait, 10)
        writing.cancel()
        go_on.set()
        await database.write(put("next"), durable=True)
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert await database.read(keys) == ["next"]


async def test_closing_commits_what_was_taken_on_and_refuses_the_rest(path):
    async with opened(path, False) as database:
        writing = [asyncio.create_task(database.write(put(f"{number:02}"), durable=True)) for number in range(3 * WRITES_A_COMMIT)]
        await asyncio.sleep(0)
    assert len(await asyncio.gather(*writing)) == 3 * WRITES_A_COMMIT
    with pytest.raises(BookError, match="closed"):
        await database.write(put("late"), durable=True)
    with pytest.raises(BookError, match="closed"):
        await database.read(keys)
    async with opened(path, False) as database:
        assert len(await database.read(keys)) == 3 * WRITES_A_COMMIT


async def test_a_reader_sees_one_moment_while_others_write(path):
    counted, written = threading.Event(), threading.Event()

    def count_twice(connection):
        first = len(keys(connection))
        counted.set()
        assert written.wait(10)
        return first, len(keys(connection))

    async with opened(path, False) as database:
        reading = asyncio.create_task(database.read(count_twice))
        await asyncio.to_thread(counted.wait, 10)
        await database.write(put("a"), durable=True)
        written.set()
        assert await reading == (0, 0)
        assert await database.read(keys) == ["a"]


async def test_durable_writes_wait_for_the_disk_and_others_do_not(path, inline):
    def synchronous(connection):
        return connection.execute("PRAGMA synchronous").fetchone()[0]

    async with opened(path, inline) as database:
        assert await database.write(synchronous, durable=True) == 2
        assert await database.write(synchronous, durable=False) == 1
        assert await database.write(synchronous, durable=True) == 2


async def test_the_settings_that_the_book_relies_on_are_on(path, inline):
    async with opened(path, inline) as database:

        def settings(connection):
            return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "foreign_keys", "busy_timeout")]

        assert await database.write(settings, durable=False) == ["wal", 1, sqlite_file.BUSY_TIMEOUT_MS]


async def test_operations_are_reported_with_their_durations(path, inline):
    facts = Facts()
    async with opened(path, inline, observer=facts) as database:
        await database.write(put("a"), durable=True)
        await database.read(keys)
        with pytest.raises(BookError):
            await database.write(put("a"), durable=True)
    told = [(fact.operation, fact.failed) for fact in facts if fact.operation != "commit"]
    assert told == [("write", False), ("read", False), ("write", True)]
    assert all(fact.duration_ms > 0 for fact in facts)


async def test_a_book_that_another_process_is_writing_to_is_locked(path, inline, monkeypatch):
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT_MS", 1)
    async with opened(path, inline) as database:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(BookLockedError, match="another process"):
                await database.write(put("a"), durable=True)
            other.execute("ROLLBACK")
        await database.write(put("b"), durable=True)
        assert await database.read(keys) == ["b"]


def open_and_close(path, inline):
    async def main():
        async with opened(path, inline):
            pass

    asyncio.run(main())


def test_a_file_that_is_no_database_is_refused_and_left_alone(path, inline):
    Path(path).write_bytes(b"my diary\n" * 1000)
    with pytest.raises(BookError, match="no SQLite database"):
        open_and_close(path, inline)
    assert Path(path).read_bytes() == b"my diary\n" * 1000


def test_a_damaged_book_is_refused(path, inline):
    open_and_close(path, inline)
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[:-8192] + b"\xff" * 8192)
    with pytest.raises(BookError, match="damaged"):
        open_and_close(path, inline)


@pytest.mark.parametrize("where", ["missing/book.sqlite3", ""], ids=["no folder", "a folder"])
async def test_a_path_that_cannot_be_opened_is_named(tmp_path, inline, where):
    with pytest.raises(BookError, match=str(tmp_path)):
        async with opened(str(tmp_path / where), inline):
            pass


async def test_a_new_book_is_for_its_owner_only(path, inline):
    async with opened(path, inline) as database:
        await database.write(put("a"), durable=True)
        modes = [stat.S_IMODE(os.stat(path + end).st_mode) for end in ("", "-wal", "-shm")]
    assert modes == [0o600, 0o600, 0o600]


async def test_a_book_in_memory_is_inline_only():
    async with opened(MEMORY, True) as database:
        await database.write(put("a"), durable=True)
        assert await database.read(keys) == ["a"]
    with pytest.raises(BookError, match="inline"):
        async with opened(MEMORY, False):
            pass


WRITER = """
import asyncio, itertools, sys
from binance_trade_agent.storage.database import open_database

class Clock:
    def monotonic_ms(self):
        return 0.0

async def main(path):
    global book
    book = open_database(path, inline=False, clock=Clock())
    database = await book.__aenter__()
    if len(sys.argv) > 2:
        return
    for number in itertools.count():
        await database.write(lambda c: c.execute("INSERT INTO meta VALUES (?, '')", (f"{number:06}",)) and None, durable=True)
        print(f"{number:06}", flush=True)

loop = asyncio.new_event_loop()
loop.run_until_complete(main(sys.argv[1]))
"""


def started(path, *arguments):
    return subprocess.Popen([sys.executable, "-c", WRITER, path, *arguments], stdout=subprocess.PIPE, text=True)


def test_everything_that_was_awaited_survives_a_kill(path):
    with started(path) as process:
        printed = [process.stdout.readline().strip() for _ in range(50)]
        process.kill()
        printed += process.stdout.read().split("\n")[:-1]
    with closing(sqlite_file.open_writer(path)) as connection:
        written = keys(connection)
    assert len(printed) >= 50
    assert written[: len(printed)] == printed
    assert len(written) - len(printed) <= 1


def test_a_process_that_forgets_to_close_the_book_still_ends(path):
    with started(path, "leave it open") as process:
        try:
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_a_disk_that_hangs_holds_up_no_stop(path):
    """A write never comes back: the process is told in time, and ends although the thread is still at it."""
    script = f"""
import asyncio, threading
from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.simulation.clocks import WallClock
from binance_trade_agent.storage import database

database.CLOSE_TIMEOUT_S = 0.05

async def main():
    try:
        async with database.open_database({path!r}, inline=False, clock=WallClock()) as book:
            write = asyncio.ensure_future(book.write(lambda connection: threading.Event().wait(), durable=True))
            await asyncio.sleep(0)
    except BookError as error:
        print(error, write.done())

asyncio.run(main())
print("ended")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    told, ended = done.stdout.splitlines()
    assert told.startswith("the book did not close within 0.05 s")
    assert (told.endswith("False"), ended) == (True, "ended")
