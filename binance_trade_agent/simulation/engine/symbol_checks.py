"""SymbolChecks: the figures of one listing's filters, prepared once so that each order is checked with a few comparisons.

Written from filters.md, apart from the client's own fitting. Every check raises ExchangeRefusedError, -1013, which names the first filter
that forbids the order. What a filter says in numbers of open orders, `OrderGate` checks.
"""

from collections.abc import Callable
from decimal import Decimal

from binance_trade_agent.domain.money import ZERO, times
from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.amounts import LARGEST, QUANTUM
from binance_trade_agent.simulation.engine.listing import Listing
from binance_trade_agent.simulation.engine.records import NewOrder
from binance_trade_agent.simulation.engine.refusals import filter_failure, refused
from binance_trade_agent.simulation.engine.symbol_filters import (
    IcebergParts,
    LotSize,
    MarketLotSize,
    MaxNumAlgoOrders,
    MaxNumIcebergOrders,
    MaxNumOrderLists,
    MaxNumOrders,
    MaxPosition,
    MinNotional,
    Notional,
    PercentPrice,
    PercentPriceBySide,
    PriceFilter,
    TrailingDelta,
)
from binance_trade_agent.simulation.engine.terms import BUY, MARKET, STOP_LOSS_TYPES, OrderType, SelfTradePrevention

AveragePrice = Callable[[Listing, int, int], Decimal | None]
"""The price that filters with so many minutes measure by, at a time in ms UTC; None when nothing is known of the symbol's price."""

MOST_ANSWERS_KEPT = 1_000
_INVALID_QUANTITY = "Invalid quantity."


class Bounds:
    """A least value, a largest value and a step; 0 turns each of them off.

    `invalid` is said of a value that is not above 0 where the filter has no least value that forbids it.
    """

    __slots__ = ("_invalid", "_least", "_most", "_name", "_step")

    def __init__(self, name: str, invalid: str, least: Decimal = ZERO, most: Decimal = ZERO, step: Decimal = ZERO) -> None:
        self._name = name
        self._invalid = invalid if least <= 0 else None
        self._least = least if least > 0 else QUANTUM
        self._most = most if most > 0 else LARGEST
        self._step = step

    def require(self, value: Decimal) -> None:
        """Raise -1013 with the filter's name unless `value` keeps to all three."""
        if value < self._least or value > self._most or (self._step and value % self._step):
            raise refused(-1013, self._invalid) if self._invalid and value <= 0 else filter_failure(self._name)

    def whole(self, value: Decimal) -> Decimal:
        """As much of `value` as keeps to the largest value and the step."""
        most = min(value, self._most)
        return most - most % self._step if self._step else most


class SymbolChecks:
    """What `listing` asks of one order, whoever sends it."""

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        price, lot, market_lot = listing.filter(PriceFilter), listing.filter(LotSize), listing.filter(MarketLotSize)
        parts = listing.filter(IcebergParts)
        self._price = Bounds("PRICE_FILTER", "Invalid price.", *((price.min_price, price.max_price, price.tick_size) if price else ()))
        self._lot = Bounds("LOT_SIZE", _INVALID_QUANTITY, *((lot.min_quantity, lot.max_quantity, lot.step_size) if lot else ()))
        self._market_lot = (
            Bounds("MARKET_LOT_SIZE", _INVALID_QUANTITY, market_lot.min_quantity, market_lot.max_quantity, market_lot.step_size)
            if market_lot
            else None
        )
        self._most_parts = parts.limit if parts else None
        self._trailing = listing.filter(TrailingDelta)
        self.most_orders = _limit(listing.filter(MaxNumOrders))
        self.most_algos = _limit(listing.filter(MaxNumAlgoOrders))
        self.most_lists = _limit(listing.filter(MaxNumOrderLists))
        self.most_icebergs = _limit(listing.filter(MaxNumIcebergOrders))
        position = listing.filter(MaxPosition)
        self.most_position = position.max_position if position else None
        self._notionals = _notionals(listing)
        self._percents = _percents(listing)
        self.market_step = max(lot.step_size if lot else ZERO, market_lot.step_size if market_lot else ZERO)
        """The step of a market order's quantity, 0 for any."""

        features = listing.features
        self.takes_everything = (
            all((features.iceberg, features.trailing_stop, features.pegged, features.quote_quantity))
            and set(listing.order_types) == set(OrderType)
            and set(listing.self_trade_preventions) == set(SelfTradePrevention)
        )
        """True when no kind of order is refused as such."""

        self._permitted: dict[frozenset[str], bool] = {}

    def permits(self, permissions: frozenset[str]) -> bool:
        """Whether an account with these permissions may trade the symbol: it needs one of each set."""
        answer = self._permitted.get(permissions)
        if answer is None:
            if len(self._permitted) >= MOST_ANSWERS_KEPT:
                self._permitted.clear()
            answer = self._permitted[permissions] = all(permissions.intersection(any_of) for any_of in self.listing.permission_sets)
        return answer

    def check(self, order: NewOrder, average: AveragePrice, now_ms: int) -> None:
        """Raise for the first filter that forbids `order`; `average` is asked only when a filter needs it."""
        if order.price is not None:
            self._price.require(order.price)
            for percent in self._percents:
                percent.require(order.side, order.price, average(self.listing, percent.minutes, now_ms))
        if order.stop_price is not None:
            self._price.require(order.stop_price)
        if order.trailing_delta is not None and self._trailing is not None:
            _require_delta(order, order.trailing_delta, self._trailing)
        if order.quantity is not None:
            self.check_quantity(order.quantity, market=order.type is MARKET)
            if order.iceberg_quantity:
                self._require_parts(order.quantity, order.iceberg_quantity)
        for notional in self._notionals:
            notional.require(order, self.listing, average, now_ms)

    def check_quantity(self, quantity: Decimal, *, market: bool) -> None:
        """Raise when a quantity breaks a lot filter: the one asked for, or the one found for a quoteOrderQty."""
        self._lot.require(quantity)
        if market and self._market_lot is not None:
            self._market_lot.require(quantity)

    def whole_lots(self, quantity: Decimal, *, market: bool) -> Decimal:
        """As much of a quantity as keeps to the lot filters' largest values and steps."""
        whole = self._lot.whole(quantity)
        return self._market_lot.whole(whole) if market and self._market_lot is not None else whole

    def _require_parts(self, quantity: Decimal, part: Decimal) -> None:
        self._lot.require(part)
        whole, rest = divmod(quantity, part)
        if self._most_parts is not None and whole + bool(rest) > self._most_parts:
            raise filter_failure("ICEBERG_PARTS")


class _Value:
    """MIN_NOTIONAL or NOTIONAL."""

    __slots__ = ("_least", "_market_least", "_market_most", "_minutes", "_most", "_name")

    def __init__(self, name: str, least: Decimal, market_least: Decimal, most: Decimal, market_most: Decimal, minutes: int) -> None:
        self._name = name
        self._least, self._market_least = least, market_least
        self._most, self._market_most = most, market_most
        self._minutes = minutes

    def require(self, order: NewOrder, listing: Listing, average: AveragePrice, now_ms: int) -> None:
        price = order.price
        if price is not None:
            value = times(price, order.quantity or ZERO)
            if value < self._least or value > self._most:
                raise filter_failure(self._name)
            return
        if order.quote_quantity is not None:
            value = order.quote_quantity
        else:
            price = order.stop_price or average(listing, self._minutes, now_ms)
            if price is None:
                return
            value = times(price, order.quantity or ZERO)
        if value < self._market_least or value > self._market_most:
            raise filter_failure(self._name)


def _notionals(listing: Listing) -> tuple[_Value, ...]:
    least, both = listing.filter(MinNotional), listing.filter(Notional)
    found = []
    if least is not None:
        market_least = least.min_notional if least.applies_to_market else ZERO
        found.append(_Value("MIN_NOTIONAL", least.min_notional, market_least, _NO_VALUE, _NO_VALUE, least.average_minutes))
    if both is not None:
        most = both.max_notional if both.max_notional > 0 else _NO_VALUE
        market_least = both.min_notional if both.min_applies_to_market else ZERO
        market_most = most if both.max_applies_to_market else _NO_VALUE
        found.append(_Value("NOTIONAL", both.min_notional, market_least, most, market_most, both.average_minutes))
    return tuple(found)


_NO_VALUE = LARGEST * LARGEST


class _Percent:
    """PERCENT_PRICE or PERCENT_PRICE_BY_SIDE."""

    __slots__ = ("_bounds", "_middle", "_multipliers", "_name", "minutes")

    def __init__(self, name: str, bid: tuple[Decimal, Decimal], ask: tuple[Decimal, Decimal], minutes: int) -> None:
        self._name = name
        self._multipliers = {Side.BUY: bid, Side.SELL: ask}
        self.minutes = minutes
        self._middle: Decimal | None = None
        self._bounds: dict[Side, tuple[Decimal, Decimal]] = {}

    def require(self, side: Side, price: Decimal, middle: Decimal | None) -> None:
        if middle is None:
            return
        if middle != self._middle:
            self._middle = middle
            self._bounds = {each: (times(middle, down), times(middle, up)) for each, (down, up) in self._multipliers.items()}
        least, most = self._bounds[side]
        if price < least or price > most:
            raise filter_failure(self._name)


def _percents(listing: Listing) -> tuple[_Percent, ...]:
    plain, by_side = listing.filter(PercentPrice), listing.filter(PercentPriceBySide)
    found = []
    if plain is not None:
        both = (plain.multiplier_down, plain.multiplier_up)
        found.append(_Percent("PERCENT_PRICE", both, both, plain.average_minutes))
    if by_side is not None:
        bid = (by_side.bid_multiplier_down, by_side.bid_multiplier_up)
        ask = (by_side.ask_multiplier_down, by_side.ask_multiplier_up)
        found.append(_Percent("PERCENT_PRICE_BY_SIDE", bid, ask, by_side.average_minutes))
    return tuple(found)


def _limit(entry: MaxNumOrders | MaxNumAlgoOrders | MaxNumIcebergOrders | MaxNumOrderLists | None) -> int | None:
    return None if entry is None else entry.limit


def _require_delta(order: NewOrder, delta: int, bounds: TrailingDelta) -> None:
    """Stops of buys and targets of sells trigger above the market, the others below."""
    above = (order.type in STOP_LOSS_TYPES) is (order.side is BUY)
    least, most = (bounds.min_above, bounds.max_above) if above else (bounds.min_below, bounds.max_below)
    if not least <= delta <= most:
        raise filter_failure("TRAILING_DELTA")
