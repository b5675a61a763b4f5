"""Rulebook: all that the exchange allows and charges, in one place that the matching engine asks: listings, filters, commissions."""

from binance_trade_agent.simulation.engine.account_terms import AccountBook
from binance_trade_agent.simulation.engine.accounts import Accounts
from binance_trade_agent.simulation.engine.commissions import Commissions, Rates
from binance_trade_agent.simulation.engine.filter_prices import FilterPrices
from binance_trade_agent.simulation.engine.listings import Listings
from binance_trade_agent.simulation.engine.order_gate import OpenOrderCount, OpenOrders, OrderGate
from binance_trade_agent.simulation.engine.recent_trades import RecentTrades
from binance_trade_agent.simulation.markets.market import Market


class Rulebook:
    """`gate` says whether an order may come in, `commissions` what a trade costs; the rest may be changed while the exchange runs."""

    def __init__(self, market: Market, accounts: Accounts, rates: Rates, open_orders: OpenOrders, open_order_count: OpenOrderCount) -> None:
        self.listings = Listings(lambda: market.rules)
        self.terms = AccountBook()
        self.own_trades = RecentTrades()
        self.prices = FilterPrices(market, self.listings, self.own_trades)
        self.commissions = Commissions(rates, market, accounts, self.terms)
        self.gate = OrderGate(self.listings, self.terms, self.prices, accounts, open_orders, open_order_count)
