"""`run --candles` as a user starts it: every kind of file, a report, a proof, the same again, and a kill in the middle."""

import json
import signal
import subprocess
from pathlib import Path

import pytest
from command_line import COMMAND, environment
from made_up_candles import START_MS, candle_rows, write_candles


def replay(candles: Path, data_dir: Path, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "run", "--candles", str(candles), "--report", str(data_dir.with_suffix(".json")), *options]
    return subprocess.run(
        command, env=environment(data_dir, **settings), cwd=candles, capture_output=True, text=True, timeout=100, check=False
    )


def report_of(data_dir: Path) -> dict:
    return json.loads(data_dir.with_suffix(".json").read_text())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four symbols in the four forms that Binance's files have, one of them with a hole."""
    micro = [[f"{row[0]}000", *row[1:6], f"{row[6]}999", *row[7:]] for row in candle_rows(3, 600, price=7.0)]
    holed = candle_rows(4, 600, price=300.0)
    del holed[200:203]
    write_candles(tmp_path / "in", "AAAUSDT", candle_rows(1, 600))
    write_candles(tmp_path / "in", "BBBUSDT", candle_rows(2, 600, price=40.0), zipped=True, header=True)
    write_candles(tmp_path / "in", "CCCUSDT", micro, header=True)
    write_candles(tmp_path / "in", "DDDUSDT", holed, zipped=True)
    return tmp_path / "in"


def test_a_replay_ends_with_a_report_that_is_proven_and_comes_out_the_same_again(folder, tmp_path):
    first = replay(folder, tmp_path / "one", "--html", str(tmp_path / "one.html"))
    assert first.returncode == 0, first.stderr
    assert "The book equals the exchange's own accounts exactly" in first.stdout
    assert "DDDUSDT: 3 after 2025-01-01 03:19" in first.stdout
    assert "played" in first.stderr
    report = report_of(tmp_path / "one")
    assert report["proof"]["holds"]
    assert report["differences"] == []
    assert "The book equals the exchange's own accounts exactly" in (tmp_path / "one.html").read_text()
    assert report["all"]["fills"] > 0
    assert report["proof"]["trades"] == report["all"]["fills"]
    assert [symbol["missing_candles"] for symbol in report["symbols"]] == [0, 0, 0, 3]
    assert report["gaps"]["DDDUSDT"] == [[START_MS + 199 * 60_000, 3]]
    second = replay(folder, tmp_path / "two")
    assert second.returncode == 0
    assert report_of(tmp_path / "two") == report


def test_a_replay_killed_in_the_middle_goes_on_and_the_book_still_equals_the_exchange(folder, tmp_path):
    data_dir = tmp_path / "killed"
    for index in range(3):
        running = subprocess.Popen(
            [*COMMAND, "run", "--candles", str(folder)],
            env=environment(data_dir),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert running.stderr is not None
        line = running.stderr.readline()  # a tenth has been played since the start
        running.send_signal(signal.SIGKILL)
        running.communicate()
        assert "% played" in line, f"start {index}: {line}"
        assert running.returncode == -signal.SIGKILL
    ended = replay(folder, data_dir)
    assert ended.returncode == 0, ended.stderr
    report = report_of(data_dir)
    assert report["proof"]["holds"]
    assert report["all"]["fills"] > 0


def test_a_finished_replay_is_set_aside_and_not_overwritten(folder, tmp_path):
    assert replay(folder, tmp_path / "data").returncode == 0
    assert replay(folder, tmp_path / "data").returncode == 0
    assert len(list((tmp_path / "data").glob("candles*"))) == 2


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1735689600000,100,90,95,99,5,1735689659999,0,0,0,0,0", "high"),
        ("1735689600000,1e999x,101,95,99,5,1735689659999,0,0,0,0,0", "AAAUSDT-1m-2025-01.csv:1"),
    ],
)
def test_a_broken_candle_file_is_named_with_its_line(tmp_path, row, message):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "AAAUSDT-1m-2025-01.csv").write_text(row + "\n")
    ended = replay(tmp_path / "bad", tmp_path / "data")
    assert ended.returncode == 9
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_folder_without_candles_and_wrong_settings_are_named(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    empty = replay(tmp_path / "empty", tmp_path / "data")
    assert (empty.returncode, "no candle files" in empty.stderr) == (9, True)
    wrong = replay(folder, tmp_path / "data", RISK_MAX_TOTAL_EXPOSURE="eighty")
    assert wrong.returncode == 3
    assert "RISK_MAX_TOTAL_EXPOSURE" in wrong.stderr
    assert "eighty" in wrong.stderr
