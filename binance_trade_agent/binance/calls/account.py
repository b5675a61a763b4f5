"""AccountCalls: what the account holds, pays, has done and may do. Source: rest-api.md, "Account Endpoints"."""

from binance_trade_agent.binance import endpoints
from binance_trade_agent.binance.answers.account import (
    Allocation,
    ApiRestrictions,
    CommissionRates,
    MyFilters,
    OrderAmendment,
    OrderDetails,
    OrderList,
    PreventedMatch,
    UnfilledOrderCount,
)
from binance_trade_agent.binance.calls.parameters import given
from binance_trade_agent.binance.rest import RestCaller


class AccountCalls:
    """`client.account`. All are signed reads: repeated after passing failures; ExchangeError and its kinds are raised.

    Two times that bound an answer may be 24 hours apart at most.
    """

    def __init__(self, rest: RestCaller) -> None:
        self._rest = rest

    async def all_orders(
        self,
        symbol: str,
        *,
        from_order_id: int | None = None,
        start_time_ms: int | None = None,
        end_time_ms: int | None = None,
        limit: int = 500,
    ) -> tuple[OrderDetails, ...]:
        """1 to 1000 orders in whatever state, from an order id on or within a time; else the newest."""
        params = given(symbol=symbol, orderId=from_order_id, startTime=start_time_ms, endTime=end_time_ms, limit=limit)
        return await self._rest.read(endpoints.ALL_ORDERS, params)

    async def order_list(self, *, order_list_id: int | None = None, list_client_order_id: str | None = None) -> OrderList:
        """The order list by one of its ids."""
        params = given(orderListId=order_list_id, origClientOrderId=list_client_order_id)
        return await self._rest.read(endpoints.QUERY_ORDER_LIST, params)

    async def all_order_lists(
        self, *, from_id: int | None = None, start_time_ms: int | None = None, end_time_ms: int | None = None, limit: int = 500
    ) -> tuple[OrderList, ...]:
        """1 to 1000 order lists from an id on, or (not both) within a time; else the newest."""
        params = given(fromId=from_id, startTime=start_time_ms, endTime=end_time_ms, limit=limit)
        return await self._rest.read(endpoints.ALL_ORDER_LISTS, params)

    async def open_order_lists(self) -> tuple[OrderList, ...]:
        """The order lists that can still trade."""
        return await self._rest.read(endpoints.OPEN_ORDER_LISTS, {})

    async def unfilled_order_count(self) -> tuple[UnfilledOrderCount, ...]:
        """How much of each order limit is used."""
        return await self._rest.read(endpoints.UNFILLED_ORDER_COUNT, {})

    async def prevented_matches(
        self,
        symbol: str,
        *,
        prevented_match_id: int | None = None,
        order_id: int | None = None,
        from_prevented_match_id: int | None = None,
        limit: int | None = None,
    ) -> tuple[PreventedMatch, ...]:
        """Matches with ourselves that did not happen: one by its id, or 1 to 1000 of an order."""
        params = given(
            symbol=symbol,
            preventedMatchId=prevented_match_id,
            orderId=order_id,
            fromPreventedMatchId=from_prevented_match_id,
            limit=limit,
        )
        return await self._rest.read(endpoints.PREVENTED_MATCHES, params)

    async def allocations(
        self,
        symbol: str,
        *,
        order_id: int | None = None,
        from_allocation_id: int | None = None,
        start_time_ms: int | None = None,
        end_time_ms: int | None = None,
        limit: int = 500,
    ) -> tuple[Allocation, ...]:
        """1 to 1000 allocations of smart order routing: of an order, from an id on, or within a time."""
        params = given(
            symbol=symbol,
            startTime=start_time_ms,
            endTime=end_time_ms,
            fromAllocationId=from_allocation_id,
            limit=limit,
            orderId=order_id,
        )
        return await self._rest.read(endpoints.ALLOCATIONS, params)

    async def commission_rates(self, symbol: str) -> CommissionRates:
        """What the account pays on `symbol`."""
        return await self._rest.read(endpoints.COMMISSION_RATES, given(symbol=symbol))

    async def order_amendments(
        self, symbol: str, order_id: int, *, from_execution_id: int | None = None, limit: int = 500
    ) -> tuple[OrderAmendment, ...]:
        """1 to 1000 reductions of one order, oldest first."""
        params = given(symbol=symbol, orderId=order_id, fromExecutionId=from_execution_id, limit=limit)
        return await self._rest.read(endpoints.ORDER_AMENDMENTS, params)

    async def my_filters(self, symbol: str) -> MyFilters:
        """Every filter that binds the account on `symbol`, the MAX_ASSET ones included."""
        return await self._rest.read(endpoints.MY_FILTERS, given(symbol=symbol))

    async def api_restrictions(self) -> ApiRestrictions:
        """What the API key may do; on the real exchange only (Binance's wallet API documents, "Get API Key Permission")."""
        return await self._rest.read(endpoints.API_RESTRICTIONS, {})
