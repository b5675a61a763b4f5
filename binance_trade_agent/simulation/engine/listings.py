"""Listings: what is listed on the exchange at the moment, and what can be changed about it while it runs."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.listing import Listing, ReferenceCalculation, TradingStatus, listing_of
from binance_trade_agent.simulation.engine.symbol_checks import SymbolChecks
from binance_trade_agent.simulation.engine.symbol_filters import ExchangeFilter, SymbolFilter


class Listings:
    """Every symbol of `rules`, a market's, with what was changed since. Changes are not stored: a restarted exchange forgets them.

    `exchange_filters` bind every account over all symbols together.
    """

    def __init__(self, rules: Callable[[], Mapping[str, SymbolRules]], exchange_filters: Iterable[ExchangeFilter] = ()) -> None:
        self._rules = rules
        self.ranged: set[str] = set()
        """The symbols that may have an execution rule."""

        self._known: dict[str, tuple[SymbolRules, SymbolChecks]] = {}
        self.exchange_filters = tuple(exchange_filters)

    def all(self) -> list[Listing]:
        """Every symbol there is, in the market's order."""
        return [self.listing(symbol) for symbol in self._rules()]

    def listing(self, symbol: str) -> Listing:
        """One symbol; -1121 when there is none of this name."""
        return self.checks(symbol).listing

    def checks(self, symbol: str) -> SymbolChecks:
        """One symbol's listing with the figures of its filters prepared; -1121 when there is none of this name."""
        rules = self._rules().get(symbol)
        known = self._known.get(symbol)
        if known is not None and known[0] is rules:
            return known[1]
        if rules is None:
            raise refusals.invalid_symbol()
        return self._keep(rules, listing_of(rules))

    def is_trading(self, symbol: str) -> bool:
        """False while the symbol is stopped, or when there is none of this name."""
        return symbol in self._rules() and self.checks(symbol).listing.status is TradingStatus.TRADING

    def put(self, listing: Listing) -> None:
        """List a symbol in another way from now on; -1121 when the market has none of this name."""
        self._keep(self._rules_of(listing.symbol), listing)

    def set_status(self, symbol: str, status: TradingStatus) -> None:
        """Let the symbol trade from now on, or stop it; the engine must have been brought to the present."""
        self.put(replace(self.listing(symbol), status=status))

    def set_filter(self, symbol: str, new: SymbolFilter) -> None:
        """Put a filter in the place of the symbol's filter of the same kind, or add it."""
        self.put(self.listing(symbol).with_filter(new))

    def set_reference(self, symbol: str, reference: ReferenceCalculation | None) -> None:
        """Make the symbol's reference price in another way, or have none."""
        self.put(replace(self.listing(symbol), reference=reference))

    def _rules_of(self, symbol: str) -> SymbolRules:
        rules = self._rules().get(symbol)
        if rules is None:
            raise refusals.invalid_symbol()
        return rules

    def _keep(self, rules: SymbolRules, listing: Listing) -> SymbolChecks:
        checks = SymbolChecks(listing)
        if listing.price_range is not None:
            self.ranged.add(listing.symbol)
        self._known[listing.symbol] = (rules, checks)
        return checks
