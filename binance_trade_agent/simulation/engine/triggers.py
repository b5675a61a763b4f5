"""Triggers: the conditional orders of one symbol that wait for the price, and which of them a price sets off.

Source: rest-api.md, "New order": a stop loss to buy and a take profit to sell wait for the price to rise to their stop price, the other
two for it to fall; with a trailing delta the stop price only begins to follow the price.
"""

from bisect import bisect_left, bisect_right, insort
from decimal import Decimal

from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.records import ExchangeOrder
from binance_trade_agent.simulation.engine.terms import STOP_LOSS_TYPES
from binance_trade_agent.simulation.engine.trailing import followed, following_from, has_turned

_Entry = tuple[Decimal, int]


def waits_for_rise(order: ExchangeOrder) -> bool:
    """True when the order's stop price is reached from below."""
    return (order.type in STOP_LOSS_TYPES) is (order.side is Side.BUY)


def is_stop_reached(order: ExchangeOrder, price: Decimal) -> bool:
    """True when `price` meets the condition of the order's stop price."""
    stop = order.stop_price
    return stop is not None and (price >= stop if waits_for_rise(order) else price <= stop)


class Triggers:
    """Stop prices in order of nearness, and the trailing stops that follow the price already."""

    def __init__(self) -> None:
        self._waiting: dict[int, ExchangeOrder] = {}
        self._rising: list[_Entry] = []  # stop price and order id, the nearest first
        self._falling: list[_Entry] = []  # the same with the price negated
        self._following: dict[int, None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, order_id: int) -> bool:
        return order_id in self._waiting

    def put(self, order: ExchangeOrder) -> None:
        """Let an order wait, or put its new state in its place."""
        self.remove(order.order_id)
        self._waiting[order.order_id] = order
        if _follows(order):
            self._following[order.order_id] = None
        else:
            queue, entry = self._place(order)
            insort(queue, entry)

    def remove(self, order_id: int) -> None:
        """Let an order wait no more, if it does."""
        order = self._waiting.pop(order_id, None)
        if order is None:
            return
        if _follows(order):
            del self._following[order_id]
        else:
            queue, entry = self._place(order)
            del queue[bisect_left(queue, entry)]

    def see(self, price: Decimal, time_ms: int) -> tuple[list[ExchangeOrder], list[ExchangeOrder]]:
        """What `price` sets off, in order, and taken out; and the trailing stops that it has only moved on, in their new state."""
        set_off: list[ExchangeOrder] = []
        moved: list[ExchangeOrder] = []
        followers = sorted(self._following)
        for order in self._reached(price):
            self.remove(order.order_id)
            if order.trailing_delta is None:
                set_off.append(order)
            else:
                moved.append(following_from(order, price, time_ms))
        for order_id in followers:
            order = self._waiting[order_id]
            if has_turned(order, price):
                self.remove(order_id)
                set_off.append(order)
            elif order.trailing_price is None:
                moved.append(following_from(order, price, time_ms))
            else:
                after = followed(order, price)
                if after is not order:
                    moved.append(after)
        for order in moved:
            self.put(order)
        return set_off, moved

    def _reached(self, price: Decimal) -> list[ExchangeOrder]:
        rising = self._rising[: bisect_right(self._rising, price, key=_stop)]
        falling = self._falling[: bisect_right(self._falling, -price, key=_stop)]
        return [self._waiting[order_id] for _, order_id in rising + falling]

    def _place(self, order: ExchangeOrder) -> tuple[list[_Entry], _Entry]:
        stop = order.stop_price or ZERO
        return (self._rising, (stop, order.order_id)) if waits_for_rise(order) else (self._falling, (-stop, order.order_id))


def _follows(order: ExchangeOrder) -> bool:
    return order.trailing_price is not None or order.stop_price is None


def _stop(entry: _Entry) -> Decimal:
    return entry[0]
