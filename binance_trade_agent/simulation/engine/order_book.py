"""One symbol's resting orders of our accounts, in price-time priority."""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.liquidity import reaches
from binance_trade_agent.simulation.engine.records import ExchangeOrder


class OrderBook:
    """Open orders by id, by client id, and by price level; within a level, orders that came first stand first.

    Order ids grow with time, so a book that is refilled in the order of ids has its old priorities.
    """

    def __init__(self) -> None:
        self._orders: dict[int, ExchangeOrder] = {}
        self._ids_by_client: dict[tuple[int, str], int] = {}
        self._counts: Counter[int] = Counter()
        self._levels: dict[Side, dict[Decimal, dict[int, None]]] = {Side.BUY: {}, Side.SELL: {}}
        # Sort keys, best first: the price for asks, its negative for bids.
        self._keys: dict[Side, list[Decimal]] = {Side.BUY: [], Side.SELL: []}

    def __len__(self) -> int:
        return len(self._orders)

    def add(self, order: ExchangeOrder) -> None:
        """Rest a new order behind all others at its price."""
        levels = self._levels[order.side]
        if order.price not in levels:
            levels[order.price] = {}
            insort(self._keys[order.side], _key(order.side, order.price))
        levels[order.price][order.order_id] = None
        self._orders[order.order_id] = order
        self._ids_by_client[(order.account_id, order.client_order_id)] = order.order_id
        self._counts[order.account_id] += 1

    def update(self, order: ExchangeOrder) -> None:
        """Put the new state of a resting order in its place, or take it out when it is no longer open."""
        if order.is_open:
            self._orders[order.order_id] = order
            return
        del self._orders[order.order_id]
        del self._ids_by_client[(order.account_id, order.client_order_id)]
        self._counts[order.account_id] -= 1
        level = self._levels[order.side][order.price]
        del level[order.order_id]
        if not level:
            del self._levels[order.side][order.price]
            keys = self._keys[order.side]
            del keys[bisect_left(keys, _key(order.side, order.price))]

    def get(self, order_id: int) -> ExchangeOrder | None:
        """The open order with this id."""
        return self._orders.get(order_id)

    def by_client_order_id(self, account_id: int, client_order_id: str) -> ExchangeOrder | None:
        """The account's open order with this client id."""
        order_id = self._ids_by_client.get((account_id, client_order_id))
        return None if order_id is None else self._orders[order_id]

    def count(self, account_id: int) -> int:
        """How many open orders the account has here."""
        return self._counts[account_id]

    def orders(self) -> tuple[ExchangeOrder, ...]:
        """All open orders, oldest first."""
        return tuple(self._orders.values())

    def newest_first(self) -> Iterator[ExchangeOrder]:
        """All open orders, the one that came to rest last first. The book must not change while this is read."""
        return reversed(self._orders.values())

    def queue(self, side: Side) -> Iterator[ExchangeOrder]:
        """The resting orders on `side` in price-time priority. The book must not change while this is read."""
        levels = self._levels[side]
        for key in self._keys[side]:
            for order_id in levels[_price(side, key)]:
                yield self._orders[order_id]

    def levels(self, side: Side) -> dict[Decimal, Decimal]:
        """Resting quantity by price on `side`, best first."""
        result = {}
        for key in self._keys[side]:
            price = _price(side, key)
            result[price] = sum((self._orders[order_id].remaining_quantity for order_id in self._levels[side][price]), Decimal(0))
        return result

    def reached_by(self, side: Side, price: Decimal) -> list[ExchangeOrder]:
        """The resting orders on `side` that may trade at `price`, in priority."""
        keys = self._keys[side]
        if not keys or not reaches(side, _price(side, keys[0]), price):
            return []
        found = []
        for order in self.queue(side):
            if not reaches(side, order.price, price):
                break
            found.append(order)
        return found


def _key(side: Side, price: Decimal) -> Decimal:
    return -price if side is Side.BUY else price


def _price(side: Side, key: Decimal) -> Decimal:
    return -key if side is Side.BUY else key
