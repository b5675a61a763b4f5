"""Figures: return, risk and trades of one run, by the formulas that docs/backtesting.md states."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from binance_trade_agent.backtest.closed_trades import ClosedTrade
from binance_trade_agent.backtest.report.growth import Floats, Growth

DAYS_A_YEAR = 365
"""The market has no holidays."""

_FLAT = 1e-15
"""Returns that differ by less than this differ by rounding alone."""


@dataclass(frozen=True, slots=True)
class CurveFigures:
    """What equity did. Fractions, not percent; None where a figure is not defined."""

    total_return: float
    cagr: float | None
    volatility: float | None
    max_drawdown: float
    longest_drawdown_ms: int
    sharpe: float | None
    sortino: float | None
    calmar: float | None


@dataclass(frozen=True, slots=True)
class TradeFigures:
    """What closed trades came to. Amounts in quote, `mean_share` and the like are fractions of a trade's cost; None without trades."""

    trades: int
    wins: int
    losses: int
    win_rate: float | None
    profit_factor: float | None
    expectancy: float | None
    mean_share: float | None
    best_share: float | None
    worst_share: float | None
    mean_held_ms: float | None


def curve_figures(curve: Growth) -> CurveFigures:
    """Reckon the figures of a curve."""
    daily = curve.daily_returns()
    cagr = _cagr(curve)
    deepest = float(curve.drawdowns().max(initial=0.0))
    return CurveFigures(
        total_return=curve.final / curve.initial - 1,
        cagr=cagr,
        volatility=_spread(daily) * sqrt(DAYS_A_YEAR) if len(daily) > 1 else None,
        max_drawdown=deepest,
        longest_drawdown_ms=curve.longest_drawdown_ms(),
        sharpe=_sharpe(daily),
        sortino=_sortino(daily),
        calmar=cagr / deepest if cagr is not None and deepest > 0 else None,
    )


def trade_figures(trades: Sequence[ClosedTrade]) -> TradeFigures:
    """Reckon the figures of closed trades, of one symbol or of all."""
    profits = np.array([float(trade.profit) for trade in trades])
    shares = [trade.share for trade in trades]
    won, lost = profits[profits > 0], profits[profits < 0]
    count = len(trades)
    return TradeFigures(
        trades=count,
        wins=len(won),
        losses=len(lost),
        win_rate=len(won) / count if count else None,
        profit_factor=float(won.sum() / -lost.sum()) if len(lost) else None,
        expectancy=float(profits.mean()) if count else None,
        mean_share=float(np.mean(shares)) if count else None,
        best_share=max(shares, default=None),
        worst_share=min(shares, default=None),
        mean_held_ms=float(np.mean([trade.closed_ms - trade.opened_ms for trade in trades])) if count else None,
    )


def _cagr(curve: Growth) -> float | None:
    if curve.days < 1:
        return None
    if curve.final <= 0:
        return -1.0
    with np.errstate(over="ignore"):
        grown = float(np.power(curve.final / curve.initial, DAYS_A_YEAR / curve.days) - 1)
    return grown if np.isfinite(grown) else None


def _spread(returns: Floats) -> float:
    """The standard deviation of a sample."""
    return float(np.std(returns, ddof=1))


def _sharpe(daily: Floats) -> float | None:
    if len(daily) < 2 or _spread(daily) < _FLAT:
        return None
    return float(daily.mean()) / _spread(daily) * sqrt(DAYS_A_YEAR)


def _sortino(daily: Floats) -> float | None:
    downside = sqrt(float(np.mean(np.minimum(daily, 0.0) ** 2))) if len(daily) > 1 else 0.0
    return float(daily.mean()) / downside * sqrt(DAYS_A_YEAR) if downside > _FLAT else None
