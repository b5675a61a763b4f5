"""Account data that the stations do not need as domain values. Source: rest-api.md, "Account Endpoints", unless another is named."""

from decimal import Decimal

import msgspec

from binance_trade_agent.binance.answers.conditional_fields import ConditionalFields
from binance_trade_agent.binance.answers.shape import Answer
from binance_trade_agent.domain.order import ExchangeStatus, Side


class OrderDetails(ConditionalFields, frozen=True, kw_only=True, gc=False):
    """An order with all that a query tells. Source: "All orders"; "Conditional fields in Order Responses".

    `cumulative_quote_qty` is negative for some historical orders, meaning that it is not available. `order_list_id` is -1 outside
    of order lists. What may be None appears under conditions only.
    """

    symbol: str
    order_id: int
    order_list_id: int
    client_order_id: str
    price: Decimal
    orig_qty: Decimal
    executed_qty: Decimal
    cumulative_quote_qty: Decimal = msgspec.field(name="cummulativeQuoteQty")
    status: ExchangeStatus
    time_in_force: str
    type: str
    side: Side
    time_ms: int
    update_time_ms: int
    is_working: bool
    self_trade_prevention_mode: str
    working_time_ms: int | None = None
    orig_quote_order_qty: Decimal | None = None


class ListedOrder(Answer, frozen=True, kw_only=True, gc=False):
    """One order of an order list, by its ids."""

    symbol: str
    order_id: int
    client_order_id: str


class OrderList(Answer, frozen=True, kw_only=True, gc=False):
    """An order list as a query shows it; an OTOCO is an OTO by `contingency_type`. Source: "Query Order list"."""

    order_list_id: int
    contingency_type: str
    list_status_type: str
    list_order_status: str
    list_client_order_id: str
    transaction_time_ms: int
    symbol: str
    orders: tuple[ListedOrder, ...]


class UnfilledOrderCount(Answer, frozen=True, kw_only=True, gc=False):
    """How many orders count in the present interval of `interval_num` SECONDs or DAYs, and how many may."""

    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int
    count: int


class PreventedMatch(Answer, frozen=True, kw_only=True, gc=False):
    """A match of our own orders with each other that did not happen. Source: "Query Prevented Matches"."""

    symbol: str
    prevented_match_id: int
    taker_order_id: int
    maker_symbol: str
    maker_order_id: int
    trade_group_id: int
    self_trade_prevention_mode: str
    price: Decimal
    maker_prevented_quantity: Decimal | None = None
    taker_prevented_quantity: Decimal | None = None
    transact_time_ms: int


class Allocation(Answer, frozen=True, kw_only=True, gc=False):
    """What smart order routing gave to one of our orders; the counterpart of a trade. Source: "Query Allocations"."""

    symbol: str
    allocation_id: int
    allocation_type: str
    order_id: int
    order_list_id: int
    price: Decimal
    qty: Decimal
    quote_qty: Decimal
    commission: Decimal
    commission_asset: str
    time_ms: int
    is_buyer: bool
    is_maker: bool
    is_allocator: bool


class Rates(Answer, frozen=True, kw_only=True, gc=False):
    """Commission as a share of the trade: 0.001 is a tenth of a percent."""

    maker: Decimal
    taker: Decimal
    buyer: Decimal
    seller: Decimal


class Discount(Answer, frozen=True, kw_only=True, gc=False):
    """The part of the standard commission that is left off when it is paid in `discount_asset`."""

    enabled_for_account: bool
    enabled_for_symbol: bool
    discount_asset: str
    discount: Decimal


class CommissionRates(Answer, frozen=True, kw_only=True, gc=False):
    """What the account pays on one symbol: standard, special and tax add up. Source: "Query Commission Rates"."""

    symbol: str
    standard_commission: Rates
    special_commission: Rates
    tax_commission: Rates
    discount: Discount


class OrderAmendment(Answer, frozen=True, kw_only=True, gc=False):
    """One reduction of an open order. Source: "Query Order Amendments"."""

    symbol: str
    order_id: int
    execution_id: int
    orig_client_order_id: str
    new_client_order_id: str
    orig_qty: Decimal
    new_qty: Decimal
    time_ms: int


class AccountFilter(Answer, frozen=True, kw_only=True, gc=False):
    """One filter that binds the account; which bounds are there depends on `filter_type` (filters.md)."""

    filter_type: str
    max_num_orders: int | None = None
    max_num_algo_orders: int | None = None
    max_num_iceberg_orders: int | None = None
    max_num_order_lists: int | None = None
    max_num_order_amends: int | None = None
    max_position: Decimal | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    tick_size: Decimal | None = None
    min_qty: Decimal | None = None
    max_qty: Decimal | None = None
    step_size: Decimal | None = None
    min_notional: Decimal | None = None
    max_notional: Decimal | None = None
    asset: str | None = None
    limit: Decimal | None = None


class MyFilters(Answer, frozen=True, kw_only=True, gc=False):
    """The filters of exchange, symbol and assets that bind the account on one symbol. Source: "Query relevant filters"."""

    exchange_filters: tuple[AccountFilter, ...]
    symbol_filters: tuple[AccountFilter, ...]
    asset_filters: tuple[AccountFilter, ...]


class ApiRestrictions(Answer, frozen=True, kw_only=True, gc=False):
    """What the API key may do, and whether it works from listed addresses only (`ip_restrict`).

    The Spot documents do not describe it. Source: Binance's wallet API documents, "Get API Key Permission"; /sapi is there on the
    real exchange only. What may be None is not needed here, or has come later.
    """

    ip_restrict: bool
    enable_reading: bool
    enable_withdrawals: bool
    enable_spot_and_margin_trading: bool
    create_time_ms: int | None = None
    enable_internal_transfer: bool | None = None
    permits_universal_transfer: bool | None = None
    enable_margin: bool | None = None
    enable_futures: bool | None = None
    enable_portfolio_margin_trading: bool | None = None
    enable_vanilla_options: bool | None = None
    enable_fix_api_trade: bool | None = None
    enable_fix_read_only: bool | None = None
