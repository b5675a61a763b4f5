"""Progress on a terminal: what was done last is shown as it is written."""

import pytest

from binance_trade_agent.cli.progress import counting_bar


def test_a_reason_with_brackets_is_shown_and_ends_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal, as rich sees it
    monkeypatch.setenv("COLUMNS", "200")
    with counting_bar("trials", 2) as show:
        show(1, "final: allowed are [/1h] and [bold]4h")
    assert "final: allowed are [/1h] and [bold]4h" in capsys.readouterr().err
