"""Schedule: takes the slots of passes one after the other, and none of them twice.

A pass that is still running when slots fall due makes them missed: they are counted and skipped, never stacked, and the next slot
that lies ahead is taken.
"""

import asyncio
from collections.abc import Awaitable, Callable

from binance_trade_agent.domain.facts import PassOverrun
from binance_trade_agent.domain.slots import Slots
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.observer import Observer


class Schedule:
    """Takes one slot after the other until it is stopped or the recorded market ends."""

    def __init__(
        self, clock: Clock, observer: Observer, slots: Slots, take_slot: Callable[[int], Awaitable[None]], stop_at_ms: int | None = None
    ) -> None:
        """`take_slot` gets the slot's market time and runs the pass; what it raises ends the schedule."""
        self._clock = clock
        self._observer = observer
        self._slots = slots
        self._take_slot = take_slot
        self._stop_at_ms = stop_at_ms
        self._stopping = False
        self._sleep: asyncio.Task[None] | None = None
        self.next_slot_ms: int | None = None
        self.missed = 0

    def stop(self) -> None:
        """Take no further slot; a pass that is running goes on to its end."""
        self._stopping = True
        if self._sleep is not None:
            self._sleep.cancel()

    async def run(self) -> None:
        """Return after `stop`, or when the next slot lies beyond `stop_at_ms`."""
        slot = self._slots.first_from(self._clock.now_ms())
        while self._may_take(slot):
            due_ms = self._slots.time_of(slot)
            self.next_slot_ms = due_ms
            if not await self._slept_until(due_ms):
                break
            await self._take_slot(due_ms)
            slot = self._following(slot)
        self.next_slot_ms = None

    def _may_take(self, slot: int) -> bool:
        if self._stopping:
            return False
        return self._stop_at_ms is None or self._slots.time_of(slot) <= self._stop_at_ms

    async def _slept_until(self, due_ms: int) -> bool:
        """False when `stop` came before the slot."""
        # A task of its own, so that `stop` can end the sleep without cancelling a pass that may have begun in the same instant.
        self._sleep = asyncio.ensure_future(self._clock.sleep_until(due_ms))
        try:
            await self._sleep
        except asyncio.CancelledError:
            if not self._stopping or _is_being_cancelled():
                raise
        finally:
            self._sleep = None
        return not self._stopping

    def _following(self, slot: int) -> int:
        following = max(slot + 1, self._slots.first_from(self._clock.now_ms()))
        missed = following - slot - 1
        if missed:
            self.missed += missed
            self._observer.observe(PassOverrun(missed))
        return following


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
