"""Books kept from depth streams and snapshots, in virtual time: they come into sync, find out when they are not, and come back."""

import asyncio
from contextlib import asynccontextmanager
from random import Random

import pytest
from depth_exchange import DepthExchange
from recorder import Recorder
from scripted_streams import ScriptedStreams, frame
from virtual_time import virtual

from binance_trade_agent.binance.streams.events import DepthEvent
from binance_trade_agent.binance.streams.market_streams import MarketStreams
from binance_trade_agent.binance.streams.order_book_keeper import OrderBookKeeper
from binance_trade_agent.domain.errors import ConfigurationError, ExchangeRefusedError, NotSentError
from binance_trade_agent.domain.market import OrderBook
from binance_trade_agent.domain.stream_facts import BookLoss, OrderBookLost, OrderBooksKept, OrderBookSynced

STREAM = "btcusdt@depth@100ms"


def data(event: DepthEvent, symbol: str = "BTCUSDT") -> dict:
    return {
        "e": "depthUpdate",
        "E": event.event_time_ms,
        "s": symbol,
        "U": event.first_update_id,
        "u": event.final_update_id,
        "b": event.bids,
        "a": event.asks,
    }


class Stage:
    """A market whose book moves every 100 ms while `moving`, and a REST face that gives snapshots of it."""

    def __init__(self, levels: int) -> None:
        self.market = DepthExchange(Random(4), levels=30)
        self.exchange = ScriptedStreams()
        self.recorder = Recorder()
        self.fetches: list[float] = []
        self.fetching = 0
        self.most_fetching = 0
        self.failures = 0
        self.updates_ago = 0
        self.fetch_s = 0.05
        self.moving = True
        self.keeper = OrderBookKeeper(self.fetch, random=Random(2), observer=self.recorder, levels=levels)
        self.streams = MarketStreams(
            "wss://scripted", self.keeper, server_ms=lambda: 0, random=Random(1), observer=self.recorder, open_socket=self.exchange.open
        )
        self.keeper.follow_on(self.streams)

    async def fetch(self, symbol: str, levels: int) -> OrderBook:
        self.fetches.append(asyncio.get_running_loop().time())
        self.fetching += 1
        self.most_fetching = max(self.most_fetching, self.fetching)
        await asyncio.sleep(self.fetch_s)
        self.fetching -= 1
        if self.failures:
            self.failures -= 1
            raise NotSentError("no connection")
        return self.market.snapshot(levels, updates_ago=self.updates_ago)

    async def move(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            if self.moving:
                self.exchange.publish(STREAM, data(self.market.event(3)))

    def lost(self) -> list[BookLoss]:
        return [fact.loss for fact in self.recorder.of(OrderBookLost)]

    def agrees(self) -> bool:
        book = self.keeper.book("BTCUSDT")
        held = book.top(20)
        return held is not None and held == self.market.book_at(book.last_update_id, 20)


@asynccontextmanager
async def stage(levels: int = 1_000):
    before = asyncio.all_tasks()
    on = Stage(levels)
    moving = asyncio.create_task(on.move())
    try:
        yield on
    finally:
        moving.cancel()
        await on.keeper.close()
        await on.streams.close()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() - before == set()


@virtual
async def test_a_book_comes_into_sync_and_follows_the_market():
    async with stage() as on:
        await on.keeper.keep(["BTCUSDT"])
        assert not on.keeper.is_live("BTCUSDT")
        await asyncio.sleep(0.5)
        for _ in range(100):
            await asyncio.sleep(0.1)
            assert on.keeper.is_live("BTCUSDT")
            assert on.agrees()
            assert on.keeper.book("BTCUSDT").last_update_id == on.market.update_id
        assert len(on.fetches) == 1
        assert on.lost() == []
        assert [fact.snapshots for fact in on.recorder.of(OrderBookSynced)] == [1]
        assert on.recorder.of(OrderBooksKept)[-1] == OrderBooksKept(1, 1)
        await on.keeper.drop(["BTCUSDT", "ETHUSDT"])
        assert on.keeper.book("BTCUSDT") is None
        assert not on.streams.is_live(STREAM)
        assert on.recorder.of(OrderBooksKept)[-1] == OrderBooksKept(0, 0)


@virtual
async def test_snapshots_that_fail_or_are_too_old_are_asked_for_again_with_pauses():
    async with stage() as on:
        on.failures, on.updates_ago = 2, 10**6
        await on.keeper.keep(["BTCUSDT"])
        await asyncio.sleep(20)
        assert not on.keeper.is_live("BTCUSDT")
        assert 3 < len(on.fetches) < 20
        on.updates_ago = 2
        await asyncio.sleep(31)
        assert on.keeper.is_live("BTCUSDT")
        assert on.agrees()


@virtual
async def test_a_gap_and_an_interruption_cost_the_book_until_a_new_snapshot_joins_on():
    async with stage() as on:
        await on.keeper.keep(["BTCUSDT"])
        await asyncio.sleep(1)
        on.market.event(1)  # it happens, and the stream does not tell
        await asyncio.sleep(0.11)
        assert not on.keeper.is_live("BTCUSDT")
        assert on.lost() == [BookLoss.GAP]
        await asyncio.sleep(2)
        assert on.keeper.is_live("BTCUSDT")
        assert on.agrees()
        on.exchange.sockets[0].drop()
        assert not on.keeper.is_live("BTCUSDT")
        await asyncio.sleep(5)
        assert on.lost() == [BookLoss.GAP, BookLoss.STREAM_INTERRUPTED]
        assert on.keeper.is_live("BTCUSDT")
        assert on.agrees()
        assert len(on.fetches) == 3


@virtual
async def test_a_book_that_breaks_at_once_each_time_does_not_hammer_the_exchange():
    async with stage() as on:
        await on.keeper.keep(["BTCUSDT"])
        await asyncio.sleep(1)
        for _ in range(1_200):
            await asyncio.sleep(0.1)
            on.market.event(1)
        assert len(on.lost()) > 10
        assert len(on.fetches) < 25


@virtual
async def test_in_a_quiet_market_the_snapshot_waits_for_the_first_event():
    async with stage() as on:
        on.moving = False
        await on.keeper.keep(["BTCUSDT"])
        await asyncio.sleep(30)
        assert not on.keeper.is_live("BTCUSDT")
        assert len(on.fetches) == 1
        on.moving = True
        await asyncio.sleep(0.2)
        assert on.keeper.is_live("BTCUSDT")
        assert on.agrees()


@virtual
async def test_a_side_that_has_lost_half_its_levels_is_asked_for_again():
    async with stage(levels=10) as on:
        await on.keeper.keep(["BTCUSDT"])
        await asyncio.sleep(120)
        assert set(on.lost()) == {BookLoss.TOO_FEW_LEVELS}
        book = on.keeper.book("BTCUSDT")
        assert book.known_levels >= 5
        assert book.top(5) == on.market.book_at(book.last_update_id, 5)


@virtual
async def test_snapshots_of_many_books_are_asked_for_a_few_at_a_time():
    async with stage() as on:
        on.moving = False
        await on.keeper.keep([f"COIN{number}USDT" for number in range(30)])
        await asyncio.sleep(60)
        assert len(on.fetches) == 30
        assert on.most_fetching == 4


@virtual
async def test_what_is_not_its_business_changes_nothing():
    async with stage() as on:
        await on.keeper.keep(["BTCUSDT"])
        await asyncio.sleep(1)
        await on.streams.subscribe(["btcusdt@depth", "ethusdt@depth@100ms"])
        on.exchange.sockets[0].bring(frame("btcusdt@depth", data(DepthEvent(1, "BTCUSDT", 10**9, 10**9, (), ()))))
        on.exchange.sockets[0].bring(frame("ethusdt@depth@100ms", data(DepthEvent(1, "ETHUSDT", 1, 1, (), ()), "ETHUSDT")))
        await asyncio.sleep(1)
        assert on.lost() == []
        assert on.keeper.is_live("BTCUSDT")
        await on.keeper.keep(["BTCUSDT"])
        assert len(on.fetches) == 1


@virtual
async def test_a_book_whose_stream_is_refused_is_not_kept():
    async with stage() as on:
        on.exchange.refused = {STREAM}
        with pytest.raises(ExchangeRefusedError):
            await on.keeper.keep(["BTCUSDT", "ETHUSDT"])
        assert on.keeper.book("BTCUSDT") is None
        assert on.keeper.book("ETHUSDT") is None
        assert not on.streams.is_live("ethusdt@depth@100ms")


def test_levels_out_of_range_and_missing_streams_are_named():
    with pytest.raises(ConfigurationError, match="levels is 5001"):
        OrderBookKeeper(None, random=Random(1), levels=5_001)
    with pytest.raises(ConfigurationError, match="follow_on"):
        asyncio.run(OrderBookKeeper(None, random=Random(1)).keep(["BTCUSDT"]))
