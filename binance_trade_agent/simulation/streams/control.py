"""The messages that control a connection of market streams, and their answers.

Source: web-socket-streams.md, "Live Subscribing/Unsubscribing to streams" and "Error Messages". Positions in texts are those of the whole
message's end where the document does not say which are meant.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

_ID = re.compile(r"[A-Za-z0-9_-]{0,36}")  # the document says alphanumeric; Binance's own SDK sends UUIDs, which have hyphens
_LONG = range(-(2**63), 2**63)
_UNKNOWN_PROPERTY = 0
_BAD_VALUE = 1
_BAD_REQUEST = 2
_BAD_JSON = 3
_COMBINED = "combined"


class ControlMethod(StrEnum):
    """What a client may ask for."""

    SUBSCRIBE = "SUBSCRIBE"
    UNSUBSCRIBE = "UNSUBSCRIBE"
    LIST_SUBSCRIPTIONS = "LIST_SUBSCRIPTIONS"
    SET_PROPERTY = "SET_PROPERTY"
    GET_PROPERTY = "GET_PROPERTY"


_MOST_PARAMS = {ControlMethod.LIST_SUBSCRIPTIONS: 0, ControlMethod.GET_PROPERTY: 1, ControlMethod.SET_PROPERTY: 2}


class ControlError(Exception):
    """A message that is answered with an error; `answer` is what is sent."""

    def __init__(self, code: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.answer: dict[str, Any] = {"code": code, "msg": message, **more}


@dataclass(frozen=True, slots=True)
class ControlRequest:
    """A message that can be carried out. `streams` is for subscribing and unsubscribing, `combined` for setting the property."""

    method: ControlMethod
    id: int | str | None
    streams: tuple[str, ...] = ()
    combined: bool = False


def parse_control(text: str) -> ControlRequest:
    """Read one message; raises ControlError."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ControlError(_BAD_JSON, f"Invalid JSON: expected value at line {error.lineno} column {error.colno}") from None
    if not isinstance(message, dict):
        raise _bad_request(f"invalid type: expected an object at line 1 column {len(text)}")
    method = _method(message, text)
    request_id = _request_id(message)
    params = message.get("params", [])
    if not isinstance(params, list):
        raise _bad_request(f"invalid type: expected a sequence at line 1 column {len(text)}")
    if len(params) > _MOST_PARAMS.get(method, len(params)):
        raise _bad_request("too many parameters")
    if method in {ControlMethod.SUBSCRIBE, ControlMethod.UNSUBSCRIBE}:
        if not all(isinstance(stream, str) for stream in params):
            raise _bad_request(f"invalid type: expected a string at line 1 column {len(text)}")
        return ControlRequest(method, request_id, streams=tuple(params))
    if method is ControlMethod.LIST_SUBSCRIPTIONS:
        return ControlRequest(method, request_id)
    return _property(method, request_id, params)


def too_many_streams(most: int) -> ControlError:
    """One stream more than a connection may have; Binance documents the limit and no text for it."""
    return _bad_request(f"too many streams; a connection can listen to a maximum of {most}")


def _method(message: dict[str, Any], text: str) -> ControlMethod:
    if "method" not in message:
        raise _bad_request(f"missing field `method` at line 1 column {len(text)}")
    name = message["method"]
    try:
        return ControlMethod(name)
    except ValueError:
        known = ", ".join(f"`{method}`" for method in ControlMethod)
        raise _bad_request(f"unknown variant `{name}`, expected one of {known} at line 1 column {len(text)}") from None


def _request_id(message: dict[str, Any]) -> int | str | None:
    """A 64-bit integer, up to 36 letters, digits and hyphens, or null; it must be there."""
    value: int | str | None = message.get("id", False)
    is_long = isinstance(value, int) and not isinstance(value, bool) and value in _LONG
    if value is None or is_long or (isinstance(value, str) and _ID.fullmatch(value)):
        return value
    raise _bad_request("request ID must be an unsigned integer")


def _property(method: ControlMethod, request_id: int | str | None, params: list[Any]) -> ControlRequest:
    name = params[0] if params else None
    if not isinstance(name, str):
        raise _bad_request("property name must be a string")
    if name != _COMBINED:
        raise ControlError(_UNKNOWN_PROPERTY, "Unknown property", id=request_id)
    if method is ControlMethod.GET_PROPERTY:
        return ControlRequest(method, request_id)
    value = params[1] if len(params) > 1 else None
    if not isinstance(value, bool):
        raise ControlError(_BAD_VALUE, "Invalid value type: expected Boolean")
    return ControlRequest(method, request_id, combined=value)


def _bad_request(what: str) -> ControlError:
    return ControlError(_BAD_REQUEST, f"Invalid request: {what}")
