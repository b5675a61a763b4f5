"""FaultKind: every fault by name, what it does, and where it can strike."""

from collections.abc import Mapping
from enum import Enum, StrEnum
from types import MappingProxyType


class FaultPoint(StrEnum):
    """A place where faults strike; each draws from a stream of random numbers of its own."""

    REST = "rest"
    """Requests to the REST face, named by method and path: `POST /api/v3/order`."""
    WEBSOCKET_API = "websocket_api"
    """Requests to the WebSocket API, named by method: `order.place`."""
    STREAM_CONTROL = "stream_control"
    """Control messages of market streams, named by method: `SUBSCRIBE`."""
    MARKET_EVENT = "market_event"
    """Events of market streams, named by stream: `btcusdt@trade`."""
    ACCOUNT_EVENT = "account_event"
    """Events of accounts, named by kind: `executionReport`."""
    QUERY = "query"
    """Queries of accounts, whatever face they come by, named as those of REST: `GET /api/v3/order`."""
    TRADING = "trading"
    """Orders that are about to match, named by symbol."""
    UPGRADE = "upgrade"
    """WebSocket connections that are being opened, named by path: `/stream`, `/ws`, `/ws-api/v3`."""
    CONNECTION = "connection"
    """Open WebSocket connections, named by path."""


class FaultKind(StrEnum):
    """What goes wrong. EXECUTED and NOT_EXECUTED tell whether the exchange carried the request out all the same."""

    LATENCY = "latency"
    REFUSE_CONNECT = "refuse_connect"
    LOSE_REQUEST = "lose_request"
    LOSE_ANSWER = "lose_answer"
    DELAY_REQUEST = "delay_request"
    DELAY_ANSWER = "delay_answer"
    DUPLICATE_REQUEST = "duplicate_request"
    DUPLICATE_ANSWER = "duplicate_answer"
    WRONG_ANSWER = "wrong_answer"
    WRONG_DIGIT = "wrong_digit"
    MUTATE_ANSWER = "mutate_answer"
    DRIP_ANSWER = "drip_answer"
    CUT_NOT_EXECUTED = "cut_not_executed"
    CUT_EXECUTED = "cut_executed"
    CUT_MIDWAY = "cut_midway"
    ANSWER_5XX_NOT_EXECUTED = "answer_5xx_not_executed"
    ANSWER_5XX_EXECUTED = "answer_5xx_executed"
    UNEXPECTED_NOT_EXECUTED = "unexpected_not_executed"
    UNEXPECTED_EXECUTED = "unexpected_executed"
    ENGINE_DELAY = "engine_delay"
    UNAVAILABLE = "unavailable"
    OVERLOADED = "overloaded"
    TOO_MANY_REQUESTS = "too_many_requests"
    BANNED = "banned"
    FORBIDDEN = "forbidden"

    DROP_EVENT = "drop_event"
    DUPLICATE_EVENT = "duplicate_event"
    DELAY_EVENT = "delay_event"
    SWAP_EVENTS = "swap_events"
    MUTATE_EVENT = "mutate_event"

    LAG_QUERY = "lag_query"
    PARTIAL_FILL = "partial_fill"

    REFUSE_UPGRADE = "refuse_upgrade"
    CUT = "cut"
    STALL = "stall"
    GARBAGE = "garbage"


_REST = frozenset({FaultPoint.REST})
_API = _REST | {FaultPoint.WEBSOCKET_API}
_MESSAGES = _API | {FaultPoint.STREAM_CONTROL}
_EVENTS = frozenset({FaultPoint.MARKET_EVENT, FaultPoint.ACCOUNT_EVENT})
_UPGRADES = frozenset({FaultPoint.UPGRADE})
_OPEN = frozenset({FaultPoint.CONNECTION})

POINTS: Mapping[FaultKind, frozenset[FaultPoint]] = MappingProxyType(
    {
        FaultKind.LATENCY: _MESSAGES,
        FaultKind.REFUSE_CONNECT: _REST,
        FaultKind.LOSE_REQUEST: _MESSAGES,
        FaultKind.LOSE_ANSWER: _MESSAGES,
        FaultKind.DELAY_REQUEST: _MESSAGES,
        FaultKind.DELAY_ANSWER: _MESSAGES,
        FaultKind.DUPLICATE_REQUEST: _API,
        FaultKind.DUPLICATE_ANSWER: _MESSAGES,
        FaultKind.WRONG_ANSWER: _API,
        FaultKind.WRONG_DIGIT: _API,
        FaultKind.MUTATE_ANSWER: _MESSAGES,
        FaultKind.DRIP_ANSWER: _REST,
        FaultKind.CUT_NOT_EXECUTED: _MESSAGES,
        FaultKind.CUT_EXECUTED: _MESSAGES,
        FaultKind.CUT_MIDWAY: _MESSAGES,
        FaultKind.ANSWER_5XX_NOT_EXECUTED: _API,
        FaultKind.ANSWER_5XX_EXECUTED: _API,
        FaultKind.UNEXPECTED_NOT_EXECUTED: _API,
        FaultKind.UNEXPECTED_EXECUTED: _API,
        FaultKind.ENGINE_DELAY: _API,
        FaultKind.UNAVAILABLE: _API,
        FaultKind.OVERLOADED: _API,
        FaultKind.TOO_MANY_REQUESTS: _API,
        FaultKind.BANNED: _API,
        FaultKind.FORBIDDEN: _REST,
        FaultKind.DROP_EVENT: _EVENTS,
        FaultKind.DUPLICATE_EVENT: _EVENTS,
        FaultKind.DELAY_EVENT: _EVENTS,
        FaultKind.SWAP_EVENTS: _EVENTS,
        FaultKind.MUTATE_EVENT: _EVENTS,
        FaultKind.LAG_QUERY: frozenset({FaultPoint.QUERY}),
        FaultKind.PARTIAL_FILL: frozenset({FaultPoint.TRADING}),
        FaultKind.REFUSE_UPGRADE: _UPGRADES,
        FaultKind.CUT: _OPEN,
        FaultKind.STALL: _OPEN,
        FaultKind.GARBAGE: _OPEN,
    }
)
"""Where each kind can strike."""


class Garbage(Enum):
    """Bytes that no WebSocket client may trip over."""

    BROKEN_FRAME = b"\x83\x00"
    """An opcode that RFC 6455 reserves."""
    BROKEN_UTF8 = b"\x81\x02\xc3\x28"
    BROKEN_JSON = b'\x81\x0c{"e":"trade"'
    BINARY = b"\x82\x02{}"
    NOT_AN_OBJECT = b"\x81\x02[]"
