"""Parameter stability: what was best in each window, and how far the good values lie apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from binance_trade_agent.backtest.search.jobs import Value
from binance_trade_agent.backtest.search.ranges import Choices, Range, Space
from binance_trade_agent.backtest.search.walk_forward import Walked, Window

GOOD_SHARE = 0.1
"""The best tenth of a window's trials that count is what is called good; one trial at least."""


@dataclass(frozen=True, slots=True)
class Stability:
    """One parameter: its best value in each window (None where nothing counted), and how they lie.

    `spread` is the distance from the least to the greatest best value as a share of the searched range, for names the share of windows
    that do not take the most frequent one; None with fewer than two windows. `good` are the least, the middle and the greatest value among
    the good trials of all windows; for names it is empty.
    """

    name: str
    best: tuple[Value | None, ...]
    spread: float | None
    good: tuple[float, ...]


def stability(space: Space, walked: Walked) -> tuple[Stability, ...]:
    """One row for each searched parameter; windows in order, the last one at the end."""
    windows = (*walked.folds, walked.final)
    return tuple(_row(name, each, windows) for name, each in space.items())


def _row(name: str, each: Range, windows: Sequence[Window]) -> Stability:
    best = tuple(None if window.best is None else window.best.values[name] for window in windows)
    found = [value for value in best if value is not None]
    if isinstance(each, Choices):
        commonest = max((found.count(value) for value in found), default=0)
        return Stability(name, best, 1 - commonest / len(found) if len(found) > 1 else None, ())
    numbers = [float(value) for value in found]
    width = float(each.most - each.least)
    spread = (max(numbers) - min(numbers)) / width if len(numbers) > 1 and width > 0 else None
    good = sorted(float(value) for window in windows for value in _good_values(name, window))
    return Stability(name, best, spread, (good[0], median(good), good[-1]) if good else ())


def _good_values(name: str, window: Window) -> list[Value]:
    counting = [(tried.judged.value, tried) for tried in window.tried if tried.judged.value is not None]
    counting.sort(key=lambda pair: -pair[0])
    return [tried.values[name] for _, tried in counting[: max(1, int(len(counting) * GOOD_SHARE))]]
