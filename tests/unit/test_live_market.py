"""Market data from streams: a pass asks nothing while they live, and asks by REST for just what they did not bring."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from recorder import Recorder
from scripted_market import MINUTE, START_MS, Market, candle, opened
from scripted_stream import ScriptedStream
from virtual_time import virtual

from binance_trade_agent.async_market_data_agent import AsyncMarketDataAgent
from binance_trade_agent.domain.facts import CandleGapFound, CandlesTaken, MarketDataFellBack, MarketDataMeasured
from binance_trade_agent.domain.market_sources import CandleSource, FallbackReason, StreamedKind

NOT_LIVE, TOO_OLD, MISSING = FallbackReason.NOT_LIVE, FallbackReason.TOO_OLD, FallbackReason.MISSING
PRICE, CANDLES = StreamedKind.PRICE, StreamedKind.CANDLES


@dataclass
class Scene:
    market: Market
    stream: ScriptedStream
    agent: AsyncMarketDataAgent
    facts: Recorder

    def tell_prices(self, price: str = "101") -> None:
        for symbol in self.market.listed:
            self.stream.tell_price(symbol, price, self.market.now_ms())

    def tell_open(self) -> None:
        """The candle of this moment, of every symbol."""
        for symbol in self.market.listed:
            self.stream.tell_candle(symbol, candle_at(self.market.now_ms() // MINUTE * MINUTE), is_closed=False)

    def tell_closed(self, open_ms: int, *symbols: str) -> None:
        for symbol in symbols or self.market.listed:
            self.stream.tell_candle(symbol, candle_at(open_ms), is_closed=True)

    async def snapshots(self) -> list[tuple[int, int]]:
        """(newest closed candle's minutes since START, price) of each symbol, after checking that windows are whole."""
        batch = await self.agent.fetch_snapshots(self.market.listed)
        assert batch.errors == {}
        found = []
        for snapshot in batch.values():
            assert (len(snapshot.candles), snapshot.candles.gaps()) == (5, ())
            newest = snapshot.candles.newest
            assert newest is not None
            opens = [newest.open_time_ms - age * MINUTE for age in (4, 3, 2, 1, 0)]
            assert snapshot.candles.candles == tuple(candle_at(open_ms) for open_ms in opens)
            found.append(((newest.open_time_ms - START_MS) // MINUTE, int(snapshot.price)))
        return found

    def fallbacks(self) -> list[tuple[StreamedKind, FallbackReason, int]]:
        told = [(fact.kind, fact.reason, fact.symbols) for fact in self.facts.of(MarketDataFellBack)]
        self.facts.facts.clear()
        return told


def candle_at(open_ms: int) -> Any:
    return candle(open_ms, float(open_ms // MINUTE))


@asynccontextmanager
async def scene(*symbols: str, **options: Any) -> AsyncIterator[Scene]:
    market, facts = Market(*symbols), Recorder()
    async with opened(market, facts, server_time_ms=market.now_ms, **options) as agent:
        stream = ScriptedStream(agent.listener)
        await agent.follow(stream, market.listed)
        yield Scene(market, stream, agent, facts)


@asynccontextmanager
async def settled(*symbols: str, **options: Any) -> AsyncIterator[Scene]:
    """A scene with its history read and forgotten about."""
    async with scene(*symbols, **options) as play:
        play.tell_prices()
        play.tell_open()
        assert await play.snapshots() == [(-1, 101)] * len(play.market.listed)
        assert play.market.calls == ["klines"] * len(play.market.listed)
        assert play.fallbacks() == []
        play.market.calls.clear()
        yield play


@virtual
async def test_each_symbol_is_followed_by_two_streams() -> None:
    async with scene("BTCUSDT", interval="1m") as play:
        assert play.stream.subscribed == {"btcusdt@kline_1m", "btcusdt@miniTicker"}


@virtual
async def test_with_live_streams_a_pass_asks_nothing() -> None:
    async with settled() as play:
        for minute in range(10):
            await asyncio.sleep(60 - 0.01)
            play.tell_open()
            await asyncio.sleep(0.01)
            play.tell_closed(START_MS + minute * MINUTE)
            play.tell_prices(str(200 + minute))
            assert await play.snapshots() == [(minute, 200 + minute)] * 3
        assert play.market.calls == []
        assert play.facts.of(CandlesTaken) == [CandlesTaken(CandleSource.STREAM, 1)] * 30
        assert play.facts.of(MarketDataMeasured)[-1] == MarketDataMeasured(3, 3, 15)
        assert play.agent.source_text() == "streams live for 3 of 3 symbols"
        assert await play.agent.fetch_price("BTCUSDT") == 209
        assert set((await play.agent.fetch_prices_batch(play.market.listed)).values()) == {Decimal(209)}
        assert play.market.calls == []


@virtual
async def test_a_pass_waits_a_moment_for_candles_that_are_just_closing() -> None:
    async with settled() as play:
        await asyncio.sleep(60)
        play.tell_prices()
        loop = asyncio.get_running_loop()
        loop.call_later(0.2, play.tell_closed, START_MS, "BTCUSDT", "ETHUSDT")
        loop.call_later(0.3, play.tell_closed, START_MS, "BNBUSDT")
        before = loop.time()
        assert await play.snapshots() == [(0, 101)] * 3
        assert round(loop.time() - before, 3) == 0.3
        assert (play.market.calls, play.fallbacks()) == ([], [])


@virtual
async def test_a_candle_that_does_not_come_in_time_is_asked_for_and_the_stream_goes_on_from_there() -> None:
    async with settled(close_wait_s=1.0) as play:
        await asyncio.sleep(60)
        play.tell_closed(START_MS, "BTCUSDT", "BNBUSDT")
        asyncio.get_running_loop().call_later(0.9, play.tell_prices)
        assert await play.snapshots() == [(0, 101)] * 3
        assert (play.market.calls, play.fallbacks()) == (["klines"], [(CANDLES, MISSING, 1)])
        play.market.calls.clear()
        play.tell_closed(START_MS, "ETHUSDT")  # late, and held already
        play.tell_closed(START_MS + MINUTE)
        await asyncio.sleep(60)
        play.tell_prices()
        assert await play.snapshots() == [(1, 101)] * 3
        assert play.market.calls == []


@virtual
async def test_a_symbol_of_which_the_stream_tells_nothing_is_not_waited_for() -> None:
    async with settled() as play:
        play.stream.go_down()
        play.stream.come_up()
        await asyncio.sleep(60)
        play.tell_prices()
        before = asyncio.get_running_loop().time()
        assert await play.snapshots() == [(0, 101)] * 3
        assert asyncio.get_running_loop().time() - before < 0.1
        assert (play.market.calls, play.fallbacks()) == (["klines"] * 3, [(CANDLES, MISSING, 3)])


@virtual
async def test_a_stream_that_is_down_costs_requests_and_never_a_stale_decision() -> None:
    async with settled() as play:
        play.stream.go_down()
        assert await play.snapshots() == [(-1, 100)] * 3  # the price is that of REST, although the stream's is fresh
        assert (play.market.calls, play.fallbacks()) == (["prices"], [(PRICE, NOT_LIVE, 3)])
        assert play.agent.source_text() == "streams live for 0 of 3 symbols, by REST for the others"
        await asyncio.sleep(180)
        assert await play.snapshots() == [(2, 100)] * 3
        assert play.fallbacks() == [(PRICE, NOT_LIVE, 3), (CANDLES, NOT_LIVE, 3)]
        play.stream.come_up()
        play.market.calls.clear()
        assert await play.snapshots() == [(2, 100)] * 3  # live again, but no price has come since
        assert (play.market.calls, play.fallbacks()) == (["prices"], [(PRICE, TOO_OLD, 3)])
        play.tell_prices("102")
        assert await play.snapshots() == [(2, 102)] * 3


@virtual
async def test_a_hole_left_by_an_interruption_is_filled_by_rest() -> None:
    async with settled() as play:
        play.stream.go_down()
        await asyncio.sleep(90)
        play.tell_closed(START_MS)
        play.stream.come_up()
        await asyncio.sleep(40)
        play.tell_closed(START_MS + MINUTE)  # follows a candle that was missed
        play.tell_prices()
        assert await play.snapshots() == [(1, 101)] * 3
        assert play.market.klines[3:] == [(symbol, START_MS, 4) for symbol in play.market.listed]
        assert play.facts.of(CandleGapFound) == []


@virtual
async def test_a_price_that_is_older_than_allowed_is_asked_for() -> None:
    async with settled(max_price_age_ms=3_000) as play:
        await asyncio.sleep(2.99)
        play.stream.tell_price("BTCUSDT", "105", play.market.now_ms())
        assert [price for _, price in await play.snapshots()] == [105, 101, 101]
        await asyncio.sleep(0.001)
        assert [price for _, price in await play.snapshots()] == [105, 100, 100]
        assert (play.market.calls, play.fallbacks()) == (["prices"], [(PRICE, TOO_OLD, 2)])


@virtual
async def test_a_snapshot_says_how_old_the_price_of_the_stream_is() -> None:
    async with settled() as play:
        await asyncio.sleep(1.5)
        snapshot = (await play.agent.fetch_snapshots(["BTCUSDT"]))["BTCUSDT"]
        assert (snapshot.time_ms - START_MS, snapshot.price_age_ms) == (1_510, 1_510)


@virtual
async def test_an_older_price_that_comes_late_changes_nothing_and_no_price_is_none() -> None:
    async with settled() as play:
        for price, age_ms in (("103", 0), ("99", 500), ("0", 0)):
            play.stream.tell_price("BTCUSDT", price, play.market.now_ms() - age_ms)
        assert (await play.snapshots())[0] == (-1, 103)


@virtual
async def test_a_price_from_the_future_is_none_and_does_not_stay_when_a_clock_was_set_back() -> None:
    skew_ms = 600_000
    async with scene(max_price_age_ms=3_000) as play:
        play.stream.tell_price("BTCUSDT", "666", play.market.now_ms() + skew_ms)
        assert await play.agent.fetch_price("BTCUSDT") == 100
        play.stream.tell_price("BTCUSDT", "102", play.market.now_ms())
        assert await play.agent.fetch_price("BTCUSDT") == 102
        play.stream.tell_price("BTCUSDT", "103", play.market.now_ms() + 2_000)  # clocks may differ as much as a price may be old
        assert await play.agent.fetch_price("BTCUSDT") == 103


@virtual
async def test_a_candle_that_closes_while_history_is_read_is_neither_lost_nor_doubled() -> None:
    async with scene("BTCUSDT") as play:
        play.market.latency_s = 2.0
        await asyncio.sleep(59)
        asyncio.get_running_loop().call_later(1.5, play.tell_closed, START_MS)
        task = asyncio.create_task(play.agent.fetch_snapshots(["BTCUSDT"]))
        await asyncio.sleep(1)
        play.tell_prices()
        window = (await task)["BTCUSDT"].candles
        assert [held.open_time_ms for held in window.candles] == [START_MS + minute * MINUTE for minute in (-4, -3, -2, -1, 0)]
        assert len(play.market.klines) == 1


@virtual
async def test_a_candle_that_closes_after_the_answer_was_made_joins_on_to_it() -> None:
    async with settled("BTCUSDT", close_wait_s=0.01) as play:
        original = play.market.get_klines

        async def slow(*args: Any, **options: Any) -> Any:
            answer = await original(*args, **options)
            await asyncio.sleep(1)
            return answer

        play.market.get_klines = slow
        await asyncio.sleep(119.5)
        asyncio.get_running_loop().call_later(0.7, play.tell_closed, START_MS + MINUTE)
        play.tell_prices()
        assert await play.snapshots() == [(1, 101)]
        play.tell_prices()
        assert await play.snapshots() == [(1, 101)]
        assert play.market.calls == ["klines"]


@virtual
async def test_a_candle_that_the_stream_brings_while_rest_is_asked_for_it_is_not_doubled() -> None:
    async with settled() as play:
        await asyncio.sleep(120)
        play.tell_prices()
        asyncio.get_running_loop().call_later(0.005, play.tell_closed, START_MS)
        assert await play.snapshots() == [(1, 101)] * 3
        assert play.market.calls == ["klines"] * 3


@virtual
async def test_a_price_from_before_a_gap_is_none_however_young() -> None:
    async with settled() as play:
        play.tell_prices("77")
        play.stream.go_down()
        play.stream.come_up()
        assert await play.snapshots() == [(-1, 100)] * 3
        assert play.fallbacks() == [(PRICE, TOO_OLD, 3)]


@virtual
async def test_prices_that_grow_too_old_while_rest_is_asked_for_others_are_asked_for_too() -> None:
    async with settled(max_price_age_ms=1_000) as play:
        play.market.latency_s = 0.5
        await asyncio.sleep(0.8)
        play.agent.listener.on_gap(["bnbusdt@miniTicker"])
        assert await play.snapshots() == [(-1, 100)] * 3
        assert play.fallbacks() == [(PRICE, TOO_OLD, 1), (PRICE, TOO_OLD, 2)]


@virtual
async def test_candles_that_the_exchange_never_had_are_reported_as_a_gap_and_cost_a_request() -> None:
    async with settled("BTCUSDT") as play:
        play.market.holes = {START_MS}
        await asyncio.sleep(120)
        play.tell_prices()
        play.tell_closed(START_MS + MINUTE)
        window = (await play.agent.fetch_snapshots(["BTCUSDT"]))["BTCUSDT"].candles
        assert window.gaps() == ((START_MS - MINUTE, 1),)
        assert play.facts.of(CandleGapFound) == [CandleGapFound("BTCUSDT", START_MS - MINUTE, 1, "1m")]


@virtual
async def test_symbols_that_are_left_leave_nothing_behind() -> None:
    async with settled() as play:
        await play.agent.follow(play.stream, ["ETHUSDT", "XRPUSDT"])
        assert play.stream.subscribed == {f"{name}@{kind}" for name in ("ethusdt", "xrpusdt") for kind in ("kline_1m", "miniTicker")}
        play.stream.subscribed |= {"btcusdt@kline_1m", "btcusdt@miniTicker"}  # what was on its way still comes
        play.tell_prices("105")
        play.tell_closed(START_MS)
        play.market.listed.append("XRPUSDT")
        batch = await play.agent.fetch_snapshots(["BTCUSDT", "ETHUSDT"])
        assert [int(snapshot.price) for snapshot in batch.values()] == [100, 105]
        assert play.facts.of(MarketDataMeasured)[-1].followed == 2
        assert play.fallbacks() == []  # a symbol that is not followed is asked for, and that is no fallback
        assert play.stream.changes[1:] == [
            ("unsubscribe", ("bnbusdt@kline_1m", "bnbusdt@miniTicker", "btcusdt@kline_1m", "btcusdt@miniTicker")),
            ("subscribe", ("xrpusdt@kline_1m", "xrpusdt@miniTicker")),
        ]


@virtual
async def test_a_pass_that_is_cancelled_while_it_waits_leaves_nothing_running() -> None:
    async with settled() as play:
        await asyncio.sleep(60)
        task = asyncio.create_task(play.agent.fetch_snapshots(play.market.listed))
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert len(asyncio.all_tasks()) == 1
        play.tell_closed(START_MS)
        play.tell_prices()
        assert await play.snapshots() == [(0, 101)] * 3


@virtual
async def test_many_passes_may_wait_at_once() -> None:
    async with settled() as play:
        await asyncio.sleep(60)
        asyncio.get_running_loop().call_later(0.1, play.tell_closed, START_MS)
        asyncio.get_running_loop().call_later(0.05, play.tell_prices)
        assert await asyncio.gather(*(play.snapshots() for _ in range(5))) == [[(0, 101)] * 3] * 5
        assert play.market.calls == []
