"""OrderGate: whether the exchange takes an order of an account at all, before the matching engine sees it."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from binance_trade_agent.domain.money import ZERO, times
from binance_trade_agent.simulation.engine.account_terms import AccountBook, AccountTerms
from binance_trade_agent.simulation.engine.accounts import Accounts
from binance_trade_agent.simulation.engine.filter_prices import FilterPrices
from binance_trade_agent.simulation.engine.listing import Listing, TradingStatus
from binance_trade_agent.simulation.engine.listings import Listings
from binance_trade_agent.simulation.engine.records import NOT_YET, ExchangeOrder, NewOrder
from binance_trade_agent.simulation.engine.refusals import filter_failure, not_valid, refused, rejected
from binance_trade_agent.simulation.engine.symbol_checks import SymbolChecks
from binance_trade_agent.simulation.engine.symbol_filters import (
    ExchangeMaxNumAlgoOrders,
    ExchangeMaxNumIcebergOrders,
    ExchangeMaxNumOrderLists,
    ExchangeMaxNumOrders,
)
from binance_trade_agent.simulation.engine.terms import BUY, CONDITIONAL_TYPES, OrderType

OpenOrders = Callable[[int, str | None], Iterable[ExchangeOrder]]
"""An account's open orders on a symbol, or on all."""

OpenOrderCount = Callable[[int, str], int]

_TRADING = TradingStatus.TRADING

# errors.md, "Messages for -1010 ERROR_MSG_RECEIVED, -2010 NEW_ORDER_REJECTED, ...".
_UNSUPPORTED = {
    OrderType.LIMIT: "Limit orders are not supported for this symbol.",
    OrderType.LIMIT_MAKER: "Limit maker orders are not supported for this symbol.",
    OrderType.MARKET: "Market orders are not supported for this symbol.",
    OrderType.STOP_LOSS: "Stop loss orders are not supported for this symbol.",
    OrderType.STOP_LOSS_LIMIT: "Stop loss limit orders are not supported for this symbol.",
    OrderType.TAKE_PROFIT: "Take profit orders are not supported for this symbol.",
    OrderType.TAKE_PROFIT_LIMIT: "Take profit limit orders are not supported for this symbol.",
}


class OrderGate:
    """Symbol status, permissions, kinds of orders, filters. Raises ExchangeRefusedError; an order that passes has left no trace."""

    def __init__(
        self,
        listings: Listings,
        terms: AccountBook,
        prices: FilterPrices,
        accounts: Accounts,
        open_orders: OpenOrders,
        open_order_count: OpenOrderCount,
    ) -> None:
        self._listings = listings
        self._terms = terms
        self._prices = prices
        self._accounts = accounts
        self._open_orders = open_orders
        self._open_order_count = open_order_count

    def check(self, account_id: int, order: NewOrder, now_ms: int) -> SymbolChecks:
        """Everything that is asked of one order; gives back what was prepared of its symbol."""
        checks = self.check_alone(account_id, order, now_ms)
        algos, icebergs = int(order.type in CONDITIONAL_TYPES), int(bool(order.iceberg_quantity))
        self._require_room(account_id, checks, 1, algos, icebergs)
        return checks

    def check_alone(self, account_id: int, order: NewOrder, now_ms: int) -> SymbolChecks:
        """Everything that is asked of an order but how many are open beside it."""
        checks = self._listings.checks(order.symbol)
        listing = checks.listing
        if listing.status is not _TRADING:
            raise refused(-1013, "Market is closed.")
        terms = self._terms.of(account_id)
        if not terms.may_trade:
            raise rejected("This account may not place or cancel orders.")
        if not checks.permits(terms.permissions):
            raise rejected("This symbol is not permitted for this account.")
        if not checks.takes_everything:
            _require_supported(order, listing)
        checks.check(order, self._prices.average, now_ms)
        if terms.asset_limits:
            self._require_within_asset_limits(terms, listing, order, now_ms)
        if checks.most_position is not None and order.side is BUY:
            self._require_position(account_id, listing, order, checks.most_position)
        return checks

    def check_list(self, account_id: int, orders: Sequence[NewOrder], now_ms: int) -> SymbolChecks:
        """Everything that is asked of the orders of one new list, and of the list itself; gives back what was prepared of its symbol.

        An order without a quantity can only be judged once the working one has paid for it (faqs/opo.md).
        """
        for order in orders:
            if order.quantity is not None:
                checks = self.check_alone(account_id, order, now_ms)
        algos = sum(order.type in CONDITIONAL_TYPES for order in orders)
        icebergs = sum(bool(order.iceberg_quantity) for order in orders)
        self._require_room(account_id, checks, len(orders), algos, icebergs)
        most = checks.most_lists
        if most is not None and self._lists(account_id, checks.listing.symbol) >= most:
            raise filter_failure("MAX_NUM_ORDER_LISTS")
        for entry in self._listings.exchange_filters:
            if isinstance(entry, ExchangeMaxNumOrderLists) and self._lists(account_id, None) >= entry.limit:
                raise filter_failure("EXCHANGE_MAX_NUM_ORDER_LISTS")
        return checks

    def _require_room(self, account_id: int, checks: SymbolChecks, orders: int, algos: int, icebergs: int) -> None:
        symbol = checks.listing.symbol
        if checks.most_orders is not None and self._open_order_count(account_id, symbol) + orders > checks.most_orders:
            raise filter_failure("MAX_NUM_ORDERS")
        if algos and checks.most_algos is not None and self._algos(account_id, symbol) + algos > checks.most_algos:
            raise filter_failure("MAX_NUM_ALGO_ORDERS")
        if icebergs and checks.most_icebergs is not None and self._icebergs(account_id, symbol) + icebergs > checks.most_icebergs:
            raise filter_failure("MAX_NUM_ICEBERG_ORDERS")
        if self._listings.exchange_filters:
            self._require_room_everywhere(account_id, orders, algos, icebergs)

    def _require_room_everywhere(self, account_id: int, orders: int, algos: int, icebergs: int) -> None:
        for entry in self._listings.exchange_filters:
            match entry:
                case ExchangeMaxNumOrders(limit) if len(list(self._open_orders(account_id, None))) + orders > limit:
                    raise filter_failure("EXCHANGE_MAX_NUM_ORDERS")
                case ExchangeMaxNumAlgoOrders(limit) if algos and self._algos(account_id, None) + algos > limit:
                    raise filter_failure("EXCHANGE_MAX_NUM_ALGO_ORDERS")
                case ExchangeMaxNumIcebergOrders(limit) if icebergs and self._icebergs(account_id, None) + icebergs > limit:
                    raise filter_failure("EXCHANGE_MAX_NUM_ICEBERG_ORDERS")

    def _algos(self, account_id: int, symbol: str | None) -> int:
        return sum(order.type in CONDITIONAL_TYPES for order in self._open_orders(account_id, symbol))

    def _icebergs(self, account_id: int, symbol: str | None) -> int:
        return sum(bool(order.iceberg_quantity) for order in self._open_orders(account_id, symbol))

    def _lists(self, account_id: int, symbol: str | None) -> int:
        """A list is open as long as one of its orders is."""
        return len({order.order_list_id for order in self._open_orders(account_id, symbol)} - {NOT_YET})

    def _require_position(self, account_id: int, listing: Listing, order: NewOrder, most: Decimal) -> None:
        """What the account holds, what its open buys may bring, and what this one may bring."""
        held = self._accounts.held(account_id, listing.base_asset)
        coming = sum((each.remaining_quantity for each in self._open_orders(account_id, listing.symbol) if each.side is BUY), ZERO)
        if held + coming + (order.quantity or ZERO) > most:
            raise filter_failure("MAX_POSITION")

    def _require_within_asset_limits(self, terms: AccountTerms, listing: Listing, order: NewOrder, now_ms: int) -> None:
        limits = terms.asset_limits
        quantity = order.quantity
        if quantity is not None and quantity > limits.get(listing.base_asset, quantity):
            raise filter_failure("MAX_ASSET")
        most_value = limits.get(listing.quote_asset)
        if most_value is not None and self._value(order, now_ms) > most_value:
            raise filter_failure("MAX_ASSET")

    def _value(self, order: NewOrder, now_ms: int) -> Decimal:
        if order.quote_quantity is not None:
            return order.quote_quantity
        price = order.price or order.stop_price or self._prices.last(order.symbol, now_ms) or ZERO
        return times(price, order.quantity or ZERO)


def _require_supported(order: NewOrder, listing: Listing) -> None:
    features = listing.features
    if order.type not in listing.order_types:
        raise refused(-1013, _UNSUPPORTED[order.type])
    if order.iceberg_quantity and not features.iceberg:
        raise refused(-1013, "Iceberg orders are not supported for this symbol.")
    if order.trailing_delta is not None and not features.trailing_stop:
        raise refused(-1013, "Trailing stop orders are not supported for this symbol.")
    if order.peg_price_type is not None and not features.pegged:
        raise refused(-1013, "Pegged orders are not supported for this symbol.")
    if order.quote_quantity is not None and not features.quote_quantity:
        # As errors.md spells it.
        raise refused(-1013, "Quote order qty market orders are not support for this symbol.")
    if order.self_trade_prevention is not None and order.self_trade_prevention not in listing.self_trade_preventions:
        raise not_valid("selfTradePreventionMode")
