"""Async tests on the virtual loop: waits and deadlines are real code paths that take no real time."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from binance_trade_agent.simulation.virtual_loop import run_virtual


def virtual(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test on a virtual loop."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        run_virtual(test(*args, **kwargs))

    return run
