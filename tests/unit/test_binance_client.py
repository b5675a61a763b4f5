"""AsyncBinanceClient sends orders once, tells a no from a maybe, repeats only reads, and keeps its keys to itself.

All tests run on the virtual loop: waits and deadlines are real code paths that take no real time.
"""

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from binance_trade_agent import async_binance_client
from binance_trade_agent.async_binance_client import AsyncBinanceClient, Connection
from binance_trade_agent.binance.endpoints import DEPTH as DEPTH_ENDPOINT
from binance_trade_agent.binance.endpoints import ENDPOINTS, MY_TRADES, OPEN_ORDERS
from binance_trade_agent.domain.errors import (
    BadAnswerError,
    ConfigurationError,
    ExchangeError,
    ExchangeRefusedError,
    FateUnknownError,
    NotSentError,
    PoolTimeoutError,
    RateLimitedError,
)
from binance_trade_agent.domain.facts import ClockSynced, Fact, RequestDone, WeightUsed
from binance_trade_agent.domain.order import ExchangeStatus, OrderIntent, OrderType, Purpose, Side, TimeInForce
from binance_trade_agent.ports.exchange import Exchange
from binance_trade_agent.simulation.clocks import VirtualClock
from binance_trade_agent.simulation.virtual_loop import run_virtual

START_MS = 1_750_000_000_000
KEY, SECRET = "K" * 64, "S" * 64
FAR_DEADLINE_MS = START_MS + 10**9

Answer = httpx.Response | Exception
Handler = Callable[[httpx.Request], Awaitable[Answer] | Answer]


def virtual(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test on a virtual loop."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        run_virtual(test(*args, **kwargs))  # type: ignore[arg-type]

    return run


class Recorder:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def observe(self, fact: Fact) -> None:
        self.facts.append(fact)

    def requests(self, endpoint: str) -> list[RequestDone]:
        return [fact for fact in self.facts if isinstance(fact, RequestDone) and fact.endpoint == endpoint]


@dataclass
class Venue(httpx.AsyncBaseTransport):
    """A transport that answers the time itself (its clock is `skew_ms` ahead) and hands everything else to `handle`."""

    handle: Handler
    skew_ms: int = 0
    latency_s: float = 0.02
    requests: list[httpx.Request] = field(default_factory=list)
    time_requests: int = 0
    closed: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(self.latency_s / 2)
        if request.url.path == "/api/v3/time":
            self.time_requests += 1
            answer: Any = httpx.Response(200, json={"serverTime": VirtualClock(START_MS).now_ms() + self.skew_ms})
        else:
            self.requests.append(request)
            answer = self.handle(request)
            if isinstance(answer, Awaitable):
                answer = await answer
        await asyncio.sleep(self.latency_s / 2)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        self.closed += 1


def query_of(request: httpx.Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.url.query.decode(), keep_blank_values=True).items()}


def order_body(request: httpx.Request, **changes: Any) -> dict[str, Any]:
    """The FULL answer to the new order in `request`, filled at once."""
    query = query_of(request)
    filled = {
        "symbol": query["symbol"],
        "orderId": 11,
        "clientOrderId": query["newClientOrderId"],
        "transactTime": START_MS,
        "price": query.get("price", "0.00"),
        "origQty": query["quantity"],
        "executedQty": query["quantity"],
        "cummulativeQuoteQty": "50.00",
        "status": "FILLED",
        "timeInForce": "GTC",
        "type": query["type"],
        "side": query["side"],
        "fills": [{"price": "50000.00", "qty": query["quantity"], "commission": "0.05", "commissionAsset": "USDT", "tradeId": 5}],
    }
    return filled | changes


def accept(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=order_body(request))


def always(status: int, body: Any = None, **headers: str) -> Handler:
    content = body if isinstance(body, bytes) else json.dumps(body if body is not None else {}).encode()
    return lambda _request: httpx.Response(status, content=content, headers=headers)


def one_after_another(*answers: Any) -> Handler:
    """Each answer once; the last one for good."""
    left = list(answers)

    def handle(request: httpx.Request) -> Answer:
        answer = left.pop(0) if len(left) > 1 else left[0]
        return answer(request) if callable(answer) else answer  # type: ignore[no-any-return]

    return handle


def refusal(status: int, code: int, **headers: str) -> Handler:
    return always(status, {"code": code, "msg": "no"}, **headers)


def connection(venue: httpx.AsyncBaseTransport, observer: Recorder | None = None, **changes: Any) -> Connection:
    options: dict[str, Any] = {"api_key": KEY, "api_secret": SECRET, "observer": observer or Recorder()} | changes
    return Connection("https://exchange.test", venue, VirtualClock(START_MS), **options)


@asynccontextmanager
async def opened(handle: Handler, observer: Recorder | None = None, *, synced: bool = True, **changes: Any) -> AsyncIterator[Any]:
    """(client, venue) with a client that knows the exchange's clock."""
    venue_options = {name: changes.pop(name) for name in ("skew_ms", "latency_s") if name in changes}
    venue = Venue(handle, **venue_options)
    async with AsyncBinanceClient(connection(venue, observer, **changes)) as client:
        if synced:
            await client.sync_clock()
        yield client, venue


def intent(**changes: Any) -> OrderIntent:
    values: dict[str, Any] = {
        "client_order_id": "bta-a1-1",
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "type": OrderType.MARKET,
        "quantity": Decimal("0.00100000"),
        "reference_price": Decimal(50_000),
        "purpose": Purpose.ENTRY,
        "created_ms": START_MS,
        "correlation_id": "c",
        "reason": "r",
    }
    return OrderIntent(**(values | changes))


# -- placing orders -------------------------------------------------------------------------------------------------------------


@virtual
async def test_an_order_is_sent_signed_and_read_with_its_fills() -> None:
    async with opened(accept, skew_ms=700) as (client, venue):
        exchange: Exchange = client
        report = await exchange.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
    assert (report.status, report.executed_quantity, report.client_order_id) == (ExchangeStatus.FILLED, Decimal("0.001"), "bta-a1-1")
    assert (report.fills[0].trade_id, report.fills[0].quote_quantity) == (5, Decimal(50))
    (request,) = venue.requests
    query = query_of(request)
    assert (request.method, request.url.path, request.headers["x-mbx-apikey"]) == ("POST", "/api/v3/order", KEY)
    assert query.items() >= {
        ("symbol", "BTCUSDT"),
        ("side", "BUY"),
        ("type", "MARKET"),
        ("quantity", "0.001"),
        ("newClientOrderId", "bta-a1-1"),
        ("newOrderRespType", "FULL"),
        ("recvWindow", "5000"),
    }
    assert request.url.query.decode().rpartition("&")[2].startswith("signature=")
    assert abs(int(query["timestamp"]) - (START_MS + 700 + 100)) <= 15  # five samples of 20 ms have passed


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (refusal(400, -2010), ExchangeRefusedError, -2010),
        (refusal(400, -1013), ExchangeRefusedError, -1013),
        (refusal(400, -1021), ExchangeRefusedError, -1021),
        (always(403, b"<html>blocked</html>"), ExchangeRefusedError, 0),
        (refusal(429, -1015, **{"Retry-After": "5"}), RateLimitedError, -1015),
        (refusal(418, -1003, **{"Retry-After": "5"}), RateLimitedError, -1003),
        (refusal(400, -1007), FateUnknownError, None),
        (refusal(400, -9999), FateUnknownError, None),
        (refusal(500, -2010), FateUnknownError, None),
        (refusal(503, -1008), FateUnknownError, None),
        (always(502, b"<html>bad gateway</html>"), FateUnknownError, None),
        (always(404, b""), FateUnknownError, None),
        (always(200, b"{"), FateUnknownError, None),
        (always(200, b"\xff"), FateUnknownError, None),
        (always(200, b"{}"), FateUnknownError, None),
        (always(200, []), FateUnknownError, None),
        (lambda request: httpx.Response(200, json=order_body(request, status="TELEPORTED")), FateUnknownError, None),
        (lambda request: httpx.Response(200, json=order_body(request, fills=[])), FateUnknownError, None),
        (lambda request: httpx.Response(200, json=order_body(request, clientOrderId="bta-a1-2")), FateUnknownError, None),
        (lambda request: httpx.Response(200, json=order_body(request, symbol="ETHUSDT")), FateUnknownError, None),
        (lambda _: NotSentError("no route"), NotSentError, None),
        (lambda _: PoolTimeoutError("pool"), PoolTimeoutError, None),
        (lambda _: httpx.ConnectError("refused"), NotSentError, None),
        (lambda _: httpx.ConnectTimeout("late"), NotSentError, None),
        (lambda _: httpx.PoolTimeout("full"), PoolTimeoutError, None),
        (lambda _: FateUnknownError("cut"), FateUnknownError, None),
        (lambda _: BadAnswerError("no HTTP"), FateUnknownError, None),
        (lambda _: httpx.ReadTimeout("late"), FateUnknownError, None),
        (lambda _: httpx.WriteError("cut"), FateUnknownError, None),
        (lambda _: httpx.RemoteProtocolError("cut"), FateUnknownError, None),
        (lambda _: ConnectionResetError("cut"), FateUnknownError, None),
        (lambda _: TimeoutError("late"), FateUnknownError, None),
        (lambda _: RuntimeError("a bug"), FateUnknownError, None),
    ],
)
@virtual
async def test_every_way_an_order_can_end(answer: Handler, error: type[ExchangeError], code: int | None) -> None:
    observer = Recorder()
    async with opened(answer, observer) as (client, venue):
        with pytest.raises(ExchangeError) as caught:
            await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
    assert type(caught.value) is error
    assert getattr(caught.value, "code", None) == code
    assert len(venue.requests) == 1
    (done,) = observer.requests("new_order")
    assert done.error_code == (str(code) if code is not None else error.__name__)


@virtual
async def test_an_order_without_an_answer_in_time_is_of_unknown_fate() -> None:
    async def never(_request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    observer = Recorder()
    async with opened(never, observer, request_timeout_s=3.0) as (client, venue):
        with pytest.raises(FateUnknownError):
            await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
    (done,) = observer.requests("new_order")
    assert (done.duration_ms, done.status, done.error_code) == (pytest.approx(3_000, abs=1), None, "FateUnknownError")
    assert len(venue.requests) == 1


class Dripping(httpx.AsyncByteStream):
    """A body that comes a byte a second and never ends."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(1)


class Cut(httpx.AsyncByteStream):
    """A body that breaks with the given error after a few bytes."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b'{"symbol":'
        raise self._error


class Flood(httpx.AsyncByteStream):
    """A body that never ends and comes as fast as it is read."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        block = b" " * 2**20
        while True:
            yield block


@pytest.mark.parametrize(
    "stream",
    [
        Dripping(),
        Flood(),
        Cut(httpx.ReadError("cut")),
        Cut(httpx.ConnectError("cut")),
        Cut(NotSentError("lie")),
        Cut(BadAnswerError("chunk")),
    ],
    ids=["dripping", "flood", "read", "connect", "not-sent", "bad"],
)
@virtual
async def test_whatever_happens_while_the_body_comes_the_order_was_sent(stream: httpx.AsyncByteStream) -> None:
    async with opened(lambda _: httpx.Response(200, stream=stream)) as (client, venue):
        with pytest.raises(FateUnknownError):
            await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
    assert len(venue.requests) == 1


@virtual
async def test_a_cancelled_order_call_is_cancelled_and_still_reported() -> None:
    observer = Recorder()
    async with opened(accept, observer, latency_s=1.0) as (client, _):
        task = asyncio.create_task(client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert observer.requests("new_order")[0].error_code == "CancelledError"


@pytest.mark.parametrize(("late_by_ms", "sent"), [(0, True), (1, False)])
@virtual
async def test_nothing_is_signed_after_the_send_deadline(late_by_ms: int, sent: bool) -> None:
    async with opened(accept) as (client, venue):
        deadline = client.server_time_ms() - late_by_ms
        if sent:
            await client.place_order(intent(), send_deadline_ms=deadline)
            assert int(query_of(venue.requests[0])["timestamp"]) <= deadline
        else:
            with pytest.raises(NotSentError):
                await client.place_order(intent(), send_deadline_ms=deadline)
            assert venue.requests == []


@virtual
async def test_no_order_leaves_before_the_clock_is_known() -> None:
    async with opened(accept, synced=False) as (client, venue):
        with pytest.raises(NotSentError, match="sync_clock"):
            await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
        assert (venue.requests, venue.time_requests) == ([], 0)


@virtual
async def test_no_order_leaves_while_the_clock_is_known_too_badly() -> None:
    async with opened(accept, latency_s=2.4, max_clock_error_ms=1_000) as (client, venue):
        with pytest.raises(NotSentError, match="clock"):
            await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
        assert venue.requests == []


@virtual
async def test_a_refused_timestamp_stops_orders_until_the_clock_is_measured_again() -> None:
    async with opened(one_after_another(refusal(400, -1021), accept)) as (client, venue):
        with pytest.raises(ExchangeRefusedError):
            await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
        with pytest.raises(NotSentError):
            await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
        assert len(venue.requests) == 1
        await client.sync_clock()
        await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)


@virtual
async def test_no_order_leaves_without_keys() -> None:
    async with opened(accept, api_secret="") as (client, venue):
        with pytest.raises(NotSentError, match="BINANCE_API_SECRET"):
            await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
        with pytest.raises(ConfigurationError, match="BINANCE_API_KEY"):
            await client.get_account()
        assert venue.requests == []


@settings(max_examples=60, deadline=None)
@given(
    status=st.integers(200, 599), body=st.one_of(st.binary(max_size=60), st.integers(-9999, 0).map(lambda c: b'{"code":%d,"msg":""}' % c))
)
def test_no_answer_makes_an_order_be_sent_twice_or_seem_placed(status: int, body: bytes) -> None:
    async def scenario() -> None:
        async with opened(always(status, body)) as (client, venue):
            with pytest.raises(ExchangeError) as caught:
                await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
            assert len(venue.requests) == 1
            assert not isinstance(caught.value, NotSentError)
            if status >= 500 or status < 400:
                assert isinstance(caught.value, FateUnknownError)

    run_virtual(scenario())


# -- orders by hand -------------------------------------------------------------------------------------------------------------


@virtual
async def test_create_order_measures_the_clock_and_makes_an_id_by_itself() -> None:
    async with opened(accept, synced=False) as (client, venue):
        first = await client.create_order("BTCUSDT", "SELL", "LIMIT", "0.5", price="60000.10")
        second = await client.create_order("BTCUSDT", Side.BUY, OrderType.LIMIT, 1, price=2, time_in_force=TimeInForce.IOC)
    assert first.client_order_id != second.client_order_id
    assert query_of(venue.requests[0]).items() >= {("timeInForce", "GTC"), ("price", "60000.1"), ("quantity", "0.5"), ("side", "SELL")}
    assert query_of(venue.requests[1])["timeInForce"] == "IOC"


@virtual
async def test_an_order_by_hand_of_unknown_fate_names_its_id() -> None:
    async with opened(always(500)) as (client, _):
        with pytest.raises(FateUnknownError, match="my-id-1"):
            await client.create_order("BTCUSDT", "BUY", "MARKET", 1, client_order_id="my-id-1")


@virtual
async def test_an_order_by_hand_is_not_sent_when_the_clock_cannot_be_measured() -> None:
    class Dead(Venue):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise httpx.ReadError("cut")

    async with AsyncBinanceClient(connection(Dead(accept))) as client:
        with pytest.raises(NotSentError):
            await client.create_order("BTCUSDT", "BUY", "MARKET", 1)
        with pytest.raises(NotSentError):
            await client.cancel_order("BTCUSDT", "x")


@pytest.mark.parametrize(
    "options",
    [
        {"quantity": 0.001},
        {"quantity": "NaN"},
        {"quantity": 0},
        {"quantity": "-1"},
        {"side": "HOLD"},
        {"type": "STOP_LOSS"},
        {"type": "LIMIT"},
        {"type": "LIMIT_MAKER", "price": 1, "time_in_force": "GTC"},
        {"price": 1},
        {"time_in_force": "GTC"},
        {"type": "LIMIT", "price": "0"},
    ],
)
@virtual
async def test_an_order_that_contradicts_itself_is_not_sent(options: dict[str, Any]) -> None:
    async with opened(accept) as (client, venue):
        with pytest.raises(NotSentError):
            await client.create_order(**({"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": 1} | options))
        assert venue.requests == []


@virtual
async def test_a_cancellation_is_sent_once_and_names_the_order() -> None:
    def canceled(request: httpx.Request) -> httpx.Response:
        query = query_of(request)
        body = {
            "symbol": query["symbol"],
            "orderId": 11,
            "clientOrderId": "generated",
            "origClientOrderId": query["origClientOrderId"],
            "transactTime": START_MS,
            "price": "1",
            "origQty": "2",
            "executedQty": "0",
            "cummulativeQuoteQty": "0",
            "status": "CANCELED",
            "type": "LIMIT",
            "side": "BUY",
        }
        return httpx.Response(200, json=body)

    async with opened(one_after_another(canceled, always(504), refusal(400, -2011))) as (client, venue):
        report = await client.cancel_order("BTCUSDT", "bta-a1-1")
        assert (report.client_order_id, report.status) == ("bta-a1-1", ExchangeStatus.CANCELED)
        with pytest.raises(FateUnknownError):
            await client.cancel_order("BTCUSDT", "bta-a1-1")
        with pytest.raises(ExchangeRefusedError) as caught:
            await client.cancel_order("BTCUSDT", "bta-a1-1")
    assert caught.value.code == -2011
    assert [request.method for request in venue.requests] == ["DELETE"] * 3


@virtual
async def test_a_test_order_places_nothing() -> None:
    async with opened(always(200)) as (client, venue):
        await client.test_order("BTCUSDT", "BUY", "MARKET", 1)
    assert venue.requests[0].url.path == "/api/v3/order/test"


# -- reads ----------------------------------------------------------------------------------------------------------------------

PRICE = always(200, {"symbol": "BTCUSDT", "price": "50000.10"})


@pytest.mark.parametrize(
    "failure",
    [always(500), always(502, b"<html>"), refusal(400, -1001), lambda _: NotSentError("x"), lambda _: httpx.ReadTimeout("x")],
)
@virtual
async def test_a_read_is_repeated_after_passing_failures(failure: Handler) -> None:
    observer = Recorder()
    async with opened(one_after_another(failure, failure, PRICE), observer) as (client, venue):
        assert await client.get_latest_price("BTCUSDT") == Decimal("50000.1")
    assert len(venue.requests) == 3
    done = observer.requests("ticker_price")
    assert [fact.error_code is None for fact in done] == [False, False, True]


@pytest.mark.parametrize("failure", [refusal(400, -1121), always(403, b""), always(200, b"{"), always(200, {"symbol": "X", "price": "1"})])
@virtual
async def test_a_read_that_failed_for_good_is_not_repeated(failure: Handler) -> None:
    async with opened(failure) as (client, venue):
        with pytest.raises((ExchangeRefusedError, BadAnswerError)):
            await client.get_latest_price("BTCUSDT")
    assert len(venue.requests) == 1


@virtual
async def test_repeating_a_read_ends_at_its_deadline() -> None:
    async with opened(always(500), read_deadline_s=20.0) as (client, venue):
        before = asyncio.get_running_loop().time()
        with pytest.raises(FateUnknownError):
            await client.get_latest_price("BTCUSDT")
        took_s = asyncio.get_running_loop().time() - before
    assert 10 < took_s <= 20
    assert 6 <= len(venue.requests) <= 16


@virtual
async def test_a_read_that_hangs_ends_at_its_deadline() -> None:
    async def never(_request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with opened(never, read_deadline_s=25.0) as (client, _):
        before = asyncio.get_running_loop().time()
        with pytest.raises(FateUnknownError):
            await client.get_latest_price("BTCUSDT")
        assert asyncio.get_running_loop().time() - before <= 25.01


@virtual
async def test_a_limited_read_waits_as_long_as_it_is_told() -> None:
    limited = refusal(429, -1003, **{"Retry-After": "12"})
    async with opened(one_after_another(limited, PRICE)) as (client, venue):
        before = asyncio.get_running_loop().time()
        assert await client.get_latest_price("BTCUSDT") == Decimal("50000.1")
        assert 12 <= asyncio.get_running_loop().time() - before < 13
    assert len(venue.requests) == 2


@virtual
async def test_while_the_exchange_wants_silence_nothing_leaves() -> None:
    async with opened(one_after_another(refusal(418, -1003, **{"Retry-After": "600"}), accept)) as (client, venue):
        with pytest.raises(RateLimitedError) as caught:
            await client.get_latest_price("BTCUSDT")
        assert caught.value.retry_after_s == 600
        with pytest.raises(RateLimitedError) as again:
            await client.get_server_time()
        assert 599 < again.value.retry_after_s <= 600
        with pytest.raises(NotSentError):
            await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
        assert len(venue.requests) == 1
        await asyncio.sleep(600)
        await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)


@virtual
async def test_too_many_orders_silences_orders_only() -> None:
    async with opened(one_after_another(refusal(429, -1015, **{"Retry-After": "3600"}), PRICE)) as (client, venue):
        with pytest.raises(RateLimitedError):
            await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
        with pytest.raises(NotSentError):
            await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
        assert await client.get_latest_price("BTCUSDT")
    assert len(venue.requests) == 2


@virtual
async def test_reads_stop_before_the_weight_of_the_minute_is_used_up_and_orders_still_pass() -> None:
    def heavy(request: httpx.Request) -> httpx.Response:
        answer = accept(request) if request.method == "POST" else PRICE(request)
        assert isinstance(answer, httpx.Response)
        answer.headers["X-MBX-USED-WEIGHT-1M"] = "5950"
        return answer

    observer = Recorder()
    async with opened(heavy, observer, read_deadline_s=1.0) as (client, venue):
        await client.get_latest_price("BTCUSDT")
        with pytest.raises(RateLimitedError):
            await client.get_latest_price("BTCUSDT")
        await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
        assert len(venue.requests) == 2
        await asyncio.sleep(60)
        await client.get_latest_price("BTCUSDT")
    assert WeightUsed(5950) in observer.facts


@virtual
async def test_a_signed_read_measures_the_clock_first_and_again_when_its_timestamp_is_refused() -> None:
    account = {"canTrade": True, "updateTime": 1, "commissionRates": {"maker": "0.001", "taker": "0.001"}, "balances": []}
    account["balances"] = [{"asset": "USDT", "free": "10.5", "locked": "1"}]
    async with opened(one_after_another(refusal(400, -1021), always(200, account)), synced=False) as (client, venue):
        balance = await client.get_balance("USDT")
        assert (balance.free, balance.total) == (Decimal("10.5"), Decimal("11.5"))
        assert (await client.get_balance("BTC")).total == 0
        assert set(await client.get_balance()) == {"USDT"}
    assert len(venue.requests) == 4
    assert venue.time_requests == 10


@virtual
async def test_a_timestamp_refused_twice_is_an_error() -> None:
    async with opened(refusal(400, -1021)) as (client, venue):
        with pytest.raises(ExchangeRefusedError):
            await client.get_account()
    assert len(venue.requests) == 2


@virtual
async def test_an_order_nobody_knows_is_none() -> None:
    async with opened(refusal(400, -2013)) as (client, _):
        assert await client.get_order("BTCUSDT", "bta-a1-1") is None


@virtual
async def test_many_symbols_go_in_few_requests() -> None:
    names = [f"COIN{number}USDT" for number in range(400)]

    def prices(request: httpx.Request) -> httpx.Response:
        asked = json.loads(query_of(request)["symbols"])
        return httpx.Response(200, json=[{"symbol": symbol, "price": "1.5"} for symbol in asked])

    async with opened(prices) as (client, venue):
        found = await client.get_latest_prices([*names, names[0]])
        assert list(found) == names
        assert 2 <= len(venue.requests) <= 4
        assert max(len(request.url.raw_path) for request in venue.requests) < 8_000
        assert await client.get_latest_prices([]) == {}


@virtual
async def test_an_answer_that_lacks_a_symbol_is_a_bad_answer() -> None:
    async with opened(always(200, [{"symbol": "BTCUSDT", "price": "1"}])) as (client, _):
        with pytest.raises(BadAnswerError, match="ETHUSDT"):
            await client.get_latest_prices(["BTCUSDT", "ETHUSDT"])


@virtual
async def test_a_symbol_outside_of_ascii_is_signed_and_sent_encoded() -> None:
    async with opened(always(200, [])) as (client, venue):
        await client.get_open_orders("\u5e01\u5b89USDT")
    assert b"symbol=%E5%B8%81%E5%AE%89USDT&" in venue.requests[0].url.query


# -- clock, keys, life ------------------------------------------------------------------------------------------------------------


@virtual
async def test_the_clock_goes_by_the_fastest_sample() -> None:
    latencies = iter([0.8, 0.6, 0.01, 0.9, 0.7])

    class Uneven(Venue):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            latency_s = next(latencies)
            await asyncio.sleep(latency_s)  # all of it on the way there, the worst case for the estimate
            return httpx.Response(200, json={"serverTime": VirtualClock(START_MS).now_ms() + self.skew_ms})

    observer = Recorder()
    async with AsyncBinanceClient(connection(Uneven(accept, skew_ms=-4_000), observer)) as client:
        assert abs(await client.sync_clock() + 4_000) <= 6
        assert abs(client.server_time_ms() - (client.clock.now_ms() - 4_000)) <= 6
    (synced,) = [fact for fact in observer.facts if isinstance(fact, ClockSynced)]
    assert synced.round_trip_ms == pytest.approx(10, abs=1)


@virtual
async def test_a_clock_that_cannot_be_read_is_an_error() -> None:
    class Dead(Venue):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused")

    async with AsyncBinanceClient(connection(Dead(accept))) as client:
        with pytest.raises(NotSentError):
            await client.sync_clock()


@virtual
async def test_keys_show_nowhere() -> None:
    shown: list[str] = []
    answers = [always(500), refusal(400, -2015), lambda _: RuntimeError(f"header {KEY} {SECRET}"), lambda _: httpx.ReadError(KEY)]
    for answer in answers:
        async with opened(answer, read_deadline_s=1.0) as (client, venue):
            shown += [repr(client), repr(connection(venue))]
            for call in (client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS), client.get_account()):
                with pytest.raises(ExchangeError) as caught:
                    await call
                shown += [str(caught.value), repr(caught.value)]
    text = " ".join(shown)
    assert KEY not in text
    assert SECRET not in text
    assert "signature" not in text


@virtual
async def test_public_requests_carry_no_key() -> None:
    async with opened(PRICE) as (client, venue):
        await client.get_latest_price("BTCUSDT")
    assert "x-mbx-apikey" not in venue.requests[0].headers
    assert venue.requests[0].url.query == b"symbol=BTCUSDT"


@pytest.mark.parametrize(
    "changes",
    [
        {"api_key": "K\n"},
        {"api_secret": "S S"},
        {"api_key": "\u043a"},
        {"recv_window_ms": 60_001},
        {"recv_window_ms": 0},
        {"request_timeout_s": 0},
    ],
)
def test_a_connection_that_could_only_fail_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        connection(Venue(accept), **changes)
    for value in changes.values():
        assert not isinstance(value, str) or value not in str(caught.value)


@virtual
async def test_a_client_that_is_not_open_says_so() -> None:
    client = AsyncBinanceClient(connection(Venue(accept)))
    with pytest.raises(RuntimeError, match="async with"):
        await client.ping()
    async with client:
        pass
    with pytest.raises(RuntimeError, match="async with"):
        await client.ping()
    await client.close()


@pytest.mark.parametrize(("owns", "closed"), [(True, 1), (False, 0)])
@virtual
async def test_a_client_closes_what_it_owns(owns: bool, closed: int) -> None:
    venue = Venue(accept)
    async with AsyncBinanceClient(connection(venue, owns_transport=owns)) as client:
        await client.close()
    assert venue.closed == closed


@virtual
async def test_without_a_connection_the_default_one_serves_and_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    venue = Venue(PRICE)

    @asynccontextmanager
    async def default_connection() -> AsyncIterator[Connection]:
        events.append("opened")
        yield connection(venue, owns_transport=False)
        events.append("closed")

    monkeypatch.setattr(async_binance_client, "default", lambda name: {"connection": default_connection}[name]())
    async with AsyncBinanceClient() as client:
        assert await client.get_latest_price("BTCUSDT") == Decimal("50000.1")
        assert events == ["opened"]
    assert events == ["opened", "closed"]


def test_endpoint_names_are_unique_labels_and_weights_those_of_the_documents() -> None:
    assert len({endpoint.name for endpoint in ENDPOINTS}) == len(ENDPOINTS)
    assert [DEPTH_ENDPOINT.weight_of({"limit": limit}) for limit in ("100", "101", "500", "1000", "5000")] == [5, 25, 25, 50, 250]
    assert (OPEN_ORDERS.weight_of({}), OPEN_ORDERS.weight_of({"symbol": "X"})) == (80, 6)
    assert (MY_TRADES.weight_of({}), MY_TRADES.weight_of({"orderId": "1"})) == (20, 5)
    assert {endpoint.name for endpoint in ENDPOINTS if endpoint.changes_orders} == {"new_order", "cancel_order"}
