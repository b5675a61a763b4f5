"""Tape: writes down everything that happens to orders, in order, for the history and for those who listen."""

from decimal import Decimal

from binance_trade_agent.simulation.engine.amendments import amendment
from binance_trade_agent.simulation.engine.changes import ChangeSet
from binance_trade_agent.simulation.engine.list_records import ListReport, OrderList
from binance_trade_agent.simulation.engine.numbering import Numbering
from binance_trade_agent.simulation.engine.open_lists import OpenLists
from binance_trade_agent.simulation.engine.records import NOT_YET, Amendment, ExchangeOrder, ExchangeTrade, PreventedMatch
from binance_trade_agent.simulation.engine.reports import ExecutionType, OrderReport
from binance_trade_agent.simulation.engine.terms import ListStatusType, RejectReason

_NEW, _TRADE = ExecutionType.NEW, ExecutionType.TRADE


class Tape:
    """Appends to the engine's change set; every report gets the next execution id of its symbol. Open lists hear of their orders."""

    def __init__(self, changes: ChangeSet, numbering: Numbering, open_lists: OpenLists) -> None:
        self._changes = changes
        self._counters = numbering.counters
        self._open_lists = open_lists

    def put(self, order: ExchangeOrder) -> None:
        """The newest state of an order, of which nobody is told."""
        self._changes.orders[(order.symbol, order.order_id)] = order
        if order.order_list_id != NOT_YET:
            self._open_lists.see(order, None)

    def accepted(self, order: ExchangeOrder) -> None:
        """An order that came in."""
        self._changes.reports.append(OrderReport(self._next(order), _NEW, order))

    def report(
        self,
        kind: ExecutionType,
        order: ExchangeOrder,
        *,
        cancel_id: str | None = None,
        original_client_order_id: str | None = None,
        reject_reason: RejectReason = RejectReason.NONE,
    ) -> int:
        """Something that happened to an order, and its state right after it; returns the execution id."""
        execution_id = self._next(order)
        self._changes.reports.append(
            OrderReport(execution_id, kind, order, None, cancel_id, None, None, original_client_order_id, reject_reason)
        )
        return execution_id

    def amended(self, before: ExchangeOrder, after: ExchangeOrder) -> Amendment:
        """An order that got smaller in its place; returns the record of it."""
        execution_id = self.report(ExecutionType.REPLACED, after, original_client_order_id=before.client_order_id)
        record = amendment(before, after, execution_id)
        self._changes.amendments.append(record)
        return record

    def trade(self, order: ExchangeOrder, trade: ExchangeTrade) -> None:
        """One side of a trade, and its order right after it."""
        self._changes.trades.append(trade)
        self._changes.reports.append(OrderReport(self._next(order, trade), _TRADE, order, trade))

    def list_report(self, kind: ListStatusType, order_list: OrderList) -> None:
        """Something that happened to an order list, and its state right after it."""
        self._changes.lists[order_list.order_list_id] = order_list
        self._changes.reports.append(ListReport(kind, order_list))

    def prevented(self, match: PreventedMatch) -> None:
        """A match that self-trade prevention stopped."""
        self._changes.prevented.append(match)

    def loss(self, order: ExchangeOrder, match: PreventedMatch, quantity: Decimal) -> None:
        """What one of the two orders lost by a prevented match, and its state right after it."""
        report = OrderReport(self._next(order), ExecutionType.TRADE_PREVENTION, order, prevented=match, last_prevented_quantity=quantity)
        self._changes.reports.append(report)

    def _next(self, order: ExchangeOrder, trade: ExchangeTrade | None = None) -> int:
        """Keep the order's state, and give the next execution id of its symbol."""
        symbol = order.symbol
        changes = self._changes
        changes.orders[(symbol, order.order_id)] = order
        if order.order_list_id != NOT_YET:
            self._open_lists.see(order, trade)
        counters = changes.counters[symbol] = self._counters[symbol]
        counters.execution_id += 1
        return counters.execution_id
