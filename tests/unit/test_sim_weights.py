"""What each request weighs, as rest-api.md says it endpoint by endpoint, and which requests weigh nothing when they succeed."""

import orjson
import pytest

from binance_trade_agent.simulation.rest.face import ROUTES
from binance_trade_agent.simulation.rest.params import Params

ONE = {"symbol": "BTCUSDT"}


def several(count: int) -> dict[str, str]:
    return {"symbols": orjson.dumps([f"A{number}USDT" for number in range(count)]).decode()}


WEIGHTS = {
    "GET /api/v3/ping": [({}, 1)],
    "GET /api/v3/time": [({}, 1)],
    "GET /api/v3/exchangeInfo": [({}, 20), (ONE, 20)],
    "GET /api/v3/executionRules": [({}, 40), (ONE, 2), (several(3), 6), (several(21), 40), ({"symbolStatus": "HALT"}, 40)],
    "GET /api/v3/depth": [
        (ONE, 5),
        *[({**ONE, "limit": str(limit)}, weight) for limit, weight in ((1, 5), (100, 5), (101, 25), (500, 25), (501, 50), (1_000, 50))],
        *[({**ONE, "limit": str(limit)}, 250) for limit in (1_001, 5_000, 9_999)],
    ],
    "GET /api/v3/trades": [(ONE, 25)],
    "GET /api/v3/historicalTrades": [(ONE, 25)],
    "GET /api/v3/historicalBlockTrades": [(ONE, 25)],
    "GET /api/v3/aggTrades": [(ONE, 4)],
    "GET /api/v3/klines": [(ONE, 2)],
    "GET /api/v3/uiKlines": [(ONE, 2)],
    "GET /api/v3/avgPrice": [(ONE, 2)],
    "GET /api/v3/ticker/24hr": [
        ({}, 80),
        (ONE, 2),
        *[(several(count), weight) for count, weight in ((1, 2), (20, 2), (21, 40), (100, 40), (101, 80))],
    ],
    "GET /api/v3/ticker/tradingDay": [(ONE, 4), (several(2), 8), (several(50), 200), (several(51), 200)],
    "GET /api/v3/ticker": [(ONE, 4), (several(2), 8), (several(50), 200), (several(51), 200)],
    "GET /api/v3/ticker/price": [({}, 4), (ONE, 2), (several(1), 4), (several(9), 4)],
    "GET /api/v3/ticker/bookTicker": [({}, 4), (ONE, 2), (several(1), 4), (several(9), 4)],
    "GET /api/v3/referencePrice": [(ONE, 2)],
    "GET /api/v3/referencePrice/calculation": [(ONE, 2)],
    "POST /api/v3/order": [({}, 1)],
    "POST /api/v3/order/test": [({}, 1), ({"computeCommissionRates": "true"}, 20), ({"computeCommissionRates": "false"}, 1)],
    "DELETE /api/v3/order": [({}, 1)],
    "DELETE /api/v3/openOrders": [({}, 1)],
    "POST /api/v3/order/cancelReplace": [({}, 1)],
    "PUT /api/v3/order/amend/keepPriority": [({}, 4)],
    "POST /api/v3/order/oco": [({}, 1)],
    "POST /api/v3/orderList/oco": [({}, 1)],
    "POST /api/v3/orderList/oto": [({}, 1)],
    "POST /api/v3/orderList/otoco": [({}, 1)],
    "POST /api/v3/orderList/opo": [({}, 1)],
    "POST /api/v3/orderList/opoco": [({}, 1)],
    "DELETE /api/v3/orderList": [({}, 1)],
    "POST /api/v3/sor/order": [({}, 1)],
    "POST /api/v3/sor/order/test": [({}, 1), ({"computeCommissionRates": "true"}, 20)],
    "GET /api/v3/account": [({}, 20)],
    "GET /api/v3/order": [({}, 4)],
    "GET /api/v3/openOrders": [({}, 80), (ONE, 6)],
    "GET /api/v3/allOrders": [(ONE, 20)],
    "GET /api/v3/orderList": [({}, 4)],
    "GET /api/v3/allOrderList": [({}, 20)],
    "GET /api/v3/openOrderList": [({}, 6)],
    "GET /api/v3/myTrades": [(ONE, 20), ({**ONE, "orderId": "7"}, 5)],
    "GET /api/v3/rateLimit/order": [({}, 40)],
    "GET /api/v3/myPreventedMatches": [({**ONE, "preventedMatchId": "7"}, 2), ({**ONE, "orderId": "7"}, 20)],
    "GET /api/v3/myAllocations": [(ONE, 20)],
    "GET /api/v3/account/commission": [(ONE, 20)],
    "GET /api/v3/order/amendments": [(ONE, 4)],
    "GET /api/v3/myFilters": [(ONE, 40)],
}

FREE_WHEN_SUCCESSFUL = {
    "POST /api/v3/order",
    "POST /api/v3/sor/order",
    "DELETE /api/v3/order",
    "DELETE /api/v3/openOrders",
    "POST /api/v3/order/cancelReplace",
    "POST /api/v3/order/oco",
    "POST /api/v3/orderList/oco",
    "POST /api/v3/orderList/oto",
    "POST /api/v3/orderList/otoco",
    "POST /api/v3/orderList/opo",
    "POST /api/v3/orderList/opoco",
    "DELETE /api/v3/orderList",
}
"""CHANGELOG.md, 2026-03-27."""

SERVED = {f"{method} {path}": endpoint for path, methods in ROUTES.items() for method, endpoint in methods.items() if "/api/v3/" in path}


def test_every_endpoint_that_is_served_has_its_documented_weight():
    wrong = {
        (name, str(sent)[:60]): (endpoint.weight(Params(sent)), weight)
        for name, endpoint in SERVED.items()
        for sent, weight in WEIGHTS[name]
        if endpoint.weight(Params(sent)) != weight
    }
    assert wrong == {}


@pytest.mark.parametrize("name", sorted(SERVED))
def test_what_weighs_nothing_when_it_succeeds(name):
    assert SERVED[name].free_when_successful is (name in FREE_WHEN_SUCCESSFUL)
