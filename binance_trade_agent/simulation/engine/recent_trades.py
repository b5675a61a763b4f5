"""RecentTrades: the prices of the accounts' newest trades, which count in a reference price beside those of the market."""

from collections import deque
from collections.abc import Iterator
from decimal import Decimal

from binance_trade_agent.simulation.engine.changes import ChangeSet
from binance_trade_agent.simulation.engine.history import Archive, Span, StoredState

MOST_KEPT = 10_000
"""Per symbol; of more than so many trades within a reference price's window the oldest do not count."""

RESTORED_MS = 600_000
"""How far back the trades are looked for that count again after a restart; the usual window of a reference price is ten seconds."""


class RecentTrades:
    """Time and price by symbol, each trade once, although two accounts may have a side of it. A listener of the engine's commits."""

    def __init__(self) -> None:
        self._trades: dict[str, deque[tuple[int, Decimal]]] = {}
        self._last_ids: dict[str, int] = {}

    def restore(self, state: StoredState, archive: Archive) -> None:
        """Go on after what the history holds, and with nothing else.

        These are the trades of its last RESTORED_MS, and of each symbol at least the newest one.
        """
        self._trades.clear()
        self._last_ids.clear()
        since_ms = state.walked_ms - RESTORED_MS
        for symbol, (price, time_ms) in state.last_trades.items():
            found: dict[int, tuple[int, Decimal]] = {}
            if time_ms >= since_ms:
                for account_id in state.accounts.values():
                    # The newest ones: a span with a beginning would give the oldest.
                    trades = archive.trades(account_id, symbol, Span(limit=MOST_KEPT))
                    found.update((trade.trade_id, (trade.time_ms, trade.price)) for trade in trades if trade.time_ms >= since_ms)
            kept = [found[trade_id] for trade_id in sorted(found)] or [(time_ms, price)]
            self._trades[symbol] = deque(kept, maxlen=MOST_KEPT)

    def on_commit(self, changes: ChangeSet, now_ms: int) -> None:
        """Remember the trades of one commit."""
        for trade in changes.trades:
            symbol = trade.symbol
            if self._last_ids.get(symbol) == trade.trade_id:
                continue
            self._last_ids[symbol] = trade.trade_id
            kept = self._trades.get(symbol)
            if kept is None:
                kept = self._trades[symbol] = deque(maxlen=MOST_KEPT)
            kept.append((trade.time_ms, trade.price))

    def since(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[tuple[int, Decimal]]:
        """Time and price of the trades with after_ms < time_ms <= until_ms, newest first."""
        for time_ms, price in reversed(self._trades.get(symbol, ())):
            if time_ms <= after_ms:
                return
            if time_ms <= until_ms:
                yield time_ms, price
