"""ExecutionRange: between which prices one taker may trade, by the execution rule PRICE_RANGE (faqs/price_range_execution_rules.md)."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from binance_trade_agent.domain.money import times
from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.listing import PriceRange
from binance_trade_agent.simulation.engine.matching import Offer


class ExecutionRange:
    """The bounds of one taker phase, set when it begins; `is_exceeded` once an offer beyond them stood next. None is no bound."""

    def __init__(self, rule: PriceRange, side: Side, reference: Decimal) -> None:
        up, down = (rule.bid_up, rule.bid_down) if side is Side.BUY else (rule.ask_up, rule.ask_down)
        self._most = None if up is None else times(reference, up)
        self._least = None if down is None else times(reference, down)
        self.is_exceeded = False

    def within(self, found: Iterable[Offer]) -> Iterator[Offer]:
        """The offers up to the first that lies beyond the bounds."""
        for offer in found:
            price = offer[0]
            if (self._most is not None and price > self._most) or (self._least is not None and price < self._least):
                self.is_exceeded = True
                return
            yield offer
