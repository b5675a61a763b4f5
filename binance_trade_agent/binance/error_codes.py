"""What the exchange's error answers mean: one table of codes, and the rule that turns an answer into one of our errors.

Source: errors.md; rest-api.md, "HTTP Return Codes". Codes that only FIX, SBE or WebSocket sessions can show are not listed. For a
request that changes orders the default is Unknown: only an answer that the table names a refusal is taken for a no.
"""

from dataclasses import dataclass
from enum import Enum

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


class Fate(Enum):
    """What an error code says of the request it answers."""

    REFUSED = "refused"
    UNKNOWN = "unknown"
    RATE_LIMITED = "rate_limited"


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One code of errors.md. `retry_read` tells whether asking again, unchanged, can help a read; `advice` is for people."""

    code: int
    name: str
    fate: Fate
    retry_read: bool = False
    advice: str = ""


_FIX_REQUEST = "this is a fault of the program or of the values it was given; report it with the endpoint's name"
_CHECK_KEY = "check that the API key is complete, belongs to this environment, has the permission, and is allowed from this address"
_CHECK_ORDER = "compare the order with the symbol's filters and the account's free balance"
_WAIT = "nothing to do; it is asked again later"
_SLOW_DOWN = "lower the number of symbols or passes, or share the address with fewer programs"
_CHECK_SYMBOL = "check the symbol's spelling and that this exchange lists it"
_CHECK_CLOCK = "synchronise this machine's clock (NTP); a larger recvWindow only hides the cause"


def _refused(code: int, name: str, advice: str = _FIX_REQUEST) -> ErrorCode:
    return ErrorCode(code, name, Fate.REFUSED, advice=advice)


def _unknown(code: int, name: str) -> ErrorCode:
    return ErrorCode(code, name, Fate.UNKNOWN, retry_read=True, advice=_WAIT)


def _limited(code: int, name: str) -> ErrorCode:
    return ErrorCode(code, name, Fate.RATE_LIMITED, retry_read=True, advice=_SLOW_DOWN)


_ROWS = (
    _unknown(-1000, "UNKNOWN"),
    _unknown(-1001, "DISCONNECTED"),
    _refused(-1002, "UNAUTHORIZED", _CHECK_KEY),
    _limited(TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS"),
    _unknown(-1006, "UNEXPECTED_RESP"),
    _unknown(-1007, "TIMEOUT"),
    # Overload and shutdown are reported by servers that may have forwarded the request before; nothing promises otherwise.
    _unknown(-1008, "SERVER_BUSY"),
    _refused(-1010, "ERROR_MSG_RECEIVED", _CHECK_ORDER),
    _refused(-1013, "INVALID_MESSAGE", _CHECK_ORDER),
    _refused(-1014, "UNKNOWN_ORDER_COMPOSITION"),
    _limited(TOO_MANY_ORDERS, "TOO_MANY_ORDERS"),
    _unknown(-1016, "SERVICE_SHUTTING_DOWN"),
    _refused(-1020, "UNSUPPORTED_OPERATION"),
    _refused(INVALID_TIMESTAMP, "INVALID_TIMESTAMP", _CHECK_CLOCK),
    _refused(-1022, "INVALID_SIGNATURE", "check that the API secret belongs to the API key"),
    _refused(ILLEGAL_CHARS, "ILLEGAL_CHARS"),
    _refused(-1101, "TOO_MANY_PARAMETERS"),
    _refused(-1102, "MANDATORY_PARAM_EMPTY_OR_MALFORMED"),
    _refused(-1103, "UNKNOWN_PARAM"),
    _refused(-1104, "UNREAD_PARAMETERS"),
    _refused(-1105, "PARAM_EMPTY"),
    _refused(-1106, "PARAM_NOT_REQUIRED"),
    _refused(-1108, "PARAM_OVERFLOW"),
    _refused(-1111, "BAD_PRECISION", _CHECK_ORDER),
    _refused(-1112, "NO_DEPTH", "the symbol has no orders to trade against; wait or leave it out"),
    _refused(-1114, "TIF_NOT_REQUIRED"),
    _refused(-1115, "INVALID_TIF"),
    _refused(-1116, "INVALID_ORDER_TYPE"),
    _refused(-1117, "INVALID_SIDE"),
    _refused(-1118, "EMPTY_NEW_CL_ORD_ID"),
    _refused(-1119, "EMPTY_ORG_CL_ORD_ID"),
    _refused(-1120, "BAD_INTERVAL"),
    _refused(BAD_SYMBOL, "BAD_SYMBOL", _CHECK_SYMBOL),
    _refused(-1122, "INVALID_SYMBOLSTATUS"),
    _refused(-1125, "INVALID_LISTEN_KEY"),
    _refused(-1127, "MORE_THAN_XX_HOURS"),
    _refused(-1128, "OPTIONAL_PARAMS_BAD_COMBO"),
    _refused(-1130, "INVALID_PARAMETER"),
    _refused(-1134, "BAD_STRATEGY_TYPE"),
    _refused(-1135, "INVALID_JSON"),
    _refused(-1139, "INVALID_TICKER_TYPE"),
    _refused(-1145, "INVALID_CANCEL_RESTRICTIONS"),
    _refused(-1151, "DUPLICATE_SYMBOLS"),
    _refused(-1158, "OCO_ORDER_TYPE_REJECTED"),
    _refused(-1160, "OCO_ICEBERGQTY_TIMEINFORCE"),
    _refused(-1165, "BUY_OCO_LIMIT_MUST_BE_BELOW"),
    _refused(-1166, "SELL_OCO_LIMIT_MUST_BE_ABOVE"),
    _refused(-1168, "BOTH_OCO_ORDERS_CANNOT_BE_LIMIT"),
    _refused(-1182, "PARAMS_BAD_COMBO"),
    _refused(-1194, "INVALID_TIME_UNIT"),
    _refused(-1196, "BUY_OCO_STOP_LOSS_MUST_BE_ABOVE"),
    _refused(-1197, "SELL_OCO_STOP_LOSS_MUST_BE_BELOW"),
    _refused(-1198, "BUY_OCO_TAKE_PROFIT_MUST_BE_BELOW"),
    _refused(-1199, "SELL_OCO_TAKE_PROFIT_MUST_BE_ABOVE"),
    _refused(-1210, "INVALID_PEG_PRICE_TYPE"),
    _refused(-1211, "INVALID_PEG_OFFSET_TYPE"),
    _refused(-1220, "SYMBOL_DOES_NOT_MATCH_STATUS"),
    _refused(-1222, "OPO_WORKING_MUST_BE_BUY"),
    _refused(-1223, "OPO_PENDING_MUST_BE_SELL"),
    _refused(-1224, "WORKING_PARAM_REQUIRED"),
    _refused(-1225, "PENDING_PARAM_NOT_REQUIRED"),
    _refused(-2010, "NEW_ORDER_REJECTED", _CHECK_ORDER),
    _refused(-2011, "CANCEL_REJECTED", "the order is not open any more; its state is read from the exchange"),
    _refused(NO_SUCH_ORDER, "NO_SUCH_ORDER", "no order by that id is known to this exchange"),
    _refused(-2014, "BAD_API_KEY_FMT", _CHECK_KEY),
    _refused(-2015, "REJECTED_MBX_KEY", _CHECK_KEY),
    _refused(-2016, "NO_TRADING_WINDOW", _CHECK_SYMBOL),
    _unknown(-2021, "CANCEL_REPLACE_PARTIALLY_FAILED"),
    _unknown(-2022, "CANCEL_REPLACE_FAILED"),
    _refused(-2026, "ORDER_ARCHIVED", "the order ended without a fill more than 90 days ago"),
    _refused(-2038, "ORDER_AMEND_REJECTED"),
    _refused(-2039, "CLIENT_ORDER_ID_INVALID"),
    _refused(NO_REFERENCE_PRICE, "NO_REFERENCE_PRICE"),
)

ERROR_CODES: dict[int, ErrorCode] = {row.code: row for row in _ROWS}


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
    row = ERROR_CODES.get(code)
    text = _clean(message) or "no reason given"
    return f"{text} [{row.name}: {row.advice}]" if row is not None else text


def _clean(message: str) -> str:
    return "".join(character if character.isprintable() else " " for character in message[:_MESSAGE_CHARS]).strip()


def _wait_s(status: int, retry_after: str | None) -> float:
    """Seconds to keep quiet. Without a readable header: the weight window for 429, the shortest ban for 418 ("IP Limits")."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _LONGEST_BAN_S)
    return _SHORTEST_BAN_S if status == _STATUS_TEAPOT else _WEIGHT_WINDOW_S
