"""The filters of a symbol, of an account and of the whole exchange, as values: one class for each that filters.md describes."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class PriceFilter:
    """PRICE_FILTER: bounds and step of `price` and `stopPrice`; 0 turns a rule off."""

    min_price: Decimal
    max_price: Decimal
    tick_size: Decimal


@dataclass(frozen=True, slots=True)
class PercentPrice:
    """PERCENT_PRICE: how far from the average price an order's price may be, on either side of the book."""

    multiplier_up: Decimal
    multiplier_down: Decimal
    average_minutes: int


@dataclass(frozen=True, slots=True)
class PercentPriceBySide:
    """PERCENT_PRICE_BY_SIDE: as PERCENT_PRICE, with bounds of its own for buys (bid) and sells (ask)."""

    bid_multiplier_up: Decimal
    bid_multiplier_down: Decimal
    ask_multiplier_up: Decimal
    ask_multiplier_down: Decimal
    average_minutes: int


@dataclass(frozen=True, slots=True)
class LotSize:
    """LOT_SIZE: bounds and step of `quantity` and `icebergQty`; 0 turns a rule off."""

    min_quantity: Decimal
    max_quantity: Decimal
    step_size: Decimal


@dataclass(frozen=True, slots=True)
class MarketLotSize:
    """MARKET_LOT_SIZE: bounds and step of a market order's `quantity`, on top of LOT_SIZE; 0 turns a rule off."""

    min_quantity: Decimal
    max_quantity: Decimal
    step_size: Decimal


@dataclass(frozen=True, slots=True)
class MinNotional:
    """MIN_NOTIONAL: the least value of an order."""

    min_notional: Decimal
    applies_to_market: bool
    average_minutes: int


@dataclass(frozen=True, slots=True)
class Notional:
    """NOTIONAL: the least and the largest value of an order."""

    min_notional: Decimal
    min_applies_to_market: bool
    max_notional: Decimal
    max_applies_to_market: bool
    average_minutes: int


@dataclass(frozen=True, slots=True)
class IcebergParts:
    """ICEBERG_PARTS: into how many visible parts an iceberg order may fall."""

    limit: int


@dataclass(frozen=True, slots=True)
class TrailingDelta:
    """TRAILING_DELTA: bounds of `trailingDelta` in basis points, for orders that trigger above the market and for those below."""

    min_above: int
    max_above: int
    min_below: int
    max_below: int


@dataclass(frozen=True, slots=True)
class MaxPosition:
    """MAX_POSITION: how much of the base asset an account may hold or have on order."""

    max_position: Decimal


@dataclass(frozen=True, slots=True)
class MaxNumOrders:
    """MAX_NUM_ORDERS: an account's open orders on the symbol, of any kind."""

    limit: int


@dataclass(frozen=True, slots=True)
class MaxNumAlgoOrders:
    """MAX_NUM_ALGO_ORDERS: an account's open stop loss and take profit orders on the symbol."""

    limit: int


@dataclass(frozen=True, slots=True)
class MaxNumIcebergOrders:
    """MAX_NUM_ICEBERG_ORDERS: an account's open iceberg orders on the symbol."""

    limit: int


@dataclass(frozen=True, slots=True)
class MaxNumOrderAmends:
    """MAX_NUM_ORDER_AMENDS: how often one order may be amended."""

    limit: int


@dataclass(frozen=True, slots=True)
class MaxNumOrderLists:
    """MAX_NUM_ORDER_LISTS: an account's open order lists on the symbol; a list of any length counts once."""

    limit: int


@dataclass(frozen=True, slots=True)
class ExchangeMaxNumOrders:
    """EXCHANGE_MAX_NUM_ORDERS: an account's open orders on all symbols together."""

    limit: int


@dataclass(frozen=True, slots=True)
class ExchangeMaxNumAlgoOrders:
    """EXCHANGE_MAX_NUM_ALGO_ORDERS: an account's open stop loss and take profit orders on all symbols together."""

    limit: int


@dataclass(frozen=True, slots=True)
class ExchangeMaxNumIcebergOrders:
    """EXCHANGE_MAX_NUM_ICEBERG_ORDERS: an account's open iceberg orders on all symbols together."""

    limit: int


@dataclass(frozen=True, slots=True)
class ExchangeMaxNumOrderLists:
    """EXCHANGE_MAX_NUM_ORDER_LISTS: an account's open order lists on all symbols together."""

    limit: int


@dataclass(frozen=True, slots=True)
class MaxAsset:
    """MAX_ASSET: how much of an asset one order of an account may move, as its quantity or as its value."""

    asset: str
    limit: Decimal


SymbolFilter = (
    PriceFilter
    | PercentPrice
    | PercentPriceBySide
    | LotSize
    | MarketLotSize
    | MinNotional
    | Notional
    | IcebergParts
    | TrailingDelta
    | MaxPosition
    | MaxNumOrders
    | MaxNumAlgoOrders
    | MaxNumIcebergOrders
    | MaxNumOrderAmends
    | MaxNumOrderLists
)
ExchangeFilter = ExchangeMaxNumOrders | ExchangeMaxNumAlgoOrders | ExchangeMaxNumIcebergOrders | ExchangeMaxNumOrderLists
