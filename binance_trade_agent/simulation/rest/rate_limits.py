"""The simulated exchange's rate limits: request weight and raw requests per IP with bans for more, unfilled orders per account.

Source: rest-api.md, "LIMITS"; faqs/order_count_decrement.md for what fills give back. Windows are aligned to the clock: all counters of a
window start again at zero when the next one begins. Counters are not stored: a restarted exchange forgives.
"""

from collections.abc import Hashable
from dataclasses import dataclass

from binance_trade_agent.domain.errors import RateLimitedError
from binance_trade_agent.simulation.engine.refusals import IM_A_TEAPOT, limited
from binance_trade_agent.simulation.rest.ip_bans import IpBans

MOST_KEYS = 50_000
"""Counted apart in one window; those that come later share one count, so that invented addresses cannot eat the memory."""

SECOND_MS = 1_000
TAKER_FILL_CREDIT = 1
MAKER_FILL_CREDIT = 5

_UNIT_MS = {"SECOND": SECOND_MS, "MINUTE": 60 * SECOND_MS, "DAY": 86_400 * SECOND_MS}


@dataclass(frozen=True, slots=True)
class Limit:
    """One entry of exchangeInfo's rateLimits."""

    kind: str
    unit: str
    count: int
    most: int

    @property
    def interval_ms(self) -> int:
        """Length of the window."""
        return _UNIT_MS[self.unit] * self.count

    @property
    def header_suffix(self) -> str:
        """Such as 1M or 10S, as response headers name the window."""
        return f"{self.count}{self.unit[0]}"


WEIGHT = Limit("REQUEST_WEIGHT", "MINUTE", 1, 6_000)
ORDERS_SHORT = Limit("ORDERS", "SECOND", 10, 100)
ORDERS_DAY = Limit("ORDERS", "DAY", 1, 200_000)
RAW_REQUESTS = Limit("RAW_REQUESTS", "MINUTE", 5, 300_000)
CONNECTIONS = Limit("CONNECTIONS", "MINUTE", 5, 300)
"""WebSocket connections that one address may open."""

LIMITS = (WEIGHT, ORDERS_SHORT, ORDERS_DAY, RAW_REQUESTS)
"""As exchangeInfo shows them over REST."""

SOCKET_LIMITS = (WEIGHT, ORDERS_SHORT, ORDERS_DAY, CONNECTIONS)
"""As exchangeInfo shows them over the WebSocket API."""


class WindowCounter:
    """What each key has used of one limit in the present window."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self._window = -1
        self._used: dict[Hashable, int] = {}

    def used(self, key: Hashable, now_ms: int) -> int:
        """The count of `key`, at least 0."""
        self._turn(now_ms)
        return self._used.get(self._known(key), 0)

    def add(self, key: Hashable, amount: int, now_ms: int) -> int:
        """Add `amount` (negative to give back) and return the new count, which never falls below 0."""
        self._turn(now_ms)
        key = self._known(key)
        count = max(self._used.get(key, 0) + amount, 0)
        self._used[key] = count
        return count

    def seconds_left(self, now_ms: int) -> int:
        """Whole seconds until the next window, at least 1."""
        interval = self.limit.interval_ms
        return max(-(-(interval - now_ms % interval) // SECOND_MS), 1)

    def ends_ms(self, now_ms: int) -> int:
        """When the present window ends."""
        interval = self.limit.interval_ms
        return now_ms - now_ms % interval + interval

    def _turn(self, now_ms: int) -> None:
        window = now_ms // self.limit.interval_ms
        if window != self._window:
            self._window = window
            self._used.clear()

    def _known(self, key: Hashable) -> Hashable:
        return key if key in self._used or len(self._used) < MOST_KEYS else None


class RateLimits:
    """All counters of the exchange."""

    def __init__(self) -> None:
        self._weight = WindowCounter(WEIGHT)
        self._raw = WindowCounter(RAW_REQUESTS)
        self._orders = (WindowCounter(ORDERS_SHORT), WindowCounter(ORDERS_DAY))
        self._bans = IpBans()

    def charge(self, ip: str, weight: int, now_ms: int) -> None:
        """Count one request of `weight`; raises RateLimitedError (-1003): 429 when that is too much, 418 while the address is banned."""
        if self._bans:
            self._require_no_ban(ip, now_ms)
        if self._raw.add(ip, 1, now_ms) > RAW_REQUESTS.most:
            raise self._too_much(self._raw, "raw requests", ip, now_ms)
        if self._weight.add(ip, weight, now_ms) > WEIGHT.most:
            raise self._too_much(self._weight, "request weight", ip, now_ms)

    def _require_no_ban(self, ip: str, now_ms: int) -> None:
        until_ms = self._bans.banned_until(ip, now_ms)
        if until_ms is not None:
            raise _banned(until_ms, now_ms)

    def used_weight(self, ip: str, now_ms: int) -> int:
        """The weight that `ip` has used in this minute."""
        return self._weight.used(ip, now_ms)

    def refund(self, ip: str, weight: int, now_ms: int) -> None:
        """Give the weight back of a request that costs nothing when it succeeds."""
        self._weight.add(ip, -weight, now_ms)

    def require_order_room(self, account_id: int, now_ms: int) -> None:
        """Raise RateLimitedError (-1015) when the account has too many unfilled orders in a window."""
        for counter in self._orders:
            limit = counter.limit
            if counter.used(account_id, now_ms) >= limit.most:
                text = f"Too many new orders; current limit is {limit.most} orders per {limit.count} {limit.unit}."
                raise limited(-1015, text, counter.seconds_left(now_ms))

    def count_order(self, account_id: int, now_ms: int, orders: int = 1) -> None:
        """Count one accepted order, or those of a list."""
        for counter in self._orders:
            counter.add(account_id, orders, now_ms)

    def forget_order(self, account_id: int, now_ms: int, orders: int = 1) -> None:
        """Take back the count of an order that was refused, or of those of a list."""
        for counter in self._orders:
            counter.add(account_id, -orders, now_ms)

    def first_fill(self, account_id: int, is_maker: bool, time_ms: int) -> None:
        """Give back what an order's first trade earns, more for a maker than for a taker."""
        for counter in self._orders:
            counter.add(account_id, -(MAKER_FILL_CREDIT if is_maker else TAKER_FILL_CREDIT), time_ms)

    def order_counts(self, account_id: int, now_ms: int) -> list[tuple[Limit, int]]:
        """Each order limit with the account's present count."""
        return [(counter.limit, counter.used(account_id, now_ms)) for counter in self._orders]

    def _too_much(self, counter: WindowCounter, what: str, ip: str, now_ms: int) -> RateLimitedError:
        until_ms = self._bans.refused(ip, counter.ends_ms(now_ms), now_ms)
        if until_ms is not None:
            return _banned(until_ms, now_ms)
        limit = counter.limit
        text = (
            f"Too much {what} used; current limit is {limit.most} {what} per {limit.count} {limit.unit}. "
            "Please use WebSocket Streams for live updates to avoid polling the API."
        )
        return limited(-1003, text, counter.seconds_left(now_ms))


def _banned(until_ms: int, now_ms: int) -> RateLimitedError:
    text = f"Way too much request weight used; IP banned until {until_ms}. Please use WebSocket Streams for live updates to avoid bans."
    return limited(-1003, text, max(-(-(until_ms - now_ms) // SECOND_MS), 1), IM_A_TEAPOT)
