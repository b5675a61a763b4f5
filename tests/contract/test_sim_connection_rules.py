"""The rules of the simulated exchange's WebSocket connections: pings, haste, age, readers that are too slow, and the end of the server."""

import asyncio
import json
import socket as sockets
from contextlib import asynccontextmanager

import aiohttp
import pytest
from socket_exchange import START_MS, ask, connect, receive, socket_exchange, until
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus

from binance_trade_agent.simulation.rest.rate_limits import CONNECTIONS
from binance_trade_agent.simulation.sockets.rules import ConnectionRules

LIST = json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 1})


async def closed(socket) -> ConnectionClosed:
    """How the connection ended; what came before is read and dropped."""
    try:
        async with asyncio.timeout(20):
            while True:
                await socket.recv()
    except ConnectionClosed as end:
        return end


async def connections(there, count: int) -> None:
    """Wait until so many are open."""
    async with asyncio.timeout(20):
        while there.server.sockets.connections != count:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.001)


@asynccontextmanager
async def autoping_off(there):
    """A client that leaves pongs to the test."""
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{there.url}/stream", autoping=False) as socket:
        yield socket


async def test_five_messages_a_second_are_heard_and_the_sixth_ends_the_connection():
    async with socket_exchange() as there, connect(f"{there.url}/ws") as socket:
        for _ in range(5):
            await ask(socket, LIST)
        await socket.send(LIST)
        end = await closed(socket)
        assert (end.rcvd.code, end.rcvd.reason) == (1008, "Too many requests")


async def test_pings_count_as_messages():
    async with socket_exchange() as there, connect(f"{there.url}/ws") as socket:
        for number in range(5):
            await (await socket.ping(b"%d" % number))
        await socket.ping(b"one too many")
        assert (await closed(socket)).rcvd.code == 1008


async def test_a_connection_has_so_many_streams_and_no_more():
    names = [f"s{number}usdt@trade" for number in range(1_025)]
    async with socket_exchange() as there:
        async with connect(f"{there.url}/ws") as socket:
            assert await ask(socket, {"method": "SUBSCRIBE", "params": names[:1_024], "id": 1}) == {"result": None, "id": 1}
            assert (await ask(socket, {"method": "SUBSCRIBE", "params": names, "id": 2}))["code"] == 2
            assert len((await ask(socket, {"method": "LIST_SUBSCRIPTIONS", "id": 3}))["result"]) == 1_024
        with pytest.raises(InvalidStatus, match="400"):
            await connect(f"{there.url}/stream?streams={'/'.join(names)}")


async def test_it_pings_with_a_payload_and_a_pong_keeps_the_connection():
    rules = ConnectionRules(ping_interval_s=0.05, pong_timeout_s=0.12)
    async with socket_exchange(rules=rules) as there, autoping_off(there) as socket:
        for _ in range(5):
            message = await socket.receive(timeout=10)
            assert (message.type, bool(message.data)) == (aiohttp.WSMsgType.PING, True)
            await socket.pong(message.data)


@pytest.mark.parametrize("payload", [None, b"", b"something else"])
async def test_without_the_right_pong_the_connection_is_cut(payload):
    rules = ConnectionRules(ping_interval_s=0.05, pong_timeout_s=0.12, messages_per_second=100)
    async with socket_exchange(rules=rules) as there, autoping_off(there) as socket:
        pings = 0
        while (message := await socket.receive(timeout=10)).type is aiohttp.WSMsgType.PING:
            pings += 1
            if payload is not None:
                await socket.pong(payload)
        assert message.type is aiohttp.WSMsgType.CLOSED
        assert 2 <= pings <= 4


async def test_a_connection_ends_at_its_age():
    async with socket_exchange(rules=ConnectionRules(lifetime_s=0.1)) as there, connect(f"{there.url}/ws") as socket:
        assert (await closed(socket)).rcvd.code == 1001


async def test_a_client_that_does_not_read_is_cut_off_and_nobody_waits_for_it():
    rules = ConnectionRules(most_unsent_bytes=200_000)
    address = "/stream?streams=btcusdt@trade/btcusdt@depth@100ms"
    handshake = (
        f"GET {address} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    async with socket_exchange(rules=rules) as there, connect(there.url + address) as quick:
        with sockets.socket() as slow:
            slow.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4_096)
            slow.connect(("127.0.0.1", there.server.port))
            slow.sendall(handshake.encode())
            await connections(there, 2)
            while there.server.sockets.connections == 2:
                there.clock.move(120_000)
                await until(quick, lambda message: message["data"]["E"] == there.clock.time_ms and "u" in message["data"])
            read_to_the_end(slow)  # it has an end
        there.clock.move(10_000)
        assert (await receive(quick))["data"]["E"] == there.clock.time_ms


def read_to_the_end(reader: sockets.socket) -> None:
    reader.settimeout(20)
    while reader.recv(1 << 20):
        pass


async def test_binary_messages_are_not_taken():
    async with socket_exchange() as there, connect(f"{there.url}/ws") as socket:
        await socket.send(b"\x00")
        assert (await closed(socket)).rcvd.code == 1003


async def test_a_message_that_is_too_long_is_not_taken():
    rules = ConnectionRules(most_message_bytes=1_000)
    async with socket_exchange(rules=rules) as there, connect(f"{there.url}/ws") as socket:
        await socket.send("x" * 1_001)
        assert (await closed(socket)).rcvd.code == 1009


async def test_an_address_may_connect_so_often():
    async with socket_exchange() as there, aiohttp.ClientSession() as session:
        for number in range(CONNECTIONS.most):
            # Not a WebSocket request: it is counted as an attempt, and cheaper.
            async with session.get(f"http://127.0.0.1:{there.server.port}/ws") as answer:
                assert answer.status == 400, number
        with pytest.raises(InvalidStatus, match="429") as refused:
            await connect(f"{there.url}/ws")
        there.clock.move(int(refused.value.response.headers["Retry-After"]) * 1_000)
        async with connect(f"{there.url}/ws") as socket:
            assert (await ask(socket, LIST))["result"] == []


async def test_the_end_of_the_server_is_announced_and_comes_after_the_grace():
    async with socket_exchange() as there, connect(f"{there.url}/ws") as raw, connect(f"{there.url}/stream") as combined:
        announced = {"e": "serverShutdown", "E": START_MS}
        ending = asyncio.create_task(there.server.shut_down(grace_s=0.2))
        assert await receive(raw) == announced
        assert await receive(combined) == {"stream": "!serverShutdown", "data": announced}
        assert (await ask(raw, LIST))["result"] == []  # still served
        assert (await closed(raw)).rcvd.code == (await closed(combined)).rcvd.code == 1001
        await ending


async def test_latency_holds_messages_back_and_keeps_their_order():
    async with socket_exchange(latency_ms=200) as there:
        loop = asyncio.get_running_loop()
        async with connect(f"{there.url}/ws/btcusdt@trade") as socket:
            began_s = loop.time()
            assert (await ask(socket, LIST))["result"] == ["btcusdt@trade"]
            assert loop.time() - began_s >= 0.2
            there.clock.move(20_000)
            ids = [(await receive(socket))["t"] for _ in range(4)]
            assert ids == list(range(ids[0], ids[0] + 4))


async def test_a_request_that_is_no_upgrade_is_refused():
    async with socket_exchange() as there:
        reader, writer = await asyncio.open_connection("127.0.0.1", there.server.port)
        writer.write(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 400 " in await reader.readline()
        writer.close()


async def test_a_lost_client_is_forgotten():
    async with socket_exchange() as there:
        socket = await connect(f"{there.url}/ws/btcusdt@trade")
        socket.transport.abort()
        with pytest.raises(ConnectionClosedError):
            await socket.recv()
        await connections(there, 0)
