"""Unexpected orders: what is open on the account and not in the journal; late resurrections are adopted and halt their symbol."""

from binance_trade_agent.domain.errors import ExchangeRefusedError, RateLimitedError
from binance_trade_agent.domain.order import JournaledOrder, OrderEvent, OrderReport, OrderState
from binance_trade_agent.ports.book import Settled
from binance_trade_agent.reconciler.case import Case
from binance_trade_agent.reconciler.order_records import OrderRecords, event_of, is_all_of

LATE_FOR_MS = 1_800_000
"""How long an order that counts as never placed is asked for again at each comparison."""


class UnexpectedOrders:
    """Compares the exchange's open orders with the journal's, and asks again for what was held to be never placed."""

    def __init__(self, case: Case, records: OrderRecords) -> None:
        self._case = case
        self._records = records

    async def compare(self, differences: list[str]) -> None:
        """Tell of each open order that the journal does not hold as open, and take over what is ours."""
        for report in await self._case.exchange.get_open_orders():
            order_id = report.client_order_id
            if self._case.journal.order(order_id) is not None or order_id in self._case.in_flight():
                continue
            if not self._case.is_ours(report):
                differences.append(f"{report.symbol}: open order {report.order_id} is not ours")
                await self._case.meet(report)
                continue
            stored = await self._case.journal.find_order(order_id)
            if stored is not None and stored.state is OrderState.NEVER_PLACED:
                await self.adopt(stored, report, differences)
            elif stored is not None and stored.state in {OrderState.FILLED, OrderState.CANCELED, OrderState.EXPIRED}:
                await self._look_at_ended(stored, report, differences)
            else:
                await self._case.alarm(report, f"is open, although it {standing_of(stored)}", differences)

    async def look_for_late(self, differences: list[str]) -> None:
        """One that was carried out after all, later than its fence, and has ended without a trade is told by nothing else."""
        for stored in await self._case.journal.never_placed(self._case.clock.now_ms() - LATE_FOR_MS):
            symbol, order_id = stored.intent.symbol, stored.intent.client_order_id
            try:
                report = await self._case.exchange.get_order(symbol, order_id)
            except RateLimitedError:
                raise
            except ExchangeRefusedError as error:
                differences.append(f"{symbol}: order {order_id} cannot be looked up: {error}")
                continue
            if report is not None:
                await self.adopt(stored, report, differences)

    async def _look_at_ended(self, stored: JournaledOrder, report: OrderReport, differences: list[str]) -> None:
        """The list may lag; a query that has the order as open, too, long after its end, says that the exchange had it all along."""
        order_id = report.client_order_id
        is_old = self._case.clock.now_ms() > stored.updated_ms + self._case.rules.grace_ms
        now = await self._case.exchange.get_order(report.symbol, order_id) if is_old else None
        if now is not None and not now.status.event.ends_order:
            await self._case.alarm(report, f"is open, although it {standing_of(stored)}", differences)
        else:
            differences.append(f"{report.symbol}: the list of open orders still shows {order_id}, which has ended as {stored.state}")

    async def adopt(self, stored: JournaledOrder, report: OrderReport, differences: list[str]) -> Settled:
        """An order that was held to be never placed is there after all: halt its symbol, then take it over.

        Trades that are not listed yet leave it open, so that the next look completes it.
        """
        await self._case.alarm(report, "is there, although the book had found it to be never placed", differences)
        fills = await self._records.fills_of(report)
        event = event_of(report)
        if not is_all_of(fills, report):
            event = OrderEvent.PARTIAL_FILL if fills else OrderEvent.ACCEPT
        return await self._records.record(stored, event, detail="adopted", report=report, fills=fills)


def standing_of(stored: JournaledOrder | None) -> str:
    """How an order that turned up stood in the book, as a part of a sentence."""
    return "is not in the book (was an older copy of the book put back?)" if stored is None else f"had ended as {stored.state} in the book"
