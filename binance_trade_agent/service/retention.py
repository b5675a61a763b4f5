"""Retention: has the book forget what is old, in small steps between which everybody else may write."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.storage.retention import Forgotten

EVERY_S = 60.0
PAUSE_S = 0.25
"""Between two steps: some 800 decisions a second at most, so that a book of years is through within a day."""

_DAY_MS = 86_400_000


class Retention:
    """Forgets decisions older than `keep_days` days of market time by `forget(after_id, before_ms)`; see `forget_decisions`."""

    def __init__(self, forget: Callable[[int, int], Awaitable[Forgotten]], clock: Clock, keep_days: int) -> None:
        self._forget = forget
        self._clock = clock
        self._keep_ms = keep_days * _DAY_MS
        self._last_id = 0
        self._log = structlog.get_logger(component="retention")

    async def run(self) -> None:
        """Forget for good; a book that cannot be written is left alone until the next time."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.forget_what_is_old()
            except BookError as error:
                self._log.warning("old decisions could not be deleted; it is tried again", error=str(error))

    async def forget_what_is_old(self) -> int:
        """Step after step until nothing old is left; how many decisions went. Raises BookError."""
        before_ms, deleted = self._clock.now_ms() - self._keep_ms, 0
        while True:
            step = await self._forget(self._last_id, before_ms)
            self._last_id, deleted = step.last_id, deleted + step.deleted
            if not step.is_more:
                return deleted
            await asyncio.sleep(PAUSE_S)
