"""Growth: equity over market time in numbers for figures and charts, with its returns by day and month, and its drawdowns.

These are floats: ratios and pictures are made of them, never balances.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, eq=False)
class Growth:
    """Equity `initial` at `start_ms` and `values` at `times_ms`, which rise and are all later; both of shape (n,).

    Between two points equity is that of the one before.
    """

    start_ms: int
    initial: float
    times_ms: Times
    values: Floats

    @property
    def end_ms(self) -> int:
        """The time of the last point."""
        return int(self.times_ms[-1]) if len(self.times_ms) else self.start_ms

    @property
    def final(self) -> float:
        """The last value."""
        return float(self.values[-1]) if len(self.values) else self.initial

    @property
    def days(self) -> float:
        """From start to end, in days."""
        return (self.end_ms - self.start_ms) / DAY_MS

    def returns(self, ends_ms: Times) -> Floats:
        """What each of the spans grew by that follow each other from the start on and end before `ends_ms`, as fractions."""
        places = np.searchsorted(self.times_ms, ends_ms)
        levels = np.concatenate(([self.initial], self.values))[np.concatenate(([0], places))]
        with np.errstate(divide="ignore", invalid="ignore"):
            grown: Floats = np.where(levels[:-1] > 0, levels[1:] / levels[:-1] - 1, 0.0)
        return grown

    def daily_returns(self) -> Floats:
        """Returns by days of UTC; a day that is cut off by the start or the end counts as a day, one without a point as 0."""
        if not len(self.times_ms):
            return np.empty(0)
        first, last = self.start_ms // DAY_MS, self.end_ms // DAY_MS
        return self.returns((np.arange(first, last + 1, dtype=np.int64) + 1) * DAY_MS)

    def ends_of_days(self) -> tuple[Times, Floats]:
        """Time and value of the last point of each day of UTC that has one."""
        last = np.flatnonzero(np.diff(self.times_ms // DAY_MS, append=-1))
        return self.times_ms[last], self.values[last]

    def monthly_returns(self) -> tuple[tuple[int, int, float], ...]:
        """(year, month, return) for each month of UTC that the curve touches."""
        if not len(self.times_ms):
            return ()
        first, last = (datetime.fromtimestamp(time_ms / 1000, UTC) for time_ms in (self.start_ms, self.end_ms))
        months = [divmod(number, 12) for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month)]
        ends = [int(datetime(*_after(year, month), 1, tzinfo=UTC).timestamp()) * 1000 for year, month in months]
        grown = self.returns(np.array(ends, dtype=np.int64)).tolist()
        return tuple((year, month + 1, share) for (year, month), share in zip(months, grown, strict=True))

    def drawdowns(self) -> Floats:
        """How far equity is below its highest value so far, as a fraction of that, at each point; shape (n,)."""
        peaks = np.maximum(np.maximum.accumulate(self.values), self.initial) if len(self.values) else self.values
        with np.errstate(divide="ignore", invalid="ignore"):
            fallen: Floats = np.where(peaks > 0, 1 - self.values / peaks, 0.0)
        return fallen

    def longest_drawdown_ms(self) -> int:
        """The longest time from a peak until equity was as high again, or until the end."""
        if not len(self.values):
            return 0
        times = np.concatenate(([self.start_ms], self.times_ms))
        values = np.concatenate(([self.initial], self.values))
        at_peak = np.flatnonzero(values >= np.maximum.accumulate(values))
        # From each peak to the next one; where points of a peak follow each other, nothing was lost in between.
        ends = np.append(at_peak[1:], len(values) - 1)
        fell = ends - at_peak > 1
        if values[-1] < values[at_peak[-1]]:
            fell[-1] = True
        spans = (times[ends] - times[at_peak])[fell]
        return int(spans.max()) if len(spans) else 0

    def shares_of_time(self) -> Floats:
        """The share of the whole time that passes from the point before (the start for the first) to each point; shape (n,)."""
        spans = np.diff(self.times_ms, prepend=self.start_ms)
        whole = self.end_ms - self.start_ms
        shares: Floats = spans / whole if whole > 0 else np.zeros(len(spans))
        return shares


def _after(year: int, month: int) -> tuple[int, int]:
    """Year and month (1 to 12) of the month after number `month` (0 to 11)."""
    return (year + 1, 1) if month == 11 else (year, month + 2)
