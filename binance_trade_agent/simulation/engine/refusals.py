"""The simulated exchange's definite answers of no: Binance's codes and messages, written from errors.md."""

from binance_trade_agent.domain.errors import ExchangeRefusedError, RateLimitedError

BAD_REQUEST = 400
UNAUTHORIZED = 401
NOT_FOUND = 404
METHOD_NOT_ALLOWED = 405
NOT_ACCEPTABLE = 406
CONFLICT = 409
TOO_MANY_REQUESTS = 429
IM_A_TEAPOT = 418

UNKNOWN_ORDER_TEXT = "Unknown order sent."


def refused(code: int, message: str, status: int = BAD_REQUEST) -> ExchangeRefusedError:
    """A refusal with Binance's `code` and `message`."""
    return ExchangeRefusedError(code, message, status)


def illegal_characters(name: str, legal: str) -> ExchangeRefusedError:
    """-1100: the parameter's text does not match `legal`."""
    return refused(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def mandatory_missing(name: str) -> ExchangeRefusedError:
    """-1102: a parameter that must be there is not."""
    return refused(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def either_missing(first: str, second: str) -> ExchangeRefusedError:
    """-1102: one of two parameters must be there, and neither is."""
    return refused(-1102, f"Param '{first}' or '{second}' must be sent, but both were empty/null!")


def not_required(name: str) -> ExchangeRefusedError:
    """-1106: the parameter has no meaning for this order type."""
    return refused(-1106, f"Parameter '{name}' sent when not required.")


def not_valid(name: str) -> ExchangeRefusedError:
    """-1130: a value that the parameter cannot have."""
    return refused(-1130, f"Data sent for parameter '{name}' is not valid.")


def bad_combination() -> ExchangeRefusedError:
    """-1128: optional parameters that exclude each other."""
    return refused(-1128, "Combination of optional parameters invalid.")


def invalid_symbol() -> ExchangeRefusedError:
    """-1121: there is no such symbol."""
    return refused(-1121, "Invalid symbol.")


def filter_failure(name: str) -> ExchangeRefusedError:
    """-1013: the symbol's filter `name` forbids the order."""
    return refused(-1013, f"Filter failure: {name}")


def rejected(message: str) -> ExchangeRefusedError:
    """-2010: the matching engine does not take the order."""
    return refused(-2010, message)


def insufficient_balance() -> ExchangeRefusedError:
    """-2010: there is not enough free of what the order pays with."""
    return rejected("Account has insufficient balance for requested action.")


def unknown_order() -> ExchangeRefusedError:
    """-2011: there is no such open order to cancel."""
    return refused(-2011, UNKNOWN_ORDER_TEXT)


def no_such_list() -> ExchangeRefusedError:
    """-2013: there never was such an order list."""
    return refused(-2013, "Order list does not exist.")


def no_such_order() -> ExchangeRefusedError:
    """-2013: there never was such an order."""
    return refused(-2013, "Order does not exist.")


def wrong_client_order_id() -> ExchangeRefusedError:
    """-2039: both ids were sent, and they name different orders."""
    return refused(-2039, "Client order ID is not correct for this order ID.")


def limited(code: int, message: str, retry_after_s: int, status: int = TOO_MANY_REQUESTS) -> RateLimitedError:
    """HTTP 429, or 418 for whoever is banned, with the seconds to wait."""
    return RateLimitedError(code, message, status, retry_after_s)
