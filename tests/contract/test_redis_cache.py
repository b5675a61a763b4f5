"""The shared cache against a real Redis server: exact values, one request for many processes, and no harm from a server that is away."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from far_side import SYMBOLS, agent, far_side
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recorder import Recorder
from redis_server import PASSWORD, PATIENCE_S, RedisServer, running_redis
from scripted_market import Market, candle

from binance_trade_agent.async_market_data_agent import CacheTtls, MarketCache
from binance_trade_agent.binance.candle_series import KlinesRequest
from binance_trade_agent.domain.facts import CacheFailed, CacheRead, CacheRecovered
from binance_trade_agent.domain.market import BookLevel, OrderBook
from binance_trade_agent.storage import redis_cache
from binance_trade_agent.storage.redis_cache import RedisAddress, RedisCache

TTLS = CacheTtls(price_ms=60_000, book_ms=60_000, candles_ms=60_000)
NOW_MS = 1_750_000_000_000


@pytest.fixture(scope="module")
def shared_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@asynccontextmanager
async def connected(address: RedisAddress, facts: Recorder | None = None, call_timeout_s: float = PATIENCE_S) -> AsyncIterator[RedisCache]:
    """A cache with time enough on a busy machine, unless the timeout is what a test is about."""
    cache = RedisCache(address, facts or Recorder(), call_timeout_s=call_timeout_s)
    try:
        yield cache
    finally:
        await cache.aclose()


def over(store: RedisCache, namespace: str = "n") -> MarketCache:
    return MarketCache(store, TTLS, namespace=namespace, now_ms=lambda: NOW_MS, observer=Recorder())


async def never() -> object:
    raise AssertionError("nothing had to be asked for")


async def never_prices(_symbols: object) -> dict[str, Decimal]:
    raise AssertionError("nothing had to be asked for")


async def test_entries_are_kept_for_their_time(shared_server: RedisServer) -> None:
    async with connected(shared_server.address) as cache:
        await cache.put({"t:a": b"\x00\xff", "t:b": b"2"}, ttl_ms=60_000)
        await cache.put({"t:c": b"3"}, ttl_ms=1)
        await asyncio.sleep(0.05)
        assert await cache.get(["t:a", "t:b", "t:c", "t:d"]) == {"t:a": b"\x00\xff", "t:b": b"2"}
        assert await cache.get([]) == {}
        await cache.put({"t:large": b"x" * (redis_cache.MAX_VALUE_BYTES + 1)}, ttl_ms=60_000)
        assert await cache.get(["t:large"]) == {}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.decimals(min_value=0, max_value=10**15, places=8, allow_nan=False), min_size=1, max_size=8),
    st.lists(st.floats(min_value=1e-12, max_value=1e15), min_size=1, max_size=8),
)
def test_what_comes_out_is_exactly_what_went_in(shared_server: RedisServer, amounts: list[Decimal], closes: list[float]) -> None:
    symbols = [f"S{number}" for number in range(len(amounts))]
    book = OrderBook("S", 7, tuple(BookLevel(amount, amount) for amount in amounts), ())
    candles = tuple(candle(60_000 * at, close) for at, close in enumerate(closes))
    newest_ms, request = candles[-1].open_time_ms, KlinesRequest(None, len(candles))

    async def round_trip() -> None:
        async with connected(shared_server.address) as first, connected(shared_server.address) as second:
            namespace = f"x{hash((tuple(amounts), tuple(closes)))}"
            put, got = over(first, namespace), over(second, namespace)

            async def prices(_symbols: object) -> dict[str, Decimal]:
                return dict(zip(symbols, amounts, strict=True))

            await put.prices(symbols, prices)
            await put.book("S", 5, _later(book))
            await put.candles("S", "1m", request, newest_ms, _later(candles))
            held = await got.prices(symbols, never_prices)
            assert [str(held[symbol].value) for symbol in symbols] == [str(amount) for amount in amounts]
            assert await got.book("S", 5, never) == book
            assert await got.candles("S", "1m", request, newest_ms, never) == candles

    asyncio.run(round_trip())


def _later(value):
    async def answer():
        return value

    return answer


async def test_many_processes_make_one_request(shared_server: RedisServer) -> None:
    market = Market(latency_s=0.2)
    async with connected(shared_server.address) as one, connected(shared_server.address) as two, connected(shared_server.address) as three:
        caches = [over(store, "stampede") for store in (one, two, three)]
        results = await asyncio.gather(*(cache.prices(market.listed, market.get_latest_prices) for cache in caches for _ in range(10)))
    assert market.calls == ["prices"]
    assert {tuple(price.value for price in result.values()) for result in results} == {(Decimal(100),) * 3}


async def test_when_the_process_that_asks_fails_another_asks(shared_server: RedisServer) -> None:
    market = Market(latency_s=0.05)

    async def fail(_symbols: object) -> dict[str, Decimal]:
        await asyncio.sleep(0.1)
        raise ZeroDivisionError

    async with connected(shared_server.address) as one, connected(shared_server.address) as two:
        failing = asyncio.create_task(over(one, "failing").prices(market.listed, fail))
        await asyncio.sleep(0.05)
        prices = await over(two, "failing").prices(market.listed, market.get_latest_prices)
        with pytest.raises(ZeroDivisionError):
            await failing
    assert (len(prices), market.calls) == (3, ["prices"])


async def test_a_server_that_is_away_costs_one_failure_and_the_exchange_is_asked(own_server: RedisServer) -> None:
    facts, market = Recorder(), Market(latency_s=0)
    own_server.stop()
    async with connected(own_server.address, facts) as store:
        cache = over(store)
        for _ in range(20):
            assert len(await cache.prices(market.listed, market.get_latest_prices)) == 3
        assert market.count("prices") == 20
        assert [type(fact) for fact in facts.facts] == [CacheFailed]


async def test_a_server_that_hangs_costs_its_timeout_once_and_comes_back(own_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_cache, "FIRST_PAUSE_S", 0.05)
    facts, market = Recorder(), Market(latency_s=0)
    async with connected(own_server.address, facts, call_timeout_s=1.0) as store:
        cache = over(store)
        await cache.prices(market.listed, market.get_latest_prices)
        own_server.signal(signal.SIGSTOP)
        try:
            async with asyncio.timeout(PATIENCE_S):
                for _ in range(3):
                    await cache.prices(["XUSDT"], _price_of_x)
            assert 1 <= len(facts.of(CacheFailed)) <= 3
        finally:
            own_server.signal(signal.SIGCONT)
        async with asyncio.timeout(10):
            while not facts.of(CacheRecovered):
                await asyncio.sleep(0.05)
                await store.get(["n:price:BTCUSDT"])
        assert len(await cache.prices(market.listed, never_prices)) == 3
    assert market.count("prices") == 1


async def test_after_a_failure_only_one_call_at_a_time_tries_the_server(own_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_cache, "FIRST_PAUSE_S", 0.01)
    async with connected(own_server.address, call_timeout_s=1.0) as store:
        await store.get(["a"])
        own_server.signal(signal.SIGSTOP)
        try:
            await store.get(["a"])
            await asyncio.sleep(0.05)
            calls = [asyncio.create_task(store.get(["a"])) for _ in range(20)]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert sum(not call.done() for call in calls) == 1
            await asyncio.gather(*calls)
        finally:
            own_server.signal(signal.SIGCONT)


async def _price_of_x(_symbols: object) -> dict[str, Decimal]:
    return {"XUSDT": Decimal(1)}


async def test_a_wrong_password_is_a_failure_that_quotes_nothing(shared_server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    facts = Recorder()
    wrong = replace(shared_server.address, password="a-wrong-" + PASSWORD)
    with caplog.at_level(logging.DEBUG):
        async with connected(wrong, facts) as store:
            assert await store.get(["a"]) == {}
            assert PASSWORD not in repr(store) + repr(wrong)
    assert len(facts.of(CacheFailed)) == 1
    assert PASSWORD not in repr(facts.facts) + caplog.text


async def test_more_calls_at_once_than_connections_wait_and_do_not_fail(shared_server: RedisServer) -> None:
    facts = Recorder()
    async with connected(shared_server.address, facts) as store:
        await store.put({f"m:{number}": b"%d" % number for number in range(200)}, ttl_ms=60_000)
        answers = await asyncio.gather(*(store.get([f"m:{number}"]) for number in range(200)))
    assert answers == [{f"m:{number}": b"%d" % number} for number in range(200)]
    assert facts.facts == []


async def test_hits_and_misses_are_told(shared_server: RedisServer) -> None:
    facts, market = Recorder(), Market(latency_s=0)
    async with connected(shared_server.address) as store:
        cache = MarketCache(store, TTLS, namespace="told", now_ms=lambda: NOW_MS, observer=facts)
        await cache.prices(["BTCUSDT", "ETHUSDT"], market.get_latest_prices)
        await cache.prices(["BTCUSDT", "BNBUSDT"], market.get_latest_prices)
    assert [(fact.hits, fact.misses) for fact in facts.of(CacheRead)] == [(0, 2), (1, 1)]


async def test_two_agents_of_one_exchange_share_what_the_settings_name(
    own_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RedisCache.__init__.__kwdefaults__, "call_timeout_s", PATIENCE_S)
    given = {"redis_host": "127.0.0.1", "redis_port": own_server.port, "redis_password": PASSWORD, "cache_price_ttl_seconds": 60}
    async with far_side() as far:
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir()
            async with agent(far, tmp_path / folder, **given) as components:
                prices = await components.market.fetch_prices_batch(SYMBOLS)
                assert list(prices) == list(SYMBOLS)
                window = await components.market.fetch_klines("BTCUSDT")
                assert len(window) == 20
                assert PASSWORD not in repr(components)
        asked = [request.path for request in far.face.received]
        async with connected(own_server.address) as store:
            held = await store.get([f"trade-agent:1:testnet:127.0.0.1:{far.port}:price:{symbol}" for symbol in SYMBOLS])
    assert asked.count("/api/v3/ticker/price") == asked.count("/api/v3/klines") == 1
    assert len(held) == len(SYMBOLS)
