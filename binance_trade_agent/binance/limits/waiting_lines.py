"""WaitingLines: requests that wait for room, in lines by priority, first come first served within each."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any

import msgspec

from binance_trade_agent.binance.endpoints import SERVER_TIME, Endpoint

MOST_WAITING = 10_000
"""Requests that may wait at once; whoever comes later is turned away."""


class Priority(IntEnum):
    """Who goes first. Cancels take risk away, orders are worth little when late, market data comes again with the next pass."""

    CANCEL = 0
    ORDER = 1
    ACCOUNT = 2
    MARKET = 3
    BACKGROUND = 4

    @property
    def label(self) -> str:
        """The name as metrics show it."""
        return self.name.lower()


def priority_of(endpoint: Endpoint[Any]) -> Priority:
    """The priority of a request unless its caller asks for a lower one; the exchange's time goes with what is signed by it."""
    if endpoint.changes_orders:
        return Priority.ORDER if endpoint.new_orders else Priority.CANCEL
    return Priority.ACCOUNT if endpoint.is_signed or endpoint.path == SERVER_TIME.path else Priority.MARKET


Amounts = tuple[int, int, int]
"""What a request counts as: request weight, requests, new orders."""


class Admission(msgspec.Struct, frozen=True, gc=False):
    """Leave for one request: what is counted for it, and a number that tells when it was given."""

    amounts: Amounts
    seq: int


class Waiter:
    """One request that waits; `leave` gets its Admission, or the error that ends the wait."""

    __slots__ = ("amounts", "leave", "priority")

    def __init__(self, priority: Priority, amounts: Amounts, leave: "asyncio.Future[Admission]") -> None:
        self.priority = priority
        self.amounts = amounts
        self.leave = leave

    @property
    def is_admitted(self) -> bool:
        """True when it has its Admission."""
        return self.leave.done() and not self.leave.cancelled() and self.leave.exception() is None


class WaitingLines:
    """The lines. Every operation takes the same time however many wait."""

    def __init__(self) -> None:
        self._lines: Mapping[Priority, OrderedDict[Waiter, None]] = {priority: OrderedDict() for priority in Priority}
        self.count = 0

    def join(self, waiter: Waiter) -> int:
        """Stand at the end of the line of the waiter's priority; returns how many stand in it."""
        line = self._lines[waiter.priority]
        line[waiter] = None
        self.count += 1
        return len(line)

    def leave(self, waiter: Waiter) -> int:
        """Go, from whatever place; returns how many still stand in that line. Nothing happens for one who is gone already."""
        line = self._lines[waiter.priority]
        if waiter in line:
            del line[waiter]
            self.count -= 1
        return len(line)

    def first(self, priority: Priority) -> Waiter | None:
        """Who is next in the line of `priority`."""
        return next(iter(self._lines[priority]), None)

    def firsts(self) -> Iterator[Waiter]:
        """Who is next in each line that is not empty, by priority."""
        return (waiter for priority in Priority if (waiter := self.first(priority)) is not None)

    def is_behind(self, priority: Priority) -> bool:
        """True when a newcomer of `priority` has to stand behind somebody.

        Orders may wait for their own limit alone, so others do not stand behind them: what keeps an order from leaving is looked at
        when the lines move.
        """
        return any(self._lines[each] for each in Priority if each <= priority and (each is not Priority.ORDER or priority is each))
