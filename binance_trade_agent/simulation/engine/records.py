"""Orders and trades as the simulated exchange keeps them, and an order as a request asks for it."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from binance_trade_agent.domain.money import ZERO, times
from binance_trade_agent.domain.order import ExchangeStatus, OrderType, Side, TimeInForce
from binance_trade_agent.simulation.engine.amounts import ceil_amount

OPEN_STATUSES = frozenset({ExchangeStatus.NEW, ExchangeStatus.PARTIALLY_FILLED})


class ExpiryReason(StrEnum):
    """Why an order expired (enums.md, "Expiry Reasons")."""

    UNFILLED_IOC = "UNFILLED_IOC_QUANTITY_EXPIRED"
    UNFILLED_FOK = "UNFILLED_FOK_ORDER_EXPIRED"
    INSUFFICIENT_LIQUIDITY = "INSUFFICIENT_LIQUIDITY"


class CancelRestriction(StrEnum):
    """Which orders a cancel may hit (rest-api.md, "Cancel order")."""

    ONLY_NEW = "ONLY_NEW"
    ONLY_PARTIALLY_FILLED = "ONLY_PARTIALLY_FILLED"


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order as asked for; exactly one of `quantity` and `quote_quantity` is set, `price` for limit orders only.

    `time_in_force` is GTC where the type has none to choose.
    """

    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce = TimeInForce.GTC
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    client_order_id: str | None = None


@dataclass(frozen=True, slots=True)
class ExchangeOrder:
    """One order of one account; `order_id` counts per symbol, `price` is 0 for market orders.

    `prevented_match_id` and `prevented_quantity` are set when self-trade prevention expired it.
    """

    symbol: str
    order_id: int
    account_id: int
    client_order_id: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    price: Decimal
    original_quantity: Decimal
    original_quote_quantity: Decimal
    time_ms: int
    updated_ms: int
    status: ExchangeStatus = ExchangeStatus.NEW
    executed_quantity: Decimal = ZERO
    cumulative_quote_quantity: Decimal = ZERO
    expiry_reason: ExpiryReason | None = None
    prevented_match_id: int | None = None
    prevented_quantity: Decimal = ZERO

    @property
    def is_open(self) -> bool:
        """True while the order can still trade."""
        return self.status in OPEN_STATUSES

    @property
    def remaining_quantity(self) -> Decimal:
        """What is still to be traded, in base."""
        return self.original_quantity - self.executed_quantity

    @property
    def locked_amount(self) -> Decimal:
        """What a resting limit order ties up: quote for a buy (nothing for the fee, which is taken from the base), base for a sell."""
        remaining = self.remaining_quantity
        return ceil_amount(times(self.price, remaining)) if self.side is Side.BUY else remaining

    def filled(self, quantity: Decimal, quote_quantity: Decimal, time_ms: int) -> "ExchangeOrder":
        """The order after one more trade."""
        executed = self.executed_quantity + quantity
        return replace(
            self,
            executed_quantity=executed,
            cumulative_quote_quantity=self.cumulative_quote_quantity + quote_quantity,
            status=ExchangeStatus.FILLED if executed == self.original_quantity else ExchangeStatus.PARTIALLY_FILLED,
            updated_ms=time_ms,
        )

    def ended(self, status: ExchangeStatus, time_ms: int, reason: ExpiryReason | None = None) -> "ExchangeOrder":
        """The order after it was cancelled or has expired."""
        return replace(self, status=status, updated_ms=time_ms, expiry_reason=reason)


@dataclass(frozen=True, slots=True)
class ExchangeTrade:
    """One account's side of one trade; when two accounts trade with each other, both sides share `trade_id` (which counts per symbol)."""

    symbol: str
    trade_id: int
    order_id: int
    account_id: int
    side: Side
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str
    time_ms: int
    is_maker: bool


@dataclass(frozen=True, slots=True)
class Placement:
    """What became of a placed order: its state after matching, and its trades in that moment."""

    order: ExchangeOrder
    trades: tuple[ExchangeTrade, ...]
