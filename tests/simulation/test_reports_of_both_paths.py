"""One report for both paths: over the same candles the fast path and the whole daemon are told in the same figures, to the last digit."""

import json
from dataclasses import replace
from decimal import Decimal
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


def test_a_report_tells_every_setting_that_its_run_has_asked_for(folder: Path, tmp_path: Path) -> None:
    """Those that are empty aside, which change nothing. What is told is what the digest goes by, too."""
    asked: set[str] = set()

    class Watched(Settings):
        def __getattribute__(self, name: str) -> Any:
            if name in Settings.model_fields:
                asked.add(name)
            return super().__getattribute__(name)

    wanted = settings(folder, tmp_path, risk_sizing="fixed", risk_sizing_amount="77", risk_drawdown_lock="0.1")
    watched = Watched.model_construct(wanted.model_fields_set, **dict(wanted))
    plan = BacktestPlan(candles=folder, settings=watched)
    histories = load_histories(plan)
    asked.clear()
    result = run_backtest(plan, histories=histories)
    needed = {name.upper() for name in asked if getattr(wanted, name) not in (None, "", (), {})}
    told = fast_record(plan, histories, result).settings
    assert {"RISK_SIZING_AMOUNT", "RISK_DRAWDOWN_LOCK", "DEMO_SEED"} < needed <= told.keys()
    assert (told["RISK_SIZING_AMOUNT"], told["PORTFOLIO_INITIAL_VALUE"]) == ("77", "10000")
    changed = wanted.model_copy(update={"max_intent_age_seconds": 77.0})
    assert replace(plan, settings=changed).digest("") != plan.digest("")


def test_a_report_tells_the_money_that_its_run_began_with(folder: Path, tmp_path: Path) -> None:
    assert fast_run(settings(folder, tmp_path), folder, initial_cash=Decimal(500)).settings["PORTFOLIO_INITIAL_VALUE"] == "500"
