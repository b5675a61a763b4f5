"""Faults by name for the in-process transport: what the network does to the next matching request."""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

MOST_FAULTS = 1_000


class FaultKind(StrEnum):
    """What goes wrong. EXECUTED and NOT_EXECUTED tell whether the exchange carried the request out all the same."""

    LOSE_ANSWER = "lose_answer"
    LOSE_REQUEST = "lose_request"
    REFUSE_CONNECT = "refuse_connect"
    HTTP_5XX_EXECUTED = "http_5xx_executed"
    HTTP_5XX_NOT_EXECUTED = "http_5xx_not_executed"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, for the next request with this method and path; None matches any. `status` is for the 5xx kinds."""

    kind: FaultKind
    method: str | None = None
    path: str | None = None
    status: int = 503

    def matches(self, method: str, path: str) -> bool:
        """True when the fault is meant for this request."""
        return self.method in {None, method} and self.path in {None, path}


class FaultPlan:
    """Faults that wait for their request; each strikes once, the oldest that matches first."""

    def __init__(self) -> None:
        self._waiting: deque[Fault] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def append(self, fault: Fault) -> None:
        """Add a fault; ValueError when there are MOST_FAULTS already."""
        if len(self._waiting) >= MOST_FAULTS:
            raise ValueError(f"at most {MOST_FAULTS} faults can wait")
        self._waiting.append(fault)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that strikes this request, taken out of the plan."""
        found = next((fault for fault in self._waiting if fault.matches(method, path)), None)
        if found is not None:
            self._waiting.remove(found)
        return found
