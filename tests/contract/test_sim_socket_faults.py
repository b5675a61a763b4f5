"""Faults of the simulated exchange's WebSocket faces: each does what its name says, once, and is counted."""

import asyncio
import json

import pytest
from socket_exchange import KEY, START_MS, ask, connect, receive, sign, socket_exchange
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from binance_trade_agent.simulation.faults.delay import Delay
from binance_trade_agent.simulation.faults.kinds import FaultKind, Garbage
from binance_trade_agent.simulation.faults.plan import Fault

LIST = {"method": "LIST_SUBSCRIPTIONS", "id": 1}
PING = {"method": "ping", "id": 1}


def order(number: int) -> str:
    params = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", "apiKey": KEY, "timestamp": START_MS}
    params["newClientOrderId"] = f"order-{number}"
    payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
    return json.dumps({"id": number, "method": "order.place", "params": {**params, "signature": sign(payload)}})


def placed(there) -> list[str]:
    return [placed.client_order_id for placed in there.exchange.orders(KEY)]


async def test_upgrades_are_refused_by_path():
    async with socket_exchange() as there:
        faults = there.server.sockets.faults
        faults.append(Fault(FaultKind.REFUSE_UPGRADE, "/stream", times=2, status=502))
        async with connect(f"{there.url}/ws-api/v3") as other:
            assert (await ask(other, PING))["status"] == 200
        for _ in range(2):
            with pytest.raises(InvalidStatus, match="502"):
                await connect(f"{there.url}/stream")
        async with connect(f"{there.url}/stream") as socket:
            assert (await ask(socket, LIST))["result"] == []
        assert (len(faults), dict(faults.struck)) == (0, {FaultKind.REFUSE_UPGRADE: 2})


async def test_connections_are_cut_by_path():
    async with socket_exchange() as there, connect(f"{there.url}/ws") as raw, connect(f"{there.url}/ws-api/v3") as api:
        await ask(api, PING)
        there.server.sockets.cut("/ws-api/v3")
        with pytest.raises(ConnectionClosedError, match="no close frame"):
            await api.recv()
        assert (await ask(raw, LIST))["result"] == []
        assert there.server.sockets.faults.struck == {FaultKind.CUT: 1}


async def test_a_stalled_connection_hears_and_says_nothing():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        await ask(socket, PING)
        there.server.sockets.stall()
        await socket.send(order(1))
        async with asyncio.timeout(20):
            while not placed(there):  # noqa: ASYNC110 - a stalled server tells nobody
                await asyncio.sleep(0.001)
        there.server.sockets.resume()
        assert (await ask(socket, {"method": "ping", "id": "after"}))["id"] == "after"  # the order's answer is lost


async def test_events_are_dropped_and_doubled_by_stream():
    async with socket_exchange() as there, connect(f"{there.url}/stream?streams=btcusdt@aggTrade/ethusdt@aggTrade") as socket:
        faults = there.server.sockets.faults
        faults.append(Fault(FaultKind.DROP_EVENT, "btcusdt@aggTrade", times=2))
        faults.append(Fault(FaultKind.DUPLICATE_EVENT, "btcusdt@aggTrade"))
        (newest,) = there.get("aggTrades", symbol="BTCUSDT", limit=1)
        there.clock.move(4_000)
        received = [await receive(socket) for _ in range(3 + 4)]
        numbers = [(message["stream"][:3], message["data"]["a"] - newest["a"] - 1) for message in received]
        assert numbers == [("btc", 2), ("btc", 2), ("btc", 3), *[("eth", number) for number in range(4)]]
        assert dict(faults.struck) == {FaultKind.DROP_EVENT: 2, FaultKind.DUPLICATE_EVENT: 1}


async def test_account_events_are_dropped_and_doubled_by_kind():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        payload = f"apiKey={KEY}&timestamp={START_MS}"
        params = {"apiKey": KEY, "timestamp": START_MS, "signature": sign(payload)}
        await ask(socket, {"id": 1, "method": "userDataStream.subscribe.signature", "params": params})
        faults = there.server.sockets.faults
        faults.append(Fault(FaultKind.DROP_EVENT, "executionReport"))
        faults.append(Fault(FaultKind.DUPLICATE_EVENT, "outboundAccountPosition"))
        there.market("BUY", "0.01")
        events = [(await receive(socket))["event"] for _ in range(3)]
        assert [(event["e"], event.get("x")) for event in events] == [
            ("executionReport", "TRADE"),
            ("outboundAccountPosition", None),
            ("outboundAccountPosition", None),
        ]


@pytest.mark.parametrize(
    ("kind", "is_executed"),
    [
        (FaultKind.LOSE_ANSWER, True),
        (FaultKind.LOSE_REQUEST, False),
        (FaultKind.CUT_EXECUTED, True),
        (FaultKind.CUT_NOT_EXECUTED, False),
        (FaultKind.ANSWER_5XX_EXECUTED, True),
        (FaultKind.ANSWER_5XX_NOT_EXECUTED, False),
        (FaultKind.DELAY_ANSWER, True),
    ],
)
async def test_the_fate_of_an_order_is_as_the_fault_says(kind, is_executed):
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        faults = there.server.sockets.faults
        faults.append(Fault(kind, "order.place", delay=Delay(50)))
        assert (await ask(socket, PING))["status"] == 200  # not meant for this one
        await socket.send(order(1))
        if kind in {FaultKind.CUT_EXECUTED, FaultKind.CUT_NOT_EXECUTED}:
            with pytest.raises(ConnectionClosedError):
                await receive(socket)
        else:
            await socket.send(order(2))
            answers = [await receive(socket)]
            if kind is FaultKind.DELAY_ANSWER:
                answers.append(await receive(socket))
                assert [answer["id"] for answer in answers] == [2, 1]
            elif "5xx" in kind:
                assert (answers[0]["id"], answers[0]["status"], answers[0]["error"]["code"]) == (1, 503, -1007)
            else:
                assert answers[0]["id"] == 2
        assert ("order-1" in placed(there)) is is_executed
        assert faults.struck == {kind: 1}


async def test_the_answer_to_a_subscription_is_lost_and_its_events_come():
    async with socket_exchange() as there, connect(f"{there.url}/ws") as socket:
        there.server.sockets.faults.append(Fault(FaultKind.LOSE_ANSWER, "SUBSCRIBE"))
        await socket.send(json.dumps({"method": "SUBSCRIBE", "params": ["btcusdt@aggTrade"], "id": 1}))
        assert (await ask(socket, LIST))["result"] == ["btcusdt@aggTrade"]
        there.clock.move(5_000)
        assert (await receive(socket))["e"] == "aggTrade"


@pytest.mark.parametrize("garbage", [Garbage.BROKEN_FRAME, Garbage.BROKEN_UTF8])
async def test_garbage_that_breaks_the_protocol_ends_a_strict_client(garbage):
    async with socket_exchange() as there, connect(f"{there.url}/ws") as socket:
        await ask(socket, LIST)
        there.server.sockets.send_garbage(garbage)
        with pytest.raises(ConnectionClosedError):
            await socket.recv()


@pytest.mark.parametrize(
    ("garbage", "content"), [(Garbage.BROKEN_JSON, '{"e":"trade"'), (Garbage.BINARY, b"{}"), (Garbage.NOT_AN_OBJECT, "[]")]
)
async def test_garbage_in_whole_frames_arrives(garbage, content):
    async with socket_exchange() as there, connect(f"{there.url}/ws") as socket:
        await ask(socket, LIST)
        there.server.sockets.send_garbage(garbage)
        assert await socket.recv() == content
        assert (await ask(socket, LIST))["result"] == []
        assert there.server.sockets.faults.struck == {FaultKind.GARBAGE: 1}
