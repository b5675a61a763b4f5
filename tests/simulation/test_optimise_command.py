"""`optimise` as a user runs it: a process of its own over files of candles, killed and started again, with workers of its own."""

import json
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import pytest
from command_line import COMMAND, environment
from made_up_candles import candle_rows, write_candles

CANDLES = 1600
OPTIONS = (
    "--range",
    "period=4:12",
    "--range",
    "oversold=25:45:5",
    "--folds",
    "1",
    "--min-trades",
    "1",
    "--objective",
    "profit",
    "--trials",
    "12",
)


def command(tmp_path: Path, study: str, *more: str) -> list[str]:
    candles = tmp_path / "candles"
    if not candles.exists():
        for number, symbol in enumerate(("BTCUSDT", "ETHUSDT")):
            write_candles(candles, symbol, candle_rows(number, CANDLES))
    report = tmp_path / f"{study}.json"
    return [*COMMAND, "optimise", "--candles", str(candles), *OPTIONS, "--study", str(tmp_path / study), "--report", str(report), *more]


def run(tmp_path: Path, study: str, *more: str) -> subprocess.CompletedProcess[str]:
    wanted = command(tmp_path, study, *more)
    return subprocess.run(wanted, check=False, env=environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, timeout=100)


def trials_in(study: Path) -> int:
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(f"file:{study}?mode=ro", uri=True)) as database:
        return int(database.execute("SELECT count(*) FROM trials").fetchone()[0])
    return 0


def test_best_values_name_the_candles_that_they_are_of_where_the_daemon_would_read_others(tmp_path: Path) -> None:
    told = {}
    for seconds in ("60", "300"):
        searched = ("--range", "RISK_DAILY_DRAWDOWN_REARMS=off", "--set", f"TRADING_INTERVAL_SECONDS={seconds}")
        done = run(tmp_path, f"every-{seconds}", "--workers", "1", "--trials", "3", *searched)
        assert done.returncode == 0, done.stderr
        told[seconds] = done.stdout.partition("as settings:")[2]
    assert "CANDLE_INTERVAL" not in told["60"]
    assert "  CANDLE_INTERVAL=1m" in told["300"]
    assert "  STRATEGY_PARAMETERS=" in told["300"]
    # It is the default, and where nobody sets it a backtest takes the other one.
    assert "  RISK_DAILY_DRAWDOWN_REARMS=off" in told["60"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_killed_search_goes_on_and_comes_to_what_an_unbroken_one_with_other_workers_comes_to(tmp_path: Path) -> None:
    whole = run(tmp_path, "whole", "--workers", "1")
    assert whole.returncode == 0, whole.stderr
    process = subprocess.Popen(
        command(tmp_path, "cut", "--workers", "2"), env=environment(tmp_path), cwd=tmp_path, stderr=subprocess.DEVNULL
    )
    try:
        while trials_in(tmp_path / "cut") < 3 and process.poll() is None:
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL
    assert trials_in(tmp_path / "cut") < 24
    again = run(tmp_path, "cut", "--workers", "2")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "cut.json").read_text() == (tmp_path / "whole.json").read_text()
    assert again.stdout.replace("/cut", "/whole") == whole.stdout
    found = json.loads((tmp_path / "whole.json").read_text())
    assert found["final"]["outside"]["trades"] > 0
    assert f'"period":{found["final"]["best"]["period"]}' in whole.stdout.partition("STRATEGY_PARAMETERS=")[2]


def test_account_market_and_settings_are_chosen_as_for_a_backtest_and_come_to_the_same(tmp_path: Path) -> None:
    chosen = ("--cash", "500", "--fee", "0.002", "--spread", "30", "--depth", "0.001", "--set", "RISK_DEFAULT_TAKE_PROFIT_PCT=0.01")
    chosen += ("--set", 'SYMBOL_OVERRIDES={"XYZUSDT": {"strategy_name": "macd"}}')
    searched = run(tmp_path, "study", "--workers", "1", "--trials", "1", *chosen)
    assert searched.returncode == 0, searched.stderr
    assert searched.stderr.count("warning: SYMBOL_OVERRIDES names XYZUSDT, but only BTCUSDT, ETHUSDT can be traded here\n") == 1
    final = json.loads((tmp_path / "study.json").read_text())["final"]
    first, last = (
        f"{datetime.fromtimestamp(final['outside_span'][name] / 1000, UTC):%Y-%m-%d %H:%M:%S}" for name in ("start_ms", "end_ms")
    )
    best = ("--set", f"STRATEGY_PARAMETERS={json.dumps(final['best'])}")
    wanted = [*COMMAND, "backtest", "--candles", "candles", "--from", first, "--to", last, *best, *chosen, "--report", "played.json"]
    played = subprocess.run(wanted, check=False, env=environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert played.returncode == 0, played.stderr
    figures = json.loads((tmp_path / "played.json").read_text())["figures"]
    assert final["outside"]["trades"] > 0
    assert figures["total_return"] == pytest.approx(final["outside"]["return"], rel=1e-9)


def test_a_study_file_of_another_version_is_refused_with_both_versions(tmp_path: Path) -> None:
    few = ("--workers", "1", "--trials", "1")
    begun = run(tmp_path, "study", *few)
    assert begun.returncode == 0, begun.stderr
    kept = json.loads((tmp_path / "study.json").read_text())["terms"]["version"]
    assert kept == f"{metadata.version('binance-trade-agent')}, optuna {metadata.version('optuna')}"
    for older in (kept.replace("optuna", "optuna 0."), kept.replace(", ", ".dev1, ")):
        with closing(sqlite3.connect(tmp_path / "study")) as database, database:
            changed = "UPDATE study_user_attributes SET value_json = json_set(value_json, '$.version', ?) WHERE key = 'terms'"
            assert database.execute(changed, (older,)).rowcount == 2
        again = run(tmp_path, "study", *few)
        assert again.returncode == 3, again.stderr
        assert f"version: the file has {older}, asked for is {kept}" in again.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_cluster_of_two_processes_comes_to_what_one_process_comes_to(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    few = ("--trials", "5")
    alone = run(tmp_path, "alone", "--workers", "1", *few)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1", silence_logs=50
    ) as cluster:
        spread = run(tmp_path, "spread", "--dask", cluster.scheduler_address, *few)
    assert (alone.returncode, spread.returncode) == (0, 0), alone.stderr + spread.stderr
    assert (tmp_path / "spread.json").read_text() == (tmp_path / "alone.json").read_text()


def test_what_cannot_be_searched_is_told_in_one_line(tmp_path: Path) -> None:
    for more, code, said in (
        (("--range", "levels=1:2"), 3, "error: --range levels is no parameter of the strategy; allowed are period, oversold"),
        (("--folds", "40"), 3, f"error: {CANDLES} candles are too few for 40 folds"),
        (("--symbols", "XRPUSDT"), 9, "there are no candles of XRPUSDT"),
        (("--strategy", "nothing"), 3, "strategy 'nothing' is unknown"),
        (("--holdout", "nan"), 2, "nan is not 0 or more"),
        (("--set", "RISK_TRALING=1"), 2, "--set RISK_TRALING=1: expected NAME=VALUE with the name of a setting"),
        (("--dask", "nonsense"), 3, "error: --dask nonsense is no address; allowed: a scheduler such as tcp://host:8786"),
    ):
        told = run(tmp_path, "study", *more)
        assert told.returncode == code, told.stderr
        assert said in told.stderr
        assert "Traceback" not in told.stderr
    nothing = subprocess.run(
        [*COMMAND, "optimise"], check=False, env=environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert nothing.returncode == 2
    assert "name some by --candles or CANDLES_DIR" in nothing.stderr


def test_a_file_that_could_not_be_kept_is_told_before_the_search(tmp_path: Path) -> None:
    for option in ("--report", "--study"):
        refused = run(tmp_path, "study", option, str(tmp_path / "missing" / "file"))
        assert refused.returncode == 3, refused.stderr
        assert f"error: {option} {tmp_path}/missing/file: there is no folder {tmp_path}/missing; make it, or name" in refused.stderr
        assert not (tmp_path / "study").exists()
        assert not (tmp_path / "missing").exists()
