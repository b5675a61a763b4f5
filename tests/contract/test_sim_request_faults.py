"""Faults of requests: whether the exchange carried them out, and what the client sees, in process, over HTTP and over the WebSocket API."""

import asyncio
import json
from dataclasses import dataclass
from decimal import Decimal

import aiohttp
import pytest
from socket_exchange import KEY, SECRET, START_MS, SocketExchange, connect, receive, sign, socket_exchange
from websockets.exceptions import ConnectionClosed

from binance_trade_agent.binance.rest_transport import RestRequest
from binance_trade_agent.binance.route import Route
from binance_trade_agent.domain.errors import FateUnknownError, NotSentError
from binance_trade_agent.domain.lane import Lane
from binance_trade_agent.simulation.clocks import VirtualClock
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.faults.delay import Delay
from binance_trade_agent.simulation.faults.kinds import POINTS, FaultKind, FaultPoint
from binance_trade_agent.simulation.faults.plan import Fault
from binance_trade_agent.simulation.in_process import InProcessTransport
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket
from binance_trade_agent.simulation.virtual_loop import run_virtual

PLACE = "POST /api/v3/order"
SHORT_S, PATIENCE_S = 0.4, 20.0


@dataclass(frozen=True)
class Seen:
    """What a fault leaves behind: orders at the exchange, and at the client a status with its code, or an error."""

    orders: int
    status: int | None = None
    code: int | None = None
    error: type[Exception] | None = None


FATES = {
    FaultKind.REFUSE_CONNECT: Seen(0, error=NotSentError),
    FaultKind.LOSE_REQUEST: Seen(0, error=FateUnknownError),
    FaultKind.LOSE_ANSWER: Seen(1, error=FateUnknownError),
    FaultKind.DELAY_REQUEST: Seen(1, 200),
    FaultKind.DELAY_ANSWER: Seen(1, 200),
    FaultKind.DUPLICATE_REQUEST: Seen(2, 200),
    FaultKind.DUPLICATE_ANSWER: Seen(1, 200),
    FaultKind.DRIP_ANSWER: Seen(1, 200),
    FaultKind.CUT_NOT_EXECUTED: Seen(0, error=FateUnknownError),
    FaultKind.CUT_EXECUTED: Seen(1, error=FateUnknownError),
    FaultKind.CUT_MIDWAY: Seen(1, error=FateUnknownError),
    FaultKind.ANSWER_5XX_NOT_EXECUTED: Seen(0, 503, -1007),
    FaultKind.ANSWER_5XX_EXECUTED: Seen(1, 503, -1007),
    FaultKind.UNEXPECTED_NOT_EXECUTED: Seen(0, 503, -1006),
    FaultKind.UNEXPECTED_EXECUTED: Seen(1, 503, -1006),
    FaultKind.ENGINE_DELAY: Seen(1, 200),
    FaultKind.OVERLOADED: Seen(0, 503, -1008),
    FaultKind.TOO_MANY_REQUESTS: Seen(0, 429, -1003),
    FaultKind.BANNED: Seen(0, 418, -1003),
    FaultKind.FORBIDDEN: Seen(0, 403),
}
"""Kinds after which an answer is either the truth or tells plainly what it is; those that spoil bytes have tests of their own."""

API_FATES = {kind: fate for kind, fate in FATES.items() if FaultPoint.WEBSOCKET_API in POINTS[kind]}


def order(**params: object) -> str:
    query = f"symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01&timestamp={START_MS}"
    return f"{query}&signature={sign(query)}"


def orders(there: SocketExchange) -> int:
    return len(there.exchange.orders(KEY))


async def placed_in_process(there: SocketExchange, timeout_s: float = SHORT_S) -> tuple[int, bytes]:
    transport = InProcessTransport(there.exchange)
    route = Route("http://here", {"X-MBX-APIKEY": KEY})
    answer = await transport.fetch(RestRequest("POST", "/api/v3/order", order(), route, Lane.ORDERS, timeout_s))
    return answer.status, answer.body


async def placed_over_http(there: SocketExchange, timeout_s: float = SHORT_S) -> tuple[int, bytes]:
    url = f"http://127.0.0.1:{there.server.port}/api/v3/order?{order()}"
    try:
        async with (
            asyncio.timeout(timeout_s),
            aiohttp.ClientSession(headers={"X-MBX-APIKEY": KEY}) as session,
            session.post(url) as answer,
        ):
            return answer.status, await answer.read()
    except (TimeoutError, aiohttp.ClientError) as error:
        raise FateUnknownError(type(error).__name__) from None


WAYS = [placed_in_process, placed_over_http]


@pytest.mark.parametrize("place", WAYS)
@pytest.mark.parametrize("kind", FATES)
async def test_an_order_is_carried_out_or_not_as_the_fault_says(kind, place):
    fate = FATES[kind]
    async with socket_exchange() as there:
        there.exchange.faults.append(Fault(kind, PLACE, delay=Delay(50)))
        if fate.error is not None:
            with pytest.raises((fate.error, FateUnknownError)):
                await place(there)
        else:
            status, body = await place(there, PATIENCE_S)
            assert status == fate.status
            assert (json.loads(body).get("code") if status != 403 else None) == fate.code
        assert orders(there) == fate.orders
        assert there.exchange.faults.struck == {kind: 1}
        assert (await place(there, PATIENCE_S))[0] == 200


@pytest.mark.parametrize("place", WAYS)
async def test_what_is_too_late_for_its_client_is_carried_out_all_the_same(place):
    async with socket_exchange() as there:
        there.exchange.faults.append(Fault(FaultKind.DELAY_REQUEST, PLACE, delay=Delay(300)))
        with pytest.raises(FateUnknownError):
            await place(there, 0.1)
        assert orders(there) == 0
        await until_placed(there)


async def until_placed(there: SocketExchange) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not orders(there):  # noqa: ASYNC110 - who is waited for has gone from the wire
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("place", WAYS)
@pytest.mark.parametrize("kind", [FaultKind.MUTATE_ANSWER, FaultKind.WRONG_ANSWER])
async def test_spoiled_answers_are_not_the_truth(kind, place):
    async with socket_exchange() as there:
        there.exchange.faults.append(Fault(kind, PLACE))
        _, body = await place(there, PATIENCE_S)
        assert orders(there) == 1
        if kind is FaultKind.MUTATE_ANSWER:
            with pytest.raises(ValueError, match=r"."):
                json.loads(body)
        else:
            assert json.loads(body) == {}  # of an answer that came before; here there was none


async def test_a_wrong_digit_is_all_that_is_wrong():
    async with socket_exchange() as there:
        truth = json.dumps(there.get("depth", symbol="BTCUSDT", limit=5), separators=(",", ":")).encode()
        there.exchange.faults.append(Fault(FaultKind.WRONG_DIGIT, "GET *"))
        transport = InProcessTransport(there.exchange)
        request = RestRequest("GET", "/api/v3/depth", "symbol=BTCUSDT&limit=5", Route("http://here", {}), Lane.MARKET_DATA, SHORT_S)
        lie, again = [(await transport.fetch(request)).body for _ in range(2)]
        assert again == truth
        assert sum(ours != theirs for ours, theirs in zip(truth, lie, strict=True)) == 1
        assert json.loads(lie).keys() == json.loads(truth).keys()


@pytest.mark.parametrize("kind", API_FATES)
async def test_an_order_over_the_websocket_api_is_carried_out_or_not_as_the_fault_says(kind):
    fate = API_FATES[kind]
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        there.exchange.faults.append(Fault(kind, "order.place", delay=Delay(50)))
        params = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", "timestamp": START_MS, "apiKey": KEY}
        params["signature"] = sign("&".join(f"{name}={params[name]}" for name in sorted(params)))
        await socket.send(json.dumps({"id": 1, "method": "order.place", "params": params}))
        if kind in {FaultKind.CUT_EXECUTED, FaultKind.CUT_NOT_EXECUTED, FaultKind.CUT_MIDWAY}:
            with pytest.raises(ConnectionClosed):
                await receive(socket)
        elif fate.error is not None:
            await socket.send(json.dumps({"id": 2, "method": "ping"}))
            assert (await receive(socket))["id"] == 2  # nothing came before
        else:
            answers = [await receive(socket) for _ in range(2 if kind is FaultKind.DUPLICATE_ANSWER else 1)]
            assert {answer["id"] for answer in answers} == {1}
            assert (answers[0]["status"], answers[0].get("error", {}).get("code")) == (fate.status, fate.code)
        assert orders(there) == fate.orders


async def test_a_second_answer_follows_on_the_connection_where_nobody_asked_for_it():
    async with socket_exchange() as there:
        there.exchange.faults.append(Fault(FaultKind.DUPLICATE_ANSWER, "GET /api/v3/ping"))
        reader, writer = await asyncio.open_connection("127.0.0.1", there.server.port)
        writer.write(b"GET /api/v3/ping HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(2):
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
                assert await reader.readexactly(2) == b"{}"
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(("kind", "is_placed"), [(FaultKind.ENGINE_DELAY, True), (FaultKind.DELAY_REQUEST, False)])
def test_what_the_engine_has_got_is_done_however_late_and_what_comes_too_late_is_not(kind, is_placed):
    """Both come 30 s after their timestamp, and no recvWindow is that long: but the one was forwarded while it was fresh."""

    async def place() -> None:
        exchange = SimulatedExchange(SyntheticMarket(["BTCUSDT"], 7), VirtualClock(START_MS))
        exchange.open_account(KEY, SECRET, {"USDT": Decimal(100_000)})
        exchange.faults.append(Fault(kind, PLACE, delay=Delay(30_000)))
        request = RestRequest("POST", "/api/v3/order", order(), Route("http://here", {"X-MBX-APIKEY": KEY}), Lane.ORDERS, 60.0)
        loop = asyncio.get_running_loop()
        answer = await InProcessTransport(exchange).fetch(request)
        code = json.loads(answer.body)["code"]
        assert (code, loop.time()) == ((-1007, 10.0) if is_placed else (-1021, 30.0))
        assert exchange.orders(KEY) == []
        await asyncio.sleep(25)
        assert len(exchange.orders(KEY)) == int(is_placed)
        exchange.close()

    run_virtual(place())
