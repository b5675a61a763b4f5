"""What the exchange answers to placing, cancelling, amending and testing orders. Source: rest-api.md, "Trading endpoints"."""

from decimal import Decimal

import msgspec

from binance_trade_agent.binance.answers.account import Discount, ListedOrder, OrderList
from binance_trade_agent.binance.answers.conditional_fields import ConditionalFields
from binance_trade_agent.binance.answers.shape import Answer, Decoder
from binance_trade_agent.domain.money import total
from binance_trade_agent.domain.order import ExchangeStatus, Side


class OrderFill(Answer, frozen=True, kw_only=True, gc=False):
    """One fill in the answer to a placement.

    Fills by smart order routing have `trade_id` -1 and an `alloc_id` instead (faqs/sor_faq.md).
    """

    price: Decimal
    qty: Decimal
    commission: Decimal
    commission_asset: str
    trade_id: int
    alloc_id: int | None = None
    match_type: str | None = None


class PlacedOrder(ConditionalFields, frozen=True, kw_only=True, gc=False):
    """A new order as its ACK, RESULT or FULL answer tells; the ACK has the first five fields only.

    `order_list_id` is -1 outside of order lists. `orig_qty` is None for pending orders of OPO and OPOCO, whose quantity is not known
    yet (faqs/opo.md). What else may be None appears under conditions only ("Conditional fields in Order Responses").
    """

    symbol: str
    order_id: int
    order_list_id: int
    client_order_id: str
    transact_time_ms: int
    price: Decimal | None = None
    orig_qty: Decimal | None = None
    executed_qty: Decimal | None = None
    orig_quote_order_qty: Decimal | None = None
    cumulative_quote_qty: Decimal | None = msgspec.field(name="cummulativeQuoteQty", default=None)
    status: ExchangeStatus | None = None
    time_in_force: str | None = None
    type: str | None = None
    side: Side | None = None
    working_time_ms: int | None = None
    self_trade_prevention_mode: str | None = None
    fills: tuple[OrderFill, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an order that contradicts itself: booking from it would falsify the book."""
        Answer.__post_init__(self)
        if self.fills and total(fill.qty for fill in self.fills) != self.executed_qty:
            raise ValueError("the fills do not add up to executedQty")


class CanceledOrder(PlacedOrder, frozen=True, kw_only=True, gc=False):
    """A cancelled order: `orig_client_order_id` is the order's own id, `client_order_id` that of the cancellation."""

    orig_client_order_id: str


class PlacedOrderList(OrderList, frozen=True, kw_only=True, gc=False):
    """A new order list with its orders; an OTOCO, OPO or OPOCO is an OTO by `contingency_type`. Source: "Order lists"."""

    order_reports: tuple[PlacedOrder, ...]


class CanceledOrderList(OrderList, frozen=True, kw_only=True, gc=False):
    """An order list that was cancelled as a whole. Source: "Cancel Order list"."""

    order_reports: tuple[CanceledOrder, ...]


class AmendedOrder(Answer, frozen=True, kw_only=True, gc=False):
    """The order after its quantity was reduced to `qty`; `orig_client_order_id` is the id it had before."""

    symbol: str
    order_id: int
    order_list_id: int
    orig_client_order_id: str
    client_order_id: str
    price: Decimal
    qty: Decimal
    executed_qty: Decimal
    prevented_qty: Decimal
    quote_order_qty: Decimal
    cumulative_quote_qty: Decimal
    status: ExchangeStatus
    time_in_force: str
    type: str
    side: Side
    self_trade_prevention_mode: str
    working_time_ms: int | None = None
    stop_price: Decimal | None = None
    iceberg_qty: Decimal | None = None
    strategy_id: int | None = None
    strategy_type: int | None = None


class ListStatus(Answer, frozen=True, kw_only=True, gc=False):
    """The order list of an amended order."""

    order_list_id: int
    contingency_type: str
    list_order_status: str
    list_client_order_id: str
    symbol: str
    orders: tuple[ListedOrder, ...]


class Amendment(Answer, frozen=True, kw_only=True, gc=False):
    """The answer to an amendment; `list_status` is None outside of order lists. Source: "Order Amend Keep Priority"."""

    transact_time_ms: int
    execution_id: int
    amended_order: AmendedOrder
    list_status: ListStatus | None = None


class OrderRates(Answer, frozen=True, kw_only=True, gc=False):
    """Commission of an order as a share of the trade: 0.001 is a tenth of a percent."""

    maker: Decimal
    taker: Decimal


class OrderCommission(Answer, frozen=True, kw_only=True, gc=False):
    """What a tested order would pay; all is None unless the rates were asked for. Source: "Test new order"."""

    standard_commission_for_order: OrderRates | None = None
    special_commission_for_order: OrderRates | None = None
    tax_commission_for_order: OrderRates | None = None
    discount: Discount | None = None


Canceled = CanceledOrder | CanceledOrderList
"""What a cancellation is answered with: cancelling one order of an order list cancels the whole list."""


class _Kind(Answer, frozen=True, kw_only=True, gc=False):
    contingency_type: str | None = None


_read_rows = Decoder("cancel_open_orders", list[msgspec.Raw])
_read_kind = Decoder("cancel_order", _Kind)
_read_order = Decoder("cancel_order", CanceledOrder)
_read_order_list = Decoder("cancel_order", CanceledOrderList)


def decode_canceled(body: bytes) -> Canceled:
    """A cancelled order or order list. Source: "Cancel order"; web-socket-api.md, "Cancel order", shows the second form."""
    return _read_order(body) if _read_kind(body).contingency_type is None else _read_order_list(body)


def decode_canceled_all(body: bytes) -> tuple[Canceled, ...]:
    """Cancelled orders and order lists as they come, mixed. Source: "Cancel All Open Orders on a Symbol"."""
    return tuple(decode_canceled(bytes(row)) for row in _read_rows(body))
