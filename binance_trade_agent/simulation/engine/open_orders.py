"""OpenOrders: every open order of one symbol, found by its id, by its owner's id for it, and by its owner."""

from collections import defaultdict
from collections.abc import Iterator

from binance_trade_agent.simulation.engine.records import ExchangeOrder


class OpenOrders:
    """Orders that work, those that wait for the market, and those that wait for another order of their list."""

    def __init__(self) -> None:
        self._orders: dict[int, ExchangeOrder] = {}
        self._ids_by_client: dict[tuple[int, str], int] = {}
        self._ids_by_account: defaultdict[int, dict[int, None]] = defaultdict(dict)

    def __len__(self) -> int:
        return len(self._orders)

    def __iter__(self) -> Iterator[ExchangeOrder]:
        return iter(tuple(self._orders.values()))

    def put(self, order: ExchangeOrder) -> None:
        """Take in a new order, or the new state of one."""
        order_id, account_id = order.order_id, order.account_id
        before = self._orders.get(order_id)
        self._orders[order_id] = order
        if before is None:
            self._ids_by_client[(account_id, order.client_order_id)] = order_id
            self._ids_by_account[account_id][order_id] = None
        elif before.client_order_id != order.client_order_id:
            del self._ids_by_client[(account_id, before.client_order_id)]
            self._ids_by_client[(account_id, order.client_order_id)] = order_id

    def drop(self, order: ExchangeOrder) -> None:
        """Forget an order that is no longer open, if it is known."""
        before = self._orders.pop(order.order_id, None)
        if before is not None:
            del self._ids_by_client[(before.account_id, before.client_order_id)]
            del self._ids_by_account[before.account_id][before.order_id]

    def get(self, order_id: int) -> ExchangeOrder | None:
        """The open order with this id."""
        return self._orders.get(order_id)

    def by_client_order_id(self, account_id: int, client_order_id: str) -> ExchangeOrder | None:
        """The account's open order with this client id."""
        order_id = self._ids_by_client.get((account_id, client_order_id))
        return None if order_id is None else self._orders[order_id]

    def count(self, account_id: int) -> int:
        """How many open orders the account has here."""
        return len(self._ids_by_account.get(account_id, ()))

    def of_account(self, account_id: int) -> list[ExchangeOrder]:
        """The account's open orders, by id; those of a list did not come in the order of their ids."""
        return [self._orders[order_id] for order_id in sorted(self._ids_by_account.get(account_id, ()))]
