"""Market data by way of the cache: true ages, exact values, and one request for a stampede."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import orjson
import pytest
from hand_clocks import HandClock
from recorder import Recorder
from scripted_market import MINUTE, START_MS, Market, opened
from virtual_time import virtual

from binance_trade_agent.async_market_data_agent import CacheTtls
from binance_trade_agent.binance.candle_series import KlinesRequest
from binance_trade_agent.domain.candle_intervals import WEEK_MS
from binance_trade_agent.domain.errors import FateUnknownError
from binance_trade_agent.domain.facts import CacheRead
from binance_trade_agent.domain.market_sources import CacheKind
from binance_trade_agent.simulation.clocks import VirtualClock
from binance_trade_agent.storage.memory_cache import MemoryCache

ON = CacheTtls(price_ms=500, book_ms=500, candles_ms=60_000)


@virtual
async def test_a_stampede_for_prices_makes_one_request() -> None:
    market = Market(latency_s=0.4)
    async with opened(market, cache_ttls=ON) as agent:
        batches = await asyncio.gather(*(agent.fetch_prices_batch(market.listed) for _ in range(50)))
        one = await agent.fetch_price("ETHUSDT")
    assert market.calls == ["prices"]
    assert all(dict(batch) == dict.fromkeys(market.listed, Decimal(100)) for batch in batches)
    assert one == 100


@virtual
async def test_those_who_ask_for_more_wait_for_what_is_under_way_and_ask_for_the_rest() -> None:
    market = Market(latency_s=1.0)
    asked: list[list[str]] = []
    original = market.get_latest_prices

    async def noted(symbols):
        asked.append(list(symbols))
        return await original(symbols)

    market.get_latest_prices = noted
    async with opened(market, cache_ttls=ON) as agent:
        first, second = await asyncio.gather(agent.fetch_prices_batch(["BTCUSDT"]), agent.fetch_prices_batch(["BTCUSDT", "ETHUSDT"]))
    assert asked == [["BTCUSDT"], ["ETHUSDT"]]
    assert (list(first), sorted(second)) == (["BTCUSDT"], ["BTCUSDT", "ETHUSDT"])


@virtual
async def test_when_the_one_who_asks_is_cancelled_another_asks() -> None:
    market = Market(latency_s=1.0)
    async with opened(market, cache_ttls=ON) as agent:
        leader = asyncio.create_task(agent.fetch_prices_batch(market.listed))
        followers = [asyncio.create_task(agent.fetch_prices_batch(market.listed)) for _ in range(5)]
        await asyncio.sleep(0.5)
        leader.cancel()
        for batch in await asyncio.gather(*followers):
            assert len(batch) == 3
        assert leader.cancelled()
    assert market.calls == ["prices", "prices"]


@virtual
async def test_an_error_is_that_of_all_who_waited_and_is_not_kept() -> None:
    market = Market(latency_s=1.0)
    market.broken["BTCUSDT"] = FateUnknownError("no answer")
    async with opened(market, cache_ttls=ON) as agent:
        for batch in await asyncio.gather(*(agent.fetch_prices_batch(["BTCUSDT"]) for _ in range(3))):
            assert isinstance(batch.errors["BTCUSDT"], FateUnknownError)
        assert market.calls == ["prices"]
        market.broken.clear()
        assert (await agent.fetch_prices_batch(["BTCUSDT"]))["BTCUSDT"] == 100


@virtual
async def test_an_error_that_others_may_have_caused_is_not_that_of_who_waited_for_less() -> None:
    market = Market("BTCUSDT", latency_s=1.0)
    async with opened(market, cache_ttls=ON) as agent:
        batch, *prices = await asyncio.gather(
            agent.fetch_prices_batch(["BTCUSDT", "NOPEUSDT"]), *(agent.fetch_price("BTCUSDT") for _ in range(3))
        )
    assert (dict(batch), list(batch.errors)) == ({"BTCUSDT": 100}, ["NOPEUSDT"])
    assert prices == [100] * 3
    assert market.calls == ["prices", "info", "price", "info", "prices"]


@virtual
async def test_a_snapshot_says_how_old_its_price_is() -> None:
    market = Market(latency_s=0.0)
    async with opened(market, cache_ttls=ON, server_time_ms=market.now_ms) as agent:
        await agent.fetch_price("BTCUSDT")
        await asyncio.sleep(0.4)
        snapshot = (await agent.fetch_snapshots(["BTCUSDT"]))["BTCUSDT"]
        assert (snapshot.time_ms, snapshot.price_age_ms) == (market.now_ms(), 400)
        await asyncio.sleep(0.2)
        snapshot = (await agent.fetch_snapshots(["BTCUSDT"]))["BTCUSDT"]
        assert (snapshot.time_ms, snapshot.price_age_ms) == (market.now_ms(), 0)


@virtual
async def test_a_price_is_dated_by_when_it_was_asked_for_and_not_by_when_the_answer_came() -> None:
    market = Market(latency_s=0.3)
    async with opened(market, cache_ttls=CacheTtls(0, 0, 0), server_time_ms=market.now_ms) as agent:
        snapshot = (await agent.fetch_snapshots(["BTCUSDT"]))["BTCUSDT"]
    assert snapshot.price_age_ms == 300


@virtual
async def test_two_agents_share_one_store_and_candles_are_shared_until_the_next_one_closes() -> None:
    clock = VirtualClock(START_MS)
    store = MemoryCache(clock.now_ms)
    market, facts = Market(), Recorder()
    async with opened(market, cache_ttls=ON, cache=store) as one, opened(market, facts, cache_ttls=ON, cache=store) as other:
        window = await one.fetch_klines("BTCUSDT")
        assert (await other.fetch_klines("BTCUSDT")).candles == window.candles
        assert len(market.klines) == 1
        await asyncio.sleep(60)
        newer = await other.fetch_klines("BTCUSDT")
        assert len(market.klines) == 2
        assert newer.candles[-1].open_time_ms == window.candles[-1].open_time_ms + MINUTE
        assert (await one.fetch_klines("BTCUSDT")).candles == newer.candles
        assert len(market.klines) == 2
    assert facts.of(CacheRead) == [CacheRead(CacheKind.CANDLES, 1, 0), CacheRead(CacheKind.CANDLES, 0, 1)]


@virtual
async def test_an_answer_without_the_newest_candle_is_used_but_not_kept() -> None:
    market = Market()
    market.holes = {START_MS - MINUTE}
    async with opened(market, cache_ttls=ON, server_time_ms=market.now_ms) as agent:
        assert len(await agent.fetch_klines("BTCUSDT", 9)) == 9
        market.holes.clear()
        assert (await agent.fetch_klines("BTCUSDT", 9)).candles[-1].open_time_ms == START_MS - MINUTE
        await agent.fetch_klines("BTCUSDT", 9)
    assert len(market.klines) == 2


@pytest.mark.parametrize(
    ("now", "newest"), [("2025-01-08T12:00", "2024-12-30"), ("2025-01-06", "2024-12-30"), ("2025-01-05T23:59", "2024-12-23")]
)
def test_the_newest_closed_candle_of_weeks_opened_on_a_monday(now: str, newest: str) -> None:
    """By another day no answer would ever be the one that was waited for, and none would be kept."""
    now_ms, newest_ms = (round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000 for text in (now, newest))
    assert KlinesRequest(None, 6).newest_open_ms(now_ms, WEEK_MS) == newest_ms


@virtual
async def test_books_are_kept_by_their_depth() -> None:
    market = Market()
    async with opened(market, cache_ttls=ON) as agent:
        for limit in (5, 5, 10):
            assert (await agent.fetch_order_book("BTCUSDT", limit)).last_update_id == limit
        assert market.calls == ["book", "book"]
        await asyncio.sleep(0.6)
        await agent.fetch_order_book("BTCUSDT", 5)
    assert market.calls == ["book"] * 3


@virtual
async def test_entries_that_cannot_be_read_or_come_from_the_future_are_asked_for_anew() -> None:
    clock = HandClock(START_MS)
    store = MemoryCache(clock.now_ms)
    market = Market()
    async with opened(market, cache_ttls=ON, cache=store, cache_namespace="n", server_time_ms=lambda: START_MS) as agent:
        await store.put({"n:price:BTCUSDT": b"\xff{", "n:price:ETHUSDT": b'["x",1]', "n:price:BNBUSDT": b"[%d,7]" % (START_MS + 1001)}, 500)
        prices = await agent.fetch_prices_batch(market.listed)
        assert dict(prices) == dict.fromkeys(market.listed, Decimal(100))
        await store.put({"n:price:BTCUSDT": b'[%d,"7.10"]' % (START_MS + 900)}, 500)
        assert str(await agent.fetch_price("BTCUSDT")) == "7.10"
    assert market.calls == ["prices"]


@virtual
async def test_an_entry_is_too_old_by_what_it_says_however_long_its_store_keeps_it() -> None:
    market = Market("BTCUSDT")
    store = MemoryCache(lambda: START_MS)  # as long as it is asked
    async with opened(market, cache_ttls=ON, cache=store, server_time_ms=market.now_ms) as agent:
        await agent.fetch_price("BTCUSDT")
        await asyncio.sleep(0.51)
        await agent.fetch_price("BTCUSDT")
    assert market.calls == ["price", "price"]


@pytest.mark.parametrize("price", ['"NaN"', '"sNaN"', '"-NaN"', '"Infinity"', '"-1"', '"1e999999"', '"1e-999999"', '"7",' + "[" * 5_000])
@virtual
async def test_what_can_be_no_price_is_asked_for_anew(price: str) -> None:
    market = Market("BTCUSDT")
    store = MemoryCache(lambda: START_MS)
    async with opened(market, cache_ttls=ON, cache=store, cache_namespace="n", server_time_ms=lambda: START_MS) as agent:
        await store.put({"n:price:BTCUSDT": f"[{START_MS},{price}]".encode()}, 500)
        assert await agent.fetch_price("BTCUSDT") == 100
        await store.put({"n:price:BTCUSDT": f"[{START_MS},{price}]".encode()}, 500)
        assert await agent.fetch_prices_batch(["BTCUSDT"]) == {"BTCUSDT": 100}


@virtual
async def test_candles_that_are_others_than_were_asked_for_are_asked_for_anew() -> None:
    market = Market("BTCUSDT")
    store = MemoryCache(lambda: START_MS)
    async with opened(market, cache_ttls=ON, cache=store, cache_namespace="n", server_time_ms=lambda: START_MS) as agent:
        right = (await agent.fetch_klines("BTCUSDT")).candles
    newest_ms, key = START_MS - MINUTE, f"n:candles:BTCUSDT:1m:{START_MS - MINUTE}:None:6"
    assert await store.get([key]) != {}
    for opens in ([newest_ms - MINUTE], [newest_ms, newest_ms], [newest_ms + MINUTE], []):
        rows = [[open_ms, 6.0, 6.0, 6.0, 6.0, 1.0, open_ms + MINUTE - 1] for open_ms in opens]
        await store.put({key: orjson.dumps([START_MS, rows])}, 500)
        async with opened(market, cache_ttls=ON, cache=store, cache_namespace="n", server_time_ms=lambda: START_MS) as agent:
            assert (await agent.fetch_klines("BTCUSDT")).candles == right


@pytest.mark.parametrize("kind", ["price", "book"])
@virtual
async def test_a_kind_that_is_off_is_asked_for_each_time(kind: str) -> None:
    market = Market()
    async with opened(market, cache_ttls=CacheTtls(0, 0, 0)) as agent:
        for _ in range(2):
            await (agent.fetch_price("BTCUSDT") if kind == "price" else agent.fetch_order_book("BTCUSDT"))
    assert market.calls == [kind] * 2
