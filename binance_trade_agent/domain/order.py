"""Orders: what we intend, what the exchange reports, and the one table of how an order may move from state to state."""

from decimal import Decimal
from enum import StrEnum

import msgspec

from binance_trade_agent.domain.errors import IllegalTransitionError


class Side(StrEnum):
    """Binance's order side (enums.md)."""

    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    """The order types that this daemon places (enums.md)."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"


class TimeInForce(StrEnum):
    """Binance's time in force (enums.md)."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class Purpose(StrEnum):
    """Whether an order opens or adds to a position, or takes from it. Exits pass where entries are stopped."""

    ENTRY = "ENTRY"
    EXIT = "EXIT"


class OrderState(StrEnum):
    """Where an order of ours stands in the journal."""

    INTENDED = "INTENDED"
    NOT_SENT = "NOT_SENT"
    SENT = "SENT"
    UNKNOWN = "UNKNOWN"
    NEVER_PLACED = "NEVER_PLACED"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"

    @property
    def is_terminal(self) -> bool:
        """True when nothing more can happen to the order."""
        return self in _TERMINAL


class OrderEvent(StrEnum):
    """What can happen to an order."""

    SEND = "SEND"
    GIVE_UP = "GIVE_UP"
    LOSE_SIGHT = "LOSE_SIGHT"
    ASK_CANCEL = "ASK_CANCEL"
    PROVE_ABSENT = "PROVE_ABSENT"
    ACCEPT = "ACCEPT"
    PARTIAL_FILL = "PARTIAL_FILL"
    FILL = "FILL"
    CANCEL = "CANCEL"
    EXPIRE = "EXPIRE"
    REJECT = "REJECT"

    @property
    def ends_order(self) -> bool:
        """True when nothing more can happen to an order after this."""
        return self in _ENDING


_ENDING = frozenset({OrderEvent.GIVE_UP, OrderEvent.PROVE_ABSENT, OrderEvent.FILL, OrderEvent.CANCEL, OrderEvent.EXPIRE, OrderEvent.REJECT})

_TERMINAL = frozenset(
    {
        OrderState.NOT_SENT,
        OrderState.NEVER_PLACED,
        OrderState.FILLED,
        OrderState.CANCELED,
        OrderState.EXPIRED,
        OrderState.REJECTED,
    }
)

_ON_THE_EXCHANGE = (OrderState.SENT, OrderState.UNKNOWN, OrderState.NEW, OrderState.PARTIALLY_FILLED)

_REPORTED = {
    OrderEvent.ACCEPT: OrderState.NEW,
    OrderEvent.PARTIAL_FILL: OrderState.PARTIALLY_FILLED,
    OrderEvent.FILL: OrderState.FILLED,
    OrderEvent.CANCEL: OrderState.CANCELED,
    OrderEvent.EXPIRE: OrderState.EXPIRED,
    OrderEvent.REJECT: OrderState.REJECTED,
}

TRANSITIONS: dict[tuple[OrderState, OrderEvent], OrderState] = {
    (OrderState.INTENDED, OrderEvent.SEND): OrderState.SENT,
    (OrderState.INTENDED, OrderEvent.GIVE_UP): OrderState.NOT_SENT,
    (OrderState.SENT, OrderEvent.GIVE_UP): OrderState.NOT_SENT,
    (OrderState.SENT, OrderEvent.LOSE_SIGHT): OrderState.UNKNOWN,
    (OrderState.UNKNOWN, OrderEvent.LOSE_SIGHT): OrderState.UNKNOWN,
    (OrderState.UNKNOWN, OrderEvent.PROVE_ABSENT): OrderState.NEVER_PLACED,
    # Asking ends nothing: only the exchange's word does, and until it comes the order may still be there or trade.
    **{(state, OrderEvent.ASK_CANCEL): state for state in _ON_THE_EXCHANGE},
    **{(state, event): to for state in (OrderState.SENT, OrderState.UNKNOWN) for event, to in _REPORTED.items()},
    **{(OrderState.NEW, event): to for event, to in _REPORTED.items() if event is not OrderEvent.REJECT},
    **{(OrderState.PARTIALLY_FILLED, event): to for event, to in _REPORTED.items() if event not in {OrderEvent.REJECT, OrderEvent.ACCEPT}},
    # A late resurrection: proven absent, yet the exchange shows it. It is adopted, counted, and halts the symbol.
    **{(OrderState.NEVER_PLACED, event): to for event, to in _REPORTED.items()},
}


def next_state(state: OrderState, event: OrderEvent) -> OrderState:
    """The state after `event`; raises IllegalTransitionError for a pair that the table does not hold."""
    try:
        return TRANSITIONS[(state, event)]
    except KeyError:
        raise IllegalTransitionError(f"an order in state {state} cannot take the event {event}") from None


class ExchangeStatus(StrEnum):
    """The status that the exchange reports for an order (enums.md, "Order status")."""

    NEW = "NEW"
    PENDING_NEW = "PENDING_NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    PENDING_CANCEL = "PENDING_CANCEL"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"

    @property
    def event(self) -> OrderEvent:
        """The order event that this report amounts to."""
        return _EVENT_OF_STATUS[self]


_EVENT_OF_STATUS = {
    ExchangeStatus.NEW: OrderEvent.ACCEPT,
    ExchangeStatus.PENDING_NEW: OrderEvent.ACCEPT,
    ExchangeStatus.PARTIALLY_FILLED: OrderEvent.PARTIAL_FILL,
    ExchangeStatus.PENDING_CANCEL: OrderEvent.ACCEPT,
    ExchangeStatus.FILLED: OrderEvent.FILL,
    ExchangeStatus.CANCELED: OrderEvent.CANCEL,
    ExchangeStatus.REJECTED: OrderEvent.REJECT,
    ExchangeStatus.EXPIRED: OrderEvent.EXPIRE,
    ExchangeStatus.EXPIRED_IN_MATCH: OrderEvent.EXPIRE,
}


class OrderIntent(msgspec.Struct, frozen=True, gc=False):
    """A decision to place one order, complete before anything is sent.

    `client_order_id` is account epoch and counter, never reused. `reference_price` is the price the decision was made at; with
    `quantity` it gives the exposure that is reserved until the fate of the order is known. `price` is None for market orders.
    `list_id` names the order list that the order is a part of; `stop_price` is the price at which it wakes.
    """

    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal
    reference_price: Decimal
    purpose: Purpose
    created_ms: int
    correlation_id: str
    reason: str
    price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    stop_price: Decimal | None = None
    list_id: str | None = None

    @property
    def is_protective(self) -> bool:
        """True for an order that stands on the exchange to protect a position: a stop, or what is in one list with it."""
        return self.stop_price is not None or self.list_id is not None


class Fill(msgspec.Struct, frozen=True, gc=False):
    """One trade of one of our orders, booked once by (symbol, trade_id).

    `price` is in quote per base, `quantity` in base, `commission` in `commission_asset`.
    """

    symbol: str
    trade_id: int
    order_id: int
    client_order_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str
    time_ms: int
    is_maker: bool


class OrderReport(msgspec.Struct, frozen=True, gc=False):
    """What the exchange says of an order: the answer to placing, querying or cancelling it."""

    symbol: str
    order_id: int
    client_order_id: str
    side: Side
    type: str
    status: ExchangeStatus
    price: Decimal
    original_quantity: Decimal
    executed_quantity: Decimal
    cumulative_quote_quantity: Decimal
    time_ms: int
    fills: tuple[Fill, ...] = ()


class JournaledOrder(msgspec.Struct, frozen=True, gc=False):
    """An intent with its state in our journal.

    `send_deadline_ms` is server time: no request for this order is ever signed with a later timestamp, so the fence of an
    unknown outcome can be reckoned even after a crash between commit and send.
    `executed_quantity` is the sum of the fills that are booked.
    """

    intent: OrderIntent
    state: OrderState
    send_deadline_ms: int
    order_id: int | None
    executed_quantity: Decimal
    updated_ms: int

    @property
    def may_be_canceled(self) -> bool:
        """True when it may stand on the exchange; a market order trades at once or is over, and never stands there."""
        return self.intent.type is not OrderType.MARKET and self.state in _ON_THE_EXCHANGE

    @property
    def is_unknown(self) -> bool:
        """True while it may have been placed or not: it was being sent when this process or the one before lost sight of it."""
        return self.state in {OrderState.SENT, OrderState.UNKNOWN}

    @property
    def is_resting(self) -> bool:
        """True for a part of a position's protection that is known to stand on the exchange; it binds no money and no decision."""
        return self.intent.is_protective and self.state in {OrderState.NEW, OrderState.PARTIALLY_FILLED}
