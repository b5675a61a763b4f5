"""Order lists as the simulated exchange keeps them, as a request asks for them, and what their owners are told of them."""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from binance_trade_agent.simulation.engine.records import ExchangeOrder, NewOrder, Placement
from binance_trade_agent.simulation.engine.terms import ContingencyType, ListOrderStatus, ListStatusType


class NewOrderList(Struct, frozen=True):
    """A list as asked for: one `working` order and what waits for it (OTO), or without one a pair of which only one may execute (OCO).

    `others` is one order, or a pair, the stop loss first. When `working_pays` (OPO) the others have no quantity: they sell what the working
    order brings in.
    """

    symbol: str
    others: tuple[NewOrder, ...]
    working: NewOrder | None = None
    working_pays: bool = False
    client_order_id: str | None = None

    @property
    def orders(self) -> tuple[NewOrder, ...]:
        """All orders, in the order in which they get their ids."""
        return self.others if self.working is None else (self.working, *self.others)


class ListedOrder(Struct, frozen=True):
    """An order of a list, by its two names."""

    order_id: int
    client_order_id: str


class OrderList(Struct, frozen=True):
    """One order list of one account; `order_list_id` counts from 0 over all symbols.

    `working_id` is the order that the others wait for, None when there is none (OCO); `working_pays` when they sell what it brings in.
    `updated_ms` is when its status changed last.
    """

    order_list_id: int
    account_id: int
    symbol: str
    client_order_id: str
    orders: tuple[ListedOrder, ...]
    time_ms: int
    updated_ms: int
    working_id: int | None = None
    working_pays: bool = False
    status_type: ListStatusType = ListStatusType.EXEC_STARTED
    order_status: ListOrderStatus = ListOrderStatus.EXECUTING

    @property
    def contingency(self) -> ContingencyType:
        """How the orders depend on each other; a list of three is an OTO whose other two are a pair."""
        return ContingencyType.OCO if self.working_id is None else ContingencyType.OTO

    @property
    def is_open(self) -> bool:
        """True while any of its orders is open."""
        return self.order_status is ListOrderStatus.EXECUTING

    @property
    def other_ids(self) -> tuple[int, ...]:
        """The orders that wait for the working one, or the pair itself."""
        return tuple(order.order_id for order in self.orders if order.order_id != self.working_id)

    def finished(self, time_ms: int) -> "OrderList":
        """The list once none of its orders is open."""
        return replace(self, status_type=ListStatusType.ALL_DONE, order_status=ListOrderStatus.ALL_DONE, updated_ms=time_ms)

    def renamed(self, order: ExchangeOrder, time_ms: int) -> "OrderList":
        """The list after one of its orders got another client id."""
        names = tuple(ListedOrder(order.order_id, order.client_order_id) if o.order_id == order.order_id else o for o in self.orders)
        return replace(self, orders=names, updated_ms=time_ms)


class ListReport(Struct, frozen=True):
    """One thing that happened to an order list, and the list right after it."""

    kind: ListStatusType
    order_list: OrderList

    @property
    def account_id(self) -> int:
        """Who is told."""
        return self.order_list.account_id

    @property
    def time_ms(self) -> int:
        """When it happened."""
        return self.order_list.updated_ms


class ListPlacement(Struct, frozen=True):
    """What became of a new list: the list, and each of its orders in that moment, in the order of their ids."""

    order_list: OrderList
    placements: tuple[Placement, ...]


class ListCancellation(Struct, frozen=True):
    """What became of a cancelled list, those of its orders that the cancel has ended, and the client id of the cancel."""

    order_list: OrderList
    canceled: tuple[ExchangeOrder, ...]
    cancel_id: str


def listed(orders: Iterable[ExchangeOrder]) -> tuple[ListedOrder, ...]:
    """The orders by their names."""
    return tuple(ListedOrder(order.order_id, order.client_order_id) for order in orders)
