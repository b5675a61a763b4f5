"""DelayLine: hands things on after a fixed delay, in the order in which they came."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

MOST_UNDERWAY = 100_000


class DelayLine(Generic[T]):
    """With a delay of 0 things are handed on at once; else by the running loop's timers. What is underway at the end is dropped."""

    def __init__(self, delay_s: float, deliver: Callable[[T], None]) -> None:
        self._delay_s = delay_s
        self._deliver = deliver
        self._underway: deque[T] = deque()

    def put(self, thing: T) -> None:
        """Hand `thing` on in a while; OverflowError when MOST_UNDERWAY are on their way already."""
        if self._delay_s <= 0:
            self._deliver(thing)
            return
        if len(self._underway) >= MOST_UNDERWAY:
            raise OverflowError(f"more than {MOST_UNDERWAY} messages are underway")
        self._underway.append(thing)
        # Timers of one moment fire in any order, so each takes whatever is next.
        asyncio.get_running_loop().call_later(self._delay_s, self._next)

    def clear(self) -> None:
        """Drop everything that is underway."""
        self._underway.clear()

    def _next(self) -> None:
        if self._underway:
            self._deliver(self._underway.popleft())
