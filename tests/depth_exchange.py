"""A model of an exchange's order book: every update has an id, depth events tell ranges of them, snapshots may be of the past."""

from decimal import Decimal
from random import Random

from binance_trade_agent.binance.streams.events import DepthEvent
from binance_trade_agent.domain.market import BookLevel, OrderBook

Levels = dict[Decimal, Decimal]
MIDDLE = 1_000


class DepthExchange:
    """Bids lie below 1,000 and asks above; each update sets or removes one level."""

    def __init__(self, chance: Random, *, levels: int = 12) -> None:
        self._chance = chance
        self._spread = levels
        self.update_id = chance.randrange(1, 10_000)
        self.bids: Levels = {}
        self.asks: Levels = {}
        self.history: dict[int, tuple[Levels, Levels]] = {}
        for _ in range(2 * levels):
            self._update()
        self._event_from = self.update_id + 1

    def _update(self) -> tuple[bool, Decimal]:
        is_bid = self._chance.random() < 0.5
        offset = self._chance.randrange(1, self._spread * 2)
        price = Decimal(MIDDLE - offset if is_bid else MIDDLE + offset).scaleb(-2)
        side = self.bids if is_bid else self.asks
        if price in side and self._chance.random() < 0.4:
            del side[price]
        else:
            side[price] = Decimal(self._chance.randrange(1, 10**8)).scaleb(-8)
        self.update_id += 1
        self.history[self.update_id] = dict(self.bids), dict(self.asks)
        return is_bid, price

    def event(self, updates: int) -> DepthEvent:
        """The next `updates` updates as one event, prices and quantities as text with eight decimals."""
        first = self.update_id + 1
        touched = dict.fromkeys(self._update() for _ in range(updates))
        sides: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
        for is_bid, price in touched:
            quantity = (self.bids if is_bid else self.asks).get(price, Decimal(0))
            sides[0 if is_bid else 1].append((f"{price:.8f}", f"{quantity:.8f}"))
        return DepthEvent(1, "BTCUSDT", first, self.update_id, tuple(sides[0]), tuple(sides[1]))

    def snapshot(self, limit: int, *, updates_ago: int = 0) -> OrderBook:
        """The best levels as they were some updates ago."""
        update_id = max(min(self.history), self.update_id - updates_ago)
        return self.book_at(update_id, limit)

    def book_at(self, update_id: int, limit: int) -> OrderBook:
        bids, asks = self.history[update_id]
        return OrderBook(
            "BTCUSDT",
            update_id,
            tuple(BookLevel(price, bids[price]) for price in sorted(bids, reverse=True)[:limit]),
            tuple(BookLevel(price, asks[price]) for price in sorted(asks)[:limit]),
        )
