"""Figures of a run: held against an independent library, against plain arithmetic, and undefined where their formula says nothing."""

from decimal import Decimal
from statistics import fmean

import empyrical
import numpy as np
import pytest
from finished_runs import random_bars, record_of, traded
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from binance_trade_agent.backtest.closed_trades import ClosedTrade
from binance_trade_agent.backtest.report.figures import curve_figures, trade_figures
from binance_trade_agent.backtest.report.growth import DAY_MS, Growth
from binance_trade_agent.backtest.report.report import report_of

START_MS = 1_735_689_600_000  # 2025-01-01 00:00 UTC
HOUR_MS = 3_600_000


def hourly(values, *, initial=1000.0, start_ms=START_MS):
    times = start_ms + (np.arange(len(values), dtype=np.int64) + 1) * HOUR_MS - 1
    return Growth(start_ms, initial, times, np.asarray(values, dtype=np.float64))


def daily(*values, initial=100.0, start_ms=START_MS):
    times = start_ms + (np.arange(len(values), dtype=np.int64) + 1) * DAY_MS - 1
    return Growth(start_ms, initial, times, np.asarray(values, dtype=np.float64))


@given(seed=st.integers(0, 10_000), days=st.integers(2, 400), drift=st.floats(-0.01, 0.01), noise=st.floats(0.0005, 0.05))
@settings(max_examples=60)
def test_figures_of_a_curve_are_those_of_an_independent_library(seed, days, drift, noise):
    rng = np.random.default_rng(seed)
    steps = np.maximum(1 + drift / 24 + rng.normal(0, noise / 5, days * 24), 0.5)
    growth = hourly(1000 * np.cumprod(steps))
    figures = curve_figures(growth)
    returns = growth.daily_returns()
    ends_of_days = np.concatenate(([1000.0], growth.values[23::24]))
    assert returns == pytest.approx(ends_of_days[1:] / ends_of_days[:-1] - 1, abs=1e-12)

    assert figures.total_return == pytest.approx(empyrical.cum_returns_final(returns), abs=1e-9)
    assert figures.volatility == pytest.approx(empyrical.annual_volatility(returns, annualization=365))
    assert figures.sharpe == pytest.approx(empyrical.sharpe_ratio(returns, annualization=365))
    assert figures.max_drawdown == pytest.approx(
        -empyrical.max_drawdown(np.diff(growth.values, prepend=1000.0) / np.r_[1000.0, growth.values[:-1]])
    )
    assert figures.cagr == pytest.approx(empyrical.annual_return(returns, annualization=365), rel=1e-4, abs=1e-9)
    if (returns < 0).any():
        assert figures.sortino == pytest.approx(empyrical.sortino_ratio(returns, annualization=365))
    else:
        assert figures.sortino is None


@given(values=st.lists(st.floats(10, 1000), min_size=2, max_size=60))
def test_calmar_is_that_of_an_independent_library_on_daily_points(values):
    growth = daily(*values)
    figures = curve_figures(growth)
    assume(figures.calmar is not None)
    theirs = empyrical.calmar_ratio(growth.daily_returns(), annualization=365)
    assert figures.calmar == pytest.approx(theirs, rel=1e-4, abs=1e-9)


@given(values=st.lists(st.sampled_from([90.0, 95.0, 100.0, 105.0, 110.0]), min_size=1, max_size=20))
def test_the_longest_drawdown_is_that_of_a_plain_walk(values):
    growth = daily(*values)
    peak, peak_ms, longest, below = 100.0, START_MS, 0, False
    for time_ms, value in zip(growth.times_ms.tolist(), values, strict=True):
        if value >= peak:
            if below:
                longest = max(longest, time_ms - peak_ms)
            peak, peak_ms, below = value, time_ms, False
        else:
            below = True
            longest = max(longest, time_ms - peak_ms)
    assert curve_figures(growth).longest_drawdown_ms == longest


def test_a_curve_that_never_moves_has_no_ratios_and_no_drawdown():
    figures = curve_figures(daily(100, 100, 100))
    assert (figures.total_return, figures.cagr, figures.volatility, figures.max_drawdown, figures.longest_drawdown_ms) == (0, 0, 0, 0, 0)
    assert (figures.sharpe, figures.sortino, figures.calmar) == (None, None, None)


def test_a_curve_of_less_than_a_day_is_not_scaled_up_to_a_year():
    figures = curve_figures(hourly([1010.0, 1020.0]))
    assert figures.total_return == pytest.approx(0.02)
    assert (figures.cagr, figures.sharpe, figures.volatility, figures.calmar) == (None, None, None, None)


def test_a_curve_without_points_says_nothing():
    figures = curve_figures(Growth(START_MS, 100.0, np.empty(0, dtype=np.int64), np.empty(0)))
    assert (figures.total_return, figures.max_drawdown, figures.longest_drawdown_ms) == (0, 0, 0)
    assert (figures.cagr, figures.sharpe) == (None, None)


def test_losing_everything_is_a_return_of_minus_one_and_no_fault():
    figures = curve_figures(daily(50, 0, 0))
    assert (figures.total_return, figures.cagr, figures.max_drawdown, figures.calmar) == (-1, -1, 1, -1)


def test_a_first_loss_counts_from_what_was_put_in():
    assert curve_figures(daily(90, 95)).max_drawdown == pytest.approx(0.1)


def test_months_multiply_to_the_whole_return_and_begin_where_the_run_began():
    growth = daily(*np.linspace(101, 160, 60), start_ms=START_MS + 15 * DAY_MS)
    months = growth.monthly_returns()
    assert [(year, month) for year, month, _ in months] == [(2025, 1), (2025, 2), (2025, 3)]
    assert months[0][2] == pytest.approx(growth.values[15] / 100 - 1)  # the 16 days from the 16th to the 31st
    assert np.prod([1 + share for *_, share in months]) == pytest.approx(1.6)


def test_a_day_without_candles_is_a_day_without_return():
    times = START_MS + np.array([0, 3]) * DAY_MS + DAY_MS - 1
    growth = Growth(START_MS, 100.0, times, np.array([110.0, 99.0]))
    assert growth.daily_returns().tolist() == pytest.approx([0.1, 0, 0, -0.1])
    days, values = growth.ends_of_days()
    assert (days.tolist(), values.tolist()) == (times.tolist(), [110.0, 99.0])


def trade(profit: str, *, cost: str = "100", opened_ms: int = 0, closed_ms: int = 1000) -> ClosedTrade:
    return ClosedTrade("AAAUSDT", "o", opened_ms, closed_ms, Decimal(1), Decimal(cost), Decimal(cost) + Decimal(profit))


@given(st.lists(st.integers(-100, 100), min_size=1, max_size=40))
def test_figures_of_trades_are_those_of_plain_arithmetic(profits):
    figures = trade_figures([trade(str(profit), closed_ms=1000 * number) for number, profit in enumerate(profits)])
    won, lost = [profit for profit in profits if profit > 0], [profit for profit in profits if profit < 0]
    assert (figures.trades, figures.wins, figures.losses) == (len(profits), len(won), len(lost))
    assert figures.win_rate == pytest.approx(len(won) / len(profits))
    assert figures.expectancy == pytest.approx(fmean(profits))
    assert figures.mean_share == pytest.approx(fmean(profits) / 100)
    assert (figures.best_share, figures.worst_share) == pytest.approx((max(profits) / 100, min(profits) / 100))
    assert figures.mean_held_ms == pytest.approx(fmean(1000 * number for number in range(len(profits))))
    assert figures.profit_factor == (pytest.approx(sum(won) / -sum(lost)) if lost else None)


def test_without_trades_nothing_is_said_of_them():
    figures = trade_figures([])
    assert (figures.trades, figures.wins, figures.losses) == (0, 0, 0)
    assert {figures.win_rate, figures.profit_factor, figures.expectancy, figures.mean_share, figures.best_share, figures.mean_held_ms} == {
        None
    }


@given(seed=st.integers(0, 1000), every=st.integers(2, 40), late=st.integers(0, 50))
@settings(max_examples=30)
def test_time_in_market_exposure_and_turnover_are_those_of_a_plain_walk(seed, every, late):
    histories = [
        traded("AAAUSDT", random_bars(seed, 150), every),
        traded("BBBUSDT", random_bars(seed + 1, 120, start_ms=START_MS + late * 60_000), every + 3),
    ]
    report = report_of(record_of(*histories))
    ends = sorted({int(ms) for history in histories for ms in history.bars.ends_ms})
    before, exposed, in_market, worth = report.record.first_ms, 0.0, 0.0, 0.0
    for end in ends:
        cash, held = 1000.0, 0.0
        for history in histories:
            for fill in history.fills:
                if fill.time_ms <= end:
                    flow = float(fill.quote_quantity) * (1 if fill.side == "SELL" else -1)
                    cash += flow - float(fill.commission)
            quantity = sum(float(fill.quantity) * (1 if fill.side == "BUY" else -1) for fill in history.fills if fill.time_ms <= end)
            closes = [close for ms, close in zip(history.bars.ends_ms.tolist(), history.bars.closes.tolist(), strict=True) if ms <= end]
            held += quantity * closes[-1] if closes else 0.0
        span, before = end - before, end
        exposed += span * held / (cash + held)
        in_market += span * (held > 0)
        worth += span * (cash + held)
    whole = ends[-1] - report.record.first_ms
    traded_value = sum(float(fill.quote_quantity) for history in histories for fill in history.fills)
    assert report.activity.exposure == pytest.approx(exposed / whole, abs=1e-9)
    assert report.activity.time_in_market == pytest.approx(in_market / whole)
    assert report.activity.mean_equity == pytest.approx(worth / whole)
    assert report.activity.turnover == pytest.approx(traded_value / (worth / whole))
