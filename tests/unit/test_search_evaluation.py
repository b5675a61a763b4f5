"""The evaluation of searched values: the fast path's own result over one window, which nothing after the window can change."""

import pickle
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
from binance_trade_agent.domain.errors import ConfigurationError
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


def plan(tmp_path: Path, *, changed_from: int = 2000, hole: range = range(0), **chosen: object) -> BacktestPlan:
    """Candles of two symbols, whose prices are others from candle number `changed_from` on; the first has none in `hole`."""
    for number, symbol in enumerate(SYMBOLS):
        rows = candle_rows(number, changed_from) + candle_rows(
            number + 7, 2000 - changed_from, start_ms=START_MS + changed_from * MINUTE_MS
        )
        write_candles(tmp_path / "candles", symbol, [row for at, row in enumerate(rows) if number or at not in hole])
    return BacktestPlan(candles=tmp_path / "candles", settings=settings(tmp_path, **chosen))


def bench(tmp_path: Path, **chosen: object) -> Bench:
    return BacktestEvaluation(plan(tmp_path, **chosen)).bench()


def run(tmp_path: Path, values: Mapping[str, Value] = VALUES, **chosen: object) -> Outcome:
    return bench(tmp_path, **chosen).run(Job(values, SPAN, with_trades=True))


def require_a_backtest(made: Bench, own: Settings, values: Mapping[str, Value] = VALUES) -> None:
    """The outcome is that of a run that has all candles before the window, by `own`: the settings as a user writes them."""
    outcome = made.run(Job(values, SPAN, with_trades=True))
    result = run_backtest(replace(made.plan, settings=own, start_ms=SPAN.start_ms, end_ms=SPAN.end_ms))
    assert outcome.trades == len({fill.client_order_id for fill in result.fills if fill.side is Side.SELL}) > 3
    assert outcome.total_return == pytest.approx(float(result.profit / result.initial_value), rel=1e-9)
    assert len(outcome.trade_returns) == outcome.trades
    assert outcome.figures["profit"] == outcome.total_return
    assert outcome.peak_bytes > 10_000_000


def test_a_window_comes_to_what_a_backtest_of_it_comes_to(tmp_path: Path) -> None:
    require_a_backtest(bench(tmp_path), settings(tmp_path, strategy_parameters={"period": 6, "oversold": 35.0}))


@pytest.mark.parametrize("hole", [range(100, 699), range(100, 730), range(300, 2000)], ids=["before it", "across its start", "for good"])
@pytest.mark.parametrize("filtered", [False, True])
def test_candles_before_a_hole_are_read_in_a_window_as_in_a_backtest_of_it(hole: range, filtered: bool, tmp_path: Path) -> None:
    chosen: dict[str, object] = {"strategy_parameters": {"period": 6, "oversold": 45.0}}
    if filtered:
        inner = {"name": "rsi", "period": 6, "oversold": 45.0}
        chosen = {"strategy_name": "trend_filter", "strategy_parameters": {"interval": "5m", "period": 90, "strategy": inner}}
    require_a_backtest(bench(tmp_path, hole=hole, **chosen), settings(tmp_path, **chosen), {})


def test_a_symbol_that_was_not_listed_yet_lets_no_buy_pass_that_waits_for_it(tmp_path: Path) -> None:
    waits = {"strategy_name": "benchmark_filter", "strategy_parameters": {"symbol": SYMBOLS[0], "period": 5}}
    made = bench(tmp_path, hole=range(1500), **waits)
    outcome = made.run(Job({"strategy.oversold": 45.0}, SPAN))
    assert (outcome.impossible, outcome.trades, outcome.total_return) == ("", 0, 0.0)
    later = Span(SPAN.end_ms, SPAN.end_ms + 500 * MINUTE_MS)
    assert made.run(Job({"strategy.oversold": 45.0}, later)).trades > 0


def test_a_window_without_any_candle_is_named(tmp_path: Path) -> None:
    before = Span(START_MS - 500 * MINUTE_MS, START_MS - 100 * MINUTE_MS)
    with pytest.raises(ConfigurationError, match="no candles of any symbol from 2024-12-31 15:40 to 2024-12-31 22:20 UTC"):
        bench(tmp_path).run(Job(VALUES, before))


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


def test_a_worker_that_reads_what_the_search_began_with_comes_to_the_same(tmp_path: Path) -> None:
    made = bench(tmp_path)
    sent = pickle.loads(pickle.dumps(made.elsewhere()))
    assert sent.opened()(Job(VALUES, SPAN)) == made.run(Job(VALUES, SPAN))


@pytest.mark.parametrize("changed", ["candles", "strategy"])
def test_a_worker_with_other_candles_or_another_strategy_file_is_refused(changed: str, tmp_path: Path) -> None:
    strategy = tmp_path / "mine.py"
    strategy.write_text((Path(__file__).parent.parent / "scripted_strategies.py").read_text())
    begun = bench(tmp_path, strategy_path=f"{strategy}:Alternating").elsewhere()
    if changed == "candles":
        write_candles(tmp_path / "candles", SYMBOLS[1], candle_rows(5, 2000))
    else:
        strategy.write_text(strategy.read_text() + "# another\n")
    found = replace(begun, digest="").bench().elsewhere().digest
    assert found != begun.digest
    with pytest.raises(ConfigurationError, match=f"candles or the strategy's file is not here .* come to {found}, not to {begun.digest}"):
        begun.opened()
