"""The client over a WebSocket API on a real socket: orders, their lost answers, and account events, on asyncio and uvloop."""

import asyncio
import functools
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from far_websocket_api import FarApi, filled, refusal, served
from recorder import Recorder
from scripted_venue import KEY, SECRET, Venue, accept, intent

from binance_trade_agent.async_binance_client import AsyncBinanceClient, Connection
from binance_trade_agent.binance.connection import OrderEntry
from binance_trade_agent.binance.websocket_api.requests import signature_payload
from binance_trade_agent.domain.errors import ConfigurationError, ExchangeRefusedError, FateUnknownError
from binance_trade_agent.domain.facts import ApiSessionChanged, RequestDone
from binance_trade_agent.domain.order import ExchangeStatus
from binance_trade_agent.simulation.clocks import WallClock

PATIENCE_S = 10.0


def on_both_loops(test: Callable[[], Awaitable[None]]) -> Callable[[Any], None]:
    @pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
    @functools.wraps(test)
    def play(run: Any) -> None:
        run(test())

    del play.__wrapped__  # pytest would look for the arguments of the coroutine
    return play


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in a server that offers no event
            await asyncio.sleep(0.01)


@asynccontextmanager
async def trading(far: FarApi, observer: Recorder, **changes: Any) -> AsyncIterator[tuple[AsyncBinanceClient, Venue]]:
    """(client, its REST venue), with orders over the WebSocket API."""
    rest = Venue(accept, latency_s=0)
    async with served(far) as url:
        keys = {"api_key": KEY, "api_secret": SECRET}
        options = {"observer": observer, "shares_clock": True, "websocket_api_url": url, "order_entry": OrderEntry.WEBSOCKET}
        async with AsyncBinanceClient(Connection("https://exchange.test", rest, WallClock(), **keys | options | changes)) as client:
            await client.sync_clock()
            yield client, rest


def deadline_ms() -> int:
    return WallClock().now_ms() + 5_000


def is_live(observer: Recorder) -> bool:
    return any(fact.is_live for fact in observer.of(ApiSessionChanged))


@on_both_loops
async def test_orders_go_over_the_websocket_api_and_reads_stay_on_rest() -> None:
    far, observer = FarApi(), Recorder()
    far.scripts["order.place"] = lambda _, request: filled(request)
    async with trading(far, observer) as (client, rest):
        await until(lambda: is_live(observer))
        report = await client.place_order(intent(), send_deadline_ms=deadline_ms())
        assert (report.client_order_id, report.status) == ("bta-a1-1", ExchangeStatus.FILLED)
        rest.handle = lambda _: httpx.Response(400, json={"code": -2013, "msg": "no such order"})
        assert await client.get_order("BTCUSDT", "bta-a1-1") is None
        assert [request.method for request in rest.requests] == ["GET"]
        assert far.connections[0].methods == ["order.place"]
        assert [fact.endpoint for fact in observer.of(RequestDone)] == ["order.place", "query_order"]


@on_both_loops
async def test_a_connection_cut_between_write_and_answer_leaves_the_order_unknown_and_is_replaced() -> None:
    far, observer = FarApi(), Recorder()
    far.scripts["order.place"] = lambda connection, _: connection.end("cut")
    async with trading(far, observer) as (client, rest):
        await until(lambda: is_live(observer))
        with pytest.raises(FateUnknownError, match=r"order bta-a1-1: order\.place: the connection ended before an answer came"):
            await client.place_order(intent(), send_deadline_ms=deadline_ms())
        assert rest.requests == []
        far.scripts["order.place"] = lambda _, request: filled(request)
        await until(lambda: len(observer.of(ApiSessionChanged)) == 3)
        await client.place_order(intent(client_order_id="bta-a1-2"), send_deadline_ms=deadline_ms())
        placed = [request["params"]["newClientOrderId"] for connection in far.connections for request in connection.requests]
        assert placed == ["bta-a1-1", "bta-a1-2"]


@on_both_loops
async def test_the_answer_to_another_order_is_never_taken_for_ours() -> None:
    far, observer = FarApi(), Recorder()
    far.scripts["order.place"] = lambda _, request: filled(request, clientOrderId="bta-a1-9")
    async with trading(far, observer) as (client, _):
        await until(lambda: is_live(observer))
        with pytest.raises(FateUnknownError, match="order bta-a1-1"):
            await client.place_order(intent(), send_deadline_ms=deadline_ms())


@on_both_loops
async def test_a_refused_cancellation_is_a_no() -> None:
    far, observer = FarApi(), Recorder()
    far.scripts["order.cancel"] = lambda *_: refusal(400, -2011)
    async with trading(far, observer) as (client, _):
        await until(lambda: is_live(observer))
        with pytest.raises(ExchangeRefusedError, match="-2011"):
            await client.cancel_order("BTCUSDT", "bta-a1-1")


@on_both_loops
async def test_while_nobody_listens_there_orders_go_by_rest() -> None:
    observer = Recorder()
    async with trading(FarApi(), observer, websocket_api_url="ws://127.0.0.1:1/ws-api/v3") as (client, rest):
        report = await client.place_order(intent(), send_deadline_ms=deadline_ms())
        assert report.client_order_id == "bta-a1-1"
        assert [request.method for request in rest.requests] == ["POST"]


class Heard:
    """A listener that keeps the order ids and the gaps it is told of."""

    def __init__(self) -> None:
        self.orders: list[str] = []
        self.gaps: list[str] = []

    def on_order(self, report: Any) -> None:
        self.orders.append(report.client_order_id)

    def on_fill(self, fill: Any) -> None: ...

    def on_balances(self, balances: Any) -> None: ...

    def on_external_change(self, change: Any) -> None: ...

    def on_gap(self, reason: str) -> None:
        self.gaps.append(reason)


def execution(number: int) -> dict[str, Any]:
    times = dict.fromkeys("ETO", 1499405658658)
    amounts = dict.fromkeys("qpPFlzLnZYQ", "1.0")
    rest = {"S": "BUY", "o": "LIMIT", "f": "GTC", "g": -1, "C": "", "x": "NEW", "X": "NEW", "r": "NONE", "i": 1, "N": None, "t": -1}
    return {
        "e": "executionReport", "s": "BTCUSDT", "c": f"order-{number}", "I": number, "w": True, "m": False, **times, **amounts, **rest
    }  # fmt: skip


@on_both_loops
async def test_account_events_come_and_a_cut_is_told_once_they_come_again() -> None:
    far, heard = FarApi(), Heard()
    async with trading(far, Recorder(), order_entry=OrderEntry.REST) as (client, _):
        stream = client.user_data_stream(heard)
        task = asyncio.ensure_future(stream.run())
        await until(lambda: stream.is_live)
        far.emit(execution(1))
        await until(lambda: heard.orders == ["order-1"])
        far.connections[0].end("cut")
        await until(lambda: len(heard.gaps) == 2)
        far.emit(execution(2))
        await until(lambda: heard.orders == ["order-1", "order-2"])
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert not stream.is_live


async def test_an_ed25519_key_logs_on_once_and_other_keys_sign_each_request() -> None:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for secret, expected in ((pem, ["session.logon", "order.place"]), (SECRET, ["order.place"])):
        far, observer = FarApi(), Recorder()
        far.scripts["order.place"] = lambda _, request: filled(request)
        async with trading(far, observer, api_secret=secret) as (client, _):
            await until(lambda observer=observer: is_live(observer))
            await client.place_order(intent(), send_deadline_ms=deadline_ms())
        (connection,) = far.connections
        assert connection.methods == expected
        order = connection.requests[-1]["params"]
        assert ("signature" in order) is (secret == SECRET)
        if secret == pem:
            logon = connection.requests[0]["params"]
            key.public_key().verify(b64decode(logon.pop("signature")), signature_payload(logon))  # raises when it is none


async def test_a_venue_without_a_websocket_api_says_so() -> None:
    async with AsyncBinanceClient(Connection("https://exchange.test", Venue(accept), WallClock(), KEY, SECRET)) as client:
        with pytest.raises(ConfigurationError, match="no WebSocket API"):
            client.user_data_stream(Heard())
    for missing in ({"websocket_api_url": ""}, {"api_key": ""}, {"api_secret": ""}):
        options = {"api_key": KEY, "api_secret": SECRET, "websocket_api_url": "wss://exchange.test"} | missing
        with pytest.raises(ConfigurationError, match="order_entry is websocket"):
            Connection("https://exchange.test", Venue(accept), WallClock(), order_entry=OrderEntry.WEBSOCKET, **options)
