"""Repeating reads that failed for a passing reason; never used for anything that changes orders."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

import tenacity

from binance_trade_agent.binance.error_table import ERROR_CODES
from binance_trade_agent.domain.errors import BadAnswerError, CircuitOpenError, ExchangeError, ExchangeRefusedError, RateLimitedError

T = TypeVar("T")

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_SPREAD_AFTER_LIMIT_S = 0.25

MOST_ATTEMPTS = 12
"""How often one read is asked for at most, however far away its deadline is."""


def is_retryable(error: BaseException) -> bool:
    """True when asking the same again can help: it was not sent, no answer came, or the code table says so."""
    if not isinstance(error, ExchangeError) or isinstance(error, BadAnswerError):
        return False
    if isinstance(error, CircuitOpenError):  # it exists to end waiting
        return False
    if isinstance(error, RateLimitedError) or not isinstance(error, ExchangeRefusedError):
        return True
    row = ERROR_CODES.get(error.code)
    return row is not None and row.retry_read


async def retry_read(attempt: Callable[[], Awaitable[T]], first: ExchangeError, *, remaining_s: Callable[[], float], random: Random) -> T:
    """Repeat `attempt` after its failure `first` until it succeeds or fails for good.

    It is made MOST_ATTEMPTS times at most, and not again when no pause fits in `remaining_s()`.

    Pauses double from 0.1 s to at most 5 s, each drawn from its upper half; after a RateLimitedError the pause is what the exchange
    asked for. Raises the last error.
    """
    known = [first]

    async def replay_then_attempt() -> T:
        # The retrying loop starts with an attempt; ours has been made already, so the first round only replays its failure.
        if known:
            raise known.pop()
        return await attempt()

    def pause_s(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RateLimitedError):
            return error.retry_after_s + random.uniform(0, _SPREAD_AFTER_LIMIT_S)
        longest = min(_FIRST_PAUSE_S * 2.0 ** (state.attempt_number - 1), _LONGEST_PAUSE_S)
        return random.uniform(longest / 2, longest)

    retrying = tenacity.AsyncRetrying(
        sleep=asyncio.sleep,
        wait=pause_s,
        stop=lambda state: state.attempt_number >= MOST_ATTEMPTS or state.upcoming_sleep >= remaining_s(),
        retry=tenacity.retry_if_exception(is_retryable),
        reraise=True,
    )
    return await retrying(replay_then_attempt)
