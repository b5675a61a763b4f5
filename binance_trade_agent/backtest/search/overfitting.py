"""Overfitting: whether what was found inside the windows held outside them, by rules that are stated and the same for every search."""

from collections.abc import Iterator
from math import expm1

from binance_trade_agent.backtest.search.monte_carlo import LEAST_TRADES
from binance_trade_agent.backtest.search.stability import Stability
from binance_trade_agent.backtest.search.walk_forward import Walked, Window
from binance_trade_agent.domain.counts import counted

MONTH_DAYS = 30
LEAST_EFFICIENCY = 0.5
"""Out of sample at least this share of the growth a day in sample is asked for."""

LEAST_GOOD_FOLDS = 0.5
MOST_SPREAD = 0.5


def efficiency(inside: float, outside: float) -> float | None:
    """Growth outside over growth inside; None when nothing grew inside, so that there is nothing to keep."""
    return outside / inside if inside > 0 else None


def walk_forward_growth(walked: Walked) -> tuple[float, float] | None:
    """Growth a day of all folds together, inside (mean by length) and outside (chained); None when no fold has both."""
    both = [(fold, fold.inside, fold.outside, fold.outside_span) for fold in walked.folds]
    inside = outside = inside_days = outside_days = 0.0
    for fold, within, beyond, span in both:
        if within is not None and beyond is not None and span is not None:
            inside, inside_days = inside + within.growth * fold.span.days, inside_days + fold.span.days
            outside, outside_days = outside + beyond.growth * span.days, outside_days + span.days
    return (inside / inside_days, outside / outside_days) if outside_days else None


def warnings(walked: Walked, stability: tuple[Stability, ...]) -> tuple[str, ...]:
    """One sentence for each rule that is broken; none is no promise of profit.

    Outside less than LEAST_EFFICIENCY of the growth a day inside, for all folds together and for the holdout; a loss outside after a profit
    inside is the same rule. Fewer than LEAST_GOOD_FOLDS of the folds with a profit outside. A parameter whose best values lie further
    apart than MOST_SPREAD of its range. A window in which nothing counted. Fewer than LEAST_TRADES closed outside of the windows, for Monte
    Carlo to be made of.
    """
    return (*_empty_windows(walked), *_folds(walked), *_holdout(walked.final), *_spreads(stability), *_few_trades(walked))


def _empty_windows(walked: Walked) -> Iterator[str]:
    for window in (*walked.folds, walked.final):
        if window.best is None:
            reasons = sorted({tried.judged.why for tried in window.tried})
            yield f"{window.name}: none of {len(window.tried)} trials counts ({reasons[0] if reasons else 'nothing was tried'})"


def _folds(walked: Walked) -> Iterator[str]:
    growth = walk_forward_growth(walked)
    if growth is None:
        return
    yield from _kept_too_little("the folds", *growth)
    tested = [fold.outside for fold in walked.folds if fold.outside is not None]
    good = sum(outcome.growth > 0 for outcome in tested)
    if good < LEAST_GOOD_FOLDS * len(tested):
        yield f"only {good} of {len(tested)} folds made a profit out of sample"


def _holdout(final: Window) -> Iterator[str]:
    if final.inside is not None and final.outside is not None:
        yield from _kept_too_little("the holdout", final.inside.growth, final.outside.growth)


def _kept_too_little(where: str, inside: float, outside: float) -> Iterator[str]:
    kept = efficiency(inside, outside)
    figures = f"{monthly(inside):+.1%} a month in sample, {monthly(outside):+.1%} out of sample"
    if kept is None:
        yield f"{where}: nothing was gained even in sample ({figures})"
    elif kept < LEAST_EFFICIENCY:
        yield f"{where}: in and out of sample differ ({figures}): the search has probably fitted noise"


def _spreads(stability: tuple[Stability, ...]) -> Iterator[str]:
    for row in stability:
        if row.spread is not None and row.spread > MOST_SPREAD:
            yield f"{row.name}: the best values of the windows are spread over {row.spread:.0%} of its range, so no value is right for long"


def _few_trades(walked: Walked) -> Iterator[str]:
    outside = [window.outside for window in (*walked.folds, walked.final) if window.outside is not None]
    trades = sum(outcome.trades for outcome in outside)
    if outside and trades < LEAST_TRADES:
        yield (
            f"Monte Carlo: only {counted(trades, 'trade')} closed outside of the windows, and what fewer than {LEAST_TRADES} come to "
            "says little of what may come: a share of runs that lose, 0 % too, is chance. "
            "Take a longer range, or a strategy that trades more often"
        )


def monthly(growth: float) -> float:
    """Growth a day (logarithm) as a return in 30 days, for people."""
    return expm1(min(growth * MONTH_DAYS, 50.0))
