"""MirrorMarket: the books and trades of a real exchange, as far as they were told, as a market to trade on (paper mode)."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import takewhile
from types import MappingProxyType

from msgspec.structs import replace

from binance_trade_agent.domain.money import floor_to_step
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.markets.market import Ladder, MarketCandle, Quote, TakerOrder

QUOTES_KEPT = 256
"""Books remembered per symbol, so that resting orders see each that came between two looks."""

TRADES_KEPT = 10_000
"""Taker orders remembered per symbol."""


class MirrorMarket:
    """The Market that a real exchange last showed; `update` and `trade` tell it. Candles are asked of the real exchange.

    What happened there while nobody looked is told late, so it happens here when it is told: a resting order is filled then, and no
    trade is lost to an engine whose time has already passed it.
    """

    def __init__(self, rules: Mapping[str, SymbolRules]) -> None:
        self._rules: Mapping[str, SymbolRules] = MappingProxyType({})
        self._quotes: dict[str, deque[Quote]] = {}
        self._trades: dict[str, deque[TakerOrder]] = {}
        self._walked_ms: dict[str, int] = {}
        self.list_more(rules)

    def list_more(self, rules: Mapping[str, SymbolRules]) -> None:
        """Have symbols that the real exchange has listed since, without prices yet; those that are known stay as they are."""
        new = {symbol: each for symbol, each in rules.items() if symbol not in self._rules}
        self._rules = MappingProxyType({**self._rules, **new})
        for symbol in new:
            self._quotes[symbol] = deque(maxlen=QUOTES_KEPT)
            self._trades[symbol] = deque(maxlen=TRADES_KEPT)
            self._walked_ms[symbol] = 0

    @property
    def rules(self) -> Mapping[str, SymbolRules]:
        """The trading rules of every symbol there is."""
        return self._rules

    @property
    def has_queues(self) -> bool:
        """True: the books are real, and so are the trades that are told."""
        return True

    def update(self, symbol: str, time_ms: int, bids: Sequence[tuple[Decimal, Decimal]], asks: Sequence[tuple[Decimal, Decimal]]) -> None:
        """Show a book, best level first, from `time_ms` on; KeyError for an unknown symbol.

        The price is the middle of the book, rounded down to the tick. A book that is empty on both sides says nothing of the price: it
        keeps the last one, and is ignored before the first.
        """
        quotes = self._quotes[symbol]
        newest = quotes[-1] if quotes else None
        best = [side[0][0] for side in (bids, asks) if side]
        if best:
            price = floor_to_step(sum(best, Decimal(0)) / len(best), self._rules[symbol].tick_size)
        elif newest is not None:
            price = newest.price
        else:
            return
        if newest is not None and time_ms <= newest.time_ms:
            # The same millisecond, or a clock that was set back: the newer book takes the place of the older one.
            time_ms = newest.time_ms
            quotes.pop()
        quotes.append(Quote(time_ms, price, Ladder(tuple(bids), tuple(asks))))

    def trade(self, symbol: str, time_ms: int, orders: Sequence[TakerOrder]) -> None:
        """Tell what was traded, oldest first, at `time_ms`, before the book of that time is told; KeyError for an unknown symbol."""
        trades = self._trades[symbol]
        time_ms = max(time_ms, self._walked_ms[symbol] + 1, trades[-1].time_ms if trades else 0)
        trades.extend(replace(order, time_ms=time_ms) for order in orders)

    def quote(self, symbol: str, time_ms: int) -> Quote | None:
        """The newest book that is not after `time_ms`; None before the first and for an unknown symbol."""
        return next((quote for quote in reversed(self._quotes.get(symbol, ())) if quote.time_ms <= time_ms), None)

    def quotes(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[Quote]:
        """Every remembered book with after_ms < time_ms <= until_ms, oldest first."""
        return iter([quote for quote in self._quotes.get(symbol, ()) if after_ms < quote.time_ms <= until_ms])

    def candles(
        self, symbol: str, interval_ms: int, *, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> Sequence[MarketCandle]:
        """None: in paper mode candles come from the real exchange."""
        return ()

    def taker_orders(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[TakerOrder]:
        """What was told with after_ms < time_ms <= until_ms, oldest first, of the last TRADES_KEPT."""
        trades = self._trades.get(symbol)
        if trades is None:
            return iter(())
        self._walked_ms[symbol] = max(self._walked_ms[symbol], until_ms)
        newest = list(takewhile(lambda order: order.time_ms > after_ms, reversed(trades)))
        return iter([order for order in reversed(newest) if order.time_ms <= until_ms])
