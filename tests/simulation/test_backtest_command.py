"""`backtest` as a user runs it: the figures of the whole daemon, files, and clear words for what cannot be."""

import json
import subprocess
from pathlib import Path

from command_line import COMMAND, environment
from made_up_candles import candle_rows, write_candles

RSI = ("--strategy", "rsi", "--set", 'STRATEGY_PARAMETERS={"period": 5}')


def command(place: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=environment(place / "data"),
        cwd=place,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def candles(place: Path) -> Path:
    write_candles(place / "in", "AAAUSDT", candle_rows(1, 300))
    write_candles(place / "in", "BBBUSDT", candle_rows(2, 300, price=40.0))
    return place / "in"


def test_it_reports_what_the_whole_daemon_comes_to_and_writes_what_was_asked_for(tmp_path: Path) -> None:
    folder = candles(tmp_path)
    fast = command(tmp_path, "backtest", "--candles", folder, *RSI, "--report", "fast.json", "--html", "fast.html")
    assert fast.returncode == 0, fast.stderr
    assert "candles of 2 symbols played in" in fast.stdout
    assert "%" in fast.stderr  # progress
    assert (tmp_path / "fast.html").read_text().startswith("<!")
    assert not (tmp_path / "data").exists()

    settings = {"STRATEGY_NAME": "rsi", "STRATEGY_PARAMETERS": '{"period": 5}', "HTTP_PORT": "0"}
    full = subprocess.run(
        [*COMMAND, "run", "--candles", str(folder), "--report", "full.json"],
        env=environment(tmp_path / "data", **settings),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert full.returncode == 0, full.stderr
    one, other = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("fast", "full"))
    assert one["symbols"] == other["symbols"]
    assert one["all"] == other["all"]
    assert one["all"]["orders"] > 20


def test_symbols_time_money_and_the_market_can_be_chosen(tmp_path: Path) -> None:
    options = (
        "--symbols",
        "bbbusdt",
        "--from",
        "2025-01-01 01:00:00",
        "--to",
        "2025-01-01 04:00:00",
        "--cash",
        "500",
        "--fee",
        "0",
        "--spread",
        "50",
    )
    done = command(tmp_path, "backtest", "--candles", candles(tmp_path), *RSI, *options, "--report", "out.json")
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "out.json").read_text())
    assert [symbol["name"] for symbol in told["symbols"]] == ["BBBUSDT"]
    assert "warning" not in done.stderr
    assert told["initial_value"] == "500"
    assert told["all"]["fees"] == "0"
    assert "2025-01-01 01:00 to 2025-01-01 03:59 UTC" in done.stdout


def test_settings_of_a_symbol_that_is_not_played_are_warned_of(tmp_path: Path) -> None:
    own = 'SYMBOL_OVERRIDES={"BBBUSDT": {"strategy_name": "macd"}, "XYZUSDT": {"strategy_name": "macd"}}'
    done = command(tmp_path, "backtest", "--candles", candles(tmp_path), *RSI, "--set", own)
    assert done.returncode == 0, done.stderr
    assert "warning: SYMBOL_OVERRIDES names XYZUSDT, but only AAAUSDT, BBBUSDT can be traded here\n" in done.stderr


def test_what_cannot_be_is_said_in_a_line_with_an_exit_code_of_its_own(tmp_path: Path) -> None:
    folder = candles(tmp_path)
    for arguments, code, words in (
        (("--set", "RISK_TRALING=1"), 2, "--set RISK_TRALING=1: expected NAME=VALUE with the name of a setting"),
        (("--cash", "9", "--set", "portfolio_initial_value=5"), 2, "PORTFOLIO_INITIAL_VALUE has an option of its own, --cash"),
        (("--set", "CANDLES_DIR=/x"), 2, "--set CANDLES_DIR=/x: CANDLES_DIR has an option of its own, --candles"),
        (("--set", "RISK_TRAILING_STOP_PCT=2"), 3, "RISK_TRAILING_STOP_PCT"),
        (("--spread", "-1"), 2, "-1 is not 0 or more"),
        (("--symbols", "CCCUSDT"), 9, "there are no candles of CCCUSDT; there are some of AAAUSDT, BBBUSDT"),
        (("--from", "2026-01-01"), 3, "there are some from 2025-01-01 00:00 to 2025-01-01 05:00 UTC"),
        (
            (*RSI, "--from", "2025-01-01 01:00:00", "--to", "2025-01-01 01:01:00"),
            3,
            "no candle closes between the first pass and the last from 2025-01-01 01:00 to 2025-01-01 01:01 UTC, so there is nothing to "
            "report; take a range of two candles of 1m or more, beside the 42 to warm up that the strategy reads from before it",
        ),
        (("--from", "2025-01-02", "--to", "2025-01-01"), 2, "--from 2025-01-02 00:00:00 must be before --to 2025-01-01 00:00:00"),
        (("--cash", "1e30"), 3, "PORTFOLIO_INITIAL_VALUE is '1E+30'; allowed: a number above 0 and at most 1000000000000000"),
        (("--cash", "0"), 3, "PORTFOLIO_INITIAL_VALUE is '0'; allowed: a number above 0"),
        (("--symbols", ","), 2, "--symbols ',' names no symbol"),
        (("--report", "one", "--html", "one"), 3, "--report and --html are both one; name a file of its own for each"),
        (("--spread", "20000"), 3, "the spread must be 0 to below 20000"),
        (("--strategy", "rse"), 3, "rse"),
        (("--set", "PROTECTION=exchange"), 3, "PROTECTION puts orders on the exchange"),
    ):
        refused = command(tmp_path, "backtest", "--candles", folder, *arguments)
        assert refused.returncode == code, refused.stderr
        assert words in refused.stderr
        assert "Traceback" not in refused.stderr
