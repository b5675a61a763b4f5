"""Reading the requests of the WebSocket API. Source: web-socket-api.md, "Request format" and "SIGNED request example"."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson

from binance_trade_agent.domain.errors import ExchangeRefusedError
from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.refusals import refused
from binance_trade_agent.simulation.rest.params import Params

NO_ID = b"null"

_VERSION = "v3/"
_SHOW_LIMITS = "returnRateLimits"
_SIGNATURE = "signature"


class _Number(str):
    """A JSON number as it was written: 1.10 stays 1.10, because that is what was signed."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request. `id` is JSON, to be sent back as it came; `payload` is what its signature is made over."""

    id: bytes
    method: str
    params: Params
    payload: str
    shows_limits: bool | None


class UnreadableRequestError(Exception):
    """A message that is no request; `id` is NO_ID when not even that could be read."""

    def __init__(self, request_id: bytes, refusal: ExchangeRefusedError) -> None:
        super().__init__(refusal.message)
        self.id = request_id
        self.refusal = refusal


def parse_request(text: str) -> ApiRequest:
    """Read one message; raises UnreadableRequestError."""
    try:
        message = json.loads(text, parse_int=_Number, parse_float=_Number, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise UnreadableRequestError(NO_ID, refused(-1135, "Invalid JSON Request")) from None
    if not isinstance(message, dict):
        raise UnreadableRequestError(NO_ID, refused(-1135, "Invalid JSON Request"))
    request_id = _request_id(message)
    try:
        return _request(request_id, message)
    except ExchangeRefusedError as refusal:
        raise UnreadableRequestError(request_id, refusal) from None


def _request_id(message: dict[str, Any]) -> bytes:
    """An integer, a string or null; it must be there."""
    value = message.get("id", False)
    if isinstance(value, _Number) and value.lstrip("-").isdecimal():
        return value.encode()
    if value is None or (isinstance(value, str) and not isinstance(value, _Number)):
        return orjson.dumps(value)
    raise UnreadableRequestError(NO_ID, refusals.mandatory_missing("id"))


def _request(request_id: bytes, message: dict[str, Any]) -> ApiRequest:
    method = message.get("method")
    if not isinstance(method, str) or isinstance(method, _Number):
        raise refusals.mandatory_missing("method")
    given = message.get("params", {})
    if not isinstance(given, dict):
        raise refusals.mandatory_missing("params")
    pairs = {name: _text(name, value) for name, value in given.items()}
    payload = "&".join([f"{name}={pairs[name]}" for name in sorted(pairs) if name != _SIGNATURE])
    shows = Params(pairs).boolean(_SHOW_LIMITS, default=False) if _SHOW_LIMITS in pairs else None
    pairs.pop(_SHOW_LIMITS, None)
    return ApiRequest(request_id, method.removeprefix(_VERSION), Params(pairs), payload, shows)


def _text(name: str, value: Any) -> str:
    """A value as REST would send it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list | Mapping):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    raise refusals.mandatory_missing(name)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
