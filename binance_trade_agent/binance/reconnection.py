"""When to connect again: full jitter between attempts, and a budget of connects that an address shares.

Source: web-socket-api.md, "Connection limits", and web-socket-streams.md, "WebSocket Limits": 300 attempts in 5 minutes.
"""

from collections import deque
from collections.abc import Callable
from random import Random

WINDOW_S = 300.0
MOST_CONNECTS = 150
"""Half of what the exchange allows, because the address may be shared with other programs."""

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
STEADY_S = 60.0
"""A connection that lasted so long was a good one; one that ends earlier counts as a failed attempt."""


class Backoff:
    """Waits between attempts: each is drawn from 0 to a ceiling that doubles, so that many clients do not come back together."""

    def __init__(self, random: Random, *, first_s: float = FIRST_WAIT_S, longest_s: float = LONGEST_WAIT_S) -> None:
        self._random = random
        self._first_s = first_s
        self._longest_s = longest_s
        self._ceiling_s = first_s

    def next_s(self) -> float:
        """How long to wait before the next attempt."""
        ceiling_s, self._ceiling_s = self._ceiling_s, min(self._longest_s, self._ceiling_s * 2)
        return self._random.uniform(0, ceiling_s)

    def note_lifetime(self, seconds: float) -> None:
        """A connection ended after so long; a good one lets the waits begin anew."""
        if seconds >= STEADY_S:
            self._ceiling_s = self._first_s


class ConnectBudget:
    """At most so many connects in any window of time. One budget serves everything that connects from this address to one server."""

    def __init__(self, now_s: Callable[[], float], *, most: int = MOST_CONNECTS, window_s: float = WINDOW_S) -> None:
        """`now_s` is a clock that never goes back."""
        self._now_s = now_s
        self._window_s = window_s
        self._connects: deque[float] = deque(maxlen=most)

    def take(self) -> float:
        """Seconds until the caller may connect; its place is taken from now on."""
        now_s = self._now_s()
        is_full = len(self._connects) == self._connects.maxlen
        at_s = max(now_s, self._connects[0] + self._window_s) if is_full else now_s
        self._connects.append(at_s)
        return at_s - now_s
