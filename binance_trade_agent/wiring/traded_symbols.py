"""TradedSymbols: the one object that knows which symbols are traded and how: what is chosen, and what is only sold.

What is only sold follows from the book each time it is asked: whatever is held, or has an order that has not ended, and is not chosen. So
nothing of it has to be remembered over a restart, and a position that turns up late is found, too.
"""

import asyncio
from collections.abc import Collection, Iterable
from decimal import Decimal

from binance_trade_agent.async_market_data_agent import AsyncMarketDataAgent
from binance_trade_agent.domain.symbol_facts import SymbolsTraded
from binance_trade_agent.portfolio_manager import PortfolioManager
from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.reconciler import Reconciler
from binance_trade_agent.risk_management_agent import RiskManagementAgent
from binance_trade_agent.settings import Settings
from binance_trade_agent.settings.choices import SymbolSelection
from binance_trade_agent.wiring.symbol_choice import Survey


class TradedSymbols:
    """Tells the stations of every change: risk what it must not buy, the reconciler what to watch, the market agent what to forget.

    It begins with the symbols of the settings; where these were named they stay as they are. `moved` is set whenever others are traded.
    """

    def __init__(
        self,
        settings: Settings,
        portfolio: PortfolioManager,
        risk: RiskManagementAgent,
        reconciler: Reconciler,
        market: AsyncMarketDataAgent,
        observer: Observer,
    ) -> None:
        self._portfolio = portfolio
        self._risk = risk
        self._reconciler = reconciler
        self._market = market
        self._observer = observer
        self._sells_leavers = settings.symbol_selection is not SymbolSelection.STATIC
        self._unlisted: frozenset[str] = frozenset()
        self.chosen = settings.trading_symbols
        self.exits_only: tuple[str, ...] = ()
        self.stranded: tuple[str, ...] = ()
        """Held, not chosen, and not listed by the exchange, so that it cannot even be sold; it is watched."""
        self.moved = asyncio.Event()

    @property
    def symbols(self) -> tuple[str, ...]:
        """All that passes go over: what is chosen, then what is only sold."""
        return (*self.chosen, *self.exits_only)

    @property
    def held(self) -> frozenset[str]:
        """Symbols with something to be sold, or with an order that has not ended."""
        positions = self._portfolio.view().positions
        waiting = {order.intent.symbol for order in self._portfolio.open_orders()}
        return frozenset(
            waiting | {symbol for symbol in self._portfolio.held_symbols if not self._is_flat(symbol, positions[symbol].quantity)}
        )

    async def expect(self, chosen: Iterable[str], *, looked_at: Collection[str]) -> None:
        """Before `chosen` are traded: have the trade lists begun anew of those that are neither held nor among `looked_at`.

        What was traded there by hand meanwhile is in the balances, and is none of our positions. Raises ExchangeError or BookError.
        """
        ours = {*looked_at, *self.held}
        await self._reconciler.begin(symbol for symbol in chosen if symbol not in ours)

    def begin(self) -> None:
        """Tell how trading begins; what the exchange lists is known as far as the book knows its rules."""
        self._unlisted = frozenset(symbol for symbol in self.held if self._portfolio.rules_of(symbol) is None)
        told = self._settle(self.chosen, self.chosen)
        if not self.moved.is_set():
            self._tell(told, ())
        self.moved.clear()  # streams are opened for them

    def look(self) -> tuple[str, ...]:
        """The symbols of the next pass: what was only sold and has nothing left is dropped, what has turned up in the book is added."""
        if self._sells_leavers and self._beside() != tuple(sorted((*self.exits_only, *self.stranded))):
            self._settle(self.chosen, self.symbols)
        return self.symbols

    def choose(self, found: Survey) -> SymbolsTraded:
        """Trade what was chosen from now on. The caller sees to it that no pass is under way."""
        chosen_before, traded_before, held = self.chosen, self.symbols, self.held
        self.chosen = found.selection.symbols
        self._unlisted = held - found.listed.keys()
        ours = {*self.chosen, *held}
        self._portfolio.set_rules({symbol: rules for symbol, rules in found.listed.items() if symbol in ours})
        return self._settle(chosen_before, traded_before)

    def _beside(self) -> tuple[str, ...]:
        return tuple(sorted(self.held.difference(self.chosen)))

    def _settle(self, chosen_before: tuple[str, ...], traded_before: tuple[str, ...]) -> SymbolsTraded:
        """Sort out what is held beside the choice, and tell everybody what is otherwise than before."""
        closing_before, stranded_before = self.exits_only, self.stranded
        beside = self._beside() if self._sells_leavers else ()
        self.exits_only = tuple(symbol for symbol in beside if symbol not in self._unlisted)
        self.stranded = tuple(symbol for symbol in beside if symbol in self._unlisted)
        told = SymbolsTraded(
            self.chosen,
            self.exits_only,
            self.stranded,
            joined=tuple(symbol for symbol in self.chosen if symbol not in chosen_before),
            left=tuple(sorted(set(chosen_before).difference(self.chosen))),
            closing=tuple(symbol for symbol in self.exits_only if symbol not in closing_before),
            lost=tuple(symbol for symbol in self.stranded if symbol not in stranded_before),
            dropped=tuple(sorted({*traded_before, *stranded_before}.difference(self.symbols, self.stranded))),
        )
        # Held apart, because what was the last of the chosen and is the first that is only sold leaves `symbols` as they were.
        if (chosen_before, closing_before, stranded_before) != (self.chosen, self.exits_only, self.stranded):
            self._tell(told, beside)
            self.moved.set()
        return told

    def _tell(self, told: SymbolsTraded, beside: tuple[str, ...]) -> None:
        if self._sells_leavers:
            self._risk.only_sell(beside)
            self._reconciler.watch((*self.chosen, *beside))
            self._market.keep_only(self.symbols)
        self._observer.observe(told)

    def _is_flat(self, symbol: str, quantity: Decimal) -> bool:
        rules = self._portfolio.rules_of(symbol)
        return quantity <= 0 if rules is None else rules.is_too_little_to_sell(quantity)
