"""Facts about market streams: their connections, what came over them, and what went wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class StreamEnd(StrEnum):
    """Why a stream connection did not come up or serves no more."""

    NOT_OPENED = "not_opened"
    LOST = "lost"
    STALLED = "stalled"
    NOT_ANSWERED = "not_answered"


class RotationReason(StrEnum):
    """Why a stream connection is replaced while it still works."""

    AGE = "age"
    SHUTDOWN_ANNOUNCED = "shutdown_announced"


@dataclass(frozen=True, slots=True)
class StreamsConnected:
    """A stream connection is up and `streams` subscriptions are confirmed, `duration_ms` after it was first tried.

    `is_first` tells a start from a return after an interruption.
    """

    streams: int
    duration_ms: float
    is_first: bool


@dataclass(frozen=True, slots=True)
class StreamsInterrupted:
    """A stream connection that `streams` subscriptions were to use has ended, or did not come up; another try follows in `pause_ms`."""

    end: StreamEnd
    detail: str
    streams: int
    pause_ms: float


@dataclass(frozen=True, slots=True)
class StreamsRotated:
    """A stream connection was replaced by a new one; `gaps` of its `streams` may have missed events."""

    reason: RotationReason
    streams: int
    gaps: int
    overlap_ms: float


@dataclass(frozen=True, slots=True)
class StreamRefused:
    """The exchange refused to subscribe to a stream."""

    stream: str
    code: int
    message: str


@dataclass(frozen=True, slots=True)
class StreamsSilent:
    """Streams that should bring something every second or two have brought nothing for `silent_s`; they count as not live."""

    streams: tuple[str, ...]
    silent_s: float


@dataclass(frozen=True, slots=True)
class StreamTraffic:
    """What stream connections did since the last of these facts, and how they stand.

    `messages` counts events by kind of stream; `faults` frames that could not be understood; `passed_over` what was understood and not
    asked for; `listener_failures` events whose listener raised. `newest_age_ms` is how long ago anything came, None without a connection.
    """

    messages: Mapping[str, int]
    faults: int
    passed_over: int
    listener_failures: int
    connections: int
    wanted: int
    live: int
    newest_age_ms: float | None


@dataclass(frozen=True, slots=True)
class StreamLatency:
    """Time from an event at the exchange, by its own stamp, to its receipt; taken of one event in 64 of each stream."""

    latency_ms: int


class BookLoss(StrEnum):
    """Why a local order book that was in sync, or about to be, starts over."""

    GAP = "gap"
    CROSSED = "crossed"
    INVALID_LEVEL = "invalid_level"
    TOO_MANY_EVENTS = "too_many_events"
    TOO_FEW_LEVELS = "too_few_levels"
    STREAM_INTERRUPTED = "stream_interrupted"


@dataclass(frozen=True, slots=True)
class OrderBookSynced:
    """A local order book is the exchange's, `duration_ms` and `snapshots` after it was begun."""

    symbol: str
    snapshots: int
    duration_ms: float


@dataclass(frozen=True, slots=True)
class OrderBookLost:
    """A local order book cannot be trusted any more and is made anew."""

    symbol: str
    loss: BookLoss


@dataclass(frozen=True, slots=True)
class OrderBooksKept:
    """How many local order books are kept, and how many of them are in sync."""

    kept: int
    in_sync: int


StreamFact = (
    StreamsConnected
    | StreamsInterrupted
    | StreamsRotated
    | StreamRefused
    | StreamsSilent
    | StreamTraffic
    | StreamLatency
    | OrderBookSynced
    | OrderBookLost
    | OrderBooksKept
)
