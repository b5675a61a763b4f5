"""The table of errors: every code of errors.md and every HTTP status of rest-api.md, with what it means and what to do about it.

Source: errors.md; rest-api.md, "HTTP Return Codes". error_codes turns answers into errors by it, and docs/errors.md is written from it
by scripts/errors_docs. For a request that changes orders the default is Unknown: only what is named a refusal here is taken for a no.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

import msgspec

Code = Annotated[int, msgspec.Meta(ge=-999_999, le=999_999)]
"""A code as answers carry it. A number beyond is none: its digits would go into texts and labels without a bound."""


class Fate(Enum):
    """What an error says of the request it answers."""

    REFUSED = "refused"
    UNKNOWN = "unknown"
    RATE_LIMITED = "rate_limited"


class Shown(Enum):
    """Over which of the exchange's interfaces a code is seen."""

    ANYWHERE = "REST and WebSocket"
    WEBSOCKET = "WebSocket only"
    FIX = "FIX only"
    SBE = "SBE only"


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One code. `retry_read` tells whether asking again, unchanged, can help a read; `advice` is for people.

    No request that changes orders is ever repeated, whatever the code.
    """

    code: int
    name: str
    meaning: str
    fate: Fate
    advice: str
    retry_read: bool = False
    shown: Shown = Shown.ANYWHERE


@dataclass(frozen=True, slots=True)
class HttpStatus:
    """One status, or a class of them. `fate` is what it says of an order when the answer holds no code that says more."""

    status: str
    meaning: str
    fate: Fate
    advice: str
    retry_read: bool = False


_FIX_REQUEST = "this is a fault of the program or of the values it was given; report it with the endpoint's name"
_CHECK_KEY = "check that the API key is complete, belongs to this environment, has the permission, and is allowed from this address"
_CHECK_ORDER = "compare the order with the symbol's filters and the account's free balance"
_CHECK_LIST = "compare types, sides and prices of the list's orders with the rules for that kind of list"
_WAIT = "nothing to do; it is asked again later"
_LOOK = "nothing to do; the order is looked for until its fate is known"
_SLOW_DOWN = "lower the number of symbols or passes, or share the address with fewer programs"
_CHECK_SYMBOL = "check the symbol's spelling and that this exchange lists it"
_CHECK_CLOCK = "synchronise this machine's clock (NTP); a larger recvWindow only hides the cause"
_NOT_OURS = "this program does not use that interface; report it"


def _refused(code: int, name: str, meaning: str, advice: str = _FIX_REQUEST) -> ErrorCode:
    return ErrorCode(code, name, meaning, Fate.REFUSED, advice)


def _unknown(code: int, name: str, meaning: str, advice: str = _WAIT) -> ErrorCode:
    return ErrorCode(code, name, meaning, Fate.UNKNOWN, advice, retry_read=True)


def _limited(code: int, name: str, meaning: str) -> ErrorCode:
    return ErrorCode(code, name, meaning, Fate.RATE_LIMITED, _SLOW_DOWN, retry_read=True)


def _only(shown: Shown, code: int, name: str, meaning: str, advice: str = _NOT_OURS) -> ErrorCode:
    return ErrorCode(code, name, meaning, Fate.REFUSED if shown is Shown.WEBSOCKET else Fate.UNKNOWN, advice, shown=shown)


_FIX, _SBE, _WEBSOCKET = Shown.FIX, Shown.SBE, Shown.WEBSOCKET

ALL_CODES = (
    _unknown(-1000, "UNKNOWN", "Something went wrong that has no code of its own."),
    _unknown(-1001, "DISCONNECTED", "The exchange lost a connection inside of it."),
    _refused(-1002, "UNAUTHORIZED", "The key may not do this.", _CHECK_KEY),
    _limited(-1003, "TOO_MANY_REQUESTS", "The request weight of the address is used up, or the address is banned."),
    _unknown(-1006, "UNEXPECTED_RESP", "An answer inside of the exchange made no sense; the request may have been carried out."),
    _unknown(-1007, "TIMEOUT", "No answer inside of the exchange within 10 s; the request may have been carried out."),
    # Overload and shutdown are reported by servers that may have forwarded the request before; nothing promises otherwise.
    _unknown(-1008, "SERVER_BUSY", "The exchange is overloaded."),
    _refused(-1010, "ERROR_MSG_RECEIVED", "The matching engine said no; the message says why.", _CHECK_ORDER),
    _refused(-1013, "INVALID_MESSAGE", "The request did not reach the matching engine; the message names a filter.", _CHECK_ORDER),
    _refused(-1014, "UNKNOWN_ORDER_COMPOSITION", "There is no order of that combination."),
    _limited(-1015, "TOO_MANY_ORDERS", "The account has placed as many orders as it may for now."),
    _unknown(-1016, "SERVICE_SHUTTING_DOWN", "The service is not there any more."),
    _refused(-1020, "UNSUPPORTED_OPERATION", "This is not offered."),
    _refused(-1021, "INVALID_TIMESTAMP", "The timestamp is ahead of the exchange's clock, or older than recvWindow.", _CHECK_CLOCK),
    _refused(-1022, "INVALID_SIGNATURE", "The signature is not right.", "check that the API secret belongs to the API key"),
    _only(_FIX, -1033, "COMP_ID_IN_USE", "Another session of the account has that SenderCompId."),
    _only(_WEBSOCKET, -1034, "TOO_MANY_CONNECTIONS", "Too many connections, or too many attempts to connect.", _SLOW_DOWN),
    _only(_FIX, -1035, "LOGGED_OUT", "A session has to be closed by a Logout message."),
    _refused(-1100, "ILLEGAL_CHARS", "A parameter holds characters it may not."),
    _refused(-1101, "TOO_MANY_PARAMETERS", "More parameters than the endpoint takes, or one of them twice."),
    _refused(-1102, "MANDATORY_PARAM_EMPTY_OR_MALFORMED", "A parameter that is due is missing, empty or malformed."),
    _refused(-1103, "UNKNOWN_PARAM", "A parameter that the endpoint does not know."),
    _refused(-1104, "UNREAD_PARAMETERS", "Not every parameter was read."),
    _refused(-1105, "PARAM_EMPTY", "A parameter is empty."),
    _refused(-1106, "PARAM_NOT_REQUIRED", "A parameter that does not belong to the others."),
    _refused(-1108, "PARAM_OVERFLOW", "A number is too large."),
    _refused(-1111, "BAD_PRECISION", "A number has more decimals than the symbol allows.", _CHECK_ORDER),
    _refused(-1112, "NO_DEPTH", "The book is empty.", "the symbol has no orders to trade against; wait or leave it out"),
    _refused(-1114, "TIF_NOT_REQUIRED", "The order type takes no time in force."),
    _refused(-1115, "INVALID_TIF", "There is no such time in force."),
    _refused(-1116, "INVALID_ORDER_TYPE", "There is no such order type, or the symbol does not take it."),
    _refused(-1117, "INVALID_SIDE", "There is no such side."),
    _refused(-1118, "EMPTY_NEW_CL_ORD_ID", "The new client order id is empty."),
    _refused(-1119, "EMPTY_ORG_CL_ORD_ID", "The original client order id is empty."),
    _refused(-1120, "BAD_INTERVAL", "There is no such candle interval."),
    _refused(-1121, "BAD_SYMBOL", "There is no such symbol.", _CHECK_SYMBOL),
    _refused(-1122, "INVALID_SYMBOLSTATUS", "There is no such symbol status."),
    _refused(-1125, "INVALID_LISTEN_KEY", "There is no such listen key; Spot has had none since February 2026."),
    _refused(-1127, "MORE_THAN_XX_HOURS", "The time asked for is too long."),
    _refused(-1128, "OPTIONAL_PARAMS_BAD_COMBO", "Parameters that do not go together, or one without its other."),
    _refused(-1130, "INVALID_PARAMETER", "A parameter holds what it may not."),
    _refused(-1134, "BAD_STRATEGY_TYPE", "The strategy type is below 1000000."),
    _refused(-1135, "INVALID_JSON", "A parameter, or the request, is no JSON."),
    _refused(-1139, "INVALID_TICKER_TYPE", "There is no such kind of ticker."),
    _refused(-1145, "INVALID_CANCEL_RESTRICTIONS", "The restriction is neither ONLY_NEW nor ONLY_PARTIALLY_FILLED."),
    _refused(-1151, "DUPLICATE_SYMBOLS", "A symbol is named twice."),
    _only(_SBE, -1152, "INVALID_SBE_HEADER", "The header that asks for SBE is malformed."),
    _only(_SBE, -1153, "UNSUPPORTED_SCHEMA_ID", "That SBE schema is not supported."),
    _only(_SBE, -1155, "SBE_DISABLED", "SBE is not enabled."),
    _refused(-1158, "OCO_ORDER_TYPE_REJECTED", "An OCO does not take that order type.", _CHECK_LIST),
    _refused(-1160, "OCO_ICEBERGQTY_TIMEINFORCE", "An iceberg order has to be GTC.", _CHECK_LIST),
    _only(_SBE, -1161, "DEPRECATED_SCHEMA", "The answer cannot be written in that SBE schema any more."),
    _refused(-1165, "BUY_OCO_LIMIT_MUST_BE_BELOW", "To buy, the limit order of an OCO is the one below.", _CHECK_LIST),
    _refused(-1166, "SELL_OCO_LIMIT_MUST_BE_ABOVE", "To sell, the limit order of an OCO is the one above.", _CHECK_LIST),
    _refused(-1168, "BOTH_OCO_ORDERS_CANNOT_BE_LIMIT", "One order of an OCO has to wait for a trigger.", _CHECK_LIST),
    _only(_FIX, -1169, "INVALID_TAG_NUMBER", "There is no such tag."),
    _only(_FIX, -1170, "TAG_NOT_DEFINED_IN_MESSAGE", "The message has no such tag."),
    _only(_FIX, -1171, "TAG_APPEARS_MORE_THAN_ONCE", "A tag is there twice."),
    _only(_FIX, -1172, "TAG_OUT_OF_ORDER", "A tag is not in its place."),
    _only(_FIX, -1173, "GROUP_FIELDS_OUT_OF_ORDER", "The fields of a group are not in their order."),
    _only(_FIX, -1174, "INVALID_COMPONENT", "A component is filled in wrongly."),
    _only(_FIX, -1175, "RESET_SEQ_NUM_SUPPORT", "A new session has to begin its numbers anew."),
    _only(_FIX, -1176, "ALREADY_LOGGED_IN", "The session is logged on already."),
    _only(_FIX, -1177, "GARBLED_MESSAGE", "The message is no proper FIX."),
    _only(_FIX, -1178, "BAD_SENDER_COMPID", "SenderCompId has changed or is wrong."),
    _only(_FIX, -1179, "BAD_SEQ_NUM", "Another message number was due."),
    _only(_FIX, -1180, "EXPECTED_LOGON", "A session begins with a Logon."),
    _only(_FIX, -1181, "TOO_MANY_MESSAGES", "More messages than the session may send."),
    _refused(-1182, "PARAMS_BAD_COMBO", "Parameters that contradict each other."),
    _only(_FIX, -1183, "NOT_ALLOWED_IN_DROP_COPY_SESSIONS", "A drop copy session cannot do this."),
    _only(_FIX, -1184, "DROP_COPY_SESSION_NOT_ALLOWED", "That server has no drop copy sessions."),
    _only(_FIX, -1185, "DROP_COPY_SESSION_REQUIRED", "That server has drop copy sessions only."),
    _only(_FIX, -1186, "NOT_ALLOWED_IN_ORDER_ENTRY_SESSIONS", "An order entry session cannot do this."),
    _only(_FIX, -1187, "NOT_ALLOWED_IN_MARKET_DATA_SESSIONS", "A market data session cannot do this."),
    _only(_FIX, -1188, "INCORRECT_NUM_IN_GROUP_COUNT", "A group does not hold as many entries as it says."),
    _only(_FIX, -1189, "DUPLICATE_ENTRIES_IN_A_GROUP", "A group holds an entry twice."),
    _only(_FIX, -1190, "INVALID_REQUEST_ID", "The id of a market data request is in use, or belongs to none."),
    _only(_FIX, -1191, "TOO_MANY_SUBSCRIPTIONS", "More subscriptions than the connection may have, or the same twice."),
    _refused(-1194, "INVALID_TIME_UNIT", "The time unit is neither MICROSECOND nor MILLISECOND."),
    _refused(-1196, "BUY_OCO_STOP_LOSS_MUST_BE_ABOVE", "To buy, the stop loss of an OCO is the order above.", _CHECK_LIST),
    _refused(-1197, "SELL_OCO_STOP_LOSS_MUST_BE_BELOW", "To sell, the stop loss of an OCO is the order below.", _CHECK_LIST),
    _refused(-1198, "BUY_OCO_TAKE_PROFIT_MUST_BE_BELOW", "To buy, the take profit of an OCO is the order below.", _CHECK_LIST),
    _refused(-1199, "SELL_OCO_TAKE_PROFIT_MUST_BE_ABOVE", "To sell, the take profit of an OCO is the order above.", _CHECK_LIST),
    _refused(-1210, "INVALID_PEG_PRICE_TYPE", "There is no such peg."),
    _refused(-1211, "INVALID_PEG_OFFSET_TYPE", "A peg can be moved by price levels only."),
    _refused(-1220, "SYMBOL_DOES_NOT_MATCH_STATUS", "The symbol is not in the status asked for.", _CHECK_SYMBOL),
    _only(_SBE, -1221, "INVALID_SBE_MESSAGE_FIELD", "A field of an SBE message is missing or wrong."),
    _refused(-1222, "OPO_WORKING_MUST_BE_BUY", "The working order of an OPO buys.", _CHECK_LIST),
    _refused(-1223, "OPO_PENDING_MUST_BE_SELL", "The pending orders of an OPO sell.", _CHECK_LIST),
    _refused(-1224, "WORKING_PARAM_REQUIRED", "The working order lacks a parameter.", _CHECK_LIST),
    _refused(-1225, "PENDING_PARAM_NOT_REQUIRED", "A pending order has a parameter too many.", _CHECK_LIST),
    _refused(-2010, "NEW_ORDER_REJECTED", "The matching engine refused the order; the message says why.", _CHECK_ORDER),
    _refused(
        -2011,
        "CANCEL_REJECTED",
        "The matching engine refused the cancellation; the message says why.",
        "the order is not open any more; its state is read from the exchange",
    ),
    _refused(
        -2013, "NO_SUCH_ORDER", "No such order is known; soon after sending that proves nothing.", "no order by that id is known here"
    ),
    _refused(-2014, "BAD_API_KEY_FMT", "The API key has not the form of one.", _CHECK_KEY),
    _refused(-2015, "REJECTED_MBX_KEY", "The key is not valid, not for this address, or may not do this.", _CHECK_KEY),
    _refused(-2016, "NO_TRADING_WINDOW", "The symbol has no trading day at present.", _CHECK_SYMBOL),
    _unknown(
        -2021,
        "CANCEL_REPLACE_PARTIALLY_FAILED",
        "One half of a cancel-replace was done; the answer's data says which, and without data nobody knows.",
        _LOOK,
    ),
    _unknown(
        -2022,
        "CANCEL_REPLACE_FAILED",
        "Both halves of a cancel-replace failed; the answer's data says how, and without data it does not count as a no.",
        _LOOK,
    ),
    _refused(-2026, "ORDER_ARCHIVED", "The order ended without a fill more than 90 days ago.", "ask for it elsewhere, or not at all"),
    _only(_WEBSOCKET, -2035, "SUBSCRIPTION_ACTIVE", "The account's events are subscribed to already.", _FIX_REQUEST),
    _only(_WEBSOCKET, -2036, "SUBSCRIPTION_INACTIVE", "There is no such subscription.", _FIX_REQUEST),
    _refused(-2038, "ORDER_AMEND_REJECTED", "The matching engine refused the amendment; the order is as it was.", _CHECK_ORDER),
    _refused(-2039, "CLIENT_ORDER_ID_INVALID", "The two ids belong to two orders."),
    _only(_WEBSOCKET, -2042, "MAXIMUM_SUBSCRIPTION_IDS", "The connection has used up its subscription ids.", "connect anew"),
    _refused(-2043, "NO_REFERENCE_PRICE", "The symbol has no reference price."),
)
"""Every documented code, in falling order."""

ERROR_CODES: dict[int, ErrorCode] = {row.code: row for row in ALL_CODES if row.shown not in {Shown.FIX, Shown.SBE}}
"""Those that this program can be answered with. A code of another interface means nothing here, so it counts as unknown."""

HTTP_STATUSES = (
    HttpStatus("4xx", "The request is at fault. With a code of the table, the code decides.", Fate.UNKNOWN, _FIX_REQUEST),
    HttpStatus(
        "403", "The firewall before the exchange has stopped the request: a limit, or a word it dislikes.", Fate.REFUSED, _SLOW_DOWN
    ),
    HttpStatus("409", "One half of a cancel-replace was done; the data says which.", Fate.UNKNOWN, _LOOK),
    HttpStatus("418", "The address is banned for going on after 429, from 2 minutes to 3 days.", Fate.RATE_LIMITED, _SLOW_DOWN, True),
    HttpStatus("429", "A limit is used up; Retry-After says how long to wait.", Fate.RATE_LIMITED, _SLOW_DOWN, True),
    HttpStatus("5xx", "The exchange is at fault. The request may have been carried out, whatever the code.", Fate.UNKNOWN, _LOOK, True),
)
"""Every documented status that is no success."""
