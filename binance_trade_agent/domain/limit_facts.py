"""Facts of the exchange's limits and of the circuits that we open ourselves: what keeps requests from leaving, and for how long."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class OrdersCounted:
    """The exchange said how many unfilled orders it counts for the account in a `window` such as 10S or 1D (X-MBX-ORDER-COUNT)."""

    window: str
    count: int


@dataclass(frozen=True, slots=True)
class RateLimitsKnown:
    """The exchange said how much request weight an address may use in a minute; market data leaves `reserve` of it to the rest."""

    weight: int
    reserve: int


@dataclass(frozen=True, slots=True)
class RequestsWaiting:
    """So many requests of a `priority` wait for room in the exchange's rate limits."""

    priority: str
    waiting: int


@dataclass(frozen=True, slots=True)
class RequestHeldBack:
    """A request of a `priority` did not find room at once: after `wait_ms` it was admitted, or it was not sent."""

    priority: str
    wait_ms: float
    admitted: bool


@dataclass(frozen=True, slots=True)
class SilenceAsked:
    """The exchange wants nothing from us for `seconds`, until `until_ms` (wall time, UTC).

    `is_ban`: the address is banned (418, or remembered from an earlier process). `orders_only`: it is new orders that are too many.
    `remembered` is False when the next process will not know of it.
    """

    seconds: float
    until_ms: int
    is_ban: bool
    orders_only: bool
    remembered: bool


class CircuitState(StrEnum):
    """Whether a group of endpoints is asked: always, not at all, or by one request at a time."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class CircuitChanged:
    """The circuit of a `group` of endpoints changed its state; it stays open for `pause_s` at least."""

    group: str
    state: CircuitState
    pause_s: float
