"""A file that is no study is refused as it is: nothing is written to it, and nothing appears beside it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from binance_trade_agent.backtest.search.study_file import opened_study_file
from binance_trade_agent.domain.errors import ConfigurationError


def refused(path: Path, match: str) -> None:
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match=match), opened_study_file(path, {}, {}):
        pass
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_text_is_no_study(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("what I wanted to try")
    refused(path, "notes.txt is no study file .it is no SQLite file.; name a new one")


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_another_database_gets_no_tables_of_a_study(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "book.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA journal_mode = {mode}")
        database.execute("CREATE TABLE fills (id INTEGER)")
    refused(path, "book.sqlite is no study file .its tables are fills.; name a new one")


def test_a_study_and_an_empty_file_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "study"
    path.touch()
    for known in (None, {"told": 1}):
        with opened_study_file(path, {}, {"seed": "1"}) as file:
            assert file.result("window", "final") == known
            file.keep_result("window", "final", {"told": 1})
