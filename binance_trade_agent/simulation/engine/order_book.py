"""One symbol's resting orders of our accounts, in price-time priority."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import takewhile

from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.book_side import BookSide, Part
from binance_trade_agent.simulation.engine.liquidity import reaches
from binance_trade_agent.simulation.engine.records import ExchangeOrder


class OrderBook:
    """Both sides. A book that is refilled in the order of queue numbers has its old priorities."""

    def __init__(self) -> None:
        self._orders: dict[int, ExchangeOrder] = {}
        self.sides = {Side.BUY: BookSide(Side.BUY), Side.SELL: BookSide(Side.SELL)}

    def __len__(self) -> int:
        return len(self._orders)

    def __contains__(self, order_id: int) -> bool:
        return order_id in self._orders

    def add(self, order: ExchangeOrder) -> None:
        """Rest a new order."""
        self._orders[order.order_id] = order
        self.sides[order.side].put(order)

    def put(self, order: ExchangeOrder) -> None:
        """Put the new state of a resting order in its place, or at the back of its level when it got a new queue number."""
        order_id = order.order_id
        if self._orders[order_id].queue_number != order.queue_number:
            del self._orders[order_id]
        self._orders[order_id] = order
        self.sides[order.side].put(order)

    def drop(self, order: ExchangeOrder) -> bool:
        """Take an order out that is no longer open; False when it did not rest here."""
        if self._orders.pop(order.order_id, None) is None:
            return False
        self.sides[order.side].remove(order)
        return True

    def orders(self) -> tuple[ExchangeOrder, ...]:
        """All resting orders, in the order in which they joined."""
        return tuple(self._orders.values())

    def newest_first(self) -> Iterator[ExchangeOrder]:
        """All resting orders, the one that joined last first. The book must not change while this is read."""
        return reversed(self._orders.values())

    def queue(self, side: Side) -> Iterator[ExchangeOrder]:
        """The resting orders on `side` in price-time priority. The book must not change while this is read."""
        return self.sides[side].orders()

    def levels(self, side: Side) -> dict[Decimal, Decimal]:
        """Visible quantity by price on `side`, best first."""
        return self.sides[side].levels()

    def reached_by(self, side: Side, price: Decimal) -> list[ExchangeOrder]:
        """The resting orders on `side` that may trade at `price`, in priority."""
        return list(takewhile(lambda order: reaches(side, order.limit, price), self.queue(side)))

    def parts_reached_by(self, side: Side, price: Decimal) -> list[Part]:
        """What of the resting orders on `side` may trade at `price`, in priority, part by part where an order hides some of it."""
        return list(takewhile(lambda part: reaches(side, part[0].limit, price), self.sides[side].parts()))
