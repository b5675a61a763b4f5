"""Faults by name for WebSocket connections: what goes wrong with the next upgrade, event or request that they are meant for.

Those that strike at once (cut, stall, garbage) are methods of SocketDoors; they are counted here, too.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, StrEnum

MOST_FAULTS = 1_000


class SocketFaultKind(StrEnum):
    """What goes wrong. EXECUTED and NOT_EXECUTED tell whether the exchange carried the request out all the same."""

    REFUSE_UPGRADE = "refuse_upgrade"
    DROP_EVENT = "drop_event"
    DUPLICATE_EVENT = "duplicate_event"
    LOSE_REQUEST = "lose_request"
    LOSE_ANSWER = "lose_answer"
    DELAY_ANSWER = "delay_answer"
    CUT_EXECUTED = "cut_executed"
    CUT_NOT_EXECUTED = "cut_not_executed"
    ANSWER_5XX_EXECUTED = "answer_5xx_executed"
    ANSWER_5XX_NOT_EXECUTED = "answer_5xx_not_executed"
    CUT = "cut"
    STALL = "stall"
    GARBAGE = "garbage"


EVENT_KINDS = frozenset({SocketFaultKind.DROP_EVENT, SocketFaultKind.DUPLICATE_EVENT})
CONTROL_KINDS = frozenset(
    {
        SocketFaultKind.LOSE_REQUEST,
        SocketFaultKind.LOSE_ANSWER,
        SocketFaultKind.DELAY_ANSWER,
        SocketFaultKind.CUT_EXECUTED,
        SocketFaultKind.CUT_NOT_EXECUTED,
    }
)
"""Of messages on market streams."""

REQUEST_KINDS = CONTROL_KINDS | {SocketFaultKind.ANSWER_5XX_EXECUTED, SocketFaultKind.ANSWER_5XX_NOT_EXECUTED}
"""Of requests to the WebSocket API."""

NOT_EXECUTED_KINDS = frozenset({SocketFaultKind.LOSE_REQUEST, SocketFaultKind.CUT_NOT_EXECUTED, SocketFaultKind.ANSWER_5XX_NOT_EXECUTED})


class Garbage(Enum):
    """Bytes that no client may trip over."""

    BROKEN_FRAME = b"\x83\x00"
    """An opcode that RFC 6455 reserves."""
    BROKEN_UTF8 = b"\x81\x02\xc3\x28"
    BROKEN_JSON = b'\x81\x0c{"e":"trade"'
    BINARY = b"\x82\x02{}"
    NOT_AN_OBJECT = b"\x81\x02[]"


@dataclass(frozen=True, slots=True)
class SocketFault:
    """One fault for the next `times` upgrades, events or requests with this name; None matches any.

    `target` is the path of an upgrade (`/ws-api/v3`), the stream or the kind of account event (`btcusdt@trade`, `executionReport`), or the
    method of a request (`order.place`, `SUBSCRIBE`). `delay_s` is for delayed answers, `status` for upgrades and the 5xx kinds.
    """

    kind: SocketFaultKind
    target: str | None = None
    times: int = 1
    delay_s: float = 0.0
    status: int = 503


class SocketFaults:
    """Faults that wait for what they are meant for, the oldest that matches first, and how often each kind has struck."""

    def __init__(self) -> None:
        self._waiting: list[tuple[SocketFault, int]] = []
        self.struck: Counter[SocketFaultKind] = Counter()

    def __len__(self) -> int:
        return len(self._waiting)

    def append(self, fault: SocketFault) -> None:
        """Add a fault; ValueError when it strikes less than once, or when there are MOST_FAULTS already."""
        if fault.times < 1:
            raise ValueError(f"a fault strikes at least once, not {fault.times} times")
        if len(self._waiting) >= MOST_FAULTS:
            raise ValueError(f"at most {MOST_FAULTS} faults can wait")
        self._waiting.append((fault, fault.times))

    def take(self, kinds: Collection[SocketFaultKind], name: str) -> SocketFault | None:
        """The fault of one of `kinds` that strikes `name` now."""
        for position, (fault, left) in enumerate(self._waiting):
            if fault.kind in kinds and fault.target in {None, name}:
                if left > 1:
                    self._waiting[position] = (fault, left - 1)
                else:
                    del self._waiting[position]
                self.struck[fault.kind] += 1
                return fault
        return None

    def copies(self, name: str) -> int:
        """How often an event is sent: once, but for a fault."""
        fault = self.take(EVENT_KINDS, name) if self._waiting else None
        if fault is None:
            return 1
        return 0 if fault.kind is SocketFaultKind.DROP_EVENT else 2
