"""What happened to orders and accounts, one thing at a time, as their owners are told of it."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from binance_trade_agent.simulation.engine.records import ExchangeOrder, ExchangeTrade


class ExecutionType(StrEnum):
    """What kind of thing happened to an order (enums.md, "Execution Types"); those that can happen here."""

    NEW = "NEW"
    CANCELED = "CANCELED"
    TRADE = "TRADE"
    EXPIRED = "EXPIRED"
    TRADE_PREVENTION = "TRADE_PREVENTION"


@dataclass(frozen=True, slots=True)
class OrderReport:
    """One thing that happened to an order, and the order right after it.

    `trade` is set for a trade, `cancel_id` (the client id of the request) for a cancellation, `counter_order_id` for a trade with itself
    that was prevented.
    """

    execution_id: int
    kind: ExecutionType
    order: ExchangeOrder
    trade: ExchangeTrade | None = None
    cancel_id: str | None = None
    counter_order_id: int | None = None


@dataclass(frozen=True, slots=True)
class Movement:
    """A deposit into an account, or a withdrawal when it is negative."""

    account_id: int
    asset: str
    amount: Decimal
    time_ms: int
