"""Two daemons can never hold one data folder, and a killed one leaves it free."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from binance_trade_agent.domain.errors import BookLockedError, ConfigurationError, ExitCode
from binance_trade_agent.storage.data_lock import LOCK_FILE, data_folder_lock

HOLD = """
import sys, time
from pathlib import Path
from binance_trade_agent.storage.data_lock import data_folder_lock
with data_folder_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_process_is_turned_away_by_the_pid_of_the_first(tmp_path: Path, holder: subprocess.Popen) -> None:
    with pytest.raises(BookLockedError, match=f"process {holder.pid}") as caught, data_folder_lock(tmp_path):
        pass
    assert caught.value.exit_code is ExitCode.BOOK_LOCKED


def test_a_killed_holder_leaves_the_folder_free(tmp_path: Path, holder: subprocess.Popen) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with data_folder_lock(tmp_path) as path:
        assert path.read_text() == f"{os.getpid()}\n"


def test_the_lock_holds_within_one_process_too_and_ends_with_its_block(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there" / "yet"
    with data_folder_lock(folder), pytest.raises(BookLockedError), data_folder_lock(folder):
        pass
    with data_folder_lock(folder):
        assert (folder / LOCK_FILE).exists()


def test_an_error_inside_releases_the_lock(tmp_path: Path) -> None:
    with pytest.raises(KeyError), data_folder_lock(tmp_path):
        raise KeyError
    with data_folder_lock(tmp_path):
        pass


def test_a_refused_second_holder_leaves_the_first_ones_pid_readable(tmp_path: Path) -> None:
    with data_folder_lock(tmp_path) as path:
        with pytest.raises(BookLockedError), data_folder_lock(tmp_path):
            pass
        assert path.read_text() == f"{os.getpid()}\n"


def test_a_folder_that_cannot_be_used_is_a_configuration_error(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    with pytest.raises(ConfigurationError, match="DATA_DIR="), data_folder_lock(in_the_way / "data"):
        pass


def test_a_folder_that_may_not_be_written_is_a_configuration_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Tests may run as root, who may write everywhere; the kernel's answer to others is put in its place.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ConfigurationError, match="not writable"), data_folder_lock(tmp_path):
        pass
