"""FaultPlan: the faults that wait for what they are meant for, the oldest that matches first, and how often each kind has struck."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random

import msgspec

from binance_trade_agent.simulation.faults.delay import Delay
from binance_trade_agent.simulation.faults.kinds import POINTS, FaultKind, FaultPoint

MOST_FAULTS = 1_000
MOST_STRIKES = 1_000_000_000

_ANY = "*"
_LEAST_STATUS, _MOST_STATUS = 500, 599
_NO_DELAY = (0.0, 0.0)


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault for the next `times` things that it is meant for, or for all of them until it is lifted (`times` None).

    `target` names them as FaultPoint does; an `*` at its end stands for any rest, and None means any. `point` keeps the fault to one place
    where its kind could strike at several. Each thing is struck by `chance` only. `delay` is for the kinds that make something late (for
    LATENCY it is one way), and the seconds to wait of TOO_MANY_REQUESTS and BANNED; `status` is for upgrades and the 5xx kinds, and
    `share` is what a PARTIAL_FILL leaves to the order of what it wants. LAG_QUERY counts its `delay` in exchange time.
    Raises ValueError for what cannot be.
    """

    kind: FaultKind
    target: str | None = None
    times: int | None = 1
    chance: float = 1.0
    delay: Delay = Delay()
    status: int = 503
    share: Decimal = Decimal("0.5")
    point: FaultPoint | None = None

    def __post_init__(self) -> None:
        """See the class."""
        if self.times is not None and not 1 <= self.times <= MOST_STRIKES:
            raise ValueError(f"a fault strikes at least once and at most {MOST_STRIKES} times, not {self.times} times")
        if not (math.isfinite(self.chance) and 0 < self.chance <= 1):
            raise ValueError(f"the chance of a fault is above 0 and at most 1, not {self.chance!r}")
        if not _LEAST_STATUS <= self.status <= _MOST_STATUS and self.kind is not FaultKind.REFUSE_UPGRADE:
            raise ValueError(f"the status of a fault is {_LEAST_STATUS} to {_MOST_STATUS}, not {self.status}")
        if not 0 <= self.share < 1:
            raise ValueError(f"the share of a fault is at least 0 and below 1, not {self.share}")
        if self.point is not None and self.point not in POINTS[self.kind]:
            raise ValueError(f"{self.kind} strikes at {', '.join(sorted(POINTS[self.kind]))}, not at {self.point}")

    def matches(self, name: str) -> bool:
        """True when the fault is meant for what has this name."""
        target = self.target
        if target is None or target == name:
            return True
        return target.endswith(_ANY) and name.startswith(target[: -len(_ANY)])


@dataclass(slots=True)
class WaitingFault:
    """A fault in the plan under its number; `left` strikes are to come, None without end."""

    number: int
    fault: Fault
    left: int | None


class FaultPlan:
    """One plan for all faces of an exchange.

    What is random comes from `seed`, in a stream for each point, so that points do not disturb each other: the same faults and the same
    order of things at a point give the same strikes there.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._waiting: dict[int, WaitingFault] = {}
        self._by_point: dict[FaultPoint, list[WaitingFault]] = {point: [] for point in FaultPoint}
        self._latencies: dict[FaultPoint, list[WaitingFault]] = {point: [] for point in FaultPoint}
        self._randoms = {point: Random(f"{seed}:{point}") for point in FaultPoint}  # noqa: S311 - faults have to repeat, not to be secret
        self._numbers = 0
        self.struck: Counter[FaultKind] = Counter()
        self.watchers: list[Callable[[FaultKind], None]] = []
        """Called with the kind of each fault that comes into the plan, by those who have to prepare for some."""

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def waiting(self) -> tuple[WaitingFault, ...]:
        """What waits, oldest first."""
        return tuple(self._waiting.values())

    def append(self, fault: Fault) -> int:
        """Add a fault and return its number; ValueError when there are MOST_FAULTS already."""
        if len(self._waiting) >= MOST_FAULTS:
            raise ValueError(f"at most {MOST_FAULTS} faults can wait")
        self._numbers += 1
        entry = self._waiting[self._numbers] = WaitingFault(self._numbers, fault, fault.times)
        for point in POINTS[fault.kind] if fault.point is None else (fault.point,):
            self._lists(fault.kind)[point].append(entry)
        for watcher in self.watchers:
            watcher(fault.kind)
        return entry.number

    def lift(self, number: int) -> Fault:
        """Take a fault out of the plan; LookupError when there is none under this number."""
        entry = self._waiting.pop(number, None)
        if entry is None:
            raise LookupError(f"no fault {number} waits")
        for entries in self._lists(entry.fault.kind).values():
            if entry in entries:
                entries.remove(entry)
        return entry.fault

    def clear(self) -> None:
        """Take every fault out of the plan; what has struck stays counted."""
        for number in tuple(self._waiting):
            self.lift(number)

    def is_quiet(self, point: FaultPoint) -> bool:
        """True when nothing waits at `point`."""
        return not self._by_point[point]

    def take(self, point: FaultPoint, name: str) -> Fault | None:
        """The fault that strikes `name` now."""
        for entry in self._by_point[point]:
            if self._strikes(entry, point, name):
                return entry.fault
        return None

    def latency(self, point: FaultPoint, name: str) -> tuple[float, float]:
        """How long, in seconds, a request or message to `name` is on its way there, and its answer back."""
        if not self._latencies[point]:
            return _NO_DELAY
        there_s = back_s = 0.0
        for entry in tuple(self._latencies[point]):
            if self._strikes(entry, point, name):
                there_s += entry.fault.delay.drawn_s(self._randoms[point])
                back_s += entry.fault.delay.drawn_s(self._randoms[point])
        return there_s, back_s

    def random(self, point: FaultPoint) -> Random:
        """The random numbers of a point."""
        return self._randoms[point]

    def _strikes(self, entry: WaitingFault, point: FaultPoint, name: str) -> bool:
        fault = entry.fault
        if not fault.matches(name) or (fault.chance < 1 and self._randoms[point].random() >= fault.chance):
            return False
        self.struck[fault.kind] += 1
        if entry.left is not None:
            entry.left -= 1
            if entry.left == 0:
                self.lift(entry.number)
        return True

    def _lists(self, kind: FaultKind) -> dict[FaultPoint, list[WaitingFault]]:
        return self._latencies if kind is FaultKind.LATENCY else self._by_point
