"""Patience: asking again, a bounded number of times, while the exchange is away at the start."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from binance_trade_agent.binance.error_codes import INVALID_TIMESTAMP
from binance_trade_agent.domain.errors import AgentError, BookError, ExchangeRefusedError, RateLimitedError

T = TypeVar("T")

START_ATTEMPTS = 6
START_RETRY_S = 1.0
"""The first wait between attempts to start; it doubles from attempt to attempt, to 16 s before the sixth."""


async def patiently(name: str, action: Callable[[], Awaitable[T]], log: Any) -> T:
    """What `action` returns, tried up to START_ATTEMPTS times; a definite no is not asked again, and the last error is raised.

    That a request came too late for its timestamp is no definite no: a machine that is busy while it starts is quicker later.
    When the exchange asks for silence it gets as much as it asks for. `log` is told of every wait.
    """
    for attempt in range(1, START_ATTEMPTS):
        try:
            return await action()
        except RateLimitedError as error:
            problem: AgentError = error
            # However long it is: whoever asks again before that is banned for longer.
            wait_s = error.retry_after_s
        except BookError:
            raise
        except AgentError as error:
            if isinstance(error, ExchangeRefusedError) and error.code != INVALID_TIMESTAMP:
                raise
            problem = error
            wait_s = START_RETRY_S * 2 ** (attempt - 1)
        log.warning("the start has to wait", part=name, attempt=attempt, again_in_s=wait_s, error=str(problem))
        await asyncio.sleep(wait_s)
    return await action()
