"""What happens to the book's files under a daemon that trades: each ends it with the code that the runbook names, and says what to do."""

import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from command_line import COMMAND, environment
from running_daemon import daemon

from binance_trade_agent.domain.errors import BookError, ExitCode
from binance_trade_agent.simulation.clocks import WallClock
from binance_trade_agent.storage.database import open_database

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60


def ended(running) -> int:
    """The code that the daemon ends with by itself."""
    return running.process.wait(PATIENCE_S)


def last_error(running) -> str:
    return [line for line in running.lines() if line["level"] == "error"][-1].get("error", "")


def moved_away(book: Path, path: Path) -> None:
    book.rename(path / "moved.sqlite")


def deleted(book: Path, _: Path) -> None:
    book.unlink()


def replaced(book: Path, path: Path) -> None:
    shutil.copy(book, path / "other.sqlite")
    (path / "other.sqlite").replace(book)


def log_deleted(book: Path, _: Path) -> None:
    book.with_name("book.sqlite-wal").unlink()


@pytest.mark.parametrize("harm", [moved_away, deleted, replaced, log_deleted])
def test_a_book_that_is_taken_away_under_the_daemon_ends_it_before_the_next_commit(tmp_path, harm):
    with daemon(tmp_path / "data") as running:
        running.find_address()
        harm(tmp_path / "data" / "demo" / "book.sqlite", tmp_path)
        assert ended(running) == ExitCode.BOOK_FAILED
        assert "was moved, deleted or replaced" in last_error(running)


def test_a_book_that_another_program_locks_ends_the_daemon_with_the_code_of_a_lock(tmp_path):
    with daemon(tmp_path / "data") as running:
        running.find_address()
        with closing(sqlite3.connect(tmp_path / "data" / "demo" / "book.sqlite", isolation_level=None, timeout=10)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert ended(running) == ExitCode.BOOK_LOCKED
        assert "another process is writing to the book" in last_error(running)


def test_the_book_of_another_program_or_of_a_newer_one_is_left_alone(tmp_path):
    book = tmp_path / "data" / "demo" / "book.sqlite"
    book.parent.mkdir(parents=True)
    for statement, words in (("CREATE TABLE diary (day)", "another program"), ("PRAGMA user_version = 99", "run the newer program")):
        with closing(sqlite3.connect(book)) as connection, connection:
            if "user_version" in statement:
                connection.execute("PRAGMA application_id = 1112817969")
            connection.execute(statement)
        before = book.read_bytes()
        command = [*COMMAND, "run"]
        done = subprocess.run(command, env=environment(tmp_path / "data"), cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, book.read_bytes()) == (ExitCode.BOOK_FAILED, before)
        assert words in done.stdout + done.stderr


FILL_THE_DISK = """
mkdir "$1/small"; mount -t tmpfs -o size=12m none "$1/small"
folder=$1; shift
"$@" >"$folder/log" 2>&1 &
n=0; while ! grep -q '"event":"trading"' "$folder/log" && [ $n -lt 600 ]; do sleep 0.1; n=$((n+1)); done
dd if=/dev/zero of="$folder/small/filler" bs=1k 2>/dev/null || true
code=0; wait $! || code=$?
cp -r "$folder/small/demo" "$folder/kept"
exit $code
"""


def test_a_disk_that_fills_up_under_a_daemon_that_trades_ends_it_with_its_own_code_and_the_book_is_whole(tmp_path, monkeypatch):
    if subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no mounts in a namespace of one's own here")
    for name, value in environment(tmp_path / "small", LOG_FORMAT="json").items():
        monkeypatch.setenv(name, value)
    wrapped = ["unshare", "-rm", "sh", "-ec", FILL_THE_DISK, "sh", str(tmp_path), *COMMAND, "run"]
    done = subprocess.run(wrapped, capture_output=True, text=True, timeout=240, check=False)
    said = (tmp_path / "log").read_text()
    assert done.returncode == ExitCode.DISK_FULL, said + done.stderr
    assert "the disk is full" in said
    with closing(sqlite3.connect(tmp_path / "kept" / "book.sqlite")) as book:
        assert book.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_what_was_committed_before_the_book_was_moved_is_in_the_file_that_was_moved(tmp_path):
    path = tmp_path / "book.sqlite"
    async with open_database(str(path), inline=False, clock=WallClock()) as database:
        await database.write(lambda connection: connection.execute("INSERT INTO meta VALUES ('before', 'x')") and None, durable=True)
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).rename(tmp_path / f"moved.sqlite{suffix}")
        with pytest.raises(BookError, match="was moved, deleted or replaced"):
            await database.write(lambda connection: connection.execute("INSERT INTO meta VALUES ('after', 'x')") and None, durable=True)
    with closing(sqlite3.connect(tmp_path / "moved.sqlite")) as moved:
        assert moved.execute("SELECT key FROM meta").fetchall() == [("before",)]


def test_each_row_of_the_runbooks_table_names_a_test_that_exists():
    text = (ROOT / "docs" / "runbook.md").read_text()
    table = text.partition("## When the disk or the database fails")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 15
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    codes = {int(code) for code in ExitCode}
    for row in rows:
        *_, code, named = (cell.strip() for cell in row.strip("|").split("|"))
        assert re.search(rf"def {named.strip('`')}\b", tests), row
        assert code == "goes on" or int(code) in codes, row
