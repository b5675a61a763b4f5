"""One report for both paths: over the same candles the fast path and the whole daemon are told in the same figures, to the last digit."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from full_runs import full_run
from made_up_candles import START_MS, candle_rows, write_candles

from binance_trade_agent.backtest.fast.histories import load_histories
from binance_trade_agent.backtest.fast.plan import BacktestPlan
from binance_trade_agent.backtest.fast.run import run_backtest
from binance_trade_agent.backtest.report.fast_record import fast_record
from binance_trade_agent.backtest.report.machine import report_json
from binance_trade_agent.backtest.report.report import RunRecord, report_of
from binance_trade_agent.settings import Settings, load_settings

OF_ONE_PATH = {"path", "digest", "proof"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two symbols over a midnight, the second later, with holes and earlier at its end."""
    start_ms = START_MS + 20 * 3_600_000
    write_candles(tmp_path / "in", "AAAUSDT", candle_rows(1, 420, start_ms=start_ms))
    others = candle_rows(2, 420, start_ms=start_ms, price=40.0)
    write_candles(tmp_path / "in", "BBBUSDT", [row for at, row in enumerate(others) if 20 <= at < 411 and not 120 <= at < 131])
    return tmp_path / "in"


def settings(folder: Path, tmp_path: Path, **more: Any) -> Settings:
    values = {"candles_dir": folder, "data_dir": tmp_path / "data", "http_port": 0, "strategy_name": "rsi", "candle_window": 100}
    return load_settings(**values, strategy_parameters={"period": 4}, risk_cooldown_seconds=0, **more)


def fast_run(wanted: Settings, folder: Path, **more: Any) -> RunRecord:
    plan = BacktestPlan(candles=folder, settings=wanted, **more)
    histories = load_histories(plan)
    return fast_record(plan, histories, run_backtest(plan, histories=histories))


@pytest.mark.parametrize("more", [{"risk_default_stop_loss_pct": "0.006"}, {"risk_max_total_drawdown": "0.001"}, {"demo_fee_rate": "0"}])
def test_both_paths_are_told_in_the_same_figures(more: dict[str, Any], folder: Path, tmp_path: Path) -> None:
    wanted = settings(folder, tmp_path, **more)
    full, fast = report_of(full_run(wanted).record), report_of(fast_run(wanted, folder))
    assert full.holds
    assert fast.holds
    told = [json.loads(report_json(report)) for report in (full, fast)]
    kept = [{name: value for name, value in each.items() if name not in OF_ONE_PATH} for each in told]
    assert kept[0]["trades"]
    assert kept[1] == kept[0]


def test_a_part_of_the_candles_is_told_from_its_start_to_its_end(folder: Path, tmp_path: Path) -> None:
    start_ms, end_ms = START_MS + 21 * 3_600_000, START_MS + 23 * 3_600_000
    record = fast_run(settings(folder, tmp_path), folder, start_ms=start_ms, end_ms=end_ms)
    report = report_of(record)
    assert report.holds
    assert (record.first_ms, report.growth.end_ms) == (start_ms, end_ms - 60_000 - 1)
    assert {symbol.result.candles for symbol in report.symbols} == {119, 119 - 11}
    assert record.digest


def test_a_digit_that_is_not_booked_is_told(folder: Path, tmp_path: Path) -> None:
    record = fast_run(settings(folder, tmp_path), folder)
    first, *others = record.histories
    lost = replace(first, fills=first.fills[1:])
    assert not report_of(replace(record, histories=[lost, *others])).holds
