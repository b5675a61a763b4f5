"""Backups of a daemon that trades: made beside its passes, and when one finds the book unsound, entries stop and the journal says why."""

import json
import sqlite3
from contextlib import closing

from running_daemon import daemon


def told(running, words):
    return [line["event"] for line in running.lines() if words in line["event"]]


def test_backups_are_made_while_it_trades_and_an_unsound_book_stops_entries(tmp_path):
    data_dir = tmp_path / "data"
    with daemon(data_dir, BACKUP_INTERVAL_SECONDS="0.5", BACKUP_KEEP="2", BACKUP_DIR=str(tmp_path / "other disk")) as running:
        running.find_address()
        running.wait_for(lambda: len(told(running, "was backed up and checked")) >= 3)
        kept = list((tmp_path / "other disk" / "demo").glob("scheduled-*.sqlite"))
        assert len(kept) in {2, 3}  # a third one for the moment before the oldest goes
        assert "the newest is" in json.loads(running.get("/readyz")[1])["checks"]["backup"]["detail"]
        metrics = running.get("/metrics")[1]
        assert 'trade_agent_backups_total{result="made"}' in metrics
        assert "trade_agent_backup_interval_seconds 0.5" in metrics
        with closing(sqlite3.connect(data_dir / "demo" / "book.sqlite", timeout=10)) as book, book:
            book.execute("INSERT INTO wallet_balances VALUES ('XYZ', '1')")
        running.wait_for(lambda: told(running, "wallet of XYZ"))
        running.wait_for(lambda: running.get("/status")[0] == 200 and "book_damaged" in running.get("/status")[1])
        assert running.stop() == 0
    with closing(sqlite3.connect(data_dir / "demo" / "book.sqlite")) as book:
        change = book.execute("SELECT scope, mode, rule, reason FROM mode_changes ORDER BY id DESC").fetchone()
    assert change[:3] == ("*", "REDUCING", "book_damaged")
    assert "wallet of XYZ" in change[3]
