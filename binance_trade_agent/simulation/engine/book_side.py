"""BookSide: the resting orders of one side of a book, by price and, at one price, in the order in which they joined."""

from bisect import bisect_left, insort
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
        self._levels: dict[Decimal, dict[int, ExchangeOrder]] = {}

    def put(self, order: ExchangeOrder) -> None:
        """Let an order join its level, or put its new state in the place of the old one."""
        price = order.limit
        level = self._levels.get(price)
        if level is None:
            level = self._levels[price] = {}
            insort(self._prices, price)
        before = level.get(order.order_id)
        if before is not None and before.queue_number != order.queue_number:
            del level[order.order_id]
        level[order.order_id] = order

    def remove(self, order: ExchangeOrder) -> None:
        """Take an order out."""
        price = order.limit
        level = self._levels[price]
        del level[order.order_id]
        if not level:
            del self._levels[price]
            del self._prices[bisect_left(self._prices, price)]

    def best(self) -> Decimal | None:
        """The price of the best level, None when there is none."""
        if not self._prices:
            return None
        return self._prices[-1] if self._is_bid else self._prices[0]

    def first(self) -> ExchangeOrder:
        """Whose turn it is first; there must be somebody."""
        return next(iter(self._levels[self._prices[-1] if self._is_bid else self._prices[0]].values()))

    def orders(self) -> Iterator[ExchangeOrder]:
        """In price-time priority."""
        for price in self._best_first():
            yield from self._levels[price].values()

    def parts(self) -> Iterator[Part]:
        """What trades, one after the other: of icebergs what is visible, and at the end of their level what was hidden, part by part."""
        for price in self._best_first():
            hidden: list[Part] = []
            for order in self._levels[price].values():
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
        return {price: sum((o.offered_quantity for o in self._levels[price].values()), ZERO) for price in self._best_first()}

    def _best_first(self) -> Iterator[Decimal]:
        return reversed(self._prices) if self._is_bid else iter(self._prices)


def _next_part(order: ExchangeOrder, rest: Decimal) -> Decimal:
    return rest if order.iceberg_quantity is None else min(order.iceberg_quantity, rest)
