"""QueuePositions: how much of other people's quantity stands before each resting order at its price, and what their trades leave for it.

An order that comes to rest stands behind what is there. What stands before it shrinks by what is traded at its price, and never is more
than what the level shows; others who come later stand behind it. So a resting order is filled when its turn comes, not when its price is
touched.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal

from binance_trade_agent.domain.money import ZERO, total
from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.liquidity import opposite, reaches
from binance_trade_agent.simulation.engine.order_book import OrderBook
from binance_trade_agent.simulation.engine.records import ExchangeOrder
from binance_trade_agent.simulation.markets.market import TakerOrder

Fill = tuple[ExchangeOrder, Decimal]
"""A resting order and how much of it trades."""

LevelsOf = Callable[[Side], Iterable[tuple[Decimal, Decimal]]]
"""Other people's resting orders on a side as they are now, (price, quantity), best first."""

_FORGOTTEN_AT_LEAST = 64


class QueuePositions:
    """The positions of one symbol's resting orders, by queue number. They are not stored: after a restart an order stands last again."""

    def __init__(self) -> None:
        self._ahead: dict[int, Decimal | None] = {}  # None while the level has not been seen: the book did not reach so far

    def welcome(self, book: OrderBook, levels: LevelsOf) -> None:
        """Give every order that came to rest since the last call its place, behind what `levels` shows at its price."""
        for order in book.newest_first():
            if order.queue_number in self._ahead:
                break
            self._join(order, levels)
        if len(self._ahead) > 2 * len(book) + _FORGOTTEN_AT_LEAST:
            self._ahead = {
                order.queue_number: self._ahead[order.queue_number] for order in book.orders() if order.queue_number in self._ahead
            }

    def overtaken(self, book: OrderBook, side: Side, best: Decimal) -> None:
        """Nobody stands before the orders on `side` that are better than `best`, what others offer on that side at most."""
        for order in book.queue(side):
            if reaches(side, best, order.limit):
                return
            self._ahead[order.queue_number] = ZERO

    def reached(self, book: OrderBook, taker: TakerOrder, levels: LevelsOf, step: Decimal) -> list[Fill]:
        """What of `taker` comes to our resting orders, in priority and in whole steps (0: any amount).

        What it traded is all there is to be had: orders at better prices would have met it first, those at its price wait their turn.
        """
        side = Side.BUY if taker.is_buyer_maker else Side.SELL
        reached = book.reached_by(side, taker.price)
        left = total(taker.quantities)
        fills: list[Fill] = []
        passed = ZERO
        for order in reached:
            if order.limit == taker.price:
                before = max(self._place(order, levels) - passed, ZERO)
                eaten = min(before, left)
                passed += eaten
                left -= eaten
                self._ahead[order.queue_number] = before - eaten
            quantity = min(order.offered_quantity, left)
            if step:
                quantity -= quantity % step
            if quantity > 0:
                fills.append((order, quantity))
                left -= quantity
        return fills

    def _place(self, order: ExchangeOrder, levels: LevelsOf) -> Decimal:
        """What stands before the order: never more than its level shows."""
        shown = _quantity_at(levels(order.side), order.side, order.limit) or ZERO
        ahead = self._ahead.get(order.queue_number)
        return shown if ahead is None else min(ahead, shown)

    def _join(self, order: ExchangeOrder, levels: LevelsOf) -> None:
        self._ahead[order.queue_number] = _quantity_at(levels(order.side), order.side, order.limit)


def _quantity_at(levels: Iterable[tuple[Decimal, Decimal]], side: Side, price: Decimal) -> Decimal | None:
    """What rests at `price` on `side`; None when the levels end before it."""
    for level_price, quantity in levels:
        if level_price == price:
            return quantity
        if not reaches(opposite(side), price, level_price):
            return ZERO
    return None
