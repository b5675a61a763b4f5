"""Incidents: what happens to the whole exchange, an account or a symbol, once or again and again, and what ends by itself."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from heapq import heappop, heappush
from random import Random

import msgspec

MOST_INCIDENTS = 100
LONGEST_MS = 366 * 86_400_000
LEAST_EVERY_MS = 1_000


class IncidentKind(StrEnum):
    """What happens."""

    SHIFT_CLOCK = "shift_clock"
    MAINTENANCE = "maintenance"
    SYMBOL_STATUS = "symbol_status"
    CHANGE_FILTER = "change_filter"
    MOVE_FUNDS = "move_funds"
    FOREIGN_ORDER = "foreign_order"
    FOREIGN_CANCEL = "foreign_cancel"
    RESET_ACCOUNTS = "reset_accounts"
    CUT_CONNECTIONS = "cut_connections"
    SHUTDOWN = "shutdown"


class Incident(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that happens now, or with `every_ms` again and again, on average so far apart (exchange time).

    `target` is a symbol, the number of an account, or the path of connections, `value` how it happens; what is not given is drawn.
    What can end is over after `lasts_ms`, 0 for never. Raises ValueError for what cannot be.
    """

    kind: IncidentKind
    target: str | None = None
    value: str | None = None
    every_ms: int | None = None
    lasts_ms: int = 0

    def __post_init__(self) -> None:
        """See the class."""
        if self.every_ms is not None and not LEAST_EVERY_MS <= self.every_ms <= LONGEST_MS:
            raise ValueError(f"every_ms is {LEAST_EVERY_MS} to {LONGEST_MS}, not {self.every_ms}")
        if not 0 <= self.lasts_ms <= LONGEST_MS:
            raise ValueError(f"lasts_ms is 0 to {LONGEST_MS}, not {self.lasts_ms}")


End = Callable[[], None]
"""Undoes an incident."""

Act = Callable[[Incident, Random], End | None]
"""Lets an incident happen, and tells how it ends, if it does. Raises ValueError for what makes no sense."""


@dataclass(frozen=True, slots=True, order=True)
class _Due:
    time_ms: int
    number: int
    is_end: bool


class Incidents:
    """What is to happen, in the order of its time, drawn from one stream of random numbers; nothing happens but when it is asked."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"{seed}:incidents")  # noqa: S311 - incidents have to repeat, not to be secret
        self._due: list[_Due] = []
        self._repeated: dict[int, Incident] = {}
        self._ends: dict[int, End] = {}
        self._numbers = 0
        self.struck: Counter[IncidentKind] = Counter()

    @property
    def repeated(self) -> dict[int, Incident]:
        """What happens again and again, by number."""
        return dict(self._repeated)

    def add(self, incident: Incident, now_ms: int) -> int:
        """Let `incident` happen from now on, and return its number; ValueError when there are MOST_INCIDENTS already."""
        if len(self._repeated) >= MOST_INCIDENTS or len(self._ends) >= MOST_INCIDENTS:
            raise ValueError(f"at most {MOST_INCIDENTS} incidents can be under way")
        self._numbers += 1
        if incident.every_ms is None:
            raise ValueError("every_ms is missing: what happens once is told to happen")
        self._repeated[self._numbers] = incident
        self._plan_next(self._numbers, incident.every_ms, now_ms)
        return self._numbers

    def happen(self, incident: Incident, act: Act, now_ms: int) -> None:
        """Let `incident` happen now, whatever `every_ms` says. Raises what `act` raises, and then nothing has happened."""
        end = act(incident, self._random)
        self.struck[incident.kind] += 1
        if end is not None and incident.lasts_ms and len(self._ends) < MOST_INCIDENTS:
            self._numbers += 1
            self._ends[self._numbers] = end
            heappush(self._due, _Due(now_ms + incident.lasts_ms, self._numbers, is_end=True))

    def lift(self, number: int) -> None:
        """Let an incident happen no more; LookupError when there is none under this number."""
        if self._repeated.pop(number, None) is None:
            raise LookupError(f"no incident {number} is to happen")

    def clear(self) -> None:
        """Let nothing happen any more; what is under way ends at once."""
        self._repeated.clear()
        self._due.clear()
        ends, self._ends = self._ends, {}
        for end in ends.values():
            end()

    def is_due(self, now_ms: int) -> bool:
        """True when something is to happen, or to end."""
        return bool(self._due) and self._due[0].time_ms <= now_ms

    def come_to(self, now_ms: int, act: Act) -> None:
        """Let happen and end what is due. An incident that makes no sense at the moment is passed over."""
        while self._due and self._due[0].time_ms <= now_ms:
            due = heappop(self._due)
            if due.is_end:
                self._ends.pop(due.number)()
                continue
            incident = self._repeated.get(due.number)
            if incident is None or incident.every_ms is None:
                continue
            self._plan_next(due.number, incident.every_ms, due.time_ms)
            try:
                self.happen(incident, act, now_ms)
            except ValueError:
                continue  # nothing to cancel, nothing to sell

    def _plan_next(self, number: int, every_ms: int, after_ms: int) -> None:
        wait_ms = max(round(self._random.expovariate(1 / every_ms)), 1)
        heappush(self._due, _Due(after_ms + wait_ms, number, is_end=False))
