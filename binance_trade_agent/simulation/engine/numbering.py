"""Numbering: every number that the exchange counts itself, by symbol, and the client ids that it makes up."""

from collections import Counter
from collections.abc import Iterable
from hashlib import blake2s

from binance_trade_agent.simulation.history.store import StoredState

CLIENT_ID_BYTES = 11


class Numbering:
    """Order and trade ids count from 1 and go on where the store left off; executions and book changes go on somewhere behind it."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._order_ids: Counter[str] = Counter()
        self._trade_ids: Counter[str] = Counter()
        self._executions: Counter[str] = Counter()
        self._book_changes: Counter[str] = Counter()
        self._prevented_match_id = 0

    def restore(self, state: StoredState) -> None:
        """Go on after what the store holds."""
        self._order_ids.update(state.last_order_ids)
        self._trade_ids.update(state.last_trade_ids)
        # No less than ever were counted: an order begins and ends once, a trade has two sides, and every commit holds one of these.
        for symbol in state.last_order_ids:
            self._executions[symbol] = 2 * (self._order_ids[symbol] + self._trade_ids[symbol])
            self._book_changes[symbol] = 2 * self._order_ids[symbol] + self._trade_ids[symbol]
        self._prevented_match_id = state.last_prevented_match_id

    def next_order_id(self, symbol: str) -> int:
        """The id of a new order."""
        self._order_ids[symbol] += 1
        return self._order_ids[symbol]

    def next_trade_id(self, symbol: str) -> int:
        """The id of a new trade, which both of its sides share."""
        self._trade_ids[symbol] += 1
        return self._trade_ids[symbol]

    def next_execution_id(self, symbol: str) -> int:
        """The id of the next thing that happens to any order of the symbol."""
        self._executions[symbol] += 1
        return self._executions[symbol]

    def next_prevented_match_id(self) -> int:
        """The id of a match that self-trade prevention stopped."""
        self._prevented_match_id += 1
        return self._prevented_match_id

    def count_book_changes(self, symbols: Iterable[str]) -> None:
        """One more change of each of these books."""
        self._book_changes.update(symbols)

    def book_changes(self, symbol: str) -> int:
        """How often the accounts' orders have changed the symbol's book."""
        return self._book_changes[symbol]

    def automatic_id(self, symbol: str, order_id: int, purpose: str) -> str:
        """A client order id for an order or a cancel that came without one; the same for the same seed and order."""
        return blake2s(f"{self._seed}:{purpose}:{symbol}:{order_id}".encode(), digest_size=CLIENT_ID_BYTES).hexdigest()
