"""What a search came to: the walk, and all that is reckoned from it, for the terminal and for machines."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from binance_trade_agent.backtest.search.jobs import Outcome
from binance_trade_agent.backtest.search.monte_carlo import LEAST_TRADES, PERCENTILES, MonteCarlo, Spread, monte_carlo
from binance_trade_agent.backtest.search.overfitting import warnings
from binance_trade_agent.backtest.search.proposals import Tried
from binance_trade_agent.backtest.search.stability import Stability, stability
from binance_trade_agent.backtest.search.walk_forward import SearchPlan, Walked, Window
from binance_trade_agent.storage.candles.calendar import Span

VERSION = 1
"""Raised when a field changes its meaning or goes; a field that is added raises nothing."""

BEST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Found:
    """A finished search. `terms` are what it was made with, by name; `trades` is Monte Carlo on closed trades outside of the windows."""

    plan: SearchPlan
    terms: Mapping[str, str]
    walked: Walked
    stability: tuple[Stability, ...]
    warnings: tuple[str, ...]
    trades: MonteCarlo | None

    @property
    def windows(self) -> tuple[Window, ...]:
        """The folds and the last window."""
        return (*self.walked.folds, self.walked.final)


def found(plan: SearchPlan, terms: Mapping[str, str], walked: Walked) -> Found:
    """Reckon everything of a walk."""
    rows = stability(plan.space, walked)
    windows = (*walked.folds, walked.final)
    returns = [each for window in windows if window.outside is not None for each in window.outside.trade_returns]
    return Found(plan, terms, walked, rows, warnings(walked, rows), monte_carlo(returns, seed=plan.seed))


def best_of(window: Window, count: int = BEST_SHOWN) -> list[Tried]:
    """The best different sets of values of a window, the best first."""
    counting = {tuple(tried.values.values()): tried for tried in window.tried if tried.judged.value is not None}
    return sorted(counting.values(), key=lambda tried: -(tried.judged.value or 0.0))[:count]


def found_json(found: Found) -> str:
    """One JSON object, described in docs/backtesting.md; shares are fractions, times ms UTC, growth is the logarithm a day."""
    document = {
        "version": VERSION,
        "terms": dict(found.terms),
        "ranges": {name: each.text for name, each in found.plan.space.items()},
        "objective": found.plan.aim.objective,
        "least_trades": found.plan.aim.least_trades,
        "trials": found.plan.trials,
        "seed": found.plan.seed,
        "folds": [_window(window) for window in found.walked.folds],
        "final": _window(found.walked.final),
        "stability": [{"name": row.name, "best": list(row.best), "spread": row.spread, "good": list(row.good)} for row in found.stability],
        "monte_carlo": _monte_carlo(found.trades),
        "warnings": list(found.warnings),
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def _window(window: Window) -> dict[str, Any]:
    return {
        "name": window.name,
        "span": _span(window.span),
        "outside_span": _span(window.outside_span),
        "trials": len(window.tried),
        "counting": sum(tried.judged.value is not None for tried in window.tried),
        "best": None if window.best is None else dict(window.best.values),
        "value": None if window.best is None else window.best.judged.value,
        "inside": _outcome(window.inside),
        "outside": _outcome(window.outside),
        "ranking": [{"values": dict(tried.values), "value": tried.judged.value, "trades": tried.trades} for tried in best_of(window)],
    }


def _span(span: Span | None) -> dict[str, int] | None:
    return None if span is None else {"start_ms": span.start_ms, "end_ms": span.end_ms}


def _outcome(outcome: Outcome | None) -> dict[str, Any] | None:
    if outcome is None:
        return None
    return {
        "figures": dict(outcome.figures),
        "trades": outcome.trades,
        "return": outcome.total_return,
        "growth": outcome.growth,
        "max_drawdown": outcome.max_drawdown,
    }


def _monte_carlo(trades: MonteCarlo | None) -> dict[str, Any] | None:
    if trades is None:
        return None
    return {
        "trades": trades.trades,
        "least_trades": LEAST_TRADES,
        "runs": trades.runs,
        "percentiles": list(PERCENTILES),
        "bootstrap": _spread(trades.bootstrap),
        "shuffled": _spread(trades.shuffled),
    }


def _spread(spread: Spread) -> dict[str, Any]:
    return {"returns": list(spread.returns), "drawdowns": list(spread.drawdowns), "losing": spread.losing}
