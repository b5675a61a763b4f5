"""Growth: what a process of the daemon holds: tasks, timers, open files, and whatever its parts keep in memory, against bounds."""

import asyncio
import os
from collections import deque
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import BuiltinMethodType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

from binance_trade_agent.binance.websocket_api.user_data_stream import MOST_REMEMBERED
from simulating.checks import Check, Finding

MOST_TASKS = 200
MOST_TIMERS = 1_000
"""Cancelled ones, which the loop clears away when there are too many, included."""

MOST_KEPT = 150
"""In any one container that has no bound of its own. A run has hundreds of orders and of passes, so what is kept of each shows."""

STATED: Mapping[str, int] = MappingProxyType({"._seen": MOST_REMEMBERED, "._order_of_seen": MOST_REMEMBERED})
"""Containers with a bound that their owner keeps, which is larger."""

MOST_BYTES = 256 * 1024
MOST_METRIC_LINES = 2_500

_OURS, _EXCHANGE = "binance_trade_agent.", "binance_trade_agent.simulation."
_OPEN_FILES = Path("/proc/self/fd")


def running_findings(tasks: int) -> Iterator[Finding]:
    """While a process runs that has so many tasks."""
    if tasks > MOST_TASKS:
        yield Finding(Check.BOUNDED, f"{tasks} tasks at once")
    timers = len(getattr(asyncio.get_running_loop(), "_scheduled", ()))
    if timers > MOST_TIMERS:
        yield Finding(Check.BOUNDED, f"{timers} timers at once")


def kept_findings(root: object, metrics: bytes) -> Iterator[Finding]:
    """At the end of a process: what can be reached from `root`, and how much the metrics say."""
    for where, count in kept(root):
        if count > next((most for end, most in STATED.items() if where.endswith(end)), MOST_KEPT):
            yield Finding(Check.BOUNDED, f"{where} holds {count} things")
    lines = metrics.count(b"\n")
    if lines > MOST_METRIC_LINES:
        yield Finding(Check.BOUNDED, f"the metrics have {lines} lines")


def open_files() -> int:
    """How many files and sockets this process has open; 0 where that cannot be told."""
    return len(os.listdir(_OPEN_FILES)) if _OPEN_FILES.is_dir() else 0


def kept(root: object) -> Iterator[tuple[str, int]]:
    """Every container of the daemon's that can be reached from `root`, by who holds it, and how many things it has.

    The exchange is not gone into, nor are code and other people's objects. What has a bound of its own (a deque with a length) is
    within it by construction.
    """
    seen: set[int] = set()
    waiting: list[tuple[str, object]] = [(type(root).__name__, root)]
    while waiting:
        where, thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, (dict, list, set, deque, bytearray, asyncio.Queue)):
            count = thing.qsize() if isinstance(thing, asyncio.Queue) else len(thing)
            if not isinstance(thing, bytearray):
                if not (isinstance(thing, deque) and thing.maxlen is not None):
                    yield where, count
            elif count > MOST_BYTES:
                yield f"{where} (bytes)", count
        waiting += [(f"{where}{name}", part) for name, part in _parts(thing)]


def _parts(thing: object) -> list[tuple[str, object]]:
    if isinstance(thing, (str, bytes, bytearray, int, float, type, ModuleType, BuiltinMethodType)):
        return []
    if isinstance(thing, Mapping):
        return [("[]", value) for value in list(thing.values())]
    if isinstance(thing, (list, tuple, set, frozenset, deque)):
        return [("[]", value) for value in list(thing)]
    if isinstance(thing, MethodType):
        return [(".", thing.__self__)]
    if isinstance(thing, partial):
        return [("()", value) for value in (thing.func, *thing.args, *thing.keywords.values())]
    if isinstance(thing, FunctionType):
        return [("()", cell.cell_contents) for cell in thing.__closure__ or () if _is_filled(cell)]
    module = type(thing).__module__
    if not module.startswith(_OURS) or module.startswith(_EXCHANGE):
        return []
    return [(f".{name}", value) for name, value in _fields(thing)]


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _fields(thing: object) -> Iterator[tuple[str, object]]:
    yield from list(getattr(thing, "__dict__", {}).items())
    for kind in type(thing).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(thing, name):
                yield name, getattr(thing, name)
