"""OpenLists: every open order list, the newest state of each of its orders, and which lists have news."""

from collections.abc import Iterable

from binance_trade_agent.simulation.engine.list_records import OrderList
from binance_trade_agent.simulation.engine.records import ExchangeOrder, ExchangeTrade


class OpenLists:
    """Is told of every state of every order that belongs to a list; whoever acts on that asks for the news."""

    def __init__(self) -> None:
        self._lists: dict[int, OrderList] = {}
        self._ids: dict[int, dict[int, None]] = {}  # by account, ascending
        self._orders: dict[int, dict[int, ExchangeOrder]] = {}
        self._received: dict[int, list[ExchangeTrade]] = {}
        self._news: dict[int, None] = {}
        self._last_id = -1

    @property
    def next_id(self) -> int:
        """The id of the next list, which it gets once it is put."""
        return self._last_id + 1

    @property
    def has_news(self) -> bool:
        """True while an order of a list has changed and nobody has looked at the list since."""
        return bool(self._news)

    def restore(self, last_id: int, lists: Iterable[tuple[OrderList, Iterable[ExchangeOrder]]]) -> None:
        """Go on where the history left off, and with nothing else."""
        self._last_id = last_id
        for kept in (self._lists, self._ids, self._orders, self._received, self._news):
            kept.clear()
        for order_list, orders in lists:
            self.put(order_list)
            self._orders[order_list.order_list_id] = {order.order_id: order for order in orders}

    def put(self, order_list: OrderList) -> None:
        """Take in a new list, or the new state of one; its orders come by `see`."""
        self._last_id = max(self._last_id, order_list.order_list_id)
        self._lists[order_list.order_list_id] = order_list
        self._ids.setdefault(order_list.account_id, {})[order_list.order_list_id] = None
        self._orders.setdefault(order_list.order_list_id, {})

    def remove(self, order_list: OrderList) -> None:
        """Forget a list that is finished."""
        list_id = order_list.order_list_id
        del self._lists[list_id]
        del self._ids[order_list.account_id][list_id]
        del self._orders[list_id]
        self._received.pop(list_id, None)
        self._news.pop(list_id, None)

    def withdraw(self, order_list: OrderList) -> None:
        """Forget the newest list, because one of its orders was refused; its id is free again."""
        self.remove(order_list)
        self._last_id = order_list.order_list_id - 1

    def see(self, order: ExchangeOrder, trade: ExchangeTrade | None = None) -> None:
        """The newest state of an order that says it belongs to a list, and the trade that brought it there."""
        order_list = self._lists.get(order.order_list_id)
        if order_list is None:
            return
        self._orders[order.order_list_id][order.order_id] = order
        self._news[order.order_list_id] = None
        if trade is not None and order_list.working_pays and order.order_id == order_list.working_id:
            self._received.setdefault(order.order_list_id, []).append(trade)

    def next_news(self) -> tuple[OrderList, dict[int, ExchangeOrder]]:
        """A list that has news, which it has no more after this, and its orders by id; KeyError when there is none."""
        list_id = next(iter(self._news))
        del self._news[list_id]
        return self._lists[list_id], self._orders[list_id]

    def take_received(self, order_list: OrderList) -> list[ExchangeTrade]:
        """The trades by which the working order of the list has brought in something since this was asked last, if that one pays."""
        return self._received.pop(order_list.order_list_id, [])

    def orders(self, order_list: OrderList) -> dict[int, ExchangeOrder]:
        """The orders of an open list by id."""
        return self._orders[order_list.order_list_id]

    def get(self, order_list_id: int) -> OrderList | None:
        """The open list with this id."""
        return self._lists.get(order_list_id)

    def by_client_order_id(self, account_id: int, client_order_id: str) -> OrderList | None:
        """The account's open list with this client id."""
        return next((each for each in self.of_account(account_id) if each.client_order_id == client_order_id), None)

    def of_account(self, account_id: int) -> list[OrderList]:
        """The account's open lists, ascending by id."""
        return [self._lists[list_id] for list_id in self._ids.get(account_id, ())]
