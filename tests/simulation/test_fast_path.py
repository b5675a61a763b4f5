"""The fast path against the full path and paper mode: the same candles give the same orders, fills and, exactly, the same book."""

import pickle
from pathlib import Path
from typing import Any

import pytest

from binance_trade_agent.backtest.fast.plan import BacktestPlan
from binance_trade_agent.backtest.fast.result import BacktestResult
from binance_trade_agent.backtest.fast.run import run_backtest
from binance_trade_agent.domain.candle_intervals import WEEK_MS, candle_open_ms
from binance_trade_agent.domain.errors import ConfigurationError, StrategyError
from binance_trade_agent.domain.order import Fill, JournaledOrder, OrderState, Side
from binance_trade_agent.domain.risk import RiskRule
from binance_trade_agent.settings import Settings, load_settings
from tests.full_runs import FullRun, full_run, paper_run
from tests.made_up_candles import candle_rows, write_candles

ALTERNATING = f"{Path(__file__).parent.parent / 'scripted_strategies.py'}:Alternating"
RSI = {"strategy_name": "rsi", "strategy_parameters": {"period": 4}}
FILTERED = {"name": "rsi", "period": 4}

CASES: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "stop-loss and take-profit": {**RSI, "risk_default_stop_loss_pct": "0.006", "risk_default_take_profit_pct": "0.009"},
    "trailing stop": {**RSI, "risk_trailing_stop_pct": "0.004", "risk_default_take_profit_pct": "0"},
    "cooldown": {**RSI, "risk_cooldown_seconds": 420},
    "loss streaks": {**RSI, "risk_max_loss_streak": 1, "risk_loss_pause_seconds": 1800, "risk_default_stop_loss_pct": "0.004"},
    "daily breaker": {**RSI, "risk_max_daily_drawdown": "0.0008", "risk_max_position_per_symbol": "0.3"},
    "daily breaker with stops": {
        **RSI,
        "risk_max_daily_drawdown": "0.0008",
        "risk_max_position_per_symbol": "0.3",
        "risk_default_stop_loss_pct": "0.004",
    },
    "daily breaker that stays": {**RSI, "risk_max_daily_drawdown": "0.0008", "risk_daily_drawdown_rearms": "off"},
    "total breaker": {**RSI, "risk_max_total_drawdown": "0.0015", "risk_default_stop_loss_pct": "0.01"},
    "pace": {"strategy_path": ALTERNATING, "risk_max_orders_per_minute": 1, "risk_cooldown_seconds": 0},
    "little room": {**RSI, "risk_max_total_exposure": "0.07", "risk_max_position_per_symbol": "0.05", "risk_max_single_trade_size": "0.04"},
    "little money": {**RSI, "portfolio_initial_value": "130"},
    "calm markets only": {**RSI, "risk_volatility_threshold": "0.0042"},
    "sure signals only": {**RSI, "risk_min_confidence": "0.62"},
    "young candles only": {"strategy_path": ALTERNATING, "risk_max_data_age_seconds": 61},
    "no fee": {**RSI, "demo_fee_rate": "0"},
    "crossings": {"strategy_name": "ema_cross", "strategy_parameters": {"fast": 3, "slow": 8}},
    "votes": {"strategy_name": "combined"},
    "an amount": {**RSI, "risk_sizing": "fixed", "risk_sizing_amount": "77.7"},
    "by the market's ranges": {**RSI, "risk_sizing": "volatility", "risk_sizing_atr_share": "0.0001", "risk_sizing_atr_candles": 9},
    "by Kelly's formula": {**RSI, "risk_sizing": "kelly", "risk_kelly_orders": 3, "risk_kelly_least": "0.002", "risk_kelly_factor": "0.07"},
    "stop guard": {**RSI, "risk_default_stop_loss_pct": "0.004", "risk_stop_guard_stops": 1, "risk_stop_guard_pause_seconds": 3000},
    "low profit": {**RSI, "risk_low_profit_orders": 2, "risk_low_profit_least": "0.001", "risk_low_profit_pause_seconds": 2400},
    "drawdown lock": {**RSI, "risk_drawdown_lock": "0.00005", "risk_drawdown_lock_pause_seconds": 3600},
    "moving together": {
        **RSI,
        "risk_max_correlated_exposure": "0.06",
        "risk_correlation_threshold": "0",
        "risk_correlation_candles": 30,
    },
    "a longer interval": {"strategy_name": "trend_filter", "strategy_parameters": {"interval": "5m", "period": 6, "strategy": FILTERED}},
    "another symbol": {
        "strategy_name": "benchmark_filter",
        "strategy_parameters": {"symbol": "BBBUSDT", "period": 9, "strategy": FILTERED},
    },
    "both": {
        "strategy_name": "benchmark_filter",
        "strategy_parameters": {"symbol": "BBBUSDT", "interval": "3m", "period": 4, "strategy": FILTERED},
        "risk_default_stop_loss_pct": "0.006",
    },
    "settings of one symbol": {
        **RSI,
        "symbol_overrides": {"BBBUSDT": {"strategy_name": "ema_cross", "strategy_parameters": {"fast": 2, "slow": 5}}},
    },
    "limits of one symbol": {
        **RSI,
        "symbol_overrides": {
            "BBBUSDT": {
                "risk_sizing": "fixed",
                "risk_sizing_amount": "60",
                "risk_default_stop_loss_pct": "0.004",
                "risk_trailing_stop_pct": "0.003",
                "risk_cooldown_seconds": 600,
                "risk_min_confidence": "0.6",
                "risk_volatility_threshold": "0.004",
            }
        },
        "risk_stop_guard_stops": 2,
        "risk_stop_guard_scope": "account",
        "risk_stop_guard_pause_seconds": 1800,
    },
    "shares, by a grid": {
        "strategy_name": "grid",
        "strategy_parameters": {"step": 0.002, "levels": 4, "period": 40},
        "risk_trailing_stop_pct": "0.006",
        "risk_sizing": "kelly",
        "risk_kelly_orders": 3,
        "risk_kelly_least": "0.01",
    },
    "shares, at fixed times": {
        "strategy_name": "dca",
        "strategy_parameters": {"every": 7, "fraction": 0.3},
        "risk_default_take_profit_pct": "0.004",
        "risk_default_stop_loss_pct": "0.005",
    },
    "a channel": {"strategy_name": "donchian", "strategy_parameters": {"entry": 8, "exit": 4}},
    "a trend": {
        "strategy_name": "atr_trend",
        "strategy_parameters": {"period": 5, "lookback": 10, "multiple": 1.5},
        "risk_sizing": "volatility",
        "risk_sizing_atr_share": "0.0003",
    },
    "back to the mean": {"strategy_name": "mean_reversion", "strategy_parameters": {"period": 12, "entry": 1.2}},
    "momentum": {"strategy_name": "macd", "strategy_parameters": {"fast": 4, "slow": 9, "signal": 3, "trigger": "zone"}},
    "bands": {"strategy_name": "bollinger", "strategy_parameters": {"period": 10, "deviations": 1.2}},
}


def candles(folder: Path, seed: int, count: int = 420) -> Path:
    """Two symbols over a midnight, the second with holes, one of them at the very end, and later by twenty candles."""
    rows = candle_rows(seed, count, start_ms=1_735_689_600_000 + 20 * 3_600_000)
    write_candles(folder, "AAAUSDT", rows)
    others = candle_rows(seed + 1000, count, start_ms=1_735_689_600_000 + 20 * 3_600_000, price=0.04 * 1000)
    write_candles(folder, "BBBUSDT", [row for at, row in enumerate(others) if 20 <= at < count - 9 and not 120 <= at < 131 and at % 97])
    return folder


def settings(folder: Path, tmp_path: Path, **overrides: Any) -> Settings:
    values = {"candles_dir": folder, "data_dir": tmp_path / "data", "http_port": 0, "candle_window": 150, **overrides}
    return load_settings(**values)


def terms(order: JournaledOrder) -> tuple[object, ...]:
    """All of an order but the name of its account."""
    intent = order.intent
    decided = (intent.created_ms, intent.symbol, intent.side, intent.type, intent.quantity, intent.reference_price, intent.purpose)
    became = (intent.reason, order.state, order.order_id, order.executed_quantity, order.updated_ms, order.send_deadline_ms)
    return decided + became


def trade(fill: Fill) -> tuple[object, ...]:
    """All of a fill but the name of its account, and its number among everybody's trades, which paper mode cannot know."""
    paid = (fill.price, fill.quantity, fill.quote_quantity, fill.commission, fill.commission_asset)
    return (fill.time_ms, fill.symbol, fill.order_id, fill.side, *paid, fill.is_maker)


@pytest.mark.parametrize("case", CASES)
def test_both_paths_come_to_the_same_book(case: str, tmp_path: Path) -> None:
    folder = candles(tmp_path / "candles", 1)
    wanted = settings(folder, tmp_path, **CASES[case])
    full, fast = full_run(wanted), run_backtest(BacktestPlan(candles=folder, settings=wanted))
    require_same(full, fast)
    assert sorted((fill.symbol, fill.order_id, fill.trade_id) for fill in fast.fills) == sorted(
        (fill.symbol, fill.order_id, fill.trade_id) for fill in full.fills
    )


def test_both_paths_decide_on_a_weekly_candle_one_second_after_it_has_closed(tmp_path: Path) -> None:
    """Weekly candles open on Mondays, so that is when passes come, the first of them with the first candle."""
    monday_ms = candle_open_ms(1_735_689_600_000, WEEK_MS)
    rows = candle_rows(5, 60, start_ms=monday_ms, interval_ms=WEEK_MS)
    folder = write_candles(tmp_path / "candles", "AAAUSDT", rows, interval="1w").parent
    wanted = settings(folder, tmp_path, **RSI)
    full, fast = full_run(wanted), run_backtest(BacktestPlan(candles=folder, settings=wanted))
    require_same(full, fast)
    assert fast.passes == len(rows)
    assert fast.first_ms == monday_ms + 1_000
    assert {(order.intent.created_ms - monday_ms) % WEEK_MS for order in fast.orders} == {1_000}


PLAYED_IN_PAPER = (
    "as it comes",
    "stop-loss and take-profit",
    "trailing stop",
    "daily breaker",
    "both",
    "by Kelly's formula",
    "drawdown lock",
    "limits of one symbol",
    "shares, by a grid",
)


@pytest.mark.parametrize("case", PLAYED_IN_PAPER)
def test_paper_mode_comes_to_the_same_book(case: str, tmp_path: Path) -> None:
    """The real exchange is one that plays the candles; nobody else trades there, and its book is as deep as that of the other paths."""
    folder = candles(tmp_path / "candles", 2)
    wanted = settings(folder, tmp_path, **CASES[case])
    paper, fast = paper_run(wanted), run_backtest(BacktestPlan(candles=folder, settings=wanted))
    assert fast.fills
    require_same(paper, fast)


def require_same(full: FullRun, fast: BacktestResult) -> None:
    """The daemon's orders, fills, book, refusals and modes are those of the fast path."""
    assert [terms(order) for order in fast.orders] == [terms(order) for order in full.orders]
    assert sorted(map(trade, fast.fills)) == sorted(map(trade, full.fills))
    assert fast.balances == full.balances
    assert fast.positions == full.positions
    assert fast.modes == full.modes
    assert fast.equity == full.equity
    assert fast.passes == full.passes
    assert fast.refusals == full.refusals


def test_the_cases_bring_about_what_they_are_named_for(tmp_path: Path) -> None:
    """Otherwise the comparison above would prove little."""
    folder = candles(tmp_path / "candles", 1)
    results = {
        case: run_backtest(BacktestPlan(candles=folder, settings=settings(folder, tmp_path, **more))) for case, more in CASES.items()
    }
    reasons = {case: {order.intent.reason.partition(":")[0] for order in result.orders} for case, result in results.items()}
    assert {"stop-loss", "take-profit"} <= reasons["stop-loss and take-profit"]
    assert "trailing stop" in reasons["trailing stop"]
    assert "ACTIVE" in {change.mode for change in results["daily breaker"].mode_changes}
    assert results["daily breaker that stays"].modes["*"].mode == "REDUCING"
    assert results["total breaker"].modes["*"].mode == "HALTED"
    assert any(order.state is OrderState.EXPIRED for result in results.values() for order in result.orders)  # in a hole
    refused = {case: set(result.refusals) for case, result in results.items()}
    for case, rule in {
        "cooldown": RiskRule.COOLDOWN,
        "loss streaks": RiskRule.LOSS_STREAK,
        "daily breaker": RiskRule.REDUCING,
        "total breaker": RiskRule.HALTED,
        "pace": RiskRule.ORDER_RATE,
        "little room": RiskRule.EXPOSURE_LIMIT,
        "calm markets only": RiskRule.VOLATILITY,
        "sure signals only": RiskRule.LOW_CONFIDENCE,
        "young candles only": RiskRule.STALE_DATA,
        "stop guard": RiskRule.STOP_GUARD,
        "low profit": RiskRule.LOW_PROFIT,
        "drawdown lock": RiskRule.DRAWDOWN_LOCK,
        "moving together": RiskRule.CORRELATION,
        "limits of one symbol": RiskRule.STOP_GUARD,
    }.items():
        assert rule in refused[case], case
    for case in ("shares, by a grid", "shares, at fixed times", "a channel", "a trend", "back to the mean", "momentum", "bands"):
        assert sum(fill.side is Side.SELL for fill in results[case].fills) > 10, case
    bought = {
        case: [order.intent.quantity * order.intent.reference_price for order in result.orders if order.intent.side is Side.BUY]
        for case, result in results.items()
    }
    assert min(bought["shares, by a grid"]) < max(bought["shares, by a grid"]) / 2
    assert max(bought["shares, at fixed times"]) < max(bought["stop-loss and take-profit"]) / 2


@pytest.mark.parametrize(
    ("name", "parameters", "error", "text"),
    [
        ("trend_filter", {"interval": "1s"}, ConfigurationError, "the strategy of AAAUSDT reads 1s candles, but CANDLE_INTERVAL is 1m"),
        ("benchmark_filter", {"symbol": "AAAUSDT", "period": 150}, ConfigurationError, "CANDLE_WINDOW is 150, but .* needs 151 candles"),
        ("benchmark_filter", {"symbol": "CCCUSDT"}, StrategyError, "reads candles of CCCUSDT, and there is no history of them"),
    ],
)
def test_candles_that_the_daemon_could_not_have_refuse_a_backtest_too(
    name: str, parameters: dict[str, Any], error: type[Exception], text: str, tmp_path: Path
) -> None:
    folder = candles(tmp_path / "candles", 3, 100)
    wanted = settings(folder, tmp_path, strategy_name=name, strategy_parameters=parameters)
    with pytest.raises(error, match=text):
        run_backtest(BacktestPlan(candles=folder, settings=wanted))


def test_a_result_and_its_plan_can_be_sent_to_another_process(tmp_path: Path) -> None:
    folder = candles(tmp_path / "candles", 3, 100)
    plan = pickle.loads(pickle.dumps(BacktestPlan(candles=folder, settings=settings(folder, tmp_path, **RSI))))
    result = run_backtest(plan)
    again = pickle.loads(pickle.dumps(result))
    assert (again.orders, again.fills, again.positions, again.digest) == (result.orders, result.fills, result.positions, result.digest)
    assert again.curve.equity.tolist() == result.curve.equity.tolist()
