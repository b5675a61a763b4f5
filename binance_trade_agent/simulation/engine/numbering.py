"""Numbering: every number that the exchange counts itself, by symbol, and the client ids that it makes up."""

from collections.abc import Callable, Mapping
from hashlib import blake2s

from msgspec import Struct
from msgspec.structs import replace

PREFIX_BYTES = 6
"""An order's name is so many bytes that stand for seed, symbol and purpose, and its number, all of it in hexadecimal digits."""


class Counters(Struct, gc=False):
    """The last numbers of one symbol that were given away; `queue_number` is a place in the book, `book_changes` counts commits.

    `trade_id` counts the trades of accounts: their ids go on after those of the market's own trades.
    """

    order_id: int = 0
    trade_id: int = 0
    execution_id: int = 0
    prevented_match_id: int = 0
    queue_number: int = 0
    book_changes: int = 0


class _BySymbol(dict[str, Counters]):
    """Counters of every symbol; who is asked for the first time begins to count."""

    def __missing__(self, symbol: str) -> Counters:
        counters = self[symbol] = Counters()
        return counters


class Numbering:
    """All numbers count from 1 and go on where the history left off; trade ids count through those of the market, too.

    `market_trades` tells how many ids the market's own trades have used by a time.
    """

    def __init__(self, seed: int, market_trades: Callable[[str, int], int]) -> None:
        self._seed = seed
        self._market_trades = market_trades
        self.counters: dict[str, Counters] = _BySymbol()
        self._prefixes: dict[tuple[str, str], str] = {}

    def restore(self, counters: Mapping[str, Counters]) -> None:
        """Go on after what the history holds."""
        self.counters.update((symbol, replace(counted)) for symbol, counted in counters.items())

    def of(self, symbol: str) -> Counters:
        """The symbol's counters."""
        return self.counters[symbol]

    def take(self, symbol: str, order_id: int, queue_number: int) -> None:
        """Give these away, if they are not yet: those who ask before may be refused, and then they are somebody else's."""
        counters = self.counters[symbol]
        if order_id > counters.order_id:
            counters.order_id = order_id
        if queue_number > counters.queue_number:
            counters.queue_number = queue_number

    def next_trade_id(self, symbol: str, time_ms: int) -> int:
        """The id of a new trade, which both of its sides share."""
        counters = self.counters[symbol]
        earlier = counters.trade_id
        counters.trade_id += 1
        return max(self._market_trades(symbol, time_ms), 1) + earlier

    def trades(self, symbol: str) -> int:
        """How many trades of accounts there ever were on the symbol."""
        return self.of(symbol).trade_id

    def next_prevented_match_id(self, symbol: str) -> int:
        """The id of a match that self-trade prevention stopped."""
        counters = self.counters[symbol]
        counters.prevented_match_id += 1
        return counters.prevented_match_id

    def next_queue_number(self, symbol: str) -> int:
        """A place behind everybody who waits in the symbol's book."""
        counters = self.counters[symbol]
        counters.queue_number += 1
        return counters.queue_number

    def book_changes(self, symbol: str) -> int:
        """How often the accounts' orders have changed the symbol's book."""
        return self.of(symbol).book_changes

    def automatic_id(self, symbol: str, order_id: int, purpose: str) -> str:
        """A client order id for an order or a cancel that came without one; the same for the same seed and order."""
        prefix = self._prefixes.get((symbol, purpose))
        if prefix is None:
            prefix = blake2s(f"{self._seed}:{purpose}:{symbol}".encode(), digest_size=PREFIX_BYTES).hexdigest()
            self._prefixes[(symbol, purpose)] = prefix
        return f"{prefix}{order_id:010x}"
