"""Waiting for what an exchange does in its own time, with an end."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from exchange_program import PATIENCE_S

_PAUSE_S = 0.25
_TOO_LATE = ("Order would trigger immediately", "The relationship of the prices for the orders is not correct")

T = TypeVar("T")


async def eventually(ask: Callable[[], Awaitable[T]], is_it: Callable[[T], bool]) -> T:
    """The first answer of `ask` for which `is_it` is true; TimeoutError with PATIENCE_S gone."""
    async with asyncio.timeout(PATIENCE_S):
        while not is_it(answer := await ask()):  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(_PAUSE_S)
        return answer


def soon(ask: Callable[[], T], is_it: Callable[[T], bool]) -> T:
    """`eventually` for a client that blocks."""
    end = time.monotonic() + PATIENCE_S
    while not is_it(answer := ask()):
        if time.monotonic() > end:
            raise TimeoutError(answer)
        time.sleep(_PAUSE_S)
    return answer


async def accepted(place: Callable[[], Awaitable[T]]) -> T:
    """What `place` returns, tried anew while the market is past a trigger that lies close to it."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await place()
            except Exception as refusal:
                if not any(text in str(refusal) for text in _TOO_LATE):
                    raise
            await asyncio.sleep(_PAUSE_S)


def accepted_now(place: Callable[[], T]) -> T:
    """`accepted` for a client that blocks."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return place()
        except Exception as refusal:
            if not any(text in str(refusal) for text in _TOO_LATE) or time.monotonic() > end:
                raise
        time.sleep(_PAUSE_S)


async def within_patience(coming: Awaitable[T]) -> T:
    async with asyncio.timeout(PATIENCE_S):
        return await coming
