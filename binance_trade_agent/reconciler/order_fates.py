"""The fate of our orders: looked for by client order id until the exchange shows them, or until they are proven to be nowhere."""

from binance_trade_agent.domain.errors import BadAnswerError, ExchangeError, ExchangeRefusedError, IllegalTransitionError, RateLimitedError
from binance_trade_agent.domain.order import JournaledOrder, OrderEvent, OrderState
from binance_trade_agent.domain.risk import RiskRule
from binance_trade_agent.ports.book import Settled
from binance_trade_agent.reconciler.case import Case
from binance_trade_agent.reconciler.missing_orders import MissingOrders
from binance_trade_agent.reconciler.order_records import OrderRecords

ORDER_ARCHIVED = -2026
"""errors.md: the order was canceled or expired with no executed quantity, over 90 days ago."""


class OrderFates:
    """What became of the orders that the journal holds as open."""

    def __init__(self, case: Case, records: OrderRecords, missing: MissingOrders) -> None:
        self._case = case
        self._records = records
        self._missing = missing

    async def settle_each(self, differences: list[str]) -> tuple[tuple[Settled, ...], list[ExchangeError]]:
        """Look for each order that is open; those that moved, and the answers that the exchange refused to give."""
        moved: list[Settled] = []
        refusals: list[ExchangeError] = []
        for order_id in [order.intent.client_order_id for order in self._case.journal.open_orders()]:
            # Read again: an order in flight may have landed while another one was looked for.
            order = self._case.journal.order(order_id)
            if order is None or order_id in self._case.in_flight():
                continue
            symbol = order.intent.symbol
            try:
                settled = await self._settle(order, differences)
            except RateLimitedError:
                raise
            except (ExchangeRefusedError, BadAnswerError) as error:
                refusals.append(error)
                differences.append(f"{symbol}: order {order_id} cannot be looked up: {error}")
            except IllegalTransitionError as error:
                text = f"{symbol}: the exchange's word on order {order_id} contradicts the book: {error}"
                differences.append(text)
                await self._case.halt(symbol, RiskRule.UNSETTLED_ORDER, text)
            else:
                moved += [settled] if settled else []
        return tuple(moved), refusals

    async def _settle(self, order: JournaledOrder, differences: list[str]) -> Settled | None:
        if order.state is OrderState.INTENDED:
            return await self._records.record(order, OrderEvent.GIVE_UP, detail="the process ended between the journal entry and the send")
        try:
            report = await self._case.exchange.get_order(order.intent.symbol, order.intent.client_order_id)
        except ExchangeRefusedError as error:
            if error.code != ORDER_ARCHIVED:
                raise
            return await self._records.record(order, OrderEvent.EXPIRE, detail="the exchange has archived it: it ended without a trade")
        if report is None:
            return await self._missing.missed(order, differences)
        self._missing.found(order)
        return await self._records.follow(order, report)
