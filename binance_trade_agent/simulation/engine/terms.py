"""The exchange's own words for orders: their types, modes, reasons and states as enums.md lists them, apart from what our client knows."""

from enum import StrEnum

from binance_trade_agent.domain.order import ExchangeStatus, Side, TimeInForce


class OrderType(StrEnum):
    """Every type of order (enums.md, "Order types")."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"


CONDITIONAL_TYPES = frozenset({OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT})
"""Types that wait for the market before they work; filters.md calls them "algo" orders."""

STOP_LOSS_TYPES = frozenset({OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT})

UNPRICED_TYPES = frozenset({OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT})
"""Types that take whatever price there is once they work."""


class SelfTradePrevention(StrEnum):
    """What happens when an account would trade with itself (enums.md, "STP Modes"; faqs/stp_faq.md)."""

    NONE = "NONE"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"
    DECREMENT = "DECREMENT"
    TRANSFER = "TRANSFER"


class ExpiryReason(StrEnum):
    """Why an order expired (enums.md, "Expiry Reasons"; user-data-stream.md, "Order Expiry Reason")."""

    NONE = "NONE"
    REJECTED = "REJECTED"
    EXCHANGE_CANCELED = "EXCHANGE_CANCELED"
    OCO_TRIGGER = "OCO_TRIGGER"
    OTO_PHASE_ONE_EXPIRED = "OTO_PHASE_ONE_EXPIRED"
    UNFILLED_IOC = "UNFILLED_IOC_QUANTITY_EXPIRED"
    UNFILLED_FOK = "UNFILLED_FOK_ORDER_EXPIRED"
    INSUFFICIENT_LIQUIDITY = "INSUFFICIENT_LIQUIDITY"
    PRICE_RANGE_EXCEEDED = "EXECUTION_RULE_PRICE_RANGE_EXCEEDED"


class RejectReason(StrEnum):
    """Why an order was refused, as account events tell it (user-data-stream.md, "Order Reject Reason")."""

    NONE = "NONE"
    INSUFFICIENT_BALANCES = "INSUFFICIENT_BALANCES"
    STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY = "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY"
    WOULD_MATCH_IMMEDIATELY = "WOULD_MATCH_IMMEDIATELY"
    OCO_BAD_PRICES = "OCO_BAD_PRICES"


class CancelRestriction(StrEnum):
    """Which orders a cancel may hit (rest-api.md, "Cancel order")."""

    ONLY_NEW = "ONLY_NEW"
    ONLY_PARTIALLY_FILLED = "ONLY_PARTIALLY_FILLED"


class PegPriceType(StrEnum):
    """Which side of the book gives a pegged order its price (faqs/pegged_orders.md): its own side or the opposite one."""

    PRIMARY_PEG = "PRIMARY_PEG"
    MARKET_PEG = "MARKET_PEG"


class PegOffsetType(StrEnum):
    """What the offset of a pegged order counts (rest-api.md, "Pegged Orders Info")."""

    PRICE_LEVEL = "PRICE_LEVEL"


class WorkingFloor(StrEnum):
    """Where an order is filled (enums.md, "Working Floor")."""

    EXCHANGE = "EXCHANGE"
    SOR = "SOR"


class ContingencyType(StrEnum):
    """How the orders of a list depend on each other (enums.md, "ContingencyType")."""

    OCO = "OCO"
    OTO = "OTO"


class ListStatusType(StrEnum):
    """What has happened to an order list (enums.md, "Order List Status")."""

    RESPONSE = "RESPONSE"
    EXEC_STARTED = "EXEC_STARTED"
    UPDATED = "UPDATED"
    ALL_DONE = "ALL_DONE"


class ListOrderStatus(StrEnum):
    """Where an order list stands (enums.md, "Order List Order Status")."""

    EXECUTING = "EXECUTING"
    ALL_DONE = "ALL_DONE"
    REJECT = "REJECT"


# Reaching a member through its class costs as much as a call (Python 3.11), and the engine asks for these some twenty times an order.
BUY, SELL = Side.BUY, Side.SELL
IOC, FOK = TimeInForce.IOC, TimeInForce.FOK
PARTIALLY_FILLED, FILLED, PENDING_NEW = ExchangeStatus.PARTIALLY_FILLED, ExchangeStatus.FILLED, ExchangeStatus.PENDING_NEW
LIMIT, LIMIT_MAKER, MARKET = OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.MARKET
NO_PREVENTION, TRANSFER = SelfTradePrevention.NONE, SelfTradePrevention.TRANSFER
