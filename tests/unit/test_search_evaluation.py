"""The evaluation of searched values: the fast path's own result over one window, which nothing after the window can change."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from made_up_candles import START_MS, candle_rows, write_candles

from binance_trade_agent.backtest.fast.plan import BacktestPlan
from binance_trade_agent.backtest.fast.run import run_backtest
from binance_trade_agent.backtest.search.evaluation import BacktestEvaluation, Bench, settings_with
from binance_trade_agent.backtest.search.jobs import Job, Outcome, Value
from binance_trade_agent.domain.order import Side
from binance_trade_agent.domain.risk import SizingMethod
from binance_trade_agent.settings import Settings
from binance_trade_agent.settings.choices import LockScope, Switch
from binance_trade_agent.storage.candles.calendar import Span

MINUTE_MS = 60_000
SYMBOLS = ("BTCUSDT", "ETHUSDT")
SPAN = Span(START_MS + 700 * MINUTE_MS, START_MS + 1500 * MINUTE_MS)
VALUES: Mapping[str, Value] = {"period": 6, "oversold": 35.0}


def settings(tmp_path: Path, **chosen: object) -> Settings:
    values: dict[str, Any] = {"data_dir": tmp_path, "strategy_name": "rsi", "risk_volatility_threshold": "0", **chosen}
    return Settings(**values)


def plan(tmp_path: Path, *, changed_from: int = 2000, **chosen: object) -> BacktestPlan:
    """Candles of two symbols, whose prices are others from candle number `changed_from` on."""
    for number, symbol in enumerate(SYMBOLS):
        rows = candle_rows(number, changed_from) + candle_rows(
            number + 7, 2000 - changed_from, start_ms=START_MS + changed_from * MINUTE_MS
        )
        write_candles(tmp_path / "candles", symbol, rows)
    return BacktestPlan(candles=tmp_path / "candles", settings=settings(tmp_path, **chosen))


def bench(tmp_path: Path, **chosen: object) -> Bench:
    return BacktestEvaluation(plan(tmp_path, **chosen)).bench()


def run(tmp_path: Path, values: Mapping[str, Value] = VALUES, **chosen: object) -> Outcome:
    return bench(tmp_path, **chosen).run(Job(values, SPAN, with_trades=True))


def test_a_window_comes_to_what_a_backtest_of_it_comes_to(tmp_path: Path) -> None:
    made = bench(tmp_path)
    outcome = made.run(Job(VALUES, SPAN, with_trades=True))
    # The same by a run that has all candles before the window, and the settings as a user writes them.
    own = settings(tmp_path, strategy_parameters={"period": 6, "oversold": 35.0})
    result = run_backtest(replace(made.plan, settings=own, start_ms=SPAN.start_ms, end_ms=SPAN.end_ms))
    assert outcome.trades == len({fill.client_order_id for fill in result.fills if fill.side is Side.SELL}) > 3
    assert outcome.total_return == pytest.approx(float(result.profit / result.initial_value), rel=1e-9)
    assert len(outcome.trade_returns) == outcome.trades
    assert outcome.figures["profit"] == outcome.total_return
    assert outcome.peak_bytes > 10_000_000


def test_nothing_after_the_window_changes_what_it_comes_to(tmp_path: Path) -> None:
    assert run(tmp_path / "one", changed_from=1500) == run(tmp_path / "other", changed_from=1900)
    assert run(tmp_path / "one", changed_from=1500) != run(tmp_path / "before", changed_from=1400)


def test_values_that_contradict_each_other_are_an_outcome_with_the_reason(tmp_path: Path) -> None:
    assert "oversold is 80.0; allowed are numbers below overbought" in run(tmp_path, {"oversold": 80.0}).impossible
    assert "RISK_MAX_SINGLE_TRADE_SIZE" in run(tmp_path, {"RISK_MAX_SINGLE_TRADE_SIZE": 0.5}).impossible
    assert run(tmp_path, {"RISK_DEFAULT_STOP_LOSS_PCT": 1.5}).impossible != ""


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"interval": "1s"}, "reads 1s candles, but CANDLE_INTERVAL is 1m"),
        ({"symbol": "NONEUSDT"}, "reads candles of NONEUSDT, and there is no history of them"),
    ],
)
def test_values_that_need_candles_that_are_not_there_are_an_outcome_with_the_reason(
    values: Mapping[str, Value], why: str, tmp_path: Path
) -> None:
    assert why in run(tmp_path, values, strategy_name="benchmark_filter").impossible


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("RISK_SIZING", "kelly", SizingMethod.KELLY),
        ("RISK_STOP_GUARD_SCOPE", "account", LockScope.ACCOUNT),
        ("RISK_DAILY_DRAWDOWN_REARMS", "off", Switch.OFF),
        ("RISK_MAX_LOSS_STREAK", 2, 2),
        ("RISK_COOLDOWN_SECONDS", 60.5, 60.5),
        ("RISK_DEFAULT_STOP_LOSS_PCT", 0.05, Decimal("0.05")),
        ("CANDLE_INTERVAL", "5m", "5m"),
    ],
)
def test_a_setting_of_every_kind_can_be_searched(name: str, value: Value, read: object, tmp_path: Path) -> None:
    assert getattr(settings_with(settings(tmp_path), {name: value}), name.lower()) == read


def test_searched_settings_hold_in_the_run(tmp_path: Path) -> None:
    loose, tight = (run(tmp_path, {"RISK_DEFAULT_STOP_LOSS_PCT": stop, **VALUES}) for stop in (0.5, 0.003))
    assert tight.trades > loose.trades


def test_the_window_of_candles_grows_with_what_the_values_need(tmp_path: Path) -> None:
    wide = settings_with(settings(tmp_path), {"period": 60})
    assert (wide.candle_window, wide.strategy_parameters) == (482, {"period": 60})
    assert settings_with(settings(tmp_path), VALUES).candle_window == 200
    assert run(tmp_path, {"period": 60, "oversold": 45.0}).trades > 0


def test_the_window_of_candles_grows_with_what_is_read_of_another_symbol(tmp_path: Path) -> None:
    own = settings(tmp_path, strategy_name="benchmark_filter")
    assert settings_with(own, {"period": 300}).candle_window == 301
    # Candles of a named interval count where it is that of the candles; longer ones have a window of their own.
    assert settings_with(own, {"period": 300, "interval": "5m"}, 300_000).candle_window == 301
    assert settings_with(own, {"period": 300, "interval": "5m"}).candle_window == 200
    assert run(tmp_path, {"period": 300, "strategy.oversold": 45.0}, strategy_name="benchmark_filter").trades > 0
