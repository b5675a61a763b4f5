"""Order records: what the exchange said of an order of ours, carried into the journal together with its trades."""

from collections.abc import Sequence

from binance_trade_agent.domain.facts import OrderSettled
from binance_trade_agent.domain.money import ZERO, total
from binance_trade_agent.domain.order import Fill, JournaledOrder, OrderEvent, OrderReport, next_state
from binance_trade_agent.ports.book import Settled
from binance_trade_agent.reconciler.case import Case

MOST_TRADES_A_CALL = 1000


class OrderRecords:
    """Moves the records of orders, and reads the trades that belong to them."""

    def __init__(self, case: Case) -> None:
        self._case = case

    async def follow(self, order: JournaledOrder, report: OrderReport) -> Settled | None:
        """Move our record to where the exchange has the order; nothing moves on a report that is older than our record."""
        fills: Sequence[Fill] = ()
        if report.executed_quantity > order.executed_quantity:
            fills = await self.fills_of(report)
            if not is_all_of(fills, report):
                return None  # the trade list lags behind the order; the next look has both
        event = event_of(report)
        is_stale = report.executed_quantity < order.executed_quantity
        if is_stale or (not fills and next_state(order.state, event) is order.state):
            return None
        return await self.record(order, event, report=report, fills=fills)

    async def fills_of(self, report: OrderReport) -> tuple[Fill, ...]:
        """Every trade of the reported order that is listed."""
        return () if report.executed_quantity == ZERO else await self.trades_of(report.symbol, report.order_id)

    async def trades_of(self, symbol: str, order_id: int) -> tuple[Fill, ...]:
        """Every listed trade of the order with the exchange's number `order_id`."""
        fills = await self._case.exchange.get_my_trades(symbol, order_id=order_id)
        if len(fills) < MOST_TRADES_A_CALL:
            return fills
        # These are the newest; an order in so many parts is read from its first.
        everything: tuple[Fill, ...] = ()
        while len(fills) >= MOST_TRADES_A_CALL:
            start = everything[-1].trade_id + 1 if everything else 0
            fills = await self._case.exchange.get_my_trades(symbol, order_id=order_id, from_trade_id=start)
            everything += fills
        return everything

    async def record(
        self, order: JournaledOrder, event: OrderEvent, *, detail: str = "", report: OrderReport | None = None, fills: Sequence[Fill] = ()
    ) -> Settled:
        """Write an event of the order, with what came with it."""
        settled = await self._case.journal.record_event(
            order.intent.client_order_id, event, time_ms=self._case.clock.now_ms(), detail=detail, report=report, fills=fills
        )
        self._case.observer.observe(OrderSettled(settled.order))
        return settled


def is_all_of(fills: Sequence[Fill], report: OrderReport) -> bool:
    """Whether `fills` are everything that the order has executed."""
    return total(fill.quantity for fill in fills) == report.executed_quantity


def event_of(report: OrderReport) -> OrderEvent:
    """The report as an event; an order that is being cancelled may have traded before."""
    event = report.status.event
    return OrderEvent.PARTIAL_FILL if event is OrderEvent.ACCEPT and report.executed_quantity > 0 else event
