"""What is said on a stream connection beside events: requests, their answers, and the announcement of a shutdown.

Source: web-socket-streams.md, "Live Subscribing/Unsubscribing to streams" and "Server Shutdown".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from binance_trade_agent.binance.error_table import Code
from binance_trade_agent.domain.errors import BadAnswerError


class Method(StrEnum):
    """What can be asked for."""

    SUBSCRIBE = "SUBSCRIBE"
    UNSUBSCRIBE = "UNSUBSCRIBE"


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to request `number`, which may be None in an error; `refusal` is (code, message), None when all is well."""

    number: int | None
    refusal: tuple[int, str] | None


@dataclass(frozen=True, slots=True)
class ShutdownAnnounced:
    """The server is about to shut down: connect anew as soon as possible."""


@dataclass(frozen=True, slots=True)
class EventFrame:
    """An event of `stream`, of the type its data names (None when it names none, as bookTicker does)."""

    stream: str
    event_type: str | None


@dataclass(frozen=True, slots=True)
class Foreign:
    """Something that is well-formed and not known."""


OtherFrame = Answered | ShutdownAnnounced | EventFrame | Foreign

_SHUTDOWN = "serverShutdown"


class _Request(msgspec.Struct):
    method: Method
    params: Sequence[str]
    id: int


class _Error(msgspec.Struct):
    code: Code
    msg: str = ""


class _Typed(msgspec.Struct):
    e: str | None = None


class _Frame(msgspec.Struct):
    stream: str | None = None
    data: _Typed | msgspec.UnsetType = msgspec.UNSET
    e: str | None = None
    id: int | str | None = None
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: _Error | None = None
    code: Code | None = None
    msg: str = ""


def control_message(method: Method, streams: Sequence[str], number: int) -> bytes:
    """The request to subscribe to or unsubscribe from `streams`."""
    return msgspec.json.encode(_Request(method, streams, number))


def read_frame(message: bytes) -> OtherFrame:
    """What a message says, read without haste; BadAnswerError when it is no JSON object of a known build."""
    try:
        frame = msgspec.json.decode(message, type=_Frame)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadAnswerError(f"a stream message that cannot be read: {error}"[:200]) from None
    event_type = frame.data.e if isinstance(frame.data, _Typed) else frame.e
    if event_type == _SHUTDOWN:
        return ShutdownAnnounced()
    number = frame.id if isinstance(frame.id, int) else None
    if frame.error is not None:
        return Answered(number, (frame.error.code, frame.error.msg))
    if frame.code is not None:
        return Answered(number, (frame.code, frame.msg))
    if isinstance(frame.result, msgspec.Raw):
        return Answered(number, None)
    if frame.stream is not None:
        return EventFrame(frame.stream, event_type)
    return Foreign()
