"""Methods of the simulated exchange's WebSocket API, each asked over a real socket: results and account events in the documented shapes."""

import json

import pytest
from documented_faces import REST, USER_DATA, WEBSOCKET_API, assert_documented, differences
from socket_exchange import KEY, D, connect, receive, sign, socket_exchange

LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "40000.00", "quantity": "0.01"}
BTC = {"symbol": "BTCUSDT"}
BOTH = {"symbols": ["BTCUSDT", "ETHUSDT"]}

PUBLIC = [
    ("ping", {}),
    ("time", {}),
    ("executionRules", BTC),
    ("depth", {**BTC, "limit": 5}),
    ("trades.recent", {**BTC, "limit": 2}),
    ("trades.historical", {**BTC, "fromId": 0, "limit": 2}),
    ("trades.aggregate", {**BTC, "limit": 2}),
    ("blockTrades.historical", {**BTC, "fromId": 1}),
    ("klines", {**BTC, "interval": "1h", "limit": 2}),
    ("uiKlines", {**BTC, "interval": "1d", "timeZone": "8", "limit": 2}),
    ("avgPrice", BTC),
    *[
        (f"ticker{kind}", {**which, **size})
        for kind in (".24hr", ".tradingDay", "")
        for which in (BTC, BOTH)
        for size in ({}, {"type": "MINI"})
    ],
    ("ticker.price", BTC),
    ("ticker.price", BOTH),
    ("ticker.book", BTC),
    ("ticker.book", {}),
    ("referencePrice", BTC),
    ("referencePrice.calculation", BTC),
]
SIGNED = [
    ("order.place", {**LIMIT, "newOrderRespType": "ACK"}),
    ("order.place", {**LIMIT, "newOrderRespType": "RESULT"}),
    ("order.place", {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}),
    ("order.test", LIMIT),
    ("order.test", {**LIMIT, "computeCommissionRates": True}),
    ("order.status", {**BTC, "orderId": 1}),
    ("openOrders.status", BTC),
    ("allOrders", BTC),
    ("myTrades", BTC),
    ("order.cancelReplace", {**LIMIT, "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": 1}),
    ("order.cancel", {**BTC, "orderId": 2}),
    ("openOrders.cancelAll", BTC),
    ("account.status", {}),
    ("account.commission", BTC),
    ("account.rateLimits.orders", {}),
    ("myPreventedMatches", {**BTC, "preventedMatchId": 1}),
    ("myAllocations", BTC),
]


SHOWN_IN_FULL_BY_REST = {
    "order.place": "POST /api/v3/order",
    "order.cancelReplace": "POST /api/v3/order/cancelReplace",
    "account.status": "GET /api/v3/account",
    "ticker.24hr": "GET /api/v3/ticker/24hr",
    "ticker": "GET /api/v3/ticker",
    "ticker.tradingDay": "GET /api/v3/ticker/tradingDay",
}
"""Methods of which web-socket-api.md shows some answers only, or with fewer fields or in another order than the same answer of REST."""


def shapes(method):
    return WEBSOCKET_API[method] + REST.get(SHOWN_IN_FULL_BY_REST.get(method, ""), [])


async def call(there, socket, method, params, *, is_signed):
    """Result of a request; events that come before it are kept."""
    if is_signed:
        params = {**params, "apiKey": KEY, "timestamp": there.clock.time_ms}
        texts = {name: json.dumps(value) if isinstance(value, bool) else value for name, value in params.items()}
        params["signature"] = sign("&".join(f"{name}={texts[name]}" for name in sorted(texts)))
    await socket.send(json.dumps({"id": 1, "method": method, "params": params}))
    events = []
    while "event" in (message := await receive(socket)):
        events.append(message["event"])
    assert message["status"] == 200, message
    return message["result"], events


async def test_public_methods_answer_in_the_documented_shapes():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        for method, params in PUBLIC:
            result, _ = await call(there, socket, method, params, is_signed=False)
            assert_documented(result, shapes(method))


async def test_signed_methods_answer_in_the_documented_shapes_and_so_do_the_events():
    events = []
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        await call(there, socket, "userDataStream.subscribe.signature", {}, is_signed=True)
        for method, params in SIGNED:
            result, more = await call(there, socket, method, params, is_signed=True)
            assert_documented(result, shapes(method))
            events += more
        there.exchange.deposit(KEY, "BTC", D(1))
        events.append((await receive(socket))["event"])
        events.append((await receive(socket))["event"])
        await socket.send('{"id":2,"method":"userDataStream.unsubscribe"}')
        assert (await receive(socket))["id"] == 2
        events.append((await receive(socket))["event"])
    assert {event["e"] for event in events} == {"executionReport", "outboundAccountPosition", "balanceUpdate", "eventStreamTerminated"}
    for event in events:
        shape = USER_DATA[event["e"]]
        # The example shows one field that only some orders have.
        known = {name: kind for name, kind in shape.items() if name != "v"}
        assert differences(event, known) == []


@pytest.mark.parametrize("unknown", ["order", "klines.1m", "userDataStream.start", ""])
async def test_there_is_no_such_method(unknown):
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        await socket.send(json.dumps({"id": 1, "method": unknown}))
        assert (await receive(socket))["status"] == 400
