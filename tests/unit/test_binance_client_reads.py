"""AsyncBinanceClient repeats reads and nothing else, and keeps within what the exchange allows."""

import asyncio
import json
from decimal import Decimal

import httpx
import pytest
from recorder import Recorder
from scripted_venue import (
    FAR_DEADLINE_MS,
    PRICE,
    Handler,
    accept,
    always,
    intent,
    one_after_another,
    opened,
    query_of,
    refusal,
    requests_of,
)
from virtual_time import virtual

from binance_trade_agent.binance.limits.circuit import CircuitRules
from binance_trade_agent.domain.errors import (
    BadAnswerError,
    ExchangeRefusedError,
    FateUnknownError,
    NotSentError,
    RateLimitedError,
)
from binance_trade_agent.domain.facts import WeightUsed


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
    done = requests_of(observer, "ticker_price")
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
    async with opened(always(500), read_deadline_s=20.0, circuit_rules=CircuitRules(failures=0)) as (client, venue):
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


@virtual
async def test_an_order_book_names_the_symbol_that_was_asked_for() -> None:
    async with opened(always(200, {"lastUpdateId": 7, "bids": [["4.0", "431.0"]], "asks": []})) as (client, venue):
        book = await client.get_order_book("LTCBTC", 5)
    assert (book.symbol, book.last_update_id, book.bids[0].price) == ("LTCBTC", 7, Decimal(4))
    assert venue.requests[0].url.query == b"symbol=LTCBTC&limit=5"
