"""Listing: all that the exchange says of a symbol: its status, what orders it takes, its filters, and how its reference price is made.

Source: filters.md, enums.md and rest-api.md, "Exchange information". The rules that our own client knows (SymbolRules) are a part of it.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine.symbol_filters import (
    IcebergParts,
    LotSize,
    MarketLotSize,
    MaxNumAlgoOrders,
    MaxNumOrderAmends,
    MaxNumOrderLists,
    MaxNumOrders,
    MinNotional,
    Notional,
    PercentPriceBySide,
    PriceFilter,
    SymbolFilter,
    TrailingDelta,
)
from binance_trade_agent.simulation.engine.terms import OrderType, SelfTradePrevention

F = TypeVar("F", bound=SymbolFilter)

AVERAGE_MINUTES = 5
MOST_OPEN_ORDERS = 200
PERCENT_UP, PERCENT_DOWN = Decimal(5), Decimal("0.2")

ORDER_TYPES = (
    OrderType.LIMIT,
    OrderType.LIMIT_MAKER,
    OrderType.MARKET,
    OrderType.STOP_LOSS,
    OrderType.STOP_LOSS_LIMIT,
    OrderType.TAKE_PROFIT,
    OrderType.TAKE_PROFIT_LIMIT,
)
"""All of them, in the order in which Binance shows them."""


class TradingStatus(StrEnum):
    """What may be done on a symbol (enums.md, "Symbol status"): only TRADING takes orders, and all of them take cancels."""

    TRADING = "TRADING"
    END_OF_DAY = "END_OF_DAY"
    HALT = "HALT"
    BREAK = "BREAK"
    CANCEL_ONLY = "CANCEL_ONLY"


@dataclass(frozen=True, slots=True)
class Features:
    """Which kinds of orders a symbol takes, beside its order types."""

    iceberg: bool = True
    oco: bool = True
    oto: bool = True
    opo: bool = True
    quote_quantity: bool = True
    trailing_stop: bool = True
    cancel_replace: bool = True
    amend: bool = True
    pegged: bool = True


@dataclass(frozen=True, slots=True)
class PriceRange:
    """The execution rule PRICE_RANGE: between which multiples of the reference price a taker may trade; None for no bound.

    Source: faqs/price_range_execution_rules.md.
    """

    bid_up: Decimal | None = None
    bid_down: Decimal | None = None
    ask_up: Decimal | None = None
    ask_down: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ArithmeticMean:
    """A reference price that the matching engine reckons: the mean of the trades of the last `bucket_count * bucket_width_ms`."""

    bucket_count: int = 10
    bucket_width_ms: int = 1_000


@dataclass(frozen=True, slots=True)
class External:
    """A reference price that somebody sets; None while there is none. `calculation_id` 0 is a human operator."""

    calculation_id: int
    price: Decimal | None
    time_ms: int


ReferenceCalculation = ArithmeticMean | External


@dataclass(frozen=True, slots=True)
class Listing:
    """One symbol. A change of anything makes a new Listing, so that whatever was prepared from one can be kept as long as it is the same.

    `permission_sets`: an account needs one permission of each set. `reference` is None for a symbol that never had a reference price.
    """

    symbol: str
    base_asset: str
    quote_asset: str
    status: TradingStatus
    filters: tuple[SymbolFilter, ...]
    base_precision: int = 8
    quote_precision: int = 8
    order_types: tuple[OrderType, ...] = ORDER_TYPES
    features: Features = Features()
    permission_sets: tuple[tuple[str, ...], ...] = (("SPOT",),)
    default_self_trade_prevention: SelfTradePrevention = SelfTradePrevention.EXPIRE_MAKER
    self_trade_preventions: tuple[SelfTradePrevention, ...] = tuple(SelfTradePrevention)
    price_range: PriceRange | None = None
    reference: ReferenceCalculation | None = None

    def filter(self, kind: type[F]) -> F | None:
        """The symbol's filter of this kind, None when it has none."""
        return next((entry for entry in self.filters if isinstance(entry, kind)), None)

    def with_filter(self, new: SymbolFilter) -> "Listing":
        """The listing with `new` in the place of its filter of the same kind, or behind all others."""
        kept = tuple(new if type(entry) is type(new) else entry for entry in self.filters)
        return replace(self, filters=kept if new in kept else (*kept, new))

    def without_filter(self, kind: type[SymbolFilter]) -> "Listing":
        """The listing without its filter of this kind."""
        return replace(self, filters=tuple(entry for entry in self.filters if not isinstance(entry, kind)))


def listing_of(rules: SymbolRules) -> Listing:
    """The listing of a symbol of which only `rules` are known: everything that Binance's symbols usually have is added to them."""
    # A mirror may show a status that the client did not know: then nobody trades.
    known = rules.status.value in TradingStatus.__members__
    return Listing(
        symbol=rules.symbol,
        base_asset=rules.base_asset,
        quote_asset=rules.quote_asset,
        status=TradingStatus(rules.status.value) if known else TradingStatus.HALT,
        filters=tuple(_filters(rules)),
        base_precision=rules.base_precision,
        quote_precision=rules.quote_precision,
        reference=ArithmeticMean(),
    )


def _filters(rules: SymbolRules) -> list[SymbolFilter]:
    """In the order in which Binance shows them."""
    filters: list[SymbolFilter] = [
        PriceFilter(rules.min_price, rules.max_price, rules.tick_size),
        LotSize(rules.min_quantity, rules.max_quantity, rules.step_size),
        IcebergParts(100),
    ]
    if rules.market_min_quantity or rules.market_max_quantity or rules.market_step_size:
        filters.append(MarketLotSize(rules.market_min_quantity, rules.market_max_quantity, rules.market_step_size))
    filters.append(TrailingDelta(10, 2_000, 10, 2_000))
    filters.append(PercentPriceBySide(PERCENT_UP, PERCENT_DOWN, PERCENT_UP, PERCENT_DOWN, AVERAGE_MINUTES))
    least, to_market = rules.min_notional, rules.min_notional_applies_to_market
    if rules.max_notional > 0:
        filters.append(Notional(least, to_market, rules.max_notional, max_applies_to_market=False, average_minutes=AVERAGE_MINUTES))
    else:
        filters.append(MinNotional(least, to_market, AVERAGE_MINUTES))
    return [*filters, MaxNumOrders(MOST_OPEN_ORDERS), MaxNumOrderLists(20), MaxNumAlgoOrders(5), MaxNumOrderAmends(10)]
