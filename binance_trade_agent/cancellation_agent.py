"""CancellationAgent: takes open orders of ours off the exchange, by an operator's word or at a stop, and books what came of it.

That a cancellation is asked for is committed with its reason before it leaves, and ends nothing: only the exchange's word on the order
does. What has no such word is asked for again at each comparison, also by the next process, until the order has ended.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from binance_trade_agent.domain.errors import ExchangeError
from binance_trade_agent.domain.order import JournaledOrder, OrderEvent, OrderReport
from binance_trade_agent.ports.book import OrderJournal, Settled
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.exchange import Exchange
from binance_trade_agent.ports.protective_orders import ProtectiveOrders

AT_ONCE = 10
"""Cancellations under way at the same time; they have precedence over all other requests."""

Follow = Callable[[OrderReport], Awaitable[Settled | None]]


@dataclass(frozen=True, slots=True)
class Cancellations:
    """Client order ids: those that are over now, whatever ended them, and those of which that is not known."""

    ended: tuple[str, ...]
    still_open: tuple[str, ...]


class CancellationAgent:
    """Cancels orders of the journal; called in the turn of passes and comparisons, never beside them.

    `in_flight` names orders that are being sent right now and are left alone; `follow` takes the exchange's word on an order into the
    book; `asked` are the open orders that an earlier process has asked to be cancelled.
    """

    def __init__(
        self,
        exchange: Exchange,
        lists: ProtectiveOrders,
        journal: OrderJournal,
        *,
        clock: Clock,
        in_flight: Callable[[], Collection[str]],
        follow: Follow,
        asked: Iterable[str] = (),
    ) -> None:
        self._exchange = exchange
        self._lists = lists
        self._journal = journal
        self._clock = clock
        self._in_flight = in_flight
        self._follow = follow
        self._asked = set(asked)
        self._room = asyncio.Semaphore(AT_ONCE)

    async def cancel(self, wanted: Callable[[JournaledOrder], bool], why: str) -> Cancellations:
        """Cancel the open orders that are `wanted` and may stand on the exchange.

        Raises BookError; what could not be journaled was not asked for.
        """
        orders = [order for order in self._journal.open_orders() if order.may_be_canceled and wanted(order)]
        orders = [order for order in orders if order.intent.client_order_id not in self._in_flight()]
        for order in orders:
            await self._journal.record_event(order.intent.client_order_id, OrderEvent.ASK_CANCEL, time_ms=self._clock.now_ms(), detail=why)
            self._asked.add(order.intent.client_order_id)
        return await self._carry_out(orders)

    async def repeat(self) -> Cancellations:
        """Ask again for what was asked for and is still open, as after a lost answer or a restart. Raises BookError."""
        orders = [order for order in self._journal.open_orders() if order.intent.client_order_id in self._asked]
        self._asked = {order.intent.client_order_id for order in orders}
        return await self._carry_out(orders)

    async def _carry_out(self, orders: Sequence[JournaledOrder]) -> Cancellations:
        units: dict[str, list[JournaledOrder]] = {}
        for order in orders:
            units.setdefault(order.intent.list_id or order.intent.client_order_id, []).append(order)
        results = await asyncio.gather(*(self._end(unit) for unit in units.values()), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        names = [order.intent.client_order_id for order in orders]
        still_open = tuple(name for name in names if self._journal.order(name) is not None)
        ended = tuple(name for name in names if name not in still_open)
        self._asked.difference_update(ended)
        return Cancellations(ended, still_open)

    async def _end(self, orders: Sequence[JournaledOrder]) -> None:
        """Cancel one order, or all legs of one list; what the answer does not end is looked for leg by leg."""
        async with self._room:
            intent = orders[0].intent
            try:
                reports: Sequence[OrderReport] = (
                    await self._lists.cancel(intent.symbol, intent.list_id)
                    if intent.list_id is not None
                    else (await self._exchange.cancel_order(intent.symbol, intent.client_order_id),)
                )
            except ExchangeError:
                reports = ()  # refused (it may have ended), or nobody knows: then it is looked for
            for report in reports:
                await self._take(report)
            for order in orders:
                if self._journal.order(order.intent.client_order_id) is not None:
                    await self._look_for(order)

    async def _look_for(self, order: JournaledOrder) -> None:
        symbol, name = order.intent.symbol, order.intent.client_order_id
        try:
            report = await self._exchange.get_order(symbol, name)
            if report is not None and order.intent.list_id is not None and not report.status.event.ends_order:
                # The list may be over, and the rest of a leg that has traded stand alone.
                report = await self._exchange.cancel_order(symbol, name)
        except ExchangeError:
            return
        if report is not None:
            await self._take(report)

    async def _take(self, report: OrderReport) -> None:
        try:
            await self._follow(report)
        except ExchangeError:
            return  # its trades cannot be read now; the order stays open, and the next look has them
