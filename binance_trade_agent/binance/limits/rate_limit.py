"""RateLimit: one limit of the exchange as exchangeInfo and WebSocket API answers state it. Source: enums.md, "Rate limiters"."""

from dataclasses import dataclass
from enum import StrEnum


class LimitKind(StrEnum):
    """What a limit counts: request weight and requests of an address, unfilled orders of an account."""

    REQUEST_WEIGHT = "REQUEST_WEIGHT"
    RAW_REQUESTS = "RAW_REQUESTS"
    ORDERS = "ORDERS"


_UNIT_MS = {"SECOND": 1_000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000}
_HEADERS = {LimitKind.REQUEST_WEIGHT: "x-mbx-used-weight-", LimitKind.ORDERS: "x-mbx-order-count-"}
_MOST_UNITS = 1_000
MOST_LIMITS = 12
"""How many limits are kept track of; the exchange states four."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `most` of `kind` in each window of `interval_ms`; windows are aligned to the exchange's clock (UTC).

    `window` names the length as headers do: 1M, 10S, 1D.
    """

    kind: LimitKind
    window: str
    interval_ms: int
    most: int

    @property
    def header(self) -> str | None:
        """The header that tells how much of it is used (rest-api.md, "LIMITS"), in lower case; None when there is none."""
        prefix = _HEADERS.get(self.kind)
        return f"{prefix}{self.window.lower()}" if prefix else None

    def counts_as(self, other: "RateLimit") -> bool:
        """True when `other` limits the same thing in the same window, be it to another number."""
        return (self.kind, self.interval_ms) == (other.kind, other.interval_ms)


def rate_limit(kind: str, unit: str, count: int, most: int) -> RateLimit | None:
    """The limit that the exchange's words mean; None for words that we do not know, and for numbers that cannot be."""
    if kind not in LimitKind.__members__ or unit not in _UNIT_MS or not 1 <= count <= _MOST_UNITS or most < 1:
        return None
    return RateLimit(LimitKind(kind), f"{count}{unit[0]}", _UNIT_MS[unit] * count, most)


USUAL_LIMITS = (
    RateLimit(LimitKind.REQUEST_WEIGHT, "1M", 60_000, 6_000),
    RateLimit(LimitKind.RAW_REQUESTS, "5M", 300_000, 300_000),
    RateLimit(LimitKind.ORDERS, "10S", 10_000, 100),
    RateLimit(LimitKind.ORDERS, "1D", 86_400_000, 200_000),
)
"""What exchangeInfo states in 2026, gone by until it has been asked."""
