"""AsyncMarketDataAgent fetches together what belongs together, keeps closed candles, and lets no bad symbol spoil the others."""

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder import Recorder
from scripted_market import MINUTE, START_MS, Market, candle, opened
from virtual_time import virtual

from binance_trade_agent.async_market_data_agent import AsyncMarketDataAgent, CacheTtls
from binance_trade_agent.async_market_data_agent import agent as agent_module
from binance_trade_agent.binance.candle_series import CandleSeries, closed_candles
from binance_trade_agent.domain.errors import (
    BadAnswerError,
    ConfigurationError,
    ExchangeRefusedError,
    FateUnknownError,
    MarketDataError,
)
from binance_trade_agent.domain.facts import CandleGapFound
from binance_trade_agent.ports.market_feed import MarketFeed
from binance_trade_agent.simulation.clocks import VirtualClock

# -- prices and books -----------------------------------------------------------------------------------------------------------


@virtual
async def test_prices_of_all_symbols_cost_one_request() -> None:
    market = Market()
    async with opened(market) as agent:
        feed: MarketFeed = agent
        prices = await feed.fetch_prices_batch(["BTCUSDT", "ETHUSDT", "BTCUSDT"])
    assert (dict(prices), prices.errors) == ({"BTCUSDT": Decimal(100), "ETHUSDT": Decimal(100)}, {})
    assert market.calls == ["prices"]


@virtual
async def test_one_unlisted_symbol_does_not_spoil_a_batch_and_is_not_asked_for_again() -> None:
    market = Market()
    wanted = ["BTCUSDT", "NOPEUSDT", "ETHUSDT", "btcusdt"]
    async with opened(market) as agent:
        first = await agent.fetch_prices_batch(wanted)
        assert list(first) == ["BTCUSDT", "ETHUSDT"]
        assert set(first.errors) == {"NOPEUSDT", "btcusdt"}
        assert "NOPEUSDT" in str(first.errors["NOPEUSDT"])
        market.calls.clear()
        again = await agent.fetch_prices_batch(wanted)
        assert (dict(again), set(again.errors)) == (dict(first), set(first.errors))
        assert market.calls == ["prices"]


@virtual
async def test_without_the_list_of_symbols_each_is_asked_for_by_itself() -> None:
    market = Market()
    market.info_error = FateUnknownError("no answer")
    async with opened(market) as agent:
        prices = await agent.fetch_prices_batch(["BTCUSDT", "NOPEUSDT", "ETHUSDT"])
    assert list(prices) == ["BTCUSDT", "ETHUSDT"]
    assert isinstance(prices.errors["NOPEUSDT"], ExchangeRefusedError)


@virtual
async def test_one_unreadable_price_does_not_spoil_a_batch() -> None:
    market = Market()
    market.broken["ETHUSDT"] = BadAnswerError("ticker_price: NaN")
    async with opened(market) as agent:
        prices = await agent.fetch_prices_batch(["BTCUSDT", "ETHUSDT", "BNBUSDT"])
    assert list(prices) == ["BTCUSDT", "BNBUSDT"]
    assert isinstance(prices.errors["ETHUSDT"], BadAnswerError)


@virtual
async def test_when_the_exchange_does_not_answer_every_symbol_has_the_error() -> None:
    market = Market()
    market.broken["BTCUSDT"] = FateUnknownError("no answer")
    async with opened(market) as agent:
        prices = await agent.fetch_prices_batch(["BTCUSDT", "ETHUSDT"])
    assert (dict(prices), set(prices.errors)) == ({}, {"BTCUSDT", "ETHUSDT"})
    assert market.calls == ["prices"]


@virtual
async def test_a_symbol_that_never_traded_has_no_price() -> None:
    market = Market()
    market.prices["ETHUSDT"] = Decimal("0.00000000")
    async with opened(market) as agent:
        prices = await agent.fetch_prices_batch(["BTCUSDT", "ETHUSDT"])
        assert list(prices) == ["BTCUSDT"]
        assert isinstance(prices.errors["ETHUSDT"], MarketDataError)
        with pytest.raises(MarketDataError, match="never traded"):
            await agent.fetch_price("ETHUSDT")


@pytest.mark.parametrize("symbol", ["", "btcusdt", "BTC/USDT", "BTC USDT", "A" * 51, "BTC\n", "BTC\u3000USDT", "BTC'--"])
@virtual
async def test_what_can_be_no_symbol_is_refused_without_a_request(symbol: str) -> None:
    market = Market()
    async with opened(market) as agent:
        for call in (agent.fetch_price, agent.fetch_klines, agent.fetch_order_book):
            with pytest.raises(MarketDataError, match="no symbol"):
                await call(symbol)
        assert set((await agent.fetch_snapshots([symbol])).errors) == {symbol}
    assert set(market.calls) <= {"time"}


@virtual
async def test_symbols_outside_of_ascii_are_symbols() -> None:
    async with opened(Market("\u5e01\u5b89\u4eba\u751fUSDT")) as agent:
        assert await agent.fetch_price("\u5e01\u5b89\u4eba\u751fUSDT") == 100


@virtual
async def test_prices_are_kept_as_long_as_allowed_and_no_longer() -> None:
    market = Market()
    async with opened(market, cache_ttls=CacheTtls(price_ms=500)) as agent:
        await agent.fetch_price("BTCUSDT")
        await asyncio.sleep(0.3)
        await agent.fetch_prices_batch(["BTCUSDT", "ETHUSDT"])
        assert market.calls == ["price", "prices"]
        await asyncio.sleep(0.3)
        await agent.fetch_price("ETHUSDT")
        assert market.calls == ["price", "prices"]
        await agent.fetch_price("BTCUSDT")
        assert market.calls == ["price", "prices", "price"]


@virtual
async def test_order_books() -> None:
    async with opened(Market()) as agent:
        books = await agent.fetch_order_books_batch(["BTCUSDT", "NOPEUSDT"], limit=7)
    assert (books["BTCUSDT"].last_update_id, set(books.errors)) == (7, {"NOPEUSDT"})


# -- candles --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("skew_ms", [0, -3_000, 3_000, 86_400_000])
@virtual
async def test_a_window_holds_the_newest_closed_candles(skew_ms: int) -> None:
    market = Market(skew_ms=skew_ms)
    async with opened(market) as agent:
        window = await agent.fetch_klines("BTCUSDT")
    newest = market.now_ms() // MINUTE * MINUTE
    assert [held.open_time_ms for held in window.candles] == [newest - step * MINUTE for step in (5, 4, 3, 2, 1)]


@pytest.mark.parametrize("jump_ms", [5 * MINUTE, -5 * MINUTE])
@virtual
async def test_a_clock_that_was_set_is_looked_at_again_before_candles_are_taken_for_closed_or_for_the_newest(jump_ms: int) -> None:
    market = Market()
    known_ms = 0

    async def measure() -> None:
        nonlocal known_ms
        known_ms = 0

    async with opened(market, server_time_ms=lambda: market.now_ms() + known_ms, ensure_time=measure) as agent:
        await agent.fetch_snapshots(["BTCUSDT"])
        await asyncio.sleep(90)
        known_ms = jump_ms
        snapshot = (await agent.fetch_snapshots(["BTCUSDT"]))["BTCUSDT"]
        newest = snapshot.candles.newest
        assert newest is not None
        assert (newest.open_time_ms, snapshot.time_ms) == (START_MS, market.now_ms())
        known_ms = jump_ms
        assert (await agent.fetch_klines("BTCUSDT")).newest == newest


@virtual
async def test_only_missing_candles_are_asked_for() -> None:
    market = Market()
    async with opened(market) as agent:
        first = await agent.fetch_klines("BTCUSDT")
        assert await agent.fetch_klines("BTCUSDT") is first
        assert market.klines == [("BTCUSDT", None, 6)]
        await asyncio.sleep(60)
        second = await agent.fetch_klines("BTCUSDT")
        assert market.klines[1:] == [("BTCUSDT", START_MS, 3)]
        assert second.candles == (*first.candles[1:], candle(START_MS, float(START_MS // MINUTE)))
        await asyncio.sleep(3_600)
        third = await agent.fetch_klines("BTCUSDT")
        assert market.klines[2:] == [("BTCUSDT", None, 6)]
    assert (len(third), third.gaps()) == (5, ())


@virtual
async def test_fewer_candles_than_the_window_come_from_it_and_more_from_a_request_of_their_own() -> None:
    market = Market()
    async with opened(market) as agent:
        assert len(await agent.fetch_klines("BTCUSDT", 2)) == 2
        assert len(await agent.fetch_klines("BTCUSDT", 9)) == 9
        assert len(market.klines) == 2
        for limit in (0, 1000):
            with pytest.raises(MarketDataError, match="limit"):
                await agent.fetch_klines("BTCUSDT", limit)


@virtual
async def test_a_gap_is_reported_once_and_never_filled() -> None:
    market, observer = Market(), Recorder()
    old_hole, new_hole = START_MS - 3 * MINUTE, START_MS + 2 * MINUTE
    market.holes = {old_hole, new_hole}
    async with opened(market, observer) as agent:
        for _ in range(2):
            window = await agent.fetch_klines("BTCUSDT")
        assert window.gaps() == ((old_hole - MINUTE, 1),)
        assert observer.of(CandleGapFound) == [CandleGapFound("BTCUSDT", old_hole - MINUTE, 1, "1m")]
        await asyncio.sleep(4 * 60)
        for _ in range(2):
            window = await agent.fetch_klines("BTCUSDT")
        assert window.gaps() == ((new_hole - MINUTE, 1),)
        assert observer.of(CandleGapFound)[1:] == [CandleGapFound("BTCUSDT", new_hole - MINUTE, 1, "1m")]


@virtual
async def test_a_gap_right_after_what_is_held_is_reported() -> None:
    market, observer = Market(), Recorder()
    async with opened(market, observer) as agent:
        await agent.fetch_klines("BTCUSDT")
        market.holes = {START_MS, START_MS + MINUTE}
        await asyncio.sleep(3 * 60)
        window = await agent.fetch_klines("BTCUSDT")
    assert window.candles[-1].open_time_ms == START_MS + 2 * MINUTE
    assert observer.of(CandleGapFound) == [CandleGapFound("BTCUSDT", START_MS - MINUTE, 2, "1m")]


@virtual
async def test_the_offset_of_the_clock_is_measured_again_after_a_while() -> None:
    market = Market()
    async with opened(market) as agent:
        await agent.fetch_klines_batch(market.listed)
        assert market.count("time") == 3
        await asyncio.sleep(11 * 60)
        await agent.fetch_klines_batch(market.listed)
        assert market.count("time") == 6


@virtual
async def test_a_clock_that_cannot_be_read_fails_the_batch_quickly() -> None:
    class Timeless(Market):
        async def get_server_time(self) -> int:
            self.calls.append("time")
            raise FateUnknownError("no answer")

    market = Timeless()
    async with opened(market) as agent:
        windows = await agent.fetch_klines_batch(market.listed)
    assert (dict(windows), list(windows.errors)) == ({}, market.listed)
    assert market.calls == ["time"]


@virtual
async def test_a_mistake_of_the_program_is_no_error_of_a_symbol() -> None:
    market = Market()
    market.broken["ETHUSDT"] = ZeroDivisionError()
    async with opened(market) as agent:
        with pytest.raises(ZeroDivisionError):
            await agent.fetch_klines_batch(["BTCUSDT", "ETHUSDT"])
    assert market.in_flight == 0


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.sets(st.integers(0, 400), max_size=60)), min_size=1, max_size=8), st.integers(1, 20))
def test_however_candles_come_a_series_holds_the_newest_closed_ones_in_order(steps: list[tuple[int, set[int]]], length: int) -> None:
    series, server_ms, told = CandleSeries("X", MINUTE, length), 100 * MINUTE, []
    holes = {minute for _, found in steps for minute in found}
    for minutes, _ in steps:
        server_ms += minutes * MINUTE + 7
        request = series.next_request(server_ms)
        if request is None:
            continue
        opens = [minute * MINUTE for minute in range(server_ms // MINUTE + 1) if minute not in holes]
        if request.start_time_ms is None:
            answer = opens[-request.limit :]
        else:
            answer = [open_ms for open_ms in opens if open_ms >= request.start_time_ms][: request.limit]
        fresh = closed_candles([candle(open_ms) for open_ms in answer], server_ms)
        told += series.extend(fresh, is_restart=request.start_time_ms is None)
        closed = [open_ms for open_ms in opens if open_ms + MINUTE - 1 < server_ms]
        assert [held.open_time_ms for held in series.window.candles] == closed[-length:]
    assert len(told) == len(set(told))
    assert set(series.window.gaps()) <= set(told)


# -- snapshots and rules ----------------------------------------------------------------------------------------------------------


@virtual
async def test_a_pass_costs_one_price_request_and_the_missing_candles() -> None:
    market = Market()
    async with opened(market) as agent:
        first = await agent.fetch_snapshots(market.listed)
        assert list(first) == market.listed
        assert (market.count("prices"), market.count("klines")) == (1, 3)
        await agent.fetch_snapshots(market.listed)
        assert (market.count("prices"), market.count("klines")) == (2, 3)
        await asyncio.sleep(60)
        third = await agent.fetch_snapshots(market.listed)
        assert (market.count("prices"), market.count("klines")) == (3, 6)
    snapshot = third["BTCUSDT"]
    assert snapshot.price == 100
    assert abs(snapshot.time_ms - market.now_ms()) <= 10
    assert 0 <= snapshot.candle_age_ms < MINUTE


@virtual
async def test_prices_and_candles_are_fetched_at_the_same_time() -> None:
    market = Market(latency_s=1.0)
    async with opened(market) as agent:
        await agent.fetch_klines("BNBUSDT")  # the clock is known from here on
        before = asyncio.get_running_loop().time()
        await agent.fetch_snapshots(["BTCUSDT", "ETHUSDT"])
        assert asyncio.get_running_loop().time() - before == pytest.approx(1.0, abs=0.01)


@virtual
async def test_no_more_requests_are_in_flight_than_allowed() -> None:
    market = Market(*(f"C{number}USDT" for number in range(40)))
    async with opened(market, max_concurrency=7) as agent:
        batch = await agent.fetch_snapshots(market.listed)
        assert len(batch) == 40
    assert market.most_in_flight == 7


@virtual
async def test_one_bad_symbol_does_not_spoil_a_pass() -> None:
    market = Market()
    market.broken["ETHUSDT"] = FateUnknownError("no answer")
    async with opened(market) as agent:
        async with asyncio.timeout(60):
            batch = await agent.fetch_snapshots(["BTCUSDT", "NOPEUSDT", "bad symbol"])
        assert list(batch) == ["BTCUSDT"]
        assert set(batch.errors) == {"NOPEUSDT", "bad symbol"}
        windows = await agent.fetch_klines_batch(["BTCUSDT", "ETHUSDT"])
        assert (list(windows), list(windows.errors)) == (["BTCUSDT"], ["ETHUSDT"])


@virtual
async def test_cancelling_a_pass_leaves_nothing_running() -> None:
    market = Market(latency_s=5.0)
    async with opened(market) as agent:
        task = asyncio.create_task(agent.fetch_snapshots(market.listed))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert market.in_flight == 0
        assert len(asyncio.all_tasks()) == 1


@virtual
async def test_rules_are_kept_and_read_again_in_time() -> None:
    market = Market()
    async with opened(market, rules_ttl_ms=60_000) as agent:
        found = await agent.fetch_rules(["BTCUSDT", "NOPEUSDT"])
        assert list(found) == ["BTCUSDT"]
        market.calls.clear()
        assert list(await agent.fetch_rules(["NOPEUSDT", "BTCUSDT"])) == ["BTCUSDT"]
        assert market.calls == []
        await agent.fetch_rules(["ETHUSDT"])
        assert market.calls == ["info"]
        await asyncio.sleep(61)
        market.listed.append("NOPEUSDT")
        assert set(await agent.fetch_rules(["BTCUSDT", "NOPEUSDT"])) == {"BTCUSDT", "NOPEUSDT"}


# -- life -------------------------------------------------------------------------------------------------------------------------


@virtual
async def test_without_a_clock_the_loop_serves() -> None:
    market = Market()
    async with AsyncMarketDataAgent(market, window=3) as agent:
        window = await agent.fetch_klines("BTCUSDT")
    assert window.candles[-1].open_time_ms == START_MS - MINUTE


@virtual
async def test_without_a_source_a_client_is_opened_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []

    @asynccontextmanager
    async def client() -> Any:
        market = Market()
        market.clock = VirtualClock(START_MS)
        market.observer = Recorder()
        events.append("opened")
        yield market
        events.append("closed")

    monkeypatch.setattr(agent_module, "AsyncBinanceClient", client)
    async with AsyncMarketDataAgent() as opened_agent:
        assert await opened_agent.fetch_price("BTCUSDT") == 100
        assert len(await opened_agent.fetch_klines("BTCUSDT")) == 100
    assert events == ["opened", "closed"]


@virtual
async def test_an_agent_that_is_not_open_says_so() -> None:
    agent = opened(Market())
    with pytest.raises(RuntimeError, match="async with"):
        await agent.fetch_price("BTCUSDT")
    async with agent:
        pass
    with pytest.raises(RuntimeError, match="async with"):
        await agent.fetch_price("BTCUSDT")


@pytest.mark.parametrize("options", [{"interval": "1M"}, {"interval": "7m"}, {"window": 0}, {"window": 1000}, {"max_concurrency": 0}])
def test_settings_that_cannot_work_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        AsyncMarketDataAgent(Market(), **options)
