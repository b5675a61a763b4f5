"""AsyncBinanceClient knows the exchange's clock, keeps its keys to itself, and closes what it owns."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import httpx
import pytest
from recorder import Recorder
from scripted_venue import (
    FAR_DEADLINE_MS,
    KEY,
    PRICE,
    SECRET,
    START_MS,
    Venue,
    accept,
    always,
    connection,
    intent,
    opened,
    refusal,
)
from virtual_time import virtual

from binance_trade_agent import async_binance_client
from binance_trade_agent.async_binance_client import AsyncBinanceClient, Connection
from binance_trade_agent.binance.endpoints import DEPTH as DEPTH_ENDPOINT
from binance_trade_agent.binance.endpoints import ENDPOINTS, MY_TRADES, OPEN_ORDERS
from binance_trade_agent.domain.errors import (
    ConfigurationError,
    ExchangeError,
    NotSentError,
)
from binance_trade_agent.domain.facts import ClockSynced
from binance_trade_agent.simulation.clocks import VirtualClock


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
            raise NotSentError("refused")

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
