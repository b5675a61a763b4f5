"""Waiting for what an exchange does in its own time, with an end."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from exchange_program import PATIENCE_S

_PAUSE_S = 0.25

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


async def within_patience(coming: Awaitable[T]) -> T:
    async with asyncio.timeout(PATIENCE_S):
        return await coming
