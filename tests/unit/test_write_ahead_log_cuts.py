"""The book's write-ahead log cut at every frame and at random bytes: what is recovered is what had been committed up to there, whole."""

import random
import shutil
import sqlite3
import struct
from contextlib import closing

import pytest

from binance_trade_agent.storage.sqlite_file import open_writer

COMMITS = 40
LOG_HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24


@pytest.fixture
def killed(tmp_path):
    """A book and its log as a kill leaves them: COMMITS transactions of three rows each, none of them in the main file yet."""
    path, left = tmp_path / "book.sqlite", tmp_path / "left.sqlite"
    open_writer(str(path)).close()
    with closing(open_writer(str(path))) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        for number in range(COMMITS):
            connection.execute("BEGIN IMMEDIATE")
            for part in "abc":
                connection.execute("INSERT INTO meta VALUES (?, ?)", (f"{number:03}{part}", "x" * random.Random(number).randrange(3_000)))
            connection.execute("COMMIT")
        shutil.copy(path, left)
        log = (tmp_path / "book.sqlite-wal").read_bytes()
    return left, log


def committed_by(log, length):
    """How many commits stand in the first `length` bytes, by the file format (sqlite.org/fileformat2.html, section 4.1)."""
    page_bytes = struct.unpack(">I", log[8:12])[0]
    commits, end = 0, LOG_HEADER_BYTES
    while (start := end) + FRAME_HEADER_BYTES + page_bytes <= length:
        end = start + FRAME_HEADER_BYTES + page_bytes
        commits += struct.unpack(">I", log[start + 4 : start + 8])[0] != 0
    return commits


def recovered(left, log, tmp_path):
    path = tmp_path / "cut.sqlite"
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    shutil.copy(left, path)
    path.with_name(path.name + "-wal").write_bytes(log)
    with closing(open_writer(str(path))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        return [row[0] for row in connection.execute("SELECT key FROM meta ORDER BY key")]


def expected(commits):
    return [f"{number:03}{part}" for number in range(commits) for part in "abc"]


def test_a_log_that_is_cut_anywhere_gives_whole_commits_up_to_there(killed, tmp_path):
    left, log = killed
    frame_bytes = FRAME_HEADER_BYTES + struct.unpack(">I", log[8:12])[0]
    cuts = {*range(LOG_HEADER_BYTES, len(log) + 1, frame_bytes), *random.Random(1).sample(range(len(log)), 60)}
    assert committed_by(log, len(log)) == COMMITS
    for cut in sorted(cuts):
        assert recovered(left, log[:cut], tmp_path) == expected(committed_by(log, cut)), cut


def test_a_torn_write_ends_the_log_there_and_nothing_after_it_counts(killed, tmp_path):
    left, log = killed
    for seed in range(60):
        place = random.Random(seed).randrange(LOG_HEADER_BYTES, len(log))
        torn = bytearray(log)
        torn[place] ^= 0xFF
        keys = recovered(left, bytes(torn), tmp_path)
        assert keys == expected(committed_by(log, place)), place


def test_the_log_of_another_moment_is_not_taken_for_ours(killed, tmp_path):
    left, log = killed
    with closing(sqlite3.connect(left)) as connection:
        before = [row[0] for row in connection.execute("SELECT key FROM meta ORDER BY key")]
    assert recovered(left, b"\x00" * len(log), tmp_path) == before == []
