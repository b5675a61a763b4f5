"""The note beside the book: it says what the book could not take, needs no room for it, and never stands in the way."""

import os
import subprocess
import sys
from pathlib import Path

from binance_trade_agent.domain.risk import ModeChange, TradingMode
from binance_trade_agent.storage.failure_note import NOTE_BYTES, FailureNote

CHANGE = ModeChange(7, "*", TradingMode.REDUCING, "book_failed", "the book failed at a write")


def test_what_is_noted_is_read_by_the_next_process_until_it_is_cleared(tmp_path: Path) -> None:
    note = FailureNote(tmp_path / "note")
    note.prepare()
    assert note.read() is None
    note.write(CHANGE)
    later = FailureNote(tmp_path / "note")
    later.prepare()
    assert later.read() == CHANGE
    later.clear()
    assert FailureNote(tmp_path / "note").read() is None


def test_noting_takes_no_more_room_than_was_set_aside(tmp_path: Path) -> None:
    note = FailureNote(tmp_path / "note")
    note.prepare()
    before = os.stat(tmp_path / "note")
    note.write(CHANGE)
    after = os.stat(tmp_path / "note")
    assert (before.st_size, before.st_blocks) == (after.st_size, after.st_blocks) == (NOTE_BYTES, before.st_blocks)


def test_what_is_no_note_is_none(tmp_path: Path) -> None:
    for text in (b"", b"{", b"\xff", b'{"time_ms": 1}', b"[]"):
        (tmp_path / "note").write_bytes(text)
        assert FailureNote(tmp_path / "note").read() is None


def test_a_folder_that_takes_nothing_stops_nothing(tmp_path: Path) -> None:
    note = FailureNote(tmp_path / "nowhere" / "note")
    note.prepare()
    note.write(CHANGE)
    note.clear()
    assert note.read() is None
    assert not os.listdir(tmp_path)


def test_where_files_may_not_grow_any_more_it_is_still_noted(tmp_path: Path) -> None:
    """A limit on the size of files stands in for a full disk: what is appended fails, what is written over does not."""
    FailureNote(tmp_path / "note").prepare()
    script = f"""
import resource, signal
from pathlib import Path
from binance_trade_agent.domain.risk import ModeChange, TradingMode
from binance_trade_agent.storage.failure_note import NOTE_BYTES, FailureNote

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (NOTE_BYTES, NOTE_BYTES))
FailureNote(Path({str(tmp_path / "note")!r})).write(ModeChange(7, "*", TradingMode.REDUCING, "book_failed", "the book failed at a write"))
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    assert FailureNote(tmp_path / "note").read() == CHANGE
