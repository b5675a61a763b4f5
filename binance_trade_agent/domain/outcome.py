"""What became of one attempt to place an order: a closed set, so that no caller can forget a case."""

from dataclasses import dataclass

from binance_trade_agent.domain.order import OrderReport


@dataclass(frozen=True, slots=True)
class Accepted:
    """The exchange took the order; `report` holds its state and the fills known so far."""

    report: OrderReport


@dataclass(frozen=True, slots=True)
class Rejected:
    """The exchange said a definite no; nothing was placed. `code` is Binance's (errors.md)."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """The request never left this machine."""

    why: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request went out and its fate is not known; it is never sent again, only looked for."""

    why: str


Outcome = Accepted | Rejected | NotSent | Unknown
