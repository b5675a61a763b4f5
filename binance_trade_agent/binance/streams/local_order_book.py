"""LocalOrderBook: one symbol's book kept from depth events and a snapshot, by the exchange's procedure with all its checks. Pure, no I/O.

Source: web-socket-streams.md, "How to manage a local order book correctly".
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final

from binance_trade_agent.binance.streams.events import DepthEvent
from binance_trade_agent.domain.market import BookLevel, OrderBook
from binance_trade_agent.domain.stream_facts import BookLoss

MOST_LEVELS: Final = 5_000
MOST_BUFFERED_EVENTS: Final = 2_000
MOST_BUFFERED_LEVELS: Final = 200_000

_MOST_WHOLE_DIGITS: Final = 20


class SnapshotFate(StrEnum):
    """What a snapshot was good for.

    `IN_SYNC`: the book follows from it. `TOO_OLD`: events came after it that are not held; ask for another one. `AWAITS_EVENT`: it is
    kept until an event shows whether it joins on. `REFUSED`: it, or an event after it, holds a level that cannot be, or crosses the sides.
    """

    IN_SYNC = "in_sync"
    TOO_OLD = "too_old"
    AWAITS_EVENT = "awaits_event"
    REFUSED = "refused"


class LocalOrderBook:
    """The levels of one symbol.

    When a side of the snapshot was cut off at its limit, or more than `most_levels` are known, levels beyond the worst one held may
    exist and are not kept: what is held is then the complete book down to that price, and no further.
    """

    def __init__(self, symbol: str, *, most_levels: int = MOST_LEVELS) -> None:
        self.symbol = symbol
        self._bids = _Side(most_levels, is_bid=True)
        self._asks = _Side(most_levels, is_bid=False)
        self._update_id: int | None = None
        self._is_in_sync = False
        self._buffer: deque[DepthEvent] = deque()
        self._buffered_levels = 0

    @property
    def is_in_sync(self) -> bool:
        """Whether the book is the exchange's as of `last_update_id`."""
        return self._is_in_sync

    @property
    def is_waiting_for_snapshot(self) -> bool:
        """Whether nothing can go on without a snapshot."""
        return self._update_id is None

    @property
    def has_events(self) -> bool:
        """Whether an event was buffered, against which a snapshot can be judged."""
        return bool(self._buffer)

    @property
    def last_update_id(self) -> int | None:
        """The update that the book stands at; None while it is not in sync."""
        return self._update_id if self._is_in_sync else None

    @property
    def best_bid(self) -> BookLevel | None:
        """The highest bid; None while out of sync or when there is none."""
        return self._bids.best() if self._is_in_sync else None

    @property
    def best_ask(self) -> BookLevel | None:
        """The lowest ask; None while out of sync or when there is none."""
        return self._asks.best() if self._is_in_sync else None

    @property
    def known_levels(self) -> int:
        """How many levels are sure on the side that has fewer of them; `most_levels` when all there are is known."""
        return min(self._bids.known(), self._asks.known())

    def top(self, levels: int) -> OrderBook | None:
        """The best `levels` of each side; None while out of sync."""
        if self._update_id is None or not self._is_in_sync:
            return None
        return OrderBook(self.symbol, self._update_id, self._bids.top(levels), self._asks.top(levels))

    def restart(self) -> None:
        """Forget everything; events are buffered until a snapshot comes."""
        self._is_in_sync = False
        self._update_id = None
        self._empty_buffer()
        self._bids.clear()
        self._asks.clear()

    def apply(self, event: DepthEvent) -> BookLoss | None:
        """Take the next event of the symbol's depth stream; a loss means that the book starts over and needs a new snapshot.

        An event that begins after a gap is the first one of the new start.
        """
        if self._update_id is None:
            return self._keep(event)
        loss = self._advance(event)
        if loss is not None:
            self.restart()
            if loss is BookLoss.GAP:
                self._append(event)
        return loss

    def load(self, snapshot: OrderBook, limit: int) -> SnapshotFate:
        """Start from `snapshot`, which was asked for with `limit` levels a side after events had begun to come."""
        self._is_in_sync = False
        if self._buffer and snapshot.last_update_id < self._buffer[0].first_update_id:
            return SnapshotFate.TOO_OLD
        bids = ((level.price, level.quantity) for level in snapshot.bids)
        asks = ((level.price, level.quantity) for level in snapshot.asks)
        if not (self._bids.fill(bids, limit) and self._asks.fill(asks, limit)) or self._is_crossed():
            self._bids.clear()
            self._asks.clear()
            return SnapshotFate.REFUSED
        self._update_id = snapshot.last_update_id
        if not self._buffer:
            return SnapshotFate.AWAITS_EVENT
        self._is_in_sync = True  # the first event began at or before the snapshot, so nothing lies between them
        buffered = tuple(self._buffer)
        self._empty_buffer()
        for event in buffered:
            self.apply(event)
        return SnapshotFate.IN_SYNC if self._is_in_sync else SnapshotFate.REFUSED

    def _keep(self, event: DepthEvent) -> BookLoss | None:
        """Buffer an event until a snapshot comes; what is buffered follows without a hole."""
        loss = None
        if self._buffer:
            last_id = self._buffer[-1].final_update_id
            if event.final_update_id <= last_id:
                return None
            if event.first_update_id > last_id + 1:
                loss = BookLoss.GAP
            elif len(self._buffer) >= MOST_BUFFERED_EVENTS or self._buffered_levels > MOST_BUFFERED_LEVELS:
                loss = BookLoss.TOO_MANY_EVENTS
        if loss is not None:
            self._empty_buffer()
        self._append(event)
        return loss

    def _append(self, event: DepthEvent) -> None:
        self._buffer.append(event)
        self._buffered_levels += len(event.bids) + len(event.asks)

    def _empty_buffer(self) -> None:
        self._buffer.clear()
        self._buffered_levels = 0

    def _advance(self, event: DepthEvent) -> BookLoss | None:
        update_id = self._update_id
        if update_id is None or event.final_update_id <= update_id:
            return None
        if event.first_update_id > update_id + 1:
            return BookLoss.GAP
        if not (self._bids.change(event.bids) and self._asks.change(event.asks)):
            return BookLoss.INVALID_LEVEL
        if self._is_crossed():
            return BookLoss.CROSSED
        self._update_id = event.final_update_id
        self._is_in_sync = True
        return None

    def _is_crossed(self) -> bool:
        bid, ask = self._bids.best_price(), self._asks.best_price()
        return bid is not None and ask is not None and bid >= ask


class _Side:
    """Levels of one side: quantities by price, and the prices in a sorted list.

    Keys are prices with the sign that puts the best one last, where lists are cheap to change: prices of bids, negated prices of asks
    (by `copy_negate`, since a minus rounds to the context's precision).
    `horizon` is the key from which on the side is complete; None when it is complete altogether.
    """

    def __init__(self, most_levels: int, *, is_bid: bool) -> None:
        self._most_levels = most_levels
        self._is_bid = is_bid
        self._quantities: dict[Decimal, Decimal] = {}
        self._keys: list[Decimal] = []
        self._horizon: Decimal | None = None

    def clear(self) -> None:
        """Forget all levels."""
        self._quantities.clear()
        self._keys.clear()
        self._horizon = None

    def known(self) -> int:
        """How many levels from the best one on are sure."""
        return self._most_levels if self._horizon is None else len(self._keys)

    def best(self) -> BookLevel | None:
        """The best level."""
        return self._level(self._keys[-1]) if self._keys else None

    def best_price(self) -> Decimal | None:
        """The best level's price."""
        if not self._keys:
            return None
        return self._keys[-1] if self._is_bid else self._keys[-1].copy_negate()

    def top(self, levels: int) -> tuple[BookLevel, ...]:
        """The best `levels`, best first."""
        return tuple(self._level(key) for key in self._keys[: -levels - 1 : -1])

    def fill(self, levels: Iterable[tuple[Decimal, Decimal]], limit: int) -> bool:
        """Replace all levels by those of a snapshot; False when one of them cannot be."""
        self.clear()
        for price, quantity in levels:
            if not (_is_amount(price) and _is_amount(quantity) and price and quantity):
                return False
            self._quantities[price if self._is_bid else price.copy_negate()] = quantity
        self._keys = sorted(self._quantities)
        if len(self._keys) >= limit:
            self._horizon = self._keys[0]
        self._trim()
        return True

    def change(self, levels: Sequence[tuple[str, str]]) -> bool:
        """Set the quantities of these prices, as an event gives them; False when one of them cannot be."""
        for price_text, quantity_text in levels:
            try:
                price, quantity = Decimal(price_text), Decimal(quantity_text)
            except InvalidOperation:
                return False
            if not (_is_amount(price) and _is_amount(quantity) and price):
                return False
            self._set(price if self._is_bid else price.copy_negate(), quantity)
        self._trim()
        return True

    def _set(self, key: Decimal, quantity: Decimal) -> None:
        if self._horizon is not None and key < self._horizon:
            return
        if not quantity:
            if self._quantities.pop(key, None) is not None:
                del self._keys[bisect_left(self._keys, key)]
            return
        if key not in self._quantities:
            insort(self._keys, key)
        self._quantities[key] = quantity

    def _trim(self) -> None:
        excess = len(self._keys) - self._most_levels
        if excess > 0:
            for key in self._keys[:excess]:
                del self._quantities[key]
            del self._keys[:excess]
            self._horizon = self._keys[0]

    def _level(self, key: Decimal) -> BookLevel:
        return BookLevel(key if self._is_bid else key.copy_negate(), self._quantities[key])


def _is_amount(value: Decimal) -> bool:
    return value.is_finite() and not value.is_signed() and value.adjusted() < _MOST_WHOLE_DIGITS
