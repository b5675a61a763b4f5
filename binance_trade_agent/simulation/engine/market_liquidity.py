"""What the market still offers: each symbol's present ladder less what our exchange's own orders have eaten of it."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from binance_trade_agent.domain.order import Side
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine.changes import ChangeSet
from binance_trade_agent.simulation.engine.liquidity import TakenLiquidity, levels_of
from binance_trade_agent.simulation.markets.market import Quote


class MarketLiquidity:
    """Taken liquidity of every symbol; what is eaten is forgotten with the next quote. Every bite is noted in the change set."""

    def __init__(self, changes: ChangeSet) -> None:
        self._changes = changes
        self._taken: dict[str, TakenLiquidity] = {}

    def restore(self, taken: Mapping[str, TakenLiquidity]) -> None:
        """Take over what the store holds."""
        self._taken.update(taken)

    def is_touched(self, symbol: str, quote: Quote | None) -> bool:
        """True when something of this quote was eaten."""
        taken = self._taken.get(symbol)
        return quote is not None and taken is not None and taken.quote_time_ms == quote.time_ms

    def left(self, rules: SymbolRules, quote: Quote | None, side: Side) -> Iterator[tuple[Decimal, Decimal]]:
        """Price and quantity of the ladder's levels on `side` that are still there, best first."""
        if quote is None:
            return iter(())
        return self._since(rules.symbol, quote).left(levels_of(quote.ladder, side), side, rules.step_size)

    def as_now(self, rules: SymbolRules, quote: Quote | None, side: Side) -> Callable[[], Iterator[tuple[Decimal, Decimal]]]:
        """`left`, the same at every call, whatever is eaten meanwhile."""
        if quote is None:
            return lambda: iter(())
        present = self._since(rules.symbol, quote)
        kept = TakenLiquidity(present.quote_time_ms, dict(present.taken))
        return lambda: kept.left(levels_of(quote.ladder, side), side, rules.step_size)

    def take(self, symbol: str, quote: Quote, side: Side, price: Decimal, quantity: Decimal) -> None:
        """Remember that `quantity` of the level on `side` was eaten."""
        taken = self._since(symbol, quote)
        taken.take(side, price, quantity)
        self._taken[symbol] = self._changes.taken[symbol] = taken

    def _since(self, symbol: str, quote: Quote) -> TakenLiquidity:
        taken = self._taken.get(symbol)
        return taken if taken is not None and taken.quote_time_ms == quote.time_ms else TakenLiquidity(quote.time_ms)
