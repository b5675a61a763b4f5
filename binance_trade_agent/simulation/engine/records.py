"""Orders and trades as the simulated exchange keeps them, and an order as a request asks for it."""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import ExchangeStatus, Side, TimeInForce
from binance_trade_agent.simulation.engine.amounts import held_amount
from binance_trade_agent.simulation.engine.terms import (
    CONDITIONAL_TYPES,
    FILLED,
    PARTIALLY_FILLED,
    PENDING_NEW,
    SELL,
    UNPRICED_TYPES,
    ExpiryReason,
    OrderType,
    PegOffsetType,
    PegPriceType,
    SelfTradePrevention,
    WorkingFloor,
)

OPEN_STATUSES = frozenset({ExchangeStatus.NEW, ExchangeStatus.PARTIALLY_FILLED, ExchangeStatus.PENDING_NEW})
NOT_YET = -1
"""A time that has not come, and a list that an order does not belong to."""

DEFAULT_PREVENTION = SelfTradePrevention.EXPIRE_MAKER
NO_TRADE_GROUP = -1


_NOTHING_NAMED = (None, None, None, None)


class NewOrder(Struct, frozen=True, gc=False):
    """An order as asked for; exactly one of `quantity` and `quote_quantity` is set, `price` for limit orders only.

    `time_in_force` is GTC where the type has none to choose. `trailing_delta` is in basis points (BIPS). `iceberg_quantity` is the part
    that others may see. Without `self_trade_prevention` the symbol's default holds.
    """

    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce = TimeInForce.GTC
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    client_order_id: str | None = None
    stop_price: Decimal | None = None
    trailing_delta: int | None = None
    iceberg_quantity: Decimal | None = None
    self_trade_prevention: SelfTradePrevention | None = None
    strategy_id: int | None = None
    strategy_type: int | None = None
    peg_price_type: PegPriceType | None = None
    peg_offset_type: PegOffsetType | None = None
    peg_offset_value: int | None = None
    uses_sor: bool = False

    def routed(self) -> "NewOrder":
        """The same order, placed by smart order routing."""
        return replace(self, uses_sor=True)

    @property
    def is_plain(self) -> bool:
        """True when it is no iceberg, is not pegged, belongs to no strategy, and is not routed."""
        named = self.iceberg_quantity, self.peg_price_type, self.strategy_id, self.strategy_type
        return not self.uses_sor and named == _NOTHING_NAMED


class ExchangeOrder(Struct, frozen=True, gc=False):
    """One order of one account; `order_id` counts per symbol, `price` is 0 for orders without a limit, and for pegged ones that named none.

    A conditional order does not work (`is_working`) before its condition is met; `working_ms` and `trailing_ms` are NOT_YET until it
    works and until its trailing stop follows the price, and `trailing_price` is the best price since then. `pegged_price` is the limit of
    a pegged order once it is determined. `visible_quantity` is what is left of the part of an iceberg that others see, and `queue_number`
    orders those that wait at the same price.
    `locked_amount` is what it ties up of what it pays with; the funds of a buy are held at `hold_price`, its limit where that is None.
    `prevented_match_id` (of the last match) and `prevented_quantity` (of all) are set when self-trade prevention took from it.
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
    stop_price: Decimal | None = None
    trailing_delta: int | None = None
    trailing_ms: int = NOT_YET
    trailing_price: Decimal | None = None
    iceberg_quantity: Decimal | None = None
    visible_quantity: Decimal | None = None
    self_trade_prevention: SelfTradePrevention = DEFAULT_PREVENTION
    strategy_id: int | None = None
    strategy_type: int | None = None
    peg_price_type: PegPriceType | None = None
    peg_offset_type: PegOffsetType | None = None
    peg_offset_value: int | None = None
    pegged_price: Decimal | None = None
    is_working: bool = True
    working_ms: int = NOT_YET
    order_list_id: int = NOT_YET
    working_floor: WorkingFloor | None = None
    queue_number: int = 0
    locked_amount: Decimal = ZERO
    hold_price: Decimal | None = None
    amendments: int = 0

    @property
    def is_open(self) -> bool:
        """True while the order can still trade, or waits for what it depends on."""
        return self.status in OPEN_STATUSES

    @property
    def is_pending(self) -> bool:
        """True while it waits for another order of its list."""
        return self.status is PENDING_NEW

    @property
    def is_conditional(self) -> bool:
        """True for the types that wait for the market."""
        return self.type in CONDITIONAL_TYPES

    @property
    def limit(self) -> Decimal:
        """The price that binds it while it works: the pegged one, or its own; 0 for none."""
        return self.price if self.pegged_price is None else self.pegged_price

    @property
    def remaining_quantity(self) -> Decimal:
        """What is still to be traded, in base."""
        remaining = self.original_quantity
        if self.executed_quantity:
            remaining -= self.executed_quantity
        return remaining - self.prevented_quantity if self.prevented_quantity else remaining

    @property
    def offered_quantity(self) -> Decimal:
        """What others see of it in the book: all that remains, or the visible part of an iceberg."""
        return self.remaining_quantity if self.visible_quantity is None else self.visible_quantity

    def amount_of(self, quantity: Decimal) -> Decimal:
        """What has to be locked for `quantity`: quote for a buy (nothing for the fee, which is taken from the base), base for a sell."""
        if self.side is SELL:
            return quantity
        return held_amount(self.limit if self.hold_price is None else self.hold_price, quantity)

    def locked_after(self, left: Decimal, paid: Decimal) -> Decimal:
        """What stays locked for the quantity that is `left`, after `paid` in quote: a buy without a limit has locked what it will pay."""
        if self.type in UNPRICED_TYPES and self.side is not SELL:
            return self.locked_amount - paid
        return self.amount_of(left)

    def filled(self, quantity: Decimal, quote_quantity: Decimal, time_ms: int) -> "ExchangeOrder":
        """The order after one more trade; what it no longer needs is not locked any more."""
        executed = self.executed_quantity + quantity
        remaining = self.original_quantity - executed
        if self.prevented_quantity:
            remaining -= self.prevented_quantity
        visible = self.visible_quantity
        return replace(
            self,
            executed_quantity=executed,
            cumulative_quote_quantity=self.cumulative_quote_quantity + quote_quantity,
            status=PARTIALLY_FILLED if remaining else FILLED,
            updated_ms=time_ms,
            locked_amount=self.locked_after(remaining, quote_quantity) if remaining and self.locked_amount else ZERO,
            visible_quantity=None if visible is None else visible - quantity,
        )

    def ended(self, status: ExchangeStatus, time_ms: int, reason: ExpiryReason | None = None) -> "ExchangeOrder":
        """The order after it was cancelled or has expired."""
        return replace(self, status=status, updated_ms=time_ms, expiry_reason=reason, locked_amount=ZERO)


class ExchangeTrade(Struct, frozen=True, gc=False):
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
    order_list_id: int = NOT_YET


class PreventedMatch(Struct, frozen=True, gc=False):
    """Two orders of one account, or of one trade group, that did not trade with each other (faqs/stp_faq.md, "What is a Prevented Match?").

    `quantity` is what would have been traded at `price`; the two prevented quantities are what each side lost by it, None where that side
    went on as before.
    """

    symbol: str
    prevented_match_id: int
    taker_order_id: int
    taker_account_id: int
    maker_order_id: int
    maker_account_id: int
    trade_group_id: int
    mode: SelfTradePrevention
    price: Decimal
    quantity: Decimal
    taker_prevented_quantity: Decimal | None
    maker_prevented_quantity: Decimal | None
    time_ms: int


class Amendment(Struct, frozen=True, gc=False):
    """One change of an order's quantity that kept its place in the queue (rest-api.md, "Query Order Amendments")."""

    symbol: str
    order_id: int
    account_id: int
    execution_id: int
    original_client_order_id: str
    new_client_order_id: str
    original_quantity: Decimal
    new_quantity: Decimal
    time_ms: int


class Placement(Struct, frozen=True, gc=False):
    """What became of a placed order: its state after matching, and its trades and prevented matches in that moment."""

    order: ExchangeOrder
    trades: tuple[ExchangeTrade, ...]
    prevented_matches: tuple[PreventedMatch, ...] = ()
