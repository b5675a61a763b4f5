"""The methods of the WebSocket API that do what an endpoint of REST does: one definition for both.

Source: web-socket-api.md, sections from "General requests" to "Account requests". Left out is what the REST face leaves out, too.
"""

from collections.abc import Mapping
from types import MappingProxyType

from binance_trade_agent.simulation.rest.endpoint import Endpoint
from binance_trade_agent.simulation.rest.face import ROUTES
from binance_trade_agent.simulation.rest.sor_endpoints import PLACE_BY_SOCKET
from binance_trade_agent.simulation.rest.symbol_endpoints import EXCHANGE_INFO_BY_SOCKET

_SAME_AS = {
    "ping": "GET /api/v3/ping",
    "time": "GET /api/v3/time",
    "executionRules": "GET /api/v3/executionRules",
    "depth": "GET /api/v3/depth",
    "trades.recent": "GET /api/v3/trades",
    "trades.historical": "GET /api/v3/historicalTrades",
    "trades.aggregate": "GET /api/v3/aggTrades",
    "blockTrades.historical": "GET /api/v3/historicalBlockTrades",
    "klines": "GET /api/v3/klines",
    "uiKlines": "GET /api/v3/uiKlines",
    "avgPrice": "GET /api/v3/avgPrice",
    "ticker": "GET /api/v3/ticker",
    "ticker.24hr": "GET /api/v3/ticker/24hr",
    "ticker.tradingDay": "GET /api/v3/ticker/tradingDay",
    "ticker.price": "GET /api/v3/ticker/price",
    "ticker.book": "GET /api/v3/ticker/bookTicker",
    "referencePrice": "GET /api/v3/referencePrice",
    "referencePrice.calculation": "GET /api/v3/referencePrice/calculation",
    "order.place": "POST /api/v3/order",
    "order.test": "POST /api/v3/order/test",
    "order.cancel": "DELETE /api/v3/order",
    "order.cancelReplace": "POST /api/v3/order/cancelReplace",
    "order.amend.keepPriority": "PUT /api/v3/order/amend/keepPriority",
    "order.amendments": "GET /api/v3/order/amendments",
    "sor.order.test": "POST /api/v3/sor/order/test",
    "orderList.place": "POST /api/v3/order/oco",
    "orderList.place.oco": "POST /api/v3/orderList/oco",
    "orderList.place.oto": "POST /api/v3/orderList/oto",
    "orderList.place.otoco": "POST /api/v3/orderList/otoco",
    "orderList.place.opo": "POST /api/v3/orderList/opo",
    "orderList.place.opoco": "POST /api/v3/orderList/opoco",
    "orderList.cancel": "DELETE /api/v3/orderList",
    "orderList.status": "GET /api/v3/orderList",
    "openOrderLists.status": "GET /api/v3/openOrderList",
    "allOrderLists": "GET /api/v3/allOrderList",
    "order.status": "GET /api/v3/order",
    "openOrders.status": "GET /api/v3/openOrders",
    "openOrders.cancelAll": "DELETE /api/v3/openOrders",
    "allOrders": "GET /api/v3/allOrders",
    "myTrades": "GET /api/v3/myTrades",
    "myPreventedMatches": "GET /api/v3/myPreventedMatches",
    "myAllocations": "GET /api/v3/myAllocations",
    "account.status": "GET /api/v3/account",
    "account.commission": "GET /api/v3/account/commission",
    "myFilters": "GET /api/v3/myFilters",
    "account.rateLimits.orders": "GET /api/v3/rateLimit/order",
}


def _endpoint(route: str) -> Endpoint:
    verb, path = route.split(" ")
    return ROUTES[path][verb]


METHODS: Mapping[str, Endpoint] = MappingProxyType(
    {
        "exchangeInfo": EXCHANGE_INFO_BY_SOCKET,
        "sor.order.place": PLACE_BY_SOCKET,
        **{name: _endpoint(route) for name, route in _SAME_AS.items()},
    }
)
