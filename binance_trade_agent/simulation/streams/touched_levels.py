"""TouchedLevels: which price levels the accounts' own orders have touched since somebody last looked.

A level that came and went between two looks differs from neither, but a snapshot taken meanwhile shows it: a depth event has to name it.
"""

from decimal import Decimal

from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.change_feed import ChangeFeed
from binance_trade_agent.simulation.engine.changes import ChangeSet

Levels = set[tuple[Side, Decimal]]


class TouchedLevels:
    """Sets of levels by symbol, filled by every commit while somebody watches; each watcher empties its own."""

    def __init__(self, feed: ChangeFeed) -> None:
        self._feed = feed
        self._watches: dict[str, list[Levels]] = {}

    def watch(self, symbol: str) -> Levels:
        """A set that is filled from now on; emptying it is up to the caller."""
        if not self._watches:
            self._feed.subscribe(self._note)
        levels: Levels = set()
        self._watches.setdefault(symbol, []).append(levels)
        return levels

    def unwatch(self, symbol: str, levels: Levels) -> None:
        """Fill `levels` no more."""
        left = [other for other in self._watches[symbol] if other is not levels]
        if left:
            self._watches[symbol] = left
            return
        del self._watches[symbol]
        if not self._watches:
            self._feed.unsubscribe(self._note)

    def _note(self, changes: ChangeSet, now_ms: int) -> None:
        for order in changes.orders.values():
            for levels in self._watches.get(order.symbol, ()):
                levels.add((order.side, order.price))
        for symbol, taken in changes.taken.items():
            for levels in self._watches.get(symbol, ()):
                levels.update(taken.taken)
