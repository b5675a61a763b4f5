"""Monte Carlo on trades: what else could have come of the same trades, in another order or drawn anew."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PERCENTILES = (5, 25, 50, 75, 95)
RUNS = 2000
LEAST_TRADES = 30
"""Of fewer trades the spread says little: what they have in common by chance, all made-up histories have."""

_NUMBERS_AT_ONCE = 1_000_000
"""So many trades are drawn at once, which bounds the memory."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles (PERCENTILES) of what the runs came to, and the share of runs that lost."""

    returns: tuple[float, ...]
    drawdowns: tuple[float, ...]
    losing: float


@dataclass(frozen=True, slots=True)
class MonteCarlo:
    """Trades drawn with replacement (`bootstrap`) and put in another order (`shuffled`)."""

    trades: int
    runs: int
    bootstrap: Spread
    shuffled: Spread


def monte_carlo(trade_returns: Sequence[float], *, seed: int, runs: int = RUNS) -> MonteCarlo | None:
    """The spread of return and largest drawdown over `runs` made-up histories of the trades; None with fewer than two trades.

    Trades are taken as independent and one after the other, each multiplying equity by 1 plus its return. The return of a shuffled
    history is always the same; its drawdown is not. One seed gives one result.
    """
    returns = np.asarray(trade_returns, dtype=np.float64)
    if len(returns) < 2:
        return None
    rng = np.random.default_rng(seed)

    def drawn(count: int) -> Floats:
        return rng.choice(returns, size=(count, len(returns)), replace=True)

    def shuffled(count: int) -> Floats:
        return rng.permuted(np.broadcast_to(returns, (count, len(returns))), axis=1)

    return MonteCarlo(len(returns), runs, _spread(drawn, len(returns), runs), _spread(shuffled, len(returns), runs))


def _spread(histories: Callable[[int], Floats], trades: int, runs: int) -> Spread:
    at_once = max(1, _NUMBERS_AT_ONCE // trades)
    parts = [_outcomes(histories(min(at_once, runs - done))) for done in range(0, runs, at_once)]
    totals, falls = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
    return Spread(_percentiles(totals), _percentiles(falls), float(np.mean(totals < 0)))


def _outcomes(returns: Floats) -> tuple[Floats, Floats]:
    """Total return and largest drawdown of each row."""
    equity: Floats = np.cumprod(1.0 + returns, axis=1, dtype=np.float64)
    peaks = np.maximum(np.maximum.accumulate(equity, axis=1), 1.0)
    falls: Floats = np.max(1.0 - equity / peaks, axis=1)
    return equity[:, -1] - 1.0, falls


def _percentiles(values: Floats) -> tuple[float, ...]:
    return tuple(np.percentile(values, PERCENTILES).tolist())
