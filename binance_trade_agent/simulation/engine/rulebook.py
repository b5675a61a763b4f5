"""Rulebook: all that the exchange allows and charges, in one place that the matching engine asks: listings, filters, commissions."""

from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.account_terms import AccountBook
from binance_trade_agent.simulation.engine.accounts import Accounts
from binance_trade_agent.simulation.engine.commissions import Commissions, Rates
from binance_trade_agent.simulation.engine.execution_range import ExecutionRange
from binance_trade_agent.simulation.engine.filter_prices import FilterPrices, LastPrice
from binance_trade_agent.simulation.engine.listing import TradingStatus
from binance_trade_agent.simulation.engine.listings import Listings
from binance_trade_agent.simulation.engine.order_gate import OpenOrderCount, OpenOrders, OrderGate
from binance_trade_agent.simulation.engine.recent_trades import RecentTrades
from binance_trade_agent.simulation.engine.records import NewOrder
from binance_trade_agent.simulation.engine.refusals import refused
from binance_trade_agent.simulation.engine.symbol_filters import MaxNumOrderAmends
from binance_trade_agent.simulation.markets.market import Market


class Rulebook:
    """`gate` says whether an order may come in, `commissions` what a trade costs; the rest may be changed while the exchange runs."""

    def __init__(
        self,
        market: Market,
        accounts: Accounts,
        rates: Rates,
        open_orders: OpenOrders,
        open_order_count: OpenOrderCount,
        last_price: LastPrice,
    ) -> None:
        self.listings = Listings(lambda: market.rules)
        self.terms = AccountBook()
        self.own_trades = RecentTrades()
        self.prices = FilterPrices(market, self.own_trades, last_price)
        self.commissions = Commissions(rates, market, accounts, self.terms)
        self.gate = OrderGate(self.listings, self.terms, self.prices, accounts, open_orders, open_order_count)

    def execution_range(self, symbol: str, side: Side, now_ms: int) -> ExecutionRange | None:
        """Between which prices an order that takes now may trade; None without such a rule, or without a reference price to hold it to."""
        if symbol not in self.listings.ranged:
            return None
        listing = self.listings.listing(symbol)
        if listing.price_range is None:
            return None
        reference = self.prices.reference(listing, now_ms)
        return None if reference is None else ExecutionRange(listing.price_range, side, reference)

    def require_price(self, order: NewOrder, now_ms: int) -> None:
        """Raise -1013 when the symbol's filters forbid an order at a price that became known only now."""
        self.listings.checks(order.symbol).check(order, self.prices.average, now_ms)

    def require_amendable(self, order: NewOrder, amended_before: int, now_ms: int) -> None:
        """Raise when the symbol does not allow to amend, not so often, or not to what `order` would be then."""
        listing = self.listings.listing(order.symbol)
        if not listing.features.amend:
            raise refused(-1013, "Order amend is not supported for this symbol.")
        if listing.status not in {TradingStatus.TRADING, TradingStatus.CANCEL_ONLY}:
            raise refused(-1013, "Market is closed.")
        most = listing.filter(MaxNumOrderAmends)
        if most is not None and amended_before >= most.limit:
            raise refused(-2038, "Filter failure: MAX_NUM_ORDER_AMENDS")
        self.require_price(order, now_ms)
