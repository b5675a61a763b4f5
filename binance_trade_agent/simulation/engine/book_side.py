"""BookSide: the resting orders of one side of a book, by price and, at one price, in the order in which they joined."""

from bisect import bisect_left
from collections.abc import Iterator
from decimal import Decimal

from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.records import ExchangeOrder

Part = tuple[ExchangeOrder, Decimal]
"""A resting order and how much of it trades before the next in line has its turn."""


class BookSide:
    """Levels of orders. An order that got a new queue number goes to the back of its level. It must not change while it is read."""

    def __init__(self, side: Side) -> None:
        self._is_bid = side is Side.BUY
        self._prices: list[Decimal] = []  # ascending
        self._levels: list[dict[int, ExchangeOrder]] = []  # one a price
        self._best = -1 if self._is_bid else 0

    def put(self, order: ExchangeOrder) -> None:
        """Let an order join its level, or put its new state in the place of the old one."""
        price = order.limit
        place = self._place(price)
        if place < len(self._prices) and self._prices[place] == price:
            level = self._levels[place]
            before = level.get(order.order_id)
            if before is not None and before.queue_number != order.queue_number:
                del level[order.order_id]
            level[order.order_id] = order
        else:
            self._prices.insert(place, price)
            self._levels.insert(place, {order.order_id: order})

    def remove(self, order: ExchangeOrder) -> None:
        """Take an order out."""
        place = self._place(order.limit)
        level = self._levels[place]
        del level[order.order_id]
        if not level:
            del self._levels[place], self._prices[place]

    def _place(self, price: Decimal) -> int:
        """Where a price is, or belongs. Most are the best, and to compare some is quicker than to hash one: a Decimal's hash is slow."""
        prices = self._prices
        if prices and prices[self._best] == price:
            return len(prices) - 1 if self._is_bid else 0
        return bisect_left(prices, price)

    def best(self) -> Decimal | None:
        """The price of the best level, None when there is none."""
        if not self._prices:
            return None
        return self._prices[self._best]

    def first(self) -> ExchangeOrder:
        """Whose turn it is first; there must be somebody."""
        return next(iter(self._levels[self._best].values()))

    def orders(self) -> Iterator[ExchangeOrder]:
        """In price-time priority."""
        for level in self._best_first():
            yield from level.values()

    def parts(self) -> Iterator[Part]:
        """What trades, one after the other: of icebergs what is visible, and at the end of their level what was hidden, part by part."""
        for level in self._best_first():
            hidden: list[Part] = []
            for order in level.values():
                remaining, visible = order.remaining_quantity, order.visible_quantity
                if visible is None:
                    yield order, remaining
                else:
                    yield order, visible
                    hidden.append((order, remaining - visible))
            while hidden:
                yield from ((order, _next_part(order, rest)) for order, rest in hidden if rest > 0)
                hidden = [(order, rest - _next_part(order, rest)) for order, rest in hidden if rest > 0]

    def levels(self) -> dict[Decimal, Decimal]:
        """Visible quantity by price, best first."""
        each = zip(self._prices, self._levels, strict=True)
        found = reversed(list(each)) if self._is_bid else each
        return {price: sum((order.offered_quantity for order in level.values()), ZERO) for price, level in found}

    def _best_first(self) -> Iterator[dict[int, ExchangeOrder]]:
        return reversed(self._levels) if self._is_bid else iter(self._levels)


def _next_part(order: ExchangeOrder, rest: Decimal) -> Decimal:
    return rest if order.iceberg_quantity is None else min(order.iceberg_quantity, rest)
