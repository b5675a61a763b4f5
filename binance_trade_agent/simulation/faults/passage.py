"""Passage: what becomes of one request and its answer on their way, in one form for every face."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from math import ceil
from types import MappingProxyType

from binance_trade_agent.simulation.faults.kinds import FaultKind, FaultPoint
from binance_trade_agent.simulation.faults.plan import Fault, FaultPlan

ENGINE_TIMEOUT_S = 10.0
"""rest-api.md, "General API Information": so long a request may take before it is answered with -1007."""

_FORBIDDEN = 403
_TOO_MANY_REQUESTS = 429
_BANNED = 418


class Ending(Enum):
    """How an answer arrives."""

    WHOLE = auto()
    SILENT = auto()
    """Never, while the connection stays."""
    CUT = auto()
    """Never, because the connection breaks."""
    CUT_MIDWAY = auto()
    DRIPPED = auto()
    TWICE = auto()
    OTHER = auto()
    """The answer to an earlier request arrives in its place."""
    WRONG_DIGIT = auto()
    MUTATED = auto()


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """What is answered in place of the truth. `retry_after_s` is for those that tell how long to wait."""

    status: int
    code: int
    message: str
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """Times in seconds of the running loop.

    The request arrives after `there_s`, its engine carries it out `executions` times `engine_s` later, and the answer is `back_s` on its
    way. An engine that takes longer than ENGINE_TIMEOUT_S is not waited for: `error` is answered then, and what was asked is done later.
    """

    kind: FaultKind | None = None
    there_s: float = 0.0
    engine_s: float = 0.0
    back_s: float = 0.0
    executions: int = 1
    ending: Ending = Ending.WHOLE
    drip_s: float = 0.0
    error: ErrorAnswer | None = None

    @property
    def is_waited_for(self) -> bool:
        """False when the answer leaves before the engine has done what was asked."""
        return self.engine_s <= ENGINE_TIMEOUT_S


UNTROUBLED = Passage()

_ENDINGS: Mapping[FaultKind, Ending] = MappingProxyType(
    {
        FaultKind.LOSE_REQUEST: Ending.SILENT,
        FaultKind.LOSE_ANSWER: Ending.SILENT,
        FaultKind.REFUSE_CONNECT: Ending.CUT,
        FaultKind.CUT_NOT_EXECUTED: Ending.CUT,
        FaultKind.CUT_EXECUTED: Ending.CUT,
        FaultKind.CUT_MIDWAY: Ending.CUT_MIDWAY,
        FaultKind.DUPLICATE_ANSWER: Ending.TWICE,
        FaultKind.WRONG_ANSWER: Ending.OTHER,
        FaultKind.WRONG_DIGIT: Ending.WRONG_DIGIT,
        FaultKind.MUTATE_ANSWER: Ending.MUTATED,
        FaultKind.DRIP_ANSWER: Ending.DRIPPED,
    }
)

_NOT_EXECUTED = frozenset(
    {
        FaultKind.LOSE_REQUEST,
        FaultKind.REFUSE_CONNECT,
        FaultKind.CUT_NOT_EXECUTED,
        FaultKind.ANSWER_5XX_NOT_EXECUTED,
        FaultKind.UNEXPECTED_NOT_EXECUTED,
        FaultKind.UNAVAILABLE,
        FaultKind.OVERLOADED,
        FaultKind.TOO_MANY_REQUESTS,
        FaultKind.BANNED,
        FaultKind.FORBIDDEN,
    }
)

# The same text whether it was executed or not: a client must not be able to tell.
_TIMED_OUT = (-1007, "Timeout waiting for response from backend server. Send status unknown; execution status unknown.")
_UNEXPECTED = (-1006, "An unexpected response was received from the message bus. Execution status unknown.")
_CLOSED = (-1016, "This service is no longer available.")
_BUSY = (-1008, "Server is currently overloaded with other requests. Please try again in a few minutes.")
_QUEUED = (-1003, "Too many requests queued.")


def passage(plan: FaultPlan, point: FaultPoint, name: str) -> Passage:
    """What the plan makes of the next request to `name`; UNTROUBLED, the object itself, when nothing is done to it."""
    fault = plan.take(point, name)
    there_s, back_s = plan.latency(point, name)
    if fault is None:
        return UNTROUBLED if there_s == back_s == 0 else Passage(there_s=there_s, back_s=back_s)
    kind = fault.kind
    delay_s = fault.delay.drawn_s(plan.random(point))
    return Passage(
        kind=kind,
        there_s=there_s + (delay_s if kind is FaultKind.DELAY_REQUEST else 0.0),
        engine_s=delay_s if kind is FaultKind.ENGINE_DELAY else 0.0,
        back_s=back_s + (delay_s if kind is FaultKind.DELAY_ANSWER else 0.0),
        executions=0 if kind in _NOT_EXECUTED else 2 if kind is FaultKind.DUPLICATE_REQUEST else 1,
        ending=_ENDINGS.get(kind, Ending.WHOLE),
        drip_s=delay_s if kind is FaultKind.DRIP_ANSWER else 0.0,
        error=_error(fault, delay_s),
    )


def _error(fault: Fault, delay_s: float) -> ErrorAnswer | None:
    match fault.kind:
        case FaultKind.ANSWER_5XX_EXECUTED | FaultKind.ANSWER_5XX_NOT_EXECUTED:
            return ErrorAnswer(fault.status, *_TIMED_OUT)
        case FaultKind.ENGINE_DELAY if delay_s > ENGINE_TIMEOUT_S:
            return ErrorAnswer(fault.status, *_TIMED_OUT)
        case FaultKind.UNEXPECTED_EXECUTED | FaultKind.UNEXPECTED_NOT_EXECUTED:
            return ErrorAnswer(fault.status, *_UNEXPECTED)
        case FaultKind.UNAVAILABLE:
            return ErrorAnswer(fault.status, *_CLOSED)
        case FaultKind.OVERLOADED:
            return ErrorAnswer(fault.status, *_BUSY)
        case FaultKind.TOO_MANY_REQUESTS:
            return ErrorAnswer(_TOO_MANY_REQUESTS, *_QUEUED, retry_after_s=max(ceil(delay_s), 1))
        case FaultKind.BANNED:
            return ErrorAnswer(_BANNED, *_QUEUED, retry_after_s=max(ceil(delay_s), 1))
        case FaultKind.FORBIDDEN:
            return ErrorAnswer(_FORBIDDEN, 0, "")
    return None


def later(delay_s: float, action: Callable[[], None]) -> None:
    """Do something after a while of the running loop's time, or now."""
    if delay_s > 0:
        asyncio.get_running_loop().call_later(delay_s, action)
    else:
        action()
