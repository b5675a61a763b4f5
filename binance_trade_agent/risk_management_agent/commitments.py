"""Commitments: money held back for orders, so that symbols reviewed one after another cannot spend it twice."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

from binance_trade_agent.domain.money import ZERO, times, total
from binance_trade_agent.domain.order import JournaledOrder, Side
from binance_trade_agent.domain.portfolio import PortfolioView
from binance_trade_agent.domain.risk import Reservation


def order_amount(quantity: Decimal, price: Decimal, taker_rate: Decimal) -> Decimal:
    """What buying `quantity` at `price` takes out of the account at most, fee included, in quote."""
    return times(times(quantity, price), 1 + taker_rate)


class Commitments:
    """Reservations of this process, and what the orders of a view bind besides.

    A reservation that is released goes on counting until the next pass: the view of this pass was frozen before the order filled
    and still shows its money as free. At most one order and the guards of one position are alive a symbol,
    so the size is bounded by the symbols traded.
    """

    def __init__(self, taker_rate: Decimal) -> None:
        self._taker_rate = taker_rate
        self._alive: dict[str, Reservation] = {}
        self._settled: dict[str, Reservation] = {}

    @property
    def alive(self) -> Mapping[str, Reservation]:
        """Reservations of orders whose fate is not known, by client order id."""
        return MappingProxyType(self._alive)

    def restore(self, open_orders: Sequence[JournaledOrder]) -> None:
        """Hold back again what unsettled orders of an earlier process may still take."""
        self._settled.clear()
        self._alive = {order.intent.client_order_id: self._of(order) for order in open_orders}

    def begin_pass(self) -> None:
        """A view has come that shows what settled orders have done."""
        self._settled.clear()

    def reserve(self, reservation: Reservation) -> None:
        """Hold back the amount of an approved order."""
        self._alive[reservation.client_order_id] = reservation

    def release(self, client_order_id: str) -> None:
        """The order's fate is known; an unknown id changes nothing."""
        reservation = self._alive.pop(client_order_id, None)
        if reservation is not None:
            self._settled[client_order_id] = reservation

    def unsettled_order(self, symbol: str, view: PortfolioView) -> str | None:
        """The order of `symbol` whose effect the view does not show yet, None when there is none. Protection that rests is none."""
        resting = {order.intent.client_order_id for order in view.open_orders if order.is_resting}
        for reservation in (*self._alive.values(), *self._settled.values()):
            if reservation.symbol == symbol and reservation.client_order_id not in resting:
                return reservation.client_order_id
        for order in view.open_orders:
            if order.intent.symbol == symbol and not order.is_resting:
                return order.intent.client_order_id
        return None

    def amount(self, view: PortfolioView) -> Decimal:
        """All that is held back on top of what `view` shows as spent, in quote.

        Orders in the view count with what they have left, because their fills are in the view's cash and positions already.
        """
        return total(held.quote_amount for held in self._held_back(view))

    def amounts(self, view: PortfolioView) -> Mapping[str, Decimal]:
        """The same by symbol."""
        amounts: dict[str, Decimal] = {}
        for held in self._held_back(view):
            amounts[held.symbol] = total((amounts.get(held.symbol, ZERO), held.quote_amount))
        return amounts

    def _held_back(self, view: PortfolioView) -> Iterable[Reservation]:
        return {**self._settled, **self._alive, **{order.intent.client_order_id: self._of(order) for order in view.open_orders}}.values()

    def _of(self, order: JournaledOrder) -> Reservation:
        intent = order.intent
        left = max(intent.quantity - order.executed_quantity, ZERO)
        price = max(intent.reference_price, intent.price or ZERO)
        amount = order_amount(left, price, self._taker_rate) if intent.side is Side.BUY else ZERO
        return Reservation(intent.client_order_id, intent.symbol, amount)
