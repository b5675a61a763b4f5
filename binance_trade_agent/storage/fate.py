"""Seeing a write through: a cancelled caller waits until its write is known to have happened or not.

A database write goes on in its thread whether or not somebody still waits for it. A caller that walked away at once would not
know what the book says, so cancellation is held back until the fate is known and only then passed on.
"""

import asyncio
from typing import Any, TypeVar

T = TypeVar("T")


async def until_done(future: "asyncio.Future[Any]") -> asyncio.CancelledError | None:
    """Return when `future` is done, however it ended; what it returns is the cancellation that came in the meantime, to be raised.

    `future` is never cancelled from here, so it must be work with a bound of its own.
    """
    interrupted: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait((future,))
        except asyncio.CancelledError as error:
            interrupted = error
    return interrupted


async def see_through(future: "asyncio.Future[T]") -> T:
    """The result of `future`; when the caller is cancelled, CancelledError is raised only after `future` is done."""
    interrupted = await until_done(future)
    if interrupted is None:
        return future.result()
    if not future.cancelled():
        future.exception()  # marks a failure as seen, since nobody is left to take it
    raise interrupted
