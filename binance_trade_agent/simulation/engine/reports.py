"""What happened to orders and accounts, one thing at a time, as their owners are told of it."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from binance_trade_agent.simulation.engine.records import ExchangeOrder, ExchangeTrade, PreventedMatch
from binance_trade_agent.simulation.engine.terms import RejectReason


class ExecutionType(StrEnum):
    """What kind of thing happened to an order (enums.md, "Execution Types")."""

    NEW = "NEW"
    CANCELED = "CANCELED"
    REPLACED = "REPLACED"
    REJECTED = "REJECTED"
    TRADE = "TRADE"
    EXPIRED = "EXPIRED"
    TRADE_PREVENTION = "TRADE_PREVENTION"


class OrderReport(Struct, frozen=True, gc=False):
    """One thing that happened to an order, and the order right after it.

    `trade` is set for a trade; `cancel_id`, the client id of the request, for a cancellation; `original_client_order_id` for an
    amendment, where the order may have got a new one; `prevented` for a trade with itself that was stopped, with the quantity that this
    order lost by it in `last_prevented_quantity`; `reject_reason` for a refused order.
    """

    execution_id: int
    kind: ExecutionType
    order: ExchangeOrder
    trade: ExchangeTrade | None = None
    cancel_id: str | None = None
    prevented: PreventedMatch | None = None
    last_prevented_quantity: Decimal | None = None
    original_client_order_id: str | None = None
    reject_reason: RejectReason = RejectReason.NONE

    @property
    def account_id(self) -> int:
        """Who is told."""
        return self.order.account_id

    @property
    def time_ms(self) -> int:
        """When it happened."""
        return self.order.updated_ms

    @property
    def counter_order_id(self) -> int | None:
        """The order that this one was about to trade with, when that was prevented."""
        if self.prevented is None:
            return None
        is_taker = self.order.order_id == self.prevented.taker_order_id
        return self.prevented.maker_order_id if is_taker else self.prevented.taker_order_id


@dataclass(frozen=True, slots=True)
class Movement:
    """A deposit into an account, or a withdrawal when it is negative."""

    account_id: int
    asset: str
    amount: Decimal
    time_ms: int
