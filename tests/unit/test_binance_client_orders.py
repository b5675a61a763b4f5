"""AsyncBinanceClient sends orders once, and tells a no from a maybe."""

import asyncio
import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder import Recorder
from scripted_venue import (
    FAR_DEADLINE_MS,
    KEY,
    START_MS,
    Handler,
    Venue,
    accept,
    always,
    connection,
    intent,
    one_after_another,
    opened,
    order_body,
    query_of,
    refusal,
    requests_of,
)
from virtual_time import virtual

from binance_trade_agent.async_binance_client import AsyncBinanceClient
from binance_trade_agent.binance.limits.circuit import CircuitRules
from binance_trade_agent.binance.limits.rate_limit import LimitKind
from binance_trade_agent.domain.errors import (
    BadAnswerError,
    CircuitOpenError,
    ConfigurationError,
    ExchangeError,
    ExchangeRefusedError,
    FateUnknownError,
    NotSentError,
    PoolTimeoutError,
    RateLimitedError,
)
from binance_trade_agent.domain.order import ExchangeStatus, OrderType, Side, TimeInForce
from binance_trade_agent.ports.exchange import Exchange
from binance_trade_agent.simulation.virtual_loop import run_virtual


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
        (lambda _: NotSentError("no route"), NotSentError, None),
        (lambda _: PoolTimeoutError("pool"), PoolTimeoutError, None),
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
    (done,) = requests_of(observer, "new_order")
    assert done.error_code == (str(code) if code is not None else error.__name__)


@pytest.mark.parametrize("change", [{"clientOrderId": "bta-a1-2"}, {"symbol": "ETHUSDT"}])
@virtual
async def test_an_answer_about_another_order_leaves_the_fate_of_ours_unknown(change: dict[str, str]) -> None:
    async with opened(lambda request: httpx.Response(200, json=order_body(request, **change))) as (client, venue):
        with pytest.raises(FateUnknownError, match=r"bta-a1-1.*another order"):
            await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
    assert len(venue.requests) == 1


@virtual
async def test_an_order_without_an_answer_in_time_is_of_unknown_fate() -> None:
    async def never(_request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    observer = Recorder()
    async with opened(never, observer, request_timeout_s=3.0) as (client, venue):
        with pytest.raises(FateUnknownError):
            await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
    (done,) = requests_of(observer, "new_order")
    assert (done.duration_ms, done.status, done.error_code) == (pytest.approx(3_000, abs=1), None, "FateUnknownError")
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
    assert requests_of(observer, "new_order")[0].error_code == "CancelledError"


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


@pytest.mark.parametrize(
    ("answer", "send_deadline_ms", "counted"),
    [
        (accept, FAR_DEADLINE_MS, 1),
        (refusal(400, -2010), FAR_DEADLINE_MS, 1),
        (always(200, b"{"), FAR_DEADLINE_MS, 1),
        (lambda _: FateUnknownError("cut"), FAR_DEADLINE_MS, 1),
        (lambda _: ConnectionResetError("cut"), FAR_DEADLINE_MS, 1),
        (lambda _: NotSentError("no route"), FAR_DEADLINE_MS, 0),
        (lambda _: PoolTimeoutError("pool"), FAR_DEADLINE_MS, 0),
        (accept, START_MS, 0),
    ],
    ids=["filled", "refused", "unreadable", "cut", "reset", "no route", "no connection free", "too late to be signed"],
)
@virtual
async def test_an_order_counts_in_the_limits_unless_it_surely_did_not_leave(answer: Any, send_deadline_ms: int, counted: int) -> None:
    async with opened(answer) as (client, _venue):
        with suppress(ExchangeError):
            await client.place_order(intent(), send_deadline_ms=send_deadline_ms)
        assert client._rest.governor.used(LimitKind.ORDERS) == counted


@virtual
async def test_an_order_that_an_open_circuit_keeps_home_counts_in_no_limit() -> None:
    rules = CircuitRules(failures=1, lasting_s=0.0)
    async with opened(lambda _: FateUnknownError("cut"), circuit_rules=rules) as (client, venue):
        with pytest.raises(FateUnknownError):
            await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
        for _ in range(3):
            with pytest.raises(CircuitOpenError):
                await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
        assert len(venue.requests) == 1
        assert client._rest.governor.used(LimitKind.ORDERS) == 1


@virtual
async def test_an_order_does_not_wait_for_room_and_a_cancel_does() -> None:
    async with opened(always(200), request_timeout_s=30.0) as (client, venue):
        client._rest.governor.record_limited(RateLimitedError(-1003, "quiet", 429, 2.0))
        started_s = asyncio.get_running_loop().time()
        with pytest.raises(NotSentError, match="asked for silence"):
            await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
        assert asyncio.get_running_loop().time() == started_s
        assert venue.requests == []
        with pytest.raises(FateUnknownError):
            await client.cancel_order("BTCUSDT", "bta-a1-1")
        assert asyncio.get_running_loop().time() >= started_s + 2
        assert len(venue.requests) == 1


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

    def of_another(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=json.loads(canceled(request).content) | {"origClientOrderId": "bta-a1-2"})

    async with opened(one_after_another(canceled, always(504), of_another, refusal(400, -2011))) as (client, venue):
        report = await client.cancel_order("BTCUSDT", "bta-a1-1")
        assert (report.client_order_id, report.status) == ("bta-a1-1", ExchangeStatus.CANCELED)
        for _ in range(2):
            with pytest.raises(FateUnknownError):
                await client.cancel_order("BTCUSDT", "bta-a1-1")
        with pytest.raises(ExchangeRefusedError) as caught:
            await client.cancel_order("BTCUSDT", "bta-a1-1")
    assert caught.value.code == -2011
    assert [request.method for request in venue.requests] == ["DELETE"] * 4


@virtual
async def test_a_test_order_places_nothing() -> None:
    async with opened(always(200)) as (client, venue):
        await client.test_order("BTCUSDT", "BUY", "MARKET", 1)
    assert venue.requests[0].url.path == "/api/v3/order/test"
