"""CallScope: by when a caller further up needs its answers, and how urgent they are, for every request made on its behalf.

It travels with the task and the tasks that it starts, so that a pass has one deadline whichever station asks for whatever.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from binance_trade_agent.binance.limits.waiting_lines import Priority


@dataclass(frozen=True, slots=True)
class CallScope:
    """`deadline_ms` by Clock.monotonic_ms; `priority` in place of the endpoint's own."""

    deadline_ms: float = math.inf
    priority: Priority | None = None


_scope: ContextVar[CallScope] = ContextVar("call_scope", default=CallScope())  # noqa: B039 - frozen, so nobody changes the shared default


def current_scope() -> CallScope:
    """The scope of the running task."""
    return _scope.get()


@contextmanager
def within_deadline(deadline_ms: float) -> Iterator[None]:
    """Reads begun inside give up at `deadline_ms` (Clock.monotonic_ms), or at that of a scope around this one when it is earlier."""
    outer = _scope.get()
    token = _scope.set(replace(outer, deadline_ms=min(outer.deadline_ms, deadline_ms)))
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def in_background() -> Iterator[None]:
    """Reads begun inside stand behind all others, and leave them more of the rate limits."""
    token = _scope.set(replace(_scope.get(), priority=Priority.BACKGROUND))
    try:
        yield
    finally:
        _scope.reset(token)
