"""Floor: all that one symbol's orders need: who is open, who rests in the book, who waits for the price, and what the price was last."""

from collections import deque
from decimal import Decimal

from binance_trade_agent.simulation.engine.open_orders import OpenOrders
from binance_trade_agent.simulation.engine.order_book import OrderBook
from binance_trade_agent.simulation.engine.records import ExchangeOrder
from binance_trade_agent.simulation.engine.triggers import Triggers


class Floor:
    """One symbol. `unseen` are prices at which accounts have traded and that the waiting orders have not been shown yet, `set_off` are
    the ids of those that a price has set off and that have not gone to work yet."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.orders = OpenOrders()
        self.book = OrderBook()
        self.triggers = Triggers()
        self.traded_price: Decimal | None = None
        self.traded_ms = 0
        self.unseen: deque[Decimal] = deque()
        self.set_off: deque[int] = deque()

    @property
    def is_idle(self) -> bool:
        """True while nothing of the market can touch an order here."""
        return not self.orders or (not self.book and not self.triggers)

    def restore(self, order: ExchangeOrder) -> None:
        """Take in an open order that the history holds; those with smaller queue numbers come first."""
        if order.is_pending:
            self.orders.put(order)
        elif order.is_working:
            self.rest(order)
        else:
            self.wait(order)

    def rest(self, order: ExchangeOrder) -> None:
        """Let an order join the book."""
        self.orders.put(order)
        self.book.add(order)

    def wait(self, order: ExchangeOrder) -> None:
        """Let an order wait for the price."""
        self.orders.put(order)
        self.triggers.put(order)

    def put(self, order: ExchangeOrder) -> None:
        """The new state of an open order, wherever it is; out with it when it is no longer open."""
        if not order.is_open:
            self.orders.drop(order)
            if not self.book.drop(order):
                self.triggers.remove(order.order_id)
            return
        self.orders.put(order)
        if order.order_id in self.book:
            self.book.put(order)
        elif order.order_id in self.triggers:
            self.triggers.put(order)

    def note_trade(self, price: Decimal, time_ms: int) -> None:
        """Remember a trade of accounts, and show it to those that wait, later."""
        self.traded_price, self.traded_ms = price, time_ms
        if self.triggers and not (self.unseen and self.unseen[-1] == price):
            self.unseen.append(price)
