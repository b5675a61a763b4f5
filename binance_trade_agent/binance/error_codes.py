"""The rule that turns an error answer into one of our errors, by the table of errors.

Source: rest-api.md, "HTTP Return Codes" and "IP Limits". For a request that changes orders the default is Unknown: only an answer that
the table names a refusal is taken for a no.
"""

from binance_trade_agent.binance.error_table import ERROR_CODES, Fate
from binance_trade_agent.binance.refusal_reasons import reason_of
from binance_trade_agent.domain.errors import ExchangeError, ExchangeRefusedError, FateUnknownError, RateLimitedError

NO_CODE = 0
"""Stands for a missing error code in ExchangeRefusedError; the exchange's own codes are all negative."""

TOO_MANY_REQUESTS = -1003
TOO_MANY_ORDERS = -1015
INVALID_TIMESTAMP = -1021
ILLEGAL_CHARS = -1100
BAD_SYMBOL = -1121
NO_SUCH_ORDER = -2013
NO_REFERENCE_PRICE = -2043
CANCEL_REPLACE_FAILURES = frozenset({-2021, -2022})

_STATUS_FORBIDDEN = 403
_STATUS_CONFLICT = 409
_STATUS_TEAPOT = 418
_STATUS_TOO_MANY = 429
_STATUS_SERVER = 500
_LIMITING_STATUSES = frozenset({_STATUS_TOO_MANY, _STATUS_TEAPOT})

_SHORTEST_BAN_S = 120.0
_WEIGHT_WINDOW_S = 60.0
_LONGEST_BAN_S = 3 * 86_400.0
_MESSAGE_CHARS = 300


def fate_of(status: int, code: int) -> Fate:
    """What the answer says of a request that may change orders; `code` is NO_CODE when the body holds none.

    Unknown unless the documents promise a no: everything but a 4xx, 409, every code that is not in the table, every 4xx without a code
    except 403 (the firewall stands before the exchange), 429 and 418 (limits are counted before a request is looked at).
    """
    row = ERROR_CODES.get(code)
    is_no = 400 <= status < _STATUS_SERVER and status != _STATUS_CONFLICT
    if not is_no or (row is not None and row.fate is Fate.UNKNOWN):
        return Fate.UNKNOWN
    if status in _LIMITING_STATUSES or (row is not None and row.fate is Fate.RATE_LIMITED):
        return Fate.RATE_LIMITED
    if status == _STATUS_FORBIDDEN:
        return Fate.REFUSED
    return Fate.REFUSED if row is not None else Fate.UNKNOWN


def error_for(status: int, code: int, message: str, retry_after: str | None, *, changes_orders: bool) -> ExchangeError:
    """The error that an answer which is no success amounts to.

    `retry_after` is the Retry-After header (seconds). A read that failed for a reason outside the table is a plain refusal when
    the exchange gave any code with a 4xx, because nothing hangs on its fate; all else is as `fate_of` says.
    """
    fate = fate_of(status, code)
    if fate is Fate.RATE_LIMITED:
        return RateLimitedError(code, explained(code, message), status, _wait_s(status, retry_after))
    if fate is Fate.REFUSED or (not changes_orders and code not in ERROR_CODES and 400 <= status < _STATUS_SERVER):
        return ExchangeRefusedError(code, explained(code, message), status)
    return FateUnknownError(f"the exchange answered HTTP {status}, code {code}: {_clean(message)}")


def limit_of(status: int, code: int, message: str, retry_after: str | None) -> RateLimitedError | None:
    """The silence that an answer imposes, whatever became of its request; None when it imposes none."""
    if status in _LIMITING_STATUSES or fate_of(status, code) is Fate.RATE_LIMITED:
        return RateLimitedError(code, explained(code, message), status, _wait_s(status, retry_after))
    return None


def explained(code: int, message: str) -> str:
    """The message, made safe to show, with what the table says of `code`."""
    row, reason = ERROR_CODES.get(code), reason_of(code, message)
    text = _clean(message) or "no reason given"
    if row is None:
        return text
    return f"{text} [{row.name}: {reason.value.advice if reason else row.advice}]"


def _clean(message: str) -> str:
    return "".join(character if character.isprintable() else " " for character in message[:_MESSAGE_CHARS]).strip()


def _wait_s(status: int, retry_after: str | None) -> float:
    """Seconds to keep quiet. Without a readable header: the weight window for 429, the shortest ban for 418 ("IP Limits")."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _LONGEST_BAN_S)
    return _SHORTEST_BAN_S if status == _STATUS_TEAPOT else _WEIGHT_WINDOW_S
