"""RefusalReason: why the matching engine or a filter refused an order, which the code alone does not tell.

Source: errors.md, "Messages for -1010, -2010, -2011 and -2038" and "Filter failures"; filters.md. The messages may change without
notice, so a reason explains a refusal to people and to callers who want to know; nothing of an order's fate hangs on it.
"""

from enum import Enum
from typing import NamedTuple

REASON_CODES = frozenset({-1010, -1013, -2010, -2011, -2038})
"""Codes whose message names a reason."""


class Explanation(NamedTuple):
    """The documented message, and what can be done about it."""

    message: str
    advice: str


_OFF = "the symbol does not offer this; see its exchange information"
_SUPPORT = "ask Binance's support; the account is not allowed to"
_BOOK = "the book is too thin for this order at present; wait, or send a limit order"
_FILTER = "round and bound the order by the symbol's filters, which exchange information lists"
_TOO_MANY_OPEN = "wait until orders end, or cancel some"


class RefusalReason(Enum):
    """One documented message each."""

    UNKNOWN_ORDER = Explanation("Unknown order sent.", "the order has ended or never was; its state is read from the exchange")
    DUPLICATE_ORDER = Explanation("Duplicate order sent.", "an open order has this client order id already")
    MARKET_CLOSED = Explanation("Market is closed.", "the symbol is not trading; wait")
    INSUFFICIENT_BALANCE = Explanation(
        "Account has insufficient balance for requested action.", "the account has not enough free; something else may have spent it"
    )
    NO_MARKET_ORDERS = Explanation("Market orders are not supported for this symbol.", _OFF)
    NO_ICEBERG_ORDERS = Explanation("Iceberg orders are not supported for this symbol.", _OFF)
    NO_STOP_LOSS_ORDERS = Explanation("Stop loss orders are not supported for this symbol.", _OFF)
    NO_STOP_LOSS_LIMIT_ORDERS = Explanation("Stop loss limit orders are not supported for this symbol.", _OFF)
    NO_TAKE_PROFIT_ORDERS = Explanation("Take profit orders are not supported for this symbol.", _OFF)
    NO_TAKE_PROFIT_LIMIT_ORDERS = Explanation("Take profit limit orders are not supported for this symbol.", _OFF)
    NO_AMENDMENTS = Explanation("Order amend is not supported for this symbol.", _OFF)
    VALUE_IS_ZERO = Explanation("Price * QTY is zero or less.", "price times quantity is too low")
    ICEBERG_ABOVE_QUANTITY = Explanation("IcebergQty exceeds QTY.", "the iceberg part has to be less than the quantity")
    ACTION_DISABLED = Explanation("This action is disabled on this account.", _SUPPORT)
    TRADING_DISABLED = Explanation("This account may not place or cancel orders.", _SUPPORT)
    UNSUPPORTED_COMBINATION = Explanation("Unsupported order combination", "type, time in force, stop and iceberg do not go together")
    WOULD_TRIGGER_AT_ONCE = Explanation("Order would trigger immediately.", "the stop price lies on the wrong side of the last price")
    CANCEL_WITHOUT_ID = Explanation("Cancel order is invalid. Check origClOrdId and orderId.", "name the order by one of its ids")
    WOULD_TAKE = Explanation(
        "Order would immediately match and take.", "the market has passed the price; ask again with a price that rests"
    )
    PRICES_CROSSED = Explanation(
        "The relationship of the prices for the orders is not correct.", "the last price has to lie between the two orders of an OCO"
    )
    NO_OCO_ORDERS = Explanation("OCO orders are not supported for this symbol", _OFF)
    NO_QUOTE_QUANTITY_ORDERS = Explanation("Quote order qty market orders are not support for this symbol.", _OFF)
    NO_TRAILING_STOP_ORDERS = Explanation("Trailing stop orders are not supported for this symbol.", _OFF)
    NO_CANCEL_REPLACE = Explanation("Order cancel-replace is not supported for this symbol.", _OFF)
    SYMBOL_NOT_PERMITTED = Explanation("This symbol is not permitted for this account.", "account and symbol share no permission")
    SYMBOL_RESTRICTED = Explanation("This symbol is restricted for this account.", "the account cannot trade this symbol")
    CANCEL_RESTRICTED = Explanation(
        "Order was not canceled due to cancel restrictions.", "the order is not in the state that was asked for"
    )
    NO_REST_TRADING = Explanation("Rest API trading is not enabled.", "this server takes no orders by REST")
    NO_WEBSOCKET_TRADING = Explanation("WebSocket API trading is not enabled.", "this server takes no orders by WebSocket")
    NO_FIX_TRADING = Explanation("FIX API trading is not enabled.", "this server takes no orders by FIX")
    THIN_FOR_LOT_SIZE = Explanation("Order book liquidity is less than LOT_SIZE filter minimum quantity.", _BOOK)
    THIN_FOR_MARKET_LOT_SIZE = Explanation("Order book liquidity is less than MARKET_LOT_SIZE filter minimum quantity.", _BOOK)
    THIN_FOR_SYMBOL = Explanation("Order book liquidity is less than symbol minimum quantity.", _BOOK)
    AMEND_WOULD_INCREASE = Explanation("Order amend (quantity increase) is not supported.", "an amendment can only reduce the quantity")
    NOTHING_TO_CHANGE = Explanation("The requested action would change no state; rejecting", "the order has this quantity already")
    NO_PEGGED_ORDERS = Explanation("Pegged orders are not supported for this symbol.", _OFF)
    TYPE_CANNOT_BE_PEGGED = Explanation("This order type may not use pegged price.", "only orders with a limit price can be pegged")
    PEG_DOES_NOT_FIT = Explanation(
        "This price peg cannot be used with this order type.", "a LIMIT_MAKER follows its own side of the book only"
    )
    THIN_FOR_PEG = Explanation("Order book liquidity is too low for this pegged order.", _BOOK)
    NO_OPO_ORDERS = Explanation("OPO orders are not supported for this symbol.", _OFF)
    PENDING_OPO_AMENDED = Explanation("Order amend (pending OPO order) is not supported.", "its quantity is not known yet")
    PRICE_FILTER = Explanation("Filter failure: PRICE_FILTER", _FILTER)
    PERCENT_PRICE = Explanation("Filter failure: PERCENT_PRICE", "the price is too far from the average price")
    PERCENT_PRICE_BY_SIDE = Explanation("Filter failure: PERCENT_PRICE_BY_SIDE", "the price is too far from the average price")
    LOT_SIZE = Explanation("Filter failure: LOT_SIZE", _FILTER)
    MIN_NOTIONAL = Explanation("Filter failure: MIN_NOTIONAL", "price times quantity is too low for the symbol")
    NOTIONAL = Explanation("Filter failure: NOTIONAL", "price times quantity is out of the symbol's bounds")
    ICEBERG_PARTS = Explanation("Filter failure: ICEBERG_PARTS", "the order would fall into too many parts")
    MARKET_LOT_SIZE = Explanation("Filter failure: MARKET_LOT_SIZE", _FILTER)
    MAX_POSITION = Explanation("Filter failure: MAX_POSITION", "the account may not hold more of this asset")
    MAX_ASSET = Explanation("Filter failure: MAX_ASSET", "the account may not move more of this asset in one order")
    MAX_NUM_ORDERS = Explanation("Filter failure: MAX_NUM_ORDERS", _TOO_MANY_OPEN)
    MAX_NUM_ALGO_ORDERS = Explanation("Filter failure: MAX_NUM_ALGO_ORDERS", _TOO_MANY_OPEN)
    MAX_NUM_ICEBERG_ORDERS = Explanation("Filter failure: MAX_NUM_ICEBERG_ORDERS", _TOO_MANY_OPEN)
    MAX_NUM_ORDER_AMENDS = Explanation("Filter failure: MAX_NUM_ORDER_AMENDS", "the order cannot be amended once more")
    MAX_NUM_ORDER_LISTS = Explanation("Filter failure: MAX_NUM_ORDER_LISTS", _TOO_MANY_OPEN)
    TRAILING_DELTA = Explanation("Filter failure: TRAILING_DELTA", "the trailing delta is out of the symbol's bounds")
    EXCHANGE_MAX_NUM_ORDERS = Explanation("Filter failure: EXCHANGE_MAX_NUM_ORDERS", _TOO_MANY_OPEN)
    EXCHANGE_MAX_NUM_ALGO_ORDERS = Explanation("Filter failure: EXCHANGE_MAX_NUM_ALGO_ORDERS", _TOO_MANY_OPEN)
    EXCHANGE_MAX_NUM_ICEBERG_ORDERS = Explanation("Filter failure: EXCHANGE_MAX_NUM_ICEBERG_ORDERS", _TOO_MANY_OPEN)
    EXCHANGE_MAX_NUM_ORDER_LISTS = Explanation("Filter failure: EXCHANGE_MAX_NUM_ORDER_LISTS", _TOO_MANY_OPEN)


def _plain(message: str) -> str:
    return message.replace("`", "").strip().rstrip(".")


_BY_MESSAGE = {_plain(reason.value.message): reason for reason in RefusalReason}


def reason_of(code: int, message: str) -> RefusalReason | None:
    """The documented reason that `message` is; None when it is none, or when `code` is not one that has reasons."""
    return _BY_MESSAGE.get(_plain(message)) if code in REASON_CODES else None
