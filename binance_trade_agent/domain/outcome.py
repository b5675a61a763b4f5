"""What became of one attempt to place an order: a closed set, so that no caller can forget a case."""

from dataclasses import dataclass

from binance_trade_agent.domain.errors import ExchangeError, ExchangeRefusedError, NotSentError, RateLimitedError
from binance_trade_agent.domain.order import OrderReport


@dataclass(frozen=True, slots=True)
class Accepted:
    """The exchange took the order; `report` holds its state and the fills known so far."""

    report: OrderReport


@dataclass(frozen=True, slots=True)
class Rejected:
    """The exchange said a definite no; nothing was placed. `code` is Binance's (errors.md).

    `is_passing`: it asked for silence (HTTP 429, 418), which says nothing of the order.
    """

    code: int
    message: str
    is_passing: bool = False


@dataclass(frozen=True, slots=True)
class NotSent:
    """The request never left this machine."""

    why: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request went out and its fate is not known; it is never sent again, only looked for."""

    why: str


Outcome = Accepted | Rejected | NotSent | Unknown


def outcome_of_error(error: Exception) -> Rejected | NotSent | Unknown:
    """What an error of sending means for the order: the one table of it. Whatever is no definite word is Unknown."""
    match error:
        case NotSentError():
            return NotSent(str(error))
        case ExchangeRefusedError():
            return Rejected(error.code, error.message, is_passing=isinstance(error, RateLimitedError))
        case ExchangeError():
            return Unknown(str(error))
        case _:
            # Whatever else breaks, the request may have gone out: only the exchange can tell.
            return Unknown(f"{type(error).__name__} while the order was being sent")
