"""RateGuard: keeps requests from leaving while the exchange has told us to be quiet, or would soon.

Source: rest-api.md, "IP Limits" and "Unfilled Order Count": a 429 that is not heeded becomes a ban of the address (418).
"""

import math
from collections.abc import Mapping
from typing import Any

from binance_trade_agent.binance.endpoints import Endpoint, WeightPool
from binance_trade_agent.binance.error_codes import TOO_MANY_ORDERS, TOO_MANY_REQUESTS
from binance_trade_agent.binance.weights import WEIGHT_LIMIT_PER_MINUTE
from binance_trade_agent.domain.errors import RateLimitedError

_MINUTE_MS = 60_000
_STATUS_TOO_MANY = 429

ORDER_RESERVE = 100
"""Request weight of each minute that reads leave to orders and cancellations."""


class RateGuard:
    """Two brakes: silence until a stated time, and the weight budget of the current minute.

    Times called `monotonic_ms` are those of Clock.monotonic_ms; `server_ms` is the exchange's time, whose minutes the budget follows.
    """

    def __init__(self) -> None:
        self._limit = WEIGHT_LIMIT_PER_MINUTE
        self._used = 0
        self._minute = -1
        self._quiet_until_ms = -math.inf
        self._no_orders_until_ms = -math.inf

    def learn_limit(self, limit: int) -> None:
        """Take the weight limit per minute from exchangeInfo."""
        self._limit = limit

    def record_used(self, used: int, server_ms: int) -> None:
        """Take the used weight that an answer reported; an answer that was overtaken by a later one changes nothing."""
        minute = server_ms // _MINUTE_MS
        self._used = max(used, self._used) if minute == self._minute else used
        self._minute = minute

    def record_limited(self, error: RateLimitedError, monotonic_ms: float) -> None:
        """Be quiet as long as `error` says. Too many orders silences new orders alone: reads and cancellations must go on."""
        until = monotonic_ms + error.retry_after_s * 1_000
        if error.code == TOO_MANY_ORDERS:
            self._no_orders_until_ms = max(self._no_orders_until_ms, until)
        else:
            self._quiet_until_ms = max(self._quiet_until_ms, until)

    def check(self, endpoint: Endpoint[Any], params: Mapping[str, str], *, monotonic_ms: float, server_ms: int) -> None:
        """Raise RateLimitedError, saying how long to wait, when this request must not leave now."""
        if monotonic_ms < self._quiet_until_ms:
            raise _held_back(TOO_MANY_REQUESTS, "the exchange asked for silence", self._quiet_until_ms - monotonic_ms)
        if endpoint.new_orders and monotonic_ms < self._no_orders_until_ms:
            raise _held_back(TOO_MANY_ORDERS, "the exchange asked for no new orders", self._no_orders_until_ms - monotonic_ms)
        if endpoint.pool is not WeightPool.SPOT or server_ms // _MINUTE_MS != self._minute:
            return
        room = self._limit if endpoint.changes_orders else self._limit - ORDER_RESERVE
        if self._used + endpoint.weight_of(params) > room:
            raise _held_back(TOO_MANY_REQUESTS, "the request weight of this minute is used up", _MINUTE_MS - server_ms % _MINUTE_MS)


def _held_back(code: int, why: str, wait_ms: float) -> RateLimitedError:
    return RateLimitedError(code, f"not sent: {why}", _STATUS_TOO_MANY, wait_ms / 1_000)
