"""What arrives on a WebSocket API connection, told apart: answers, account events, and word that the server is going away.

Source: web-socket-api.md, "Response format", "Event format" and "Connection events".
"""

from dataclasses import dataclass

import msgspec

from binance_trade_agent.binance.error_codes import NO_CODE, error_for, limit_of
from binance_trade_agent.binance.error_table import Code
from binance_trade_agent.binance.websocket_api.account_events import kind_of
from binance_trade_agent.domain.errors import BadAnswerError, FateUnknownError, RateLimitedError

_ERROR_CHARS = 200
_SHUTDOWN = "serverShutdown"


class RateLimit(msgspec.Struct, rename="camel", frozen=True):
    """How much of one limit is used: `count` of `limit` in `interval_num` times `interval` (SECOND, MINUTE, HOUR or DAY)."""

    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int
    count: int


class _Error(msgspec.Struct, frozen=True):
    code: Code
    msg: str = ""
    data: msgspec.Raw = msgspec.Raw()


class _Silence(msgspec.Struct, rename="camel", frozen=True):
    retry_after: int
    server_time: int | None = None


class _Message(msgspec.Struct, rename="camel"):
    id: int | str | msgspec.UnsetType | None = msgspec.UNSET
    status: int = 0
    result: msgspec.Raw = msgspec.Raw()
    error: _Error | None = None
    rate_limits: tuple[RateLimit, ...] = ()
    subscription_id: int | None = None
    event: msgspec.Raw = msgspec.Raw()


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request. `result` is the same JSON that REST answers with; `error` is None on success."""

    request_id: int | str | None
    status: int
    result: bytes
    error: _Error | None
    rate_limits: tuple[RateLimit, ...]

    @property
    def used_weight(self) -> int | None:
        """The request weight that this address has used in the minute; None when the answer does not say."""
        for limit in self.rate_limits:
            if (limit.rate_limit_type, limit.interval, limit.interval_num) == ("REQUEST_WEIGHT", "MINUTE", 1):
                return limit.count
        return None

    def outcome(self, *, changes_orders: bool, server_ms: int) -> bytes:
        """The result; raises what the table of error codes makes of anything else.

        Success is a 2xx with a result and no error: an answer that has both, or neither, says nothing that can be relied on.
        `server_ms` is the exchange's time, for errors that say until when to be quiet but not what time it is.
        """
        if 200 <= self.status < 300:
            if self.error is None and self.result:
                return self.result
            text = "the answer says success and holds no result, or an error beside it"
            raise FateUnknownError(text) if changes_orders else BadAnswerError(text)
        if self.error is None:
            return self._refused(NO_CODE, "", None, changes_orders=changes_orders)
        return self._refused(self.error.code, self.error.msg, self._wait_s(server_ms), changes_orders=changes_orders)

    def silence(self, *, server_ms: int) -> RateLimitedError | None:
        """The silence that the answer imposes, whatever became of its request; None when it imposes none."""
        code, message = (NO_CODE, "") if self.error is None else (self.error.code, self.error.msg)
        return limit_of(self.status, code, message, self._wait_s(server_ms))

    def _refused(self, code: int, message: str, wait_s: str | None, *, changes_orders: bool) -> bytes:
        raise error_for(self.status, code, message, wait_s, changes_orders=changes_orders)

    def _wait_s(self, server_ms: int) -> str | None:
        """Whole seconds until `retryAfter`, written as in REST's header; None when the answer does not say."""
        try:
            silence = msgspec.json.decode(self.error.data, type=_Silence) if self.error and bytes(self.error.data) else None
        except msgspec.DecodeError:
            return None
        if silence is None:
            return None
        now_ms = server_ms if silence.server_time is None else silence.server_time
        return str(max(0, -((now_ms - silence.retry_after) // 1_000)))


@dataclass(frozen=True, slots=True)
class AccountMessage:
    """An event, still undecoded; events that belong to no subscription have None for its id."""

    subscription_id: int | None
    payload: bytes


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The server is about to close this connection."""


Message = Answer | AccountMessage | Shutdown


def read_message(text: bytes) -> Message:
    """Tell what a text frame is; raises BadAnswerError for one that is none of the three."""
    try:
        message = msgspec.json.decode(text, type=_Message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadAnswerError(f"WebSocket API: {str(error)[:_ERROR_CHARS]}") from None
    if message.id is not msgspec.UNSET:
        return Answer(message.id, message.status, bytes(message.result), message.error, message.rate_limits)
    payload = bytes(message.event)
    if not payload:
        raise BadAnswerError("WebSocket API: a message that is neither an answer nor an event")
    return Shutdown() if kind_of(payload) == _SHUTDOWN else AccountMessage(message.subscription_id, payload)
