"""A backup is taken while the book is written, is checked, and comes back whole; nothing unsound or strange takes a book's place."""

import shutil
import sqlite3
import subprocess
from contextlib import closing

import pytest
from command_line import COMMAND, environment
from virtual_pilot import Pilot

from binance_trade_agent.domain.errors import BookDamagedError, BookError, BookLockedError, BookMismatchError
from binance_trade_agent.simulation.virtual_loop import run_virtual
from binance_trade_agent.storage.backup import back_up, restore
from binance_trade_agent.storage.chosen_symbols import ChosenSymbols
from binance_trade_agent.storage.data_lock import data_folder_lock
from binance_trade_agent.storage.sqlite_file import open_writer


def dump(path):
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "demo" / "book.sqlite"
    path.parent.mkdir()
    with closing(open_writer(str(path))) as connection:
        connection.execute("INSERT INTO meta VALUES ('epoch', 'abc')")
    return path


@pytest.fixture
def saved(book, tmp_path):
    target = tmp_path / "saved.sqlite"
    back_up(book, target)
    return target


@pytest.mark.parametrize("passes_before", [2, 0])
def test_a_backup_of_a_running_agent_is_restored_and_goes_on_equal_to_the_exchange(open_agent, tmp_path, passes_before):
    """Whatever was chosen last: what was bought since the backup may have left the choice, and have joined it again by the next start."""
    book, target = tmp_path / "data" / "candles" / "book.sqlite", tmp_path / "saved.sqlite"

    async def first():
        async with open_agent(strategy="Buying", in_memory=False) as components:
            pilot = Pilot(components)
            await pilot.orchestrator.start()
            await pilot.warm_up()
            await pilot.passes(passes_before)
            back_up(book, target)
            at_backup = await components.store.all_fills()
            await pilot.passes(2)
            return at_backup, await components.store.all_fills()

    async def second():
        async with open_agent(strategy="Holding", in_memory=False) as components:
            restored = await components.store.all_fills()
            pilot = Pilot(components)
            await pilot.orchestrator.start()
            pilot.check_agreement()
            assert await components.store.verify() == ()
            return restored, await components.store.all_fills()

    at_backup, all_fills = run_virtual(first())
    assert (not at_backup) == (not passes_before)
    assert len(at_backup) < len(all_fills)
    ChosenSymbols(book.parent).write(["LATERUSDT"])
    aside = restore(target, book)
    assert "book.sqlite.before-restore-1" in str(aside)
    assert not list(book.parent.glob("book.sqlite-*"))
    restored, caught_up = run_virtual(second())
    assert restored == at_backup
    assert {(fill.symbol, fill.trade_id) for fill in caught_up} == {(fill.symbol, fill.trade_id) for fill in all_fills}


def test_the_round_trip_changes_nothing(book, saved):
    before = dump(book)
    assert dump(saved) == before
    with closing(open_writer(str(book))) as connection:
        connection.execute("INSERT INTO meta VALUES ('later', 'x')")
    aside = restore(saved, book)
    assert dump(book) == before
    assert any("later" in line for line in dump(aside))
    assert oct(book.stat().st_mode)[-3:] == "600"


def test_a_log_of_the_book_before_is_not_played_into_the_restored_one(book, saved):
    copy = book.with_name("copy")
    with closing(open_writer(str(book))) as connection:
        connection.execute("INSERT INTO meta VALUES ('in the log', 'x')")
        for suffix in ("", "-wal"):
            shutil.copy(f"{book}{suffix}", f"{copy}{suffix}")
    for suffix in ("", "-wal"):
        shutil.move(f"{copy}{suffix}", f"{book}{suffix}")
    before = dump(saved)
    aside = restore(saved, book)
    assert dump(book) == before
    assert any("in the log" in line for line in dump(aside))


def test_a_damaged_book_is_replaced_and_kept(book, saved):
    book.write_bytes(b"\xa5" * 8_192)
    aside = restore(saved, book)
    assert aside.read_bytes() == b"\xa5" * 8_192
    assert dump(book) == dump(saved)


@pytest.mark.parametrize("harm", ["garbage", "cut", "page", "sums"])
def test_an_unsound_backup_takes_no_books_place(book, saved, harm):
    content = saved.read_bytes()
    if harm == "sums":
        with closing(sqlite3.connect(saved, isolation_level=None)) as connection:
            connection.execute("INSERT INTO wallet_balances VALUES ('BTC', '1')")
    else:
        page = content[:4096] + b"\xa5" * 8192 + content[12288:]
        saved.write_bytes({"garbage": b"my diary" * 999, "cut": content[: len(content) // 2], "page": page}[harm])
    before = dump(book)
    with pytest.raises((BookDamagedError, BookError)):
        restore(saved, book)
    assert dump(book) == before
    assert not list(book.parent.glob("*.part*"))


def test_a_backup_of_another_book_is_refused(book, tmp_path):
    other = tmp_path / "other.sqlite"
    with closing(open_writer(str(other))) as connection:
        connection.execute("INSERT INTO meta VALUES ('epoch', 'xyz')")
    before = dump(book)
    with pytest.raises(BookMismatchError, match="different books"):
        restore(other, book)
    assert dump(book) == before


def test_nothing_is_restored_under_a_daemon(book, saved):
    with data_folder_lock(book.parent), pytest.raises(BookLockedError):
        restore(saved, book)


def test_a_book_that_is_not_sound_gets_no_backup(book, tmp_path):
    with closing(open_writer(str(book))) as connection:
        connection.execute("INSERT INTO wallet_balances VALUES ('BTC', '1')")
    with pytest.raises(BookDamagedError, match="wallet of BTC"):
        back_up(book, tmp_path / "saved.sqlite")
    assert not list(tmp_path.glob("saved*"))


def test_the_commands_say_where_things_are(book, tmp_path):
    def run(*arguments):
        return subprocess.run([*COMMAND, *arguments], env=environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, check=False)

    done = run("backup")
    assert done.returncode == 0, done.stderr
    (made,) = (book.parent / "backups").iterdir()
    assert str(made) in done.stdout
    assert run("restore", str(made)).returncode == 0
    assert run("restore", "nothing-here").returncode == 5
    made.write_bytes(b"")
    assert run("restore", str(made)).returncode == 10
