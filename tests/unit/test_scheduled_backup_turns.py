"""A scheduled backup: what is kept, what is left alone, what refuses it, and that the book is read through in any case."""

import asyncio
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from unittest import mock

import pytest

from binance_trade_agent.domain.errors import BookDamagedError, BookError, BookFullError, ExitCode
from binance_trade_agent.domain.service_facts import BackupDone, BackupsPlanned
from binance_trade_agent.service.backups import BackupPlan, Backups
from binance_trade_agent.simulation.clocks import WallClock
from binance_trade_agent.storage import scheduled_backup
from binance_trade_agent.storage.scheduled_backup import newest_copy_s, take_turn
from binance_trade_agent.storage.sqlite_file import open_writer

NOW_S = 1_800_000_000.0


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "demo" / "book.sqlite"
    path.parent.mkdir()
    with closing(open_writer(str(path))) as connection:
        connection.execute("INSERT INTO meta VALUES ('epoch', 'abc')")
    return path


def spoil(book):
    """A sum that its postings do not make: the file itself is whole."""
    with closing(open_writer(str(book))) as connection:
        connection.execute("INSERT INTO wallet_balances VALUES ('BTC', '1')")


def test_the_newest_copies_stay_and_nothing_else_is_touched(book, tmp_path):
    folder = tmp_path / "elsewhere" / "demo"
    folder.mkdir(parents=True)
    others = [folder / name for name in ("book-20200101T000000Z.sqlite", "scheduled-xyz-20200101T000000Z.sqlite", "diary.txt")]
    for path in others:
        path.write_text("of somebody else")
    (folder / "scheduled-abc-20200101T000000Z.sqlite.part").write_text("of a turn that was killed")
    made = [take_turn(book, folder, keep=2, made_s=NOW_S + number) for number in range(4)]
    assert sorted(folder.iterdir()) == sorted([*others, *made[2:]])
    assert newest_copy_s(folder, "abc") == made[-1].stat().st_mtime
    with closing(sqlite3.connect(made[-1])) as copy:
        assert copy.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone() == ("abc",)


def test_a_backup_takes_no_room_that_the_book_needs(book, tmp_path, monkeypatch):
    folder = tmp_path / "backups"
    old = take_turn(book, folder, keep=1, made_s=NOW_S)
    monkeypatch.setattr(scheduled_backup, "ROOM_LEFT_BYTES", 1 << 60)
    with pytest.raises(BookFullError, match="BACKUP_DIR to another disk"):
        take_turn(book, folder, keep=1, made_s=NOW_S + 1)
    assert list(folder.iterdir()) == [old]


def test_an_unsound_book_is_found_whether_or_not_a_copy_could_be_made(book, tmp_path):
    folder = tmp_path / "backups"
    old = take_turn(book, folder, keep=1, made_s=NOW_S)
    spoil(book)
    with pytest.raises(BookDamagedError, match="wallet of BTC"):
        take_turn(book, folder, keep=1, made_s=NOW_S + 1)
    assert list(folder.iterdir()) == [old]
    (tmp_path / "a file").touch()
    with pytest.raises(BookDamagedError, match="wallet of BTC"):
        take_turn(book, tmp_path / "a file" / "backups", keep=1, made_s=NOW_S)


def test_damaged_pages_and_values_are_found(book, tmp_path):
    with closing(open_writer(str(book))) as connection:
        connection.execute("INSERT INTO commissions VALUES ('BTC', 'much')")
    with pytest.raises(BookDamagedError, match="ever written there"):
        take_turn(book, tmp_path / "backups", keep=1, made_s=NOW_S)
    content = book.read_bytes()
    book.write_bytes(content[:8192] + b"\xa5" * 4096 + content[12288:])
    with pytest.raises(BookDamagedError):
        take_turn(book, tmp_path / "backups", keep=1, made_s=NOW_S)


def test_a_bad_copy_of_a_sound_book_is_no_damage_of_the_book(book, tmp_path, monkeypatch):
    def copied_badly(_, target):
        raise BookDamagedError(f"the copy {target} is no sound book")

    monkeypatch.setattr(scheduled_backup, "back_up", copied_badly)
    with pytest.raises(BookError, match="the book is sound, but its copy is not") as caught:
        take_turn(book, tmp_path / "backups", keep=1, made_s=NOW_S)
    assert caught.value.exit_code is ExitCode.BOOK_FAILED


def test_a_folder_that_cannot_be_made_is_told_with_its_setting(book, tmp_path):
    (tmp_path / "a file").touch()
    with pytest.raises(BookError, match="BACKUP_DIR") as caught:
        take_turn(book, tmp_path / "a file" / "backups", keep=1, made_s=NOW_S)
    assert not isinstance(caught.value, BookDamagedError)


def test_a_turn_ends_with_the_daemon_that_has_started_it(book, tmp_path):
    with closing(sqlite3.connect(book)) as holder:
        holder.execute("PRAGMA journal_mode = DELETE")
        holder.execute("BEGIN EXCLUSIVE")
        command = [sys.executable, "-m", "binance_trade_agent.storage.scheduled_backup", str(book), str(tmp_path / "backups"), "1"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as turn:
            turn.stdin.close()
            assert turn.wait(30) == 1
            assert turn.stderr.read() == b""  # it did not wait for the lock, which it would have complained about


class Heard:
    def __init__(self, wanted=0):
        self.facts = []
        self.wanted = wanted
        self.complete = asyncio.Event()

    def observe(self, fact):
        self.facts.append(fact)
        if len(self.facts) > self.wanted:
            self.complete.set()


async def backups_until(plan, count, on_damage=None):
    """The facts of `count` turns, and how the backups stand then."""
    heard = Heard(count)

    async def note(_):
        raise AssertionError("the book is sound")

    backups = Backups(plan, clock=WallClock(), observer=heard, on_damage=on_damage or note)
    running = asyncio.ensure_future(backups.run())
    try:
        await asyncio.wait([running, complete := asyncio.ensure_future(heard.complete.wait())], return_when=asyncio.FIRST_COMPLETED)
        complete.cancel()
        await asyncio.sleep(0)
    finally:
        running.cancel()
        await asyncio.wait([running])
    return heard.facts, backups.standing


async def test_turns_are_made_one_after_another_and_told(book, tmp_path):
    plan = BackupPlan(book, "abc", tmp_path / "backups", interval_s=0.05, keep=1)
    facts, standing = await backups_until(plan, 2)
    assert facts[0] == BackupsPlanned(0.05, None)
    made = facts[1:3]
    assert all(isinstance(fact, BackupDone) and not fact.error and fact.duration_ms > 0 for fact in made)
    assert [str(path) for path in plan.folder.glob("*.sqlite")] == [made[-1].path]
    assert re.fullmatch(r"the newest is \d+ s old", standing)


async def test_a_failure_is_told_and_tried_again_and_damage_is_reported(book, tmp_path):
    (tmp_path / "a file").touch()
    plan = BackupPlan(book, "abc", tmp_path / "a file" / "backups", interval_s=0.05, keep=1)
    facts, standing = await backups_until(plan, 2)
    assert all("BACKUP_DIR" in fact.error for fact in facts[1:3])
    assert standing.startswith("none yet; the last attempt failed: ")
    spoil(book)
    reported = []

    async def report(why):
        reported.append(why)

    await backups_until(plan, 1, report)
    assert "wallet of BTC" in reported[0]


async def test_after_a_restart_the_next_one_waits_for_its_turn(book, tmp_path):
    plan = BackupPlan(book, "abc", tmp_path / "backups", interval_s=3_600.0, keep=1)
    take_turn(book, plan.folder, keep=1, made_s=NOW_S)
    backups = Backups(plan, clock=WallClock(), observer=Heard(), on_damage=None)
    running = asyncio.ensure_future(backups.run())
    await asyncio.sleep(0)
    assert 3_590 < backups._due_in_s() <= 3_600
    assert re.fullmatch(r"the newest is \d+ s old", backups.standing)
    running.cancel()
    await asyncio.wait([running])


async def test_a_backup_that_is_under_way_holds_up_no_stop(book, tmp_path):
    with closing(sqlite3.connect(book)) as holder:
        holder.execute("PRAGMA journal_mode = DELETE")
        holder.execute("BEGIN EXCLUSIVE")
        plan = BackupPlan(book, "abc", tmp_path / "backups", interval_s=0.01, keep=1)
        backups = Backups(plan, clock=WallClock(), observer=Heard(), on_damage=None)
        turns = []
        carry_out = asyncio.create_subprocess_exec

        async def noted(*command, **options):
            turns.append(await carry_out(*command, **options))
            begun.set()
            return turns[-1]

        begun = asyncio.Event()
        with mock.patch("asyncio.create_subprocess_exec", noted):
            running = asyncio.ensure_future(backups.run())
            await begun.wait()
            running.cancel()
            await asyncio.wait([running])
        assert [turn.returncode for turn in turns] == [-signal.SIGKILL]
