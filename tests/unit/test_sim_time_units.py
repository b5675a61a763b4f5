"""Times of the simulated exchange in microseconds, for who asks for them, and nothing else changed."""

import orjson
import pytest
from one_quote_exchange import KEY, LIMIT, START_MS, Client, sign
from socket_exchange import connect, receive, socket_exchange
from socket_exchange import sign as sign_for_socket


@pytest.fixture
def client():
    client = Client()
    yield client
    client.exchange.close()


def asked_in(client, unit, method, path, query=""):
    headers = {"X-MBX-APIKEY": KEY, "X-MBX-TIME-UNIT": unit}
    return client.exchange.face.handle(method, path, query, b"", headers, "2.2.2.2")


def signed(text):
    return f"{text}&signature={sign(text)}"


@pytest.mark.parametrize("unit", ["MICROSECOND", "microsecond"])
def test_every_time_and_nothing_else_is_finer(client, unit):
    client.order(**LIMIT)
    for path, query, finer in (
        ("/api/v3/time", "", {"serverTime": START_MS * 1_000}),
        ("/api/v3/exchangeInfo", "symbol=BTCUSDT", {"serverTime": START_MS * 1_000}),
        (
            "/api/v3/order",
            signed(f"symbol=BTCUSDT&orderId=1&timestamp={START_MS}"),
            dict.fromkeys(("time", "updateTime", "workingTime"), START_MS * 1_000),
        ),
        ("/api/v3/account", signed(f"timestamp={START_MS}"), {"updateTime": START_MS * 1_000}),
    ):
        plain, fine = (orjson.loads(asked_in(client, each, "GET", path, query).body) for each in ("MILLISECOND", unit))
        assert fine == {**plain, **finer}


def test_candles_are_finer_at_both_ends(client):
    query = "symbol=BTCUSDT&interval=1h"
    ((plain_open, *plain, close_ms), (fine_open, *fine, close_us)) = (
        orjson.loads(asked_in(client, unit, "GET", "/api/v3/klines", query).body)[0][:7] for unit in ("millisecond", "microsecond")
    )
    assert (fine_open, close_us, fine) == (plain_open * 1_000, close_ms * 1_000, plain)


def test_there_is_no_other_unit(client):
    answer = asked_in(client, "NANOSECOND", "GET", "/api/v3/time")
    assert (answer.status, orjson.loads(answer.body)["code"]) == (400, -1194)


async def test_the_websocket_api_tells_microseconds_in_answers_and_events():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3?timeUnit=MICROSECOND&returnRateLimits=false") as socket:
        await socket.send('{"id":1,"method":"time"}')
        assert await receive(socket) == {"id": 1, "status": 200, "result": {"serverTime": there.clock.time_ms * 1_000}}
        key = "key-of-the-tests-0123456789"
        text = f"apiKey={key}&timestamp={there.clock.time_ms}"
        params = {"apiKey": key, "timestamp": there.clock.time_ms, "signature": sign_for_socket(text)}
        await socket.send(orjson.dumps({"id": 2, "method": "userDataStream.subscribe.signature", "params": params}).decode())
        assert (await receive(socket))["result"] == {"subscriptionId": 0}
        order = there.limit("BUY", "40000", "0.01")
        report, position = (await receive(socket))["event"], (await receive(socket))["event"]
    finer = order["transactTime"] * 1_000
    assert {report[name] for name in "ETOW"} == {position["E"], position["u"]} == {finer}
    assert (report["t"], report["i"]) == (-1, order["orderId"])
