"""Two daemons of one machine cannot have one account, whatever their data folders are, and a killed one leaves it free."""

import fcntl
import subprocess
import sys

import pytest

from binance_trade_agent.domain.errors import BookLockedError, ExitCode
from binance_trade_agent.storage.account_lock import account_lock

SERVER, KEY = "https://testnet.binance.vision", "K" * 64
HOLD = """
import sys, time
from pathlib import Path
from binance_trade_agent.storage.account_lock import account_lock
with account_lock(sys.argv[1], sys.argv[2], Path(sys.argv[3])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_and_a_kill_frees_the_account(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD, SERVER, KEY, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BookLockedError, match="one account") as caught, account_lock(SERVER, KEY, tmp_path):
            pass
        assert caught.value.exit_code is ExitCode.BOOK_LOCKED
        assert KEY not in str(caught.value)
        with account_lock(SERVER, "another key", tmp_path), account_lock("https://api.binance.com", KEY, tmp_path):
            pass
        holder.kill()
    with account_lock(SERVER, KEY, tmp_path) as path:
        assert KEY not in path.name
        assert path.read_bytes() == b""


def test_a_link_that_somebody_put_there_is_not_followed(tmp_path):
    with account_lock(SERVER, KEY, tmp_path) as path:
        pass
    assert not list(tmp_path.iterdir())  # what ends in order leaves nothing
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Exception, match="cannot be made"), account_lock(SERVER, KEY, tmp_path):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_a_lock_on_a_file_that_was_removed_meanwhile_does_not_count(tmp_path, monkeypatch):
    with account_lock(SERVER, KEY, tmp_path) as path:
        pass
    real, removals = fcntl.flock, [path.unlink]

    def flock_late(descriptor, operation):
        if removals:
            removals.pop()()  # the daemon that had it ends between the opening of the file and its lock
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock_late)
    with account_lock(SERVER, KEY, tmp_path), pytest.raises(BookLockedError), account_lock(SERVER, KEY, tmp_path):
        pass
    assert not removals


def test_a_file_that_somebody_else_has_put_there_meanwhile_stays(tmp_path):
    with account_lock(SERVER, KEY, tmp_path) as path:
        path.unlink()
        path.touch()
    assert path.exists()
