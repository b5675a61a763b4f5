"""Shortage: somebody was faster: of what an order could have traded with, other people have taken the most just before it came."""

from collections.abc import Callable
from decimal import Decimal

from binance_trade_agent.domain.money import ZERO, times
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine.amounts import QUANTUM
from binance_trade_agent.simulation.engine.liquidity import opposite, reaches
from binance_trade_agent.simulation.engine.market_liquidity import MarketLiquidity
from binance_trade_agent.simulation.engine.records import ExchangeOrder
from binance_trade_agent.simulation.markets.market import Quote

ShareOf = Callable[[str], Decimal | None]
"""By symbol: how much of what it wants the next order finds, from 0 to 1; None when nobody is faster."""


class Shortage:
    """Takes from the market's ladder; resting orders of accounts stay where they are. `share_of` is None while nobody is ever faster."""

    def __init__(self, liquidity: MarketLiquidity) -> None:
        self._liquidity = liquidity
        self.share_of: ShareOf | None = None

    def strike(self, order: ExchangeOrder, rules: SymbolRules, quote: Quote | None) -> None:
        """Leave to `order`, which is about to trade, no more than its share of the ladder, as far as its limit if it has one."""
        share = None if self.share_of is None else self.share_of(order.symbol)
        if share is None or quote is None:
            return
        side, limit, left = opposite(order.side), order.limit, None
        for price, quantity in tuple(self._liquidity.left(rules, quote, side)):
            if limit and not reaches(order.side, limit, price):
                return
            if left is None:
                left = self._share(order, share, price, rules.step_size or QUANTUM)
            kept = min(quantity, left)
            left -= kept
            if quantity > kept:
                self._liquidity.take(order.symbol, quote, side, price, quantity - kept)

    @staticmethod
    def _share(order: ExchangeOrder, share: Decimal, price: Decimal, step: Decimal) -> Decimal:
        """In base and in whole steps; what is wanted in quote is reckoned at the best price."""
        wanted = order.original_quote_quantity
        part = times(share, wanted) // times(price, step) if wanted else times(share, order.remaining_quantity) // step
        return max(part * step, ZERO)
