"""Slopes: what grows, by how much a simulated day, and whether that is more than it may."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

WARM_UP = 0.25
"""Share of the samples that tell nothing yet: caches fill and the allocator gets its pages."""

MIB = 1024 * 1024


class Held(StrEnum):
    """What is sampled."""

    RESIDENT = "resident memory (MiB)"
    BLOCKS = "Python's blocks of memory (thousands)"
    KEPT = "things in the daemon's containers"
    FILES = "open files"
    TASKS = "tasks"
    THREADS = "threads"
    TIMERS = "timers of the loop"
    BOOK = "size of the book (MiB)"
    LOG_OF_CHANGES = "size of the book's log of changes (MiB)"


@dataclass(frozen=True, slots=True)
class Sample:
    """What is held after `day` simulated days."""

    day: float
    held: dict[Held, float]


@dataclass(frozen=True, slots=True)
class Pace:
    """What there is of a simulated day."""

    decisions: float
    trades: float


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that may come a day: so much, and so much more for each decision and each trade of a day."""

    a_day: float
    a_decision: float = 0.0
    a_trade: float = 0.0

    def at(self, pace: Pace) -> float:
        """At so many decisions and trades a day."""
        return self.a_day + self.a_decision * pace.decisions + self.a_trade * pace.trades


BOUNDS: dict[Held, Bound] = {
    Held.RESIDENT: Bound(2.0, a_trade=1.5 / 1024),
    Held.BLOCKS: Bound(2.0, a_trade=0.012),
    Held.KEPT: Bound(20.0),
    Held.FILES: Bound(0.2),
    Held.TASKS: Bound(0.2),
    Held.THREADS: Bound(0.1),
    Held.TIMERS: Bound(5.0),
    Held.BOOK: Bound(1.0, a_decision=300 / MIB, a_trade=3_000 / MIB),
    Held.LOG_OF_CHANGES: Bound(1.0),
}
"""The book keeps every decision, order and trade for good, so it grows with them. The exchange is in the same process and keeps its
public trades in memory (1.5 KiB and 12 blocks each, up to a bound of its own that a week does not reach). Nothing else may grow; what the
daemon alone holds is counted in its containers."""


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the straight line through the points by least squares; ValueError for points of one moment only."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if spread == 0:
        raise ValueError("a slope needs samples of more than one moment")
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


@dataclass(frozen=True, slots=True)
class Trend:
    """How something went after the warm-up."""

    held: Held
    first: float
    last: float
    most: float
    a_day: float
    may_a_day: float

    @property
    def is_too_steep(self) -> bool:
        """Whether it grows by more than it may."""
        return self.a_day > self.may_a_day

    def __str__(self) -> str:
        """A row of a table."""
        verdict = "TOO STEEP" if self.is_too_steep else "ok"
        figures = (f"{figure:.2f}" for figure in (self.first, self.last, self.most))
        return f"| {self.held} | {' | '.join(figures)} | {self.a_day:+.3f} | {self.may_a_day:.2f} | {verdict} |"


def trends(samples: Sequence[Sample], pace: Pace) -> Iterator[Trend]:
    """One for everything that is sampled."""
    told = samples[int(len(samples) * WARM_UP) :]
    for held, bound in BOUNDS.items():
        points = [(sample.day, sample.held[held]) for sample in told]
        figures = [figure for _, figure in points]
        yield Trend(held, figures[0], figures[-1], max(figures), slope(points), bound.at(pace))
