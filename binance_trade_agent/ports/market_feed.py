"""MarketFeed: where the orchestrator gets one pass's snapshots, whatever serves them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol, TypeVar

from binance_trade_agent.domain.market import MarketSnapshot
from binance_trade_agent.domain.symbol_rules import SymbolRules

T = TypeVar("T")


class Batch(dict[str, T]):
    """Results by symbol; symbols that failed are missing here and have their error in `errors`."""

    def __init__(self, results: Mapping[str, T] | None = None, errors: Mapping[str, Exception] | None = None) -> None:
        super().__init__(results or {})
        self.errors: dict[str, Exception] = dict(errors or {})


class MarketFeed(Protocol):
    """Snapshots for a pass."""

    async def fetch_snapshots(self, symbols: Sequence[str]) -> Batch[MarketSnapshot]:
        """Price and closed candles of every symbol, fetched together; one bad symbol never spoils the others."""
        ...

    async def fetch_prices_batch(self, symbols: Sequence[str]) -> Batch[Decimal]:
        """Last prices by symbol."""
        ...

    async def fetch_rules(self, symbols: Sequence[str]) -> Mapping[str, SymbolRules]:
        """Trading rules by symbol, cached; unknown symbols are missing."""
        ...
