"""What is left of a market's ladder after our exchange's own orders have eaten from it: the same quote cannot be eaten twice."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.terms import BUY, SELL
from binance_trade_agent.simulation.markets.market import Ladder, Levels


def opposite(side: Side) -> Side:
    """The side that `side` trades with."""
    return SELL if side is BUY else BUY


def reaches(side: Side, limit: Decimal, price: Decimal) -> bool:
    """True when an order on `side` with `limit` may trade at `price`."""
    return price <= limit if side is BUY else price >= limit


def levels_of(ladder: Ladder, side: Side) -> Levels:
    """The ladder's resting orders on `side` (BUY means bids), best first."""
    return ladder.bids if side is BUY else ladder.asks


@dataclass(slots=True)
class TakenLiquidity:
    """Quantities taken from one symbol's ladder since the quote of `quote_time_ms`, by resting side and price."""

    quote_time_ms: int
    taken: dict[tuple[Side, Decimal], Decimal] = field(default_factory=dict)

    def left(self, levels: Levels, side: Side, step: Decimal) -> Iterator[tuple[Decimal, Decimal]]:
        """The levels on `side` with what is still there, in whole steps (0: any amount), best first; empty levels are left out."""
        for price, quantity in levels:
            rest = quantity - self.taken.get((side, price), ZERO)
            if step:
                rest -= rest % step
            if rest > 0:
                yield price, rest

    def take(self, side: Side, price: Decimal, quantity: Decimal) -> None:
        """Remember that `quantity` was eaten."""
        key = (side, price)
        self.taken[key] = self.taken.get(key, ZERO) + quantity
