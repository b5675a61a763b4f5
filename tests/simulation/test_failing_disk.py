"""A disk that is full, read-only or damaged under the book: entries stop, the process says which it was, and nothing awaited is lost."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from command_line import COMMAND, environment
from virtual_pilot import approved, fly

from binance_trade_agent.domain.errors import BookDamagedError, BookError, BookFullError, ExitCode
from binance_trade_agent.domain.order import OrderState
from binance_trade_agent.domain.outcome import NotSent
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, RiskRule, TradingMode
from binance_trade_agent.simulation.clocks import WallClock
from binance_trade_agent.storage.database import open_database

WRITE_UNTIL_IT_FAILS = """
import asyncio, sys
from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.simulation.clocks import WallClock
from binance_trade_agent.storage.database import open_database

async def main(path):
    async with open_database(path, inline=False, clock=WallClock()) as database:
        for number in range(100_000):
            row = (f"{number:06}", "x" * 500)
            await database.write(lambda c: c.execute("INSERT INTO meta VALUES (?, ?)", row) and None, durable=True)
            print(row[0], flush=True)

try:
    asyncio.run(main(sys.argv[1]))
except BookError as error:
    print(f"{type(error).__name__}: {error}", file=sys.stderr)
    sys.exit(int(error.exit_code))
"""


def in_a_namespace(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script that may mount file systems of its own; skips where the kernel does not let us."""
    wrapped = ["unshare", "-rm", "sh", "-ec", script, "sh", *arguments]
    if subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no mounts in a namespace of one's own here")
    return subprocess.run(wrapped, capture_output=True, text=True, timeout=120, check=False)


def kept_keys(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [row[0] for row in connection.execute("SELECT key FROM meta ORDER BY key")]


def test_a_disk_that_fills_up_ends_with_its_own_code_and_keeps_all_that_was_awaited(tmp_path):
    script = """
        mkdir "$1/small"; mount -t tmpfs -o size=2m none "$1/small"
        code=0; "$2" -c "$3" "$1/small/book.sqlite" || code=$?
        cp "$1"/small/book.sqlite* "$1"
        exit $code
    """
    done = in_a_namespace(script, str(tmp_path), sys.executable, WRITE_UNTIL_IT_FAILS)
    assert done.returncode == ExitCode.DISK_FULL, done.stderr
    assert "the disk is full" in done.stderr
    awaited = done.stdout.split()
    assert len(awaited) > 100
    assert kept_keys(tmp_path / "book.sqlite")[: len(awaited)] == awaited


def test_a_file_that_may_not_grow_ends_as_a_failed_disk_and_keeps_all_that_was_awaited(tmp_path):
    """The limit of a process or a quota that is met as an error of the write itself, not as a full disk."""
    path = tmp_path / "book.sqlite"
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 2000; exec "$@"', "sh", sys.executable, "-c", WRITE_UNTIL_IT_FAILS, str(path)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == ExitCode.BOOK_FAILED, done.stderr
    assert "the disk failed to read or write" in done.stderr
    awaited = done.stdout.split()
    assert len(awaited) > 50
    assert kept_keys(path)[: len(awaited)] == awaited


DAEMON_ON_A_FULL_DISK = """
    mkdir "$1/small"; mount -t tmpfs -o size=8m none "$1/small"
    shift; dd if=/dev/zero of="$DATA_DIR/filler" bs=1k 2>/dev/null || true
    exec "$@"
"""
DAEMON_ON_A_READ_ONLY_BOOK = """
    mount --bind "$1/data/demo/book.sqlite" "$1/data/demo/book.sqlite"; mount -o remount,bind,ro "$1/data/demo/book.sqlite"
    shift; exec "$@"
"""
DAEMON_ON_A_READ_ONLY_FOLDER = """
    mount --bind "$1/data" "$1/data"; mount -o remount,bind,ro "$1/data"
    shift; exec "$@"
"""


@pytest.mark.parametrize(
    ("script", "folder", "code", "words"),
    [
        (DAEMON_ON_A_FULL_DISK, "small", ExitCode.DISK_FULL, "disk is full"),
        (DAEMON_ON_A_READ_ONLY_BOOK, "data", ExitCode.BOOK_FAILED, "book.sqlite"),
        (DAEMON_ON_A_READ_ONLY_FOLDER, "data", ExitCode.CONFIGURATION, "DATA_DIR"),
    ],
    ids=["full", "read-only file", "read-only folder"],
)
def test_the_daemon_does_not_start_on_a_disk_that_takes_nothing(tmp_path, monkeypatch, script, folder, code, words):
    (tmp_path / "data" / "demo").mkdir(parents=True)
    (tmp_path / "data" / "demo" / "book.sqlite").touch()
    for name, value in environment(tmp_path / folder).items():
        monkeypatch.setenv(name, value)
    done = in_a_namespace(script, str(tmp_path), *COMMAND, "run")
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def allow_no_growth(connection):
    connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")


def test_a_lost_write_stops_entries_at_once_and_until_somebody_resumes_on_a_book_that_writes(open_agent):
    async def flight(pilot):
        components = pilot.components
        database = components.store._database
        await database.write(allow_no_growth, durable=True)
        with pytest.raises(BookFullError):
            await pilot.passes(100)
        sent = len(pilot.exchange_orders)
        change = components.risk._modes.last_change(ACCOUNT_SCOPE)
        assert (change.mode, change.rule) == (TradingMode.REDUCING, RiskRule.BOOK_FAILED)
        await database.write(lambda connection: connection.execute("PRAGMA max_page_count = 1000000") and None, durable=True)
        execution = await components.execution.execute(approved(components))
        assert isinstance(execution.outcome, NotSent)
        assert execution.settled.order.state is OrderState.NOT_SENT
        assert len(pilot.exchange_orders) == sent
        await components.change_mode(ACCOUNT_SCOPE, TradingMode.ACTIVE, "operator", "there is room again")
        await components.execution.execute(approved(components))
        assert len(pilot.exchange_orders) == sent + 1
        await pilot.orchestrator.reconcile()
        pilot.check_agreement()

    fly(open_agent, flight, strategy="Buying")


@pytest.mark.parametrize("inline", [True, False], ids=["inline", "threads"])
async def test_damage_that_is_met_while_running_is_told_with_what_the_check_finds(tmp_path, inline):
    path = tmp_path / "book.sqlite"
    async with open_database(str(path), inline=inline, clock=WallClock()) as database:
        rows = [(f"{number:06}", "x" * 500) for number in range(10_000)]
        await database.write(lambda connection: connection.executemany("INSERT INTO meta VALUES (?, ?)", rows) and None, durable=True)
        await database.write(lambda connection: connection.execute("DELETE FROM meta WHERE key = '000000'") and None, durable=True)
    content = bytearray(path.read_bytes())
    async with open_database(str(path), inline=inline, clock=WallClock()) as database:
        for page in range(len(content) // 4096 // 2, len(content) // 4096):
            content[page * 4096 : (page + 1) * 4096] = b"\xa5" * 4096
        with path.open("r+b") as file:
            file.write(content)
        with pytest.raises(BookDamagedError, match=r"damaged.*integrity check") as caught:
            await database.read(lambda connection: connection.execute("SELECT sum(length(value)) FROM meta").fetchone())
        assert caught.value.exit_code is ExitCode.BOOK_DAMAGED
    with pytest.raises(BookError):
        async with open_database(str(path), inline=inline, clock=WallClock()):
            pass


def test_the_daemon_does_not_start_on_a_damaged_book(tmp_path):
    path = tmp_path / "data" / "demo" / "book.sqlite"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"SQLite format 3\x00" + b"\xa5" * 8_176)
    done = subprocess.run(
        [*COMMAND, "run"], env=environment(tmp_path / "data"), cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == ExitCode.BOOK_DAMAGED, done.stderr
    assert "backup" in done.stderr
