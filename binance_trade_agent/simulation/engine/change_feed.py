"""ChangeFeed: who wants to know of every change of the exchange, the moment it is durable."""

from collections.abc import Callable

from binance_trade_agent.simulation.engine.changes import ChangeSet

CommitListener = Callable[[ChangeSet, int], None]
"""Called with what one commit has written, and the engine's time, ms UTC.

The change set is emptied afterwards: a listener keeps the parts, not the set.
"""


class ChangeFeed:
    """Listeners of commits, called in the order in which they came; they must be quick and must not ask the engine to change."""

    def __init__(self) -> None:
        self._listeners: tuple[CommitListener, ...] = ()

    def subscribe(self, listener: CommitListener) -> None:
        """Call `listener` after every commit from now on."""
        self._listeners = (*self._listeners, listener)

    def unsubscribe(self, listener: CommitListener) -> None:
        """Call `listener` no more; ValueError when it is not called at all."""
        place = self._listeners.index(listener)
        self._listeners = self._listeners[:place] + self._listeners[place + 1 :]

    def publish(self, changes: ChangeSet, now_ms: int) -> None:
        """Tell everybody."""
        for listener in self._listeners:
            listener(changes, now_ms)
