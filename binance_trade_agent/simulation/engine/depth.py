"""Depth: the whole book as everybody sees it: what is left of the market's ladder, and the visible orders of our accounts."""

from collections.abc import Callable

from binance_trade_agent.domain.order import Side
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine.liquidity import levels_of
from binance_trade_agent.simulation.engine.market_liquidity import MarketLiquidity
from binance_trade_agent.simulation.engine.order_book import OrderBook
from binance_trade_agent.simulation.engine.visible_levels import VisibleLevels
from binance_trade_agent.simulation.markets.market import Ladder, Levels, Quote

NO_MARKET = Ladder(bids=(), asks=())


class Depth:
    """The visible book of any symbol; `book` gives the orders that rest there."""

    def __init__(self, liquidity: MarketLiquidity, book: Callable[[str], OrderBook]) -> None:
        self._liquidity = liquidity
        self._book = book

    def ladder(self, rules: SymbolRules, quote: Quote | None) -> Ladder:
        """Both sides, best first."""
        return Ladder(bids=self.levels(rules, quote, Side.BUY), asks=self.levels(rules, quote, Side.SELL))

    def levels(self, rules: SymbolRules, quote: Quote | None, side: Side) -> Levels:
        """One side, best first."""
        book = self._book(rules.symbol)
        if not book and not self._liquidity.is_touched(rules.symbol, quote):
            return levels_of(quote.ladder if quote else NO_MARKET, side)
        return VisibleLevels(side, self._liquidity.as_now(rules, quote, side), book.levels(side))
