"""OrderCalls: single orders of every type, with every parameter. Source: rest-api.md, "Trading endpoints" and "SOR"."""

from enum import StrEnum

from binance_trade_agent.binance import endpoints
from binance_trade_agent.binance.answers.cancel_replace import CancelReplace
from binance_trade_agent.binance.answers.orders import AmendedOrder, Amendment, Canceled, CanceledOrder, OrderCommission, PlacedOrder
from binance_trade_agent.binance.calls.one_send import OneSend, refusing_contradictions
from binance_trade_agent.binance.calls.order_terms import (
    Amount,
    OrderKind,
    ResponseType,
    SelfTradePrevention,
    Terms,
    quantity_parameter,
    quote_quantity_parameter,
)
from binance_trade_agent.binance.calls.parameters import given
from binance_trade_agent.domain.money import ZERO, total
from binance_trade_agent.domain.order import Side
from binance_trade_agent.domain.outcome import Rejected, Unknown


class CancelRestriction(StrEnum):
    """In which state alone an order is to be cancelled; in any other the exchange refuses with -2011."""

    ONLY_NEW = "ONLY_NEW"
    ONLY_PARTIALLY_FILLED = "ONLY_PARTIALLY_FILLED"


class CancelReplaceMode(StrEnum):
    """Whether the new order is placed when the cancellation fails."""

    STOP_ON_FAILURE = "STOP_ON_FAILURE"
    ALLOW_FAILURE = "ALLOW_FAILURE"


class OrderLimitMode(StrEnum):
    """Whether the old order is cancelled when the new one exceeds the order limit."""

    DO_NOTHING = "DO_NOTHING"
    CANCEL_ONLY = "CANCEL_ONLY"


class OrderCalls:
    """`client.orders`: orders by hand, outside the journal, each sent once by REST and never repeated.

    Raises NotSentError when a request provably did not leave (contradictory parameters included), ExchangeRefusedError for a
    definite no, FateUnknownError for all else; the latter names the client order ids to look for.
    """

    def __init__(self, sender: OneSend) -> None:
        self._sender = sender

    async def new(
        self,
        symbol: str,
        side: Side,
        terms: Terms,
        *,
        quantity: Amount | None = None,
        quote_quantity: Amount | None = None,
        self_trade_prevention: SelfTradePrevention | None = None,
        response: ResponseType = ResponseType.FULL,
    ) -> PlacedOrder:
        """Place one order. A MARKET order may say `quote_quantity` (what to spend or receive, in quote) in place of `quantity`."""
        with refusing_contradictions():
            params, order_id = self._order(symbol, side, terms, quantity, quote_quantity)
        params |= given(selfTradePreventionMode=self_trade_prevention, newOrderRespType=response)
        return await self._sender.send(
            endpoints.NEW_ORDER_DETAILS, params, [order_id], lambda order: _is_new(order, symbol, order_id, response)
        )

    async def test(
        self,
        symbol: str,
        side: Side,
        terms: Terms,
        *,
        quantity: Amount | None = None,
        quote_quantity: Amount | None = None,
        self_trade_prevention: SelfTradePrevention | None = None,
        with_commission: bool = False,
    ) -> OrderCommission:
        """Have the exchange check an order without placing it; `with_commission` (request weight 20) asks what it would pay."""
        with refusing_contradictions():
            params, _ = self._order(symbol, side, terms, quantity, quote_quantity)
        params |= given(selfTradePreventionMode=self_trade_prevention, computeCommissionRates=with_commission or None)
        return await self._sender.rest.read(endpoints.TEST_ORDER, params)

    async def cancel(
        self,
        symbol: str,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
        restriction: CancelRestriction | None = None,
    ) -> Canceled:
        """Cancel an open order by one of its ids or both, and with it the order list it belongs to.

        ExchangeRefusedError -2011 when there is no such open order.
        """
        with refusing_contradictions():
            ids = _old_order(order_id, client_order_id)
        own_id = self._sender.next_id()
        params = given(
            symbol=symbol,
            orderId=order_id,
            origClientOrderId=client_order_id,
            newClientOrderId=own_id,
            cancelRestrictions=restriction,
        )
        return await self._sender.send(
            endpoints.CANCEL_ORDER_DETAILS, params, ids, lambda order: _is_old(order, symbol, order_id, client_order_id)
        )

    async def cancel_all(self, symbol: str) -> tuple[Canceled, ...]:
        """Cancel every open order and order list of `symbol`; ExchangeRefusedError -2011 when there is none."""
        return await self._sender.send(
            endpoints.CANCEL_OPEN_ORDERS,
            {"symbol": symbol},
            [f"open orders of {symbol}"],
            lambda found: all(each.symbol == symbol for each in found),
        )

    async def cancel_replace(
        self,
        symbol: str,
        side: Side,
        terms: Terms,
        *,
        mode: CancelReplaceMode,
        cancel_order_id: int | None = None,
        cancel_client_order_id: str | None = None,
        quantity: Amount | None = None,
        quote_quantity: Amount | None = None,
        restriction: CancelRestriction | None = None,
        limit_mode: OrderLimitMode | None = None,
        self_trade_prevention: SelfTradePrevention | None = None,
        response: ResponseType = ResponseType.FULL,
    ) -> CancelReplace:
        """Cancel one order and place another in one request. The answer tells the fate of each half, whichever they are.

        An ExchangeRefusedError means that neither half was tried. After a FateUnknownError both have to be looked for.
        """
        with refusing_contradictions():
            ids = _old_order(cancel_order_id, cancel_client_order_id)
            params, new_id = self._order(symbol, side, terms, quantity, quote_quantity)
        params |= given(
            cancelReplaceMode=mode,
            cancelOrderId=cancel_order_id,
            cancelOrigClientOrderId=cancel_client_order_id,
            cancelNewClientOrderId=self._sender.next_id(),
            cancelRestrictions=restriction,
            orderRateLimitExceededMode=limit_mode,
            selfTradePreventionMode=self_trade_prevention,
            newOrderRespType=response,
        )

        def is_ours(answer: CancelReplace) -> bool:
            cancel, placed = answer.cancel, answer.new_order
            return (isinstance(cancel, Rejected | Unknown) or _is_old(cancel, symbol, cancel_order_id, cancel_client_order_id)) and (
                not isinstance(placed, PlacedOrder) or _is_new(placed, symbol, new_id, response)
            )

        return await self._sender.send(endpoints.CANCEL_REPLACE, params, [*ids, new_id], is_ours)

    async def amend(
        self,
        symbol: str,
        new_quantity: Amount,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
        new_client_order_id: str | None = None,
    ) -> Amendment:
        """Reduce an open order to `new_quantity` without losing its place in the book.

        The order gets a new client order id unless `new_client_order_id` repeats its own.
        """
        with refusing_contradictions():
            ids = _old_order(order_id, client_order_id)
            quantity = quantity_parameter("newQty", new_quantity, Terms(kind=OrderKind.LIMIT))
        new_id = new_client_order_id or self._sender.next_id()
        params = given(symbol=symbol, orderId=order_id, origClientOrderId=client_order_id, newClientOrderId=new_id) | quantity

        def is_ours(amendment: Amendment) -> bool:
            order = amendment.amended_order
            return (order.symbol, order.client_order_id) == (symbol, new_id) and _has_ids(order, order_id, client_order_id)

        return await self._sender.send(endpoints.AMEND_ORDER, params, [*ids, new_id], is_ours)

    async def new_sor(
        self,
        symbol: str,
        side: Side,
        terms: Terms,
        quantity: Amount,
        *,
        self_trade_prevention: SelfTradePrevention | None = None,
        response: ResponseType = ResponseType.FULL,
    ) -> PlacedOrder:
        """Place a LIMIT or MARKET order by smart order routing; its fills have trade id -1 and an allocation id."""
        with refusing_contradictions():
            params, order_id = self._sor_order(symbol, side, terms, quantity)
        params |= given(selfTradePreventionMode=self_trade_prevention, newOrderRespType=response)
        return await self._sender.send(
            endpoints.NEW_SOR_ORDER, params, [order_id], lambda order: _is_new(order, symbol, order_id, response)
        )

    async def test_sor(self, symbol: str, side: Side, terms: Terms, quantity: Amount, *, with_commission: bool = False) -> OrderCommission:
        """Have the exchange check such an order without placing it."""
        with refusing_contradictions():
            params, _ = self._sor_order(symbol, side, terms, quantity)
        return await self._sender.rest.read(endpoints.TEST_SOR_ORDER, params | given(computeCommissionRates=with_commission or None))

    def _order(
        self, symbol: str, side: Side, terms: Terms, quantity: Amount | None, quote_quantity: Amount | None
    ) -> tuple[dict[str, str], str]:
        order_id = terms.client_order_id or self._sender.next_id()
        params = {"symbol": symbol, "side": Side(side).value} | terms.parameters("", order_id)
        if quantity is not None and quote_quantity is None:
            return params | quantity_parameter("quantity", quantity, terms), order_id
        if quote_quantity is not None and quantity is None:
            return params | quote_quantity_parameter(quote_quantity, terms), order_id
        raise ValueError("quantity or quote_quantity must be given, and not both")

    def _sor_order(self, symbol: str, side: Side, terms: Terms, quantity: Amount) -> tuple[dict[str, str], str]:
        if terms.kind not in {OrderKind.LIMIT, OrderKind.MARKET} or terms.peg is not None:
            raise ValueError("smart order routing takes LIMIT and MARKET orders only, and no peg")
        return self._order(symbol, side, terms, quantity, None)


def _old_order(order_id: int | None, client_order_id: str | None) -> list[str]:
    """The ids of an order that exists, as text for people; ValueError when there are none."""
    if order_id is None and not client_order_id:
        raise ValueError("the order id or the client order id must be given")
    return [str(each) for each in (client_order_id, order_id) if each is not None]


def _is_old(canceled: Canceled, symbol: str, order_id: int | None, client_order_id: str | None) -> bool:
    orders = (canceled,) if isinstance(canceled, CanceledOrder) else canceled.order_reports
    return canceled.symbol == symbol and any(_has_ids(order, order_id, client_order_id) for order in orders)


def _has_ids(order: CanceledOrder | AmendedOrder, order_id: int | None, client_order_id: str | None) -> bool:
    return order_id in {None, order.order_id} and client_order_id in {None, order.orig_client_order_id}


def _is_new(order: PlacedOrder, symbol: str, client_order_id: str, response: ResponseType) -> bool:
    """Whether the answer is about our order, and complete: a FULL one has to bring every fill."""
    if response is ResponseType.FULL and total(fill.qty for fill in order.fills) != (order.executed_qty or ZERO):
        return False
    return (order.symbol, order.client_order_id) == (symbol, client_order_id)
