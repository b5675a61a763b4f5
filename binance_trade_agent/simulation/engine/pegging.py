"""Pegged orders: which price of the book a pegged order enters it with (faqs/pegged_orders.md).

The price is taken once, when the order enters the book, and does not move with it afterwards. An offset counts existing price levels
deeper into the book: 1 is the one behind the best.
"""

from decimal import Decimal

from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.liquidity import opposite
from binance_trade_agent.simulation.engine.terms import PegPriceType
from binance_trade_agent.simulation.markets.market import Levels


def pegged_side(side: Side, peg: PegPriceType) -> Side:
    """The side of the book whose prices count for an order on `side`."""
    return side if peg is PegPriceType.PRIMARY_PEG else opposite(side)


def pegged_price(levels: Levels, offset: int | None) -> Decimal:
    """The price of the level that is `offset` behind the best of `levels`; -2010 when the book does not reach so far."""
    depth = offset or 0
    if depth >= len(levels):
        raise refusals.rejected("Order book liquidity is too low for this pegged order.")
    return levels[depth][0]
