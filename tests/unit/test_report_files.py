"""Where a report goes: to the terminal and to the files that were asked for, and a place that cannot take it is told before the run."""

import errno
import json
from pathlib import Path

import pytest
from finished_runs import random_bars, record_of, traded

from binance_trade_agent.backtest.report.report import Report, report_of
from binance_trade_agent.cli.report_files import ReportFiles, write_report
from binance_trade_agent.domain.errors import ConfigurationError, DiskFullError, ExitCode


@pytest.fixture
def report() -> Report:
    return report_of(record_of(traded("AAAUSDT", random_bars(1, 3000), 41), refusals={"cooldown": 12}, modes={"*": "REDUCING"}))


def test_the_terminal_is_told_figures_refusals_modes_and_whether_all_agrees(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    ReportFiles().tell(report, "and one line more")
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 150
    assert "\u2026" not in shown  # nothing is cut off
    for text in ("AAAUSDT", "Sharpe", "profit factor", "Refused by risk: cooldown 12.", "The account ended REDUCING.", "and one line more"):
        assert text in shown
    assert "The book equals the exchange's own accounts exactly" in shown


def test_brackets_in_the_path_of_a_strategy_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    record = record_of(traded("AAAUSDT", random_bars(1, 100), 20), strategy="lib[old]/my.py:Mine")
    ReportFiles().tell(report_of(record), "")
    assert "strategy lib[old]/my.py:Mine, amounts in USDT" in capsys.readouterr().out


def test_the_files_are_written_as_asked_for(report: Report, tmp_path: Path) -> None:
    ReportFiles(tmp_path / "report.json", tmp_path / "report.html").tell(report)
    assert json.loads((tmp_path / "report.json").read_text())["strategy"] == "rsi"
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def test_a_place_that_cannot_take_it_is_named(report: Report, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"--report .*report.json: there is no folder .*missing; make it"):
        ReportFiles(tmp_path / "missing" / "report.json")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigurationError, match=r"--html .*folder cannot be written: "):
        ReportFiles(html=tmp_path / "folder").tell(report)


def test_a_full_disk_leaves_what_was_there_and_half_of_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "report.json"
    file.write_text("the last one")

    def fill_the_disk(path: Path, text: str, **_: str) -> None:
        path.write_bytes(text[:10].encode())
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fill_the_disk)
    with pytest.raises(DiskFullError, match=r"--report .*report.json cannot be written: No space left on device") as full:
        write_report("--report", file, "a new report of many words")
    assert full.value.exit_code is ExitCode.DISK_FULL
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    assert file.read_text() == "the last one"
