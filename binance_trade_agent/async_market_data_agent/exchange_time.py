"""ExchangeTime: the exchange's time for those who have only a source of market data and no client that keeps its clock."""

import asyncio
from collections.abc import Awaitable, Callable

from binance_trade_agent.binance.server_clock import ClockSample, ServerClock, best_of
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.exchange import MarketDataSource

CLOCK_MAX_AGE_MS = 10 * 60_000
"""How long a measured offset of the exchange's clock is gone by."""

_CLOCK_SAMPLES = 3


class ExchangeTime:
    """`given` tells the exchange's time when somebody keeps it; else the offset of `clock` (or of the loop's time) is measured.

    `ensure_given` has that somebody measure it when it is not known any more, as after this machine's clock was set.
    """

    def __init__(
        self,
        source: MarketDataSource,
        clock: Clock | None,
        given: Callable[[], int] | None,
        ensure_given: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._source = source
        self._given = given
        self._ensure_given = ensure_given
        self.local_ms = clock.now_ms if clock is not None else _loop_ms
        self._server_clock = ServerClock(self.local_ms)
        self._measured_ms = 0
        self._lock = asyncio.Lock()

    def now_ms(self) -> int:
        """The exchange's time now, milliseconds UTC; not better than our own clock before the first `ensure_known`."""
        return self._given() if self._given is not None else self._server_clock.now_ms()

    async def ensure_known(self) -> None:
        """Measure the offset when it is not known or too old, or have it measured by who keeps it. Raises ExchangeError.

        A time that is ahead would take open candles for closed ones, which change no more; one that is behind, old candles for the newest.
        """
        if self._given is not None:
            if self._ensure_given is not None:
                await self._ensure_given()
            return
        async with self._lock:
            if self._server_clock.is_synced and self.local_ms() - self._measured_ms < CLOCK_MAX_AGE_MS:
                return
            samples = []
            for _ in range(_CLOCK_SAMPLES):
                sent_ms = self.local_ms()
                server_ms = await self._source.get_server_time()
                received_ms = self.local_ms()
                samples.append(ClockSample(sent_ms, received_ms, server_ms, received_ms - sent_ms))
            self._server_clock.adopt(best_of(samples))
            self._measured_ms = self.local_ms()


def _loop_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1_000)
