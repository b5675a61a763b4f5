"""Silence: until when the exchange wants nothing from this address, or no new orders, kept beyond the life of the process.

Source: rest-api.md, "IP Limits": a 429 says how long to wait so as not to be banned, a 418 until when the ban lasts. Bans grow from two
minutes to three days for those who go on asking, so a process that is started again during one must keep quiet, too.
"""

import math

from binance_trade_agent.binance.error_codes import TOO_MANY_ORDERS
from binance_trade_agent.domain.errors import RateLimitedError
from binance_trade_agent.domain.limit_facts import SilenceAsked
from binance_trade_agent.ports.ban_memory import BanMemory
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.observer import Observer

LONGEST_BAN_S = 3 * 86_400.0
_STATUS_TEAPOT = 418


class Silence:
    """What `host` asked for; `market_speed` is how many milliseconds of `clock` pass in a real one.

    Silences run on the clock that never jumps; only what is remembered for the next process goes by wall time.
    """

    def __init__(self, host: str, clock: Clock, memory: BanMemory, observer: Observer, *, market_speed: float = 1.0) -> None:
        self._host = host
        self._clock = clock
        self._memory = memory
        self._observer = observer
        self._speed = market_speed
        self._all_until_ms = -math.inf
        self._orders_until_ms = -math.inf
        self.is_kept = False
        self._recall()

    def left_ms(self) -> float:
        """Real milliseconds for which nothing at all may leave, 0 when that is over."""
        return max(self._all_until_ms - self._clock.monotonic_ms(), 0.0)

    def orders_left_ms(self) -> float:
        """Real milliseconds for which no new order may leave."""
        now_ms = self._clock.monotonic_ms()
        left_ms = max(self._all_until_ms, self._orders_until_ms) - now_ms
        self.is_kept = left_ms > 0
        return max(left_ms, 0.0)

    def keep(self, error: RateLimitedError) -> None:
        """Keep silent as long as `error` says. Too many orders silences new orders alone: reads and cancels must go on."""
        orders_only = error.code == TOO_MANY_ORDERS
        until_ms = self._clock.monotonic_ms() + error.retry_after_s * 1_000 / self._speed
        wall_until_ms = self._clock.now_ms() + math.ceil(error.retry_after_s * 1_000)
        remembered = True
        if orders_only:
            self._orders_until_ms = max(self._orders_until_ms, until_ms)
        else:
            self._all_until_ms = max(self._all_until_ms, until_ms)
            remembered = self._memory.remember(self._host, wall_until_ms)
        self.is_kept = True
        is_ban = error.status == _STATUS_TEAPOT
        self._observer.observe(
            SilenceAsked(error.retry_after_s, wall_until_ms, is_ban=is_ban, orders_only=orders_only, remembered=remembered)
        )

    def _recall(self) -> None:
        """Go on with a silence that an earlier process was asked for."""
        until_ms = self._memory.banned_until_ms(self._host)
        if until_ms is None:
            return
        # No ban is longer: a time further ahead was written by a clock that was wrong, or ours is.
        left_s = min((until_ms - self._clock.now_ms()) / 1_000, LONGEST_BAN_S)
        if left_s > 0:
            self._all_until_ms = self._clock.monotonic_ms() + left_s * 1_000 / self._speed
            self.is_kept = True
            self._observer.observe(SilenceAsked(left_s, until_ms, is_ban=True, orders_only=False, remembered=True))
