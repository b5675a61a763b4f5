"""OrderListCalls: orders that the exchange ties together: one cancels the other, or one triggers others.

Source: rest-api.md, "Order lists"; faqs/opo.md; errors.md, -1158 to -1199 and -1222 to -1225.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from binance_trade_agent.binance import endpoints
from binance_trade_agent.binance.answers.orders import CanceledOrderList, PlacedOrderList
from binance_trade_agent.binance.calls.one_send import OneSend, refusing_contradictions
from binance_trade_agent.binance.calls.order_terms import (
    Amount,
    OrderKind,
    ResponseType,
    SelfTradePrevention,
    Terms,
    quantity_parameter,
)
from binance_trade_agent.binance.calls.parameters import given
from binance_trade_agent.binance.endpoints import Endpoint
from binance_trade_agent.domain.money import money
from binance_trade_agent.domain.order import Side


@dataclass(frozen=True, slots=True)
class Leg:
    """One order of a list that has a side and a quantity of its own."""

    side: Side
    quantity: Amount
    terms: Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """What holds for a whole list. Without an id one is made, because a list without it could not be looked for."""

    list_client_order_id: str | None = None
    self_trade_prevention: SelfTradePrevention | None = None
    response: ResponseType = ResponseType.FULL


PLAIN = ListOptions()


class OrderListCalls:
    """`client.order_lists`: order lists by hand, outside the journal, each sent once and never repeated.

    Errors are those of `client.orders`. Every order of a list has a client order id, made when its terms give none.
    """

    def __init__(self, sender: OneSend) -> None:
        self._sender = sender

    async def oco(
        self, symbol: str, side: Side, quantity: Amount, *, above: Terms, below: Terms, options: ListOptions = PLAIN
    ) -> PlacedOrderList:
        """Two orders of one quantity, where the execution of one cancels the other.

        To sell, `above` takes the profit (LIMIT_MAKER, TAKE_PROFIT or TAKE_PROFIT_LIMIT) and `below` stops the loss (STOP_LOSS or
        STOP_LOSS_LIMIT); to buy it is the other way round.
        """
        parts = _Parts(self._sender, symbol, options)
        with refusing_contradictions():
            parts.add(given(side=Side(side)))
            parts.add_pair("above", "below", side, above, below)
            parts.add(_shared_quantity("quantity", quantity, above, below))
        return await parts.send(endpoints.NEW_OCO)

    async def oco_deprecated(
        self, symbol: str, side: Side, quantity: Amount, *, limit: Terms, stop: Terms, options: ListOptions = PLAIN
    ) -> PlacedOrderList:
        """An OCO in the form that Binance calls deprecated: a LIMIT_MAKER order, and a STOP_LOSS or STOP_LOSS_LIMIT order."""
        parts = _Parts(self._sender, symbol, options)
        with refusing_contradictions():
            above, below = (limit, stop) if side == Side.SELL else (stop, limit)
            _check_pair(side, above, below)
            parts.add(given(side=Side(side)) | _shared_quantity("quantity", quantity, limit, stop))
            parts.add(_deprecated(limit, stop, parts.id_of(limit), parts.id_of(stop)))
        return await parts.send(endpoints.NEW_OCO_DEPRECATED)

    async def oto(self, symbol: str, *, working: Leg, pending: Leg, options: ListOptions = PLAIN) -> PlacedOrderList:
        """One triggers the other: `pending` is placed when `working` (LIMIT or LIMIT_MAKER) is filled completely."""
        parts = _Parts(self._sender, symbol, options)
        with refusing_contradictions():
            parts.add_working(working)
            parts.add_leg("pending", pending)
        return await parts.send(endpoints.NEW_OTO)

    async def otoco(
        self,
        symbol: str,
        *,
        working: Leg,
        pending_side: Side,
        pending_quantity: Amount,
        above: Terms,
        below: Terms,
        options: ListOptions = PLAIN,
    ) -> PlacedOrderList:
        """One triggers a pair: an OCO of `above` and `below` is placed when `working` is filled completely."""
        parts = _Parts(self._sender, symbol, options)
        with refusing_contradictions():
            parts.add_working(working)
            parts.add(given(pendingSide=Side(pending_side)) | _shared_quantity("pendingQuantity", pending_quantity, above, below))
            parts.add_pair("pendingAbove", "pendingBelow", pending_side, above, below)
        return await parts.send(endpoints.NEW_OTOCO)

    async def opo(self, symbol: str, *, quantity: Amount, working: Terms, pending: Terms, options: ListOptions = PLAIN) -> PlacedOrderList:
        """One pays the other: `working` buys `quantity`, and what it brings is what `pending` sells, so that it has no quantity yet."""
        parts = _Parts(self._sender, symbol, options)
        with refusing_contradictions():
            parts.add_working(Leg(Side.BUY, quantity, working))
            parts.add(given(pendingSide=Side.SELL))
            parts.add_terms("pending", pending)
        return await parts.send(endpoints.NEW_OPO)

    async def opoco(
        self, symbol: str, *, quantity: Amount, working: Terms, above: Terms, below: Terms, options: ListOptions = PLAIN
    ) -> PlacedOrderList:
        """One pays a pair: what `working` buys is sold by the OCO of `above` and `below`."""
        parts = _Parts(self._sender, symbol, options)
        with refusing_contradictions():
            parts.add_working(Leg(Side.BUY, quantity, working))
            parts.add(given(pendingSide=Side.SELL))
            parts.add_pair("pendingAbove", "pendingBelow", Side.SELL, above, below)
        return await parts.send(endpoints.NEW_OPOCO)

    async def cancel(self, symbol: str, *, order_list_id: int | None = None, list_client_order_id: str | None = None) -> CanceledOrderList:
        """Cancel an order list by one of its ids or both; ExchangeRefusedError -2011 when there is no such open list."""
        with refusing_contradictions():
            if order_list_id is None and not list_client_order_id:
                raise ValueError("the order list id or the list client order id must be given")
        params = given(
            symbol=symbol,
            orderListId=order_list_id,
            listClientOrderId=list_client_order_id,
            newClientOrderId=self._sender.next_id(),
        )
        ids = [str(each) for each in (list_client_order_id, order_list_id) if each is not None]

        def is_ours(canceled: CanceledOrderList) -> bool:
            found = (canceled.order_list_id, canceled.list_client_order_id)
            return canceled.symbol == symbol and order_list_id in {None, found[0]} and list_client_order_id in {None, found[1]}

        return await self._sender.send(endpoints.CANCEL_ORDER_LIST, params, ids, is_ours)


class _Parts:
    """The parameters of one order list as they come together, and the ids that its answer has to repeat."""

    def __init__(self, sender: OneSend, symbol: str, options: ListOptions) -> None:
        self._sender = sender
        self._symbol = symbol
        self._list_id = options.list_client_order_id or sender.next_id()
        self._order_ids: list[str] = []
        self._params = given(
            symbol=symbol,
            listClientOrderId=self._list_id,
            selfTradePreventionMode=options.self_trade_prevention,
            newOrderRespType=options.response,
        )

    def add(self, params: Mapping[str, str]) -> None:
        self._params |= params

    def add_terms(self, prefix: str, terms: Terms) -> None:
        self.add(terms.parameters(prefix, self.id_of(terms)))

    def add_leg(self, prefix: str, leg: Leg) -> None:
        self.add({f"{prefix}Side": Side(leg.side).value} | quantity_parameter(f"{prefix}Quantity", leg.quantity, leg.terms))
        self.add_terms(prefix, leg.terms)

    def add_working(self, leg: Leg) -> None:
        if leg.terms.kind not in {OrderKind.LIMIT, OrderKind.LIMIT_MAKER}:
            raise ValueError(f"the working order of a list is LIMIT or LIMIT_MAKER, not {leg.terms.kind}")
        self.add_leg("working", leg)

    def add_pair(self, above_prefix: str, below_prefix: str, side: Side, above: Terms, below: Terms) -> None:
        _check_pair(side, above, below)
        self.add_terms(above_prefix, above)
        self.add_terms(below_prefix, below)

    def id_of(self, terms: Terms) -> str:
        order_id = terms.client_order_id or self._sender.next_id()
        if order_id in {self._list_id, *self._order_ids}:
            raise ValueError(f"the id {order_id} is used twice in one list")
        self._order_ids.append(order_id)
        return order_id

    async def send(self, endpoint: Endpoint[PlacedOrderList]) -> PlacedOrderList:
        def is_ours(answer: PlacedOrderList) -> bool:
            expected = sorted(self._order_ids)
            return (
                (answer.symbol, answer.list_client_order_id) == (self._symbol, self._list_id)
                and sorted(order.client_order_id for order in answer.orders) == expected
                and sorted(order.client_order_id for order in answer.order_reports) == expected
            )

        return await self._sender.send(endpoint, self._params, [self._list_id, *self._order_ids], is_ours)


def _shared_quantity(name: str, quantity: Amount, *legs: Terms) -> dict[str, str]:
    params: dict[str, str] = {}
    for terms in legs:
        params = quantity_parameter(name, quantity, terms)
    return params


def _check_pair(side: Side, above: Terms, below: Terms) -> None:
    """Raise ValueError unless the pair can be an OCO (errors.md, -1165 to -1199; -2010, "The relationship of the prices")."""
    stop, profit = (below, above) if side == Side.SELL else (above, below)
    if not stop.kind.is_stop:
        place = "below" if side == Side.SELL else "above"
        raise ValueError(f"to {side.lower()}, the order {place} has to be STOP_LOSS or STOP_LOSS_LIMIT, not {stop.kind}")
    if profit.kind not in {OrderKind.LIMIT_MAKER, OrderKind.TAKE_PROFIT, OrderKind.TAKE_PROFIT_LIMIT}:
        raise ValueError(f"an OCO takes LIMIT_MAKER, TAKE_PROFIT or TAKE_PROFIT_LIMIT beside its stop, not {profit.kind}")
    upper, lower = _level(above), _level(below)
    if upper is not None and lower is not None and upper <= lower:
        raise ValueError("the order above lies at or under the order below")


def _level(terms: Terms) -> Decimal | None:
    """The price that the market has to reach; None for a trailing or pegged order."""
    level = terms.stop_price if terms.kind.waits_for_trigger else terms.price
    return None if level is None or terms.trailing_delta is not None else money(level)


def _deprecated(limit: Terms, stop: Terms, limit_id: str, stop_id: str) -> dict[str, str]:
    """The parameters of POST /api/v3/order/oco, whose names follow no pattern; ValueError for what it cannot express."""
    if limit.kind is not OrderKind.LIMIT_MAKER:
        raise ValueError(f"the deprecated OCO has a LIMIT_MAKER order beside its stop, not {limit.kind}")
    if limit.peg or stop.peg or stop.stop_price is None:
        raise ValueError("the deprecated OCO takes no peg, and its stop needs a stop_price")
    first, second = limit.parameters("limit", limit_id), stop.parameters("stop", stop_id)
    names = {"limitPrice": "price", "stopPrice": "stopLimitPrice", "stopStopPrice": "stopPrice", "stopTrailingDelta": "trailingDelta"}
    names |= {"stopTimeInForce": "stopLimitTimeInForce"}
    return {names.get(name, name): value for name, value in (first | second).items() if name not in {"limitType", "stopType"}}
