"""Pulse: lets market time pass for those who listen to streams, and stands still while nobody does.

The engine has no background task (docs/decisions/0005): it moves when it is asked. Someone who listens asks all the time, and the pulse
asks for him: mostly at every tenth of a second of market time, but never more often than TICK_S in real time, so that a market
that runs a hundred times as fast does not cost a hundred times as much. While nobody expects anything it asks once a second.
"""

import asyncio
from collections.abc import Callable

from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.ports.clock import Clock

IDLE_MS = 1_000
"""Of market time, while no listener expects anything."""

TICK_S = 0.1
"""Of real time."""

_LEAST_REST_S = 0.001  # a timer that is early by less is not worth another wait

TickListener = Callable[[int], None]
"""Called with the exchange's time, ms UTC, after the engine has been brought there."""

Expectation = Callable[[], bool]
"""Whether anything can happen for a listener before somebody asks for it."""


def _always() -> bool:
    return True


class Pulse:
    """`advance` brings the exchange to the present and returns its time; it is asked every `tick_ms` of market time.

    `on_failure` is called after a tick that failed; it is the last.
    """

    def __init__(self, clock: Clock, advance: Callable[[], int], on_failure: Callable[[], None], tick_ms: int) -> None:
        self._clock = clock
        self._advance = advance
        self._tick_ms = tick_ms
        self._on_failure = on_failure
        self._listeners: dict[TickListener, Expectation] = {}
        self._task: asyncio.Task[None] | None = None
        self._is_idle = False

    def add(self, listener: TickListener, expects: Expectation = _always) -> None:
        """Call `listener` at every tick from now on; must be called with a running loop. `hasten` when it begins to expect something."""
        self._listeners[listener] = expects
        if self._task is None or self._task.done():
            self._begin()
        self.hasten()

    def remove(self, listener: TickListener) -> None:
        """Call `listener` no more; the pulse ends by itself when nobody is left. KeyError when it was not added."""
        del self._listeners[listener]

    def hasten(self) -> None:
        """Somebody may expect something now: the next beat is not put off any longer."""
        if self._is_idle and self._task is not None and self._is_expectant():
            self._task.cancel()
            self._begin()

    def _begin(self) -> None:
        self._is_idle = False
        self._task = asyncio.get_running_loop().create_task(self._beat())

    def _is_expectant(self) -> bool:
        return any(expects() for expects in self._listeners.values())

    async def close(self) -> None:
        """End now. What went wrong in a tick, if anything did, is raised here."""
        self._listeners.clear()
        task, self._task = self._task, None
        if task is None:
            return
        if not task.done():
            task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    async def _beat(self) -> None:
        try:
            await self._tick_on()
        except Exception:
            self._on_failure()
            raise

    async def _tick_on(self) -> None:
        loop = asyncio.get_running_loop()
        while self._listeners:
            began_s = loop.time()
            now_ms = self._clock.now_ms()
            self._is_idle = not self._is_expectant()
            period_ms = max(IDLE_MS, self._tick_ms) if self._is_idle else self._tick_ms
            await self._clock.sleep_until(now_ms - now_ms % period_ms + period_ms)
            self._is_idle = False
            rest_s = TICK_S - (loop.time() - began_s)
            if rest_s > _LEAST_REST_S:
                await asyncio.sleep(rest_s)
            self._tick()

    def _tick(self) -> None:
        try:
            now_ms = self._advance()
        except BookError:
            return  # nothing is shown that is not durable; whoever asks by a request is told with a 500
        for listener in tuple(self._listeners):
            listener(now_ms)
