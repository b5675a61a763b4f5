"""Streams of the simulated exchange without sockets: what a pulse costs the exchange, and that nothing depends on how often it beats."""

import asyncio
from decimal import Decimal
from itertools import islice

import orjson
import pytest
from one_quote_exchange import OneQuoteMarket
from virtual_time import virtual

from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.clocks import VirtualClock
from binance_trade_agent.simulation.engine.records import NewOrder
from binance_trade_agent.simulation.engine.terms import OrderType
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.faults.plan import FaultPlan
from binance_trade_agent.simulation.markets.candle_files import RecordedCandles
from binance_trade_agent.simulation.markets.market import MarketCandle
from binance_trade_agent.simulation.markets.recorded import RecordedMarket
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket
from binance_trade_agent.simulation.sockets.pulse import Pulse
from binance_trade_agent.simulation.streams.catalogue import StreamCatalogue
from binance_trade_agent.simulation.streams.hub import LONGEST_LEAP_MS, StreamHub
from binance_trade_agent.simulation.streams.ticker_sources import FIRST_AT_ONCE
from binance_trade_agent.simulation.virtual_loop import run_virtual
from binance_trade_agent.simulation.websocket_api.user_data import UserDataHub

D = Decimal
START_MS = 1_770_000_000_000
EVERY_STREAM = [
    f"btcusdt@{kind}"
    for kind in ("kline_1m", "trade", "aggTrade", "bookTicker", "depth", "depth@100ms", "depth5", "miniTicker", "avgPrice")
]


class Ear:
    """A subscriber that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.account_events: list[bytes] = []
        self.is_cut = False

    def frame_of(self, event):
        return event.frame(is_combined=False, in_microseconds=False)

    def send(self, frames):
        self.heard.append(frames)

    def cut(self):
        self.is_cut = True


class World:
    """An exchange in virtual time, its pulse and its hub."""

    def __init__(self, market) -> None:
        self.exchange = SimulatedExchange(market, VirtualClock(START_MS))
        self.account = self.exchange.open_account("key", "secret", {"USDT": D(100_000), "BTC": D(10)})
        self.pulse = Pulse(self.exchange.clock, self.exchange.advance, self.fail, 100)
        self.user_data = UserDataHub(self.exchange.venue.engine.feed, self.pulse, FaultPlan(), self.exchange.venue.engine.is_waiting)
        self.hub = StreamHub(StreamCatalogue(self.exchange.venue), self.pulse, FaultPlan())

    def fail(self) -> None:
        self.has_failed = True

    async def trade_a_while(self) -> None:
        engine, clock = self.exchange.venue.engine, self.exchange.clock
        for turn in range(40):
            await clock.sleep_until(START_MS + 3_700 * (turn + 1))
            now_ms = self.exchange.advance()
            book = engine.visible_ladder("BTCUSDT", now_ms)
            price, side = (book.bids[0][0], Side.BUY) if turn % 3 else (book.asks[0][0], Side.SELL)
            order = NewOrder("BTCUSDT", side, OrderType.LIMIT, quantity=D("0.01"), price=price)
            engine.place(self.account, order, now_ms)

    async def close(self) -> None:
        await self.pulse.close()
        self.exchange.close()


async def listen_and_trade(streams) -> tuple[list[bytes], object]:
    world = World(SyntheticMarket(["BTCUSDT", "ETHUSDT"], 3))
    ear = Ear()
    if streams:
        world.user_data.subscribe(world.account, ear.account_events.append)
    for stream in streams:
        world.hub.subscribe(ear, stream, world.exchange.advance())
    await world.trade_a_while()
    outcome = world.exchange.orders("key"), world.exchange.trades("key"), world.exchange.balances("key")
    await world.close()
    return [*ear.heard, *ear.account_events], outcome


def test_the_same_seed_and_requests_make_the_same_events():
    heard, _ = run_virtual(listen_and_trade(EVERY_STREAM))
    again, _ = run_virtual(listen_and_trade(EVERY_STREAM))
    assert b"".join(heard).count(b"executionReport") > 60
    assert b"".join(heard).count(b"lastUpdateId") > 100
    assert heard == again


def test_listening_changes_nothing_of_what_happens():
    _, watched = run_virtual(listen_and_trade(EVERY_STREAM))
    _, unwatched = run_virtual(listen_and_trade([]))
    orders, trades, _ = watched
    assert len(orders) == 40
    assert any(trade.is_maker for trade in trades)
    assert watched == unwatched


@virtual
async def test_the_pulse_stands_still_while_nobody_listens():
    world = World(SyntheticMarket(["BTCUSDT"], 3))
    asked = []
    world.pulse = Pulse(world.exchange.clock, lambda: asked.append(1) or world.exchange.advance(), world.fail, 100)
    world.hub = StreamHub(StreamCatalogue(world.exchange.venue), world.pulse, FaultPlan())
    await asyncio.sleep(100)
    assert asked == []
    ear = Ear()
    world.hub.subscribe(ear, "btcusdt@trade", world.exchange.advance())
    await asyncio.sleep(10)
    assert 99 <= len(asked) <= 100
    world.hub.unsubscribe(ear, ["btcusdt@trade"])
    await asyncio.sleep(1)
    told = len(asked)
    await asyncio.sleep(100)
    assert len(asked) == told <= 101
    await world.close()


@virtual
async def test_the_pulse_beats_slowly_until_an_order_waits_for_the_market():
    world = World(SyntheticMarket(["BTCUSDT"], 3))
    asked = []
    world.pulse = Pulse(world.exchange.clock, lambda: asked.append(1) or world.exchange.advance(), world.fail, 100)
    engine = world.exchange.venue.engine
    hub = UserDataHub(engine.feed, world.pulse, FaultPlan(), engine.is_waiting)
    hub.subscribe(world.account, lambda event: None)
    await asyncio.sleep(20.35)
    assert len(asked) == 20
    far = NewOrder("BTCUSDT", Side.BUY, OrderType.LIMIT, quantity=D("0.01"), price=D("20000"))
    order = engine.place(world.account, far, world.exchange.advance()).order
    await asyncio.sleep(10)
    assert 119 <= len(asked) <= 121
    engine.cancel(world.account, "BTCUSDT", order_id=order.order_id, client_order_id=None, now_ms=world.exchange.advance())
    await asyncio.sleep(20)
    assert 138 <= len(asked) <= 142
    await world.close()


@virtual
async def test_a_tick_that_fails_is_not_mistaken_for_a_quiet_market():
    world = World(SyntheticMarket(["BTCUSDT"], 3))

    def break_down(now_ms: int) -> None:
        raise RuntimeError("a defect")

    world.pulse.add(break_down)
    await asyncio.sleep(1)
    assert world.has_failed
    with pytest.raises(RuntimeError, match="a defect"):
        await world.close()


@virtual
async def test_a_market_that_runs_fast_is_not_asked_more_often():
    class FastClock(VirtualClock):
        def now_ms(self):
            return START_MS + round(asyncio.get_running_loop().time() * 120_000)

        async def sleep_until(self, time_ms):
            await asyncio.sleep(max(time_ms - self.now_ms(), 0) / 120_000)

    exchange = SimulatedExchange(SyntheticMarket(["BTCUSDT"], 3), FastClock(START_MS))
    ticks = []
    pulse = Pulse(exchange.clock, exchange.advance, list, 100)
    pulse.add(ticks.append)
    await asyncio.sleep(10)
    assert 98 <= len(ticks) <= 101
    assert ticks[-1] - ticks[0] > 97 * 12_000
    await pulse.close()
    exchange.close()


@virtual
async def test_a_leap_of_market_time_cuts_the_connections():
    world = World(SyntheticMarket(["BTCUSDT"], 3))
    ear = Ear()
    world.hub.subscribe(ear, "btcusdt@kline_1m", START_MS)
    world.hub.tick(START_MS + LONGEST_LEAP_MS)
    assert not ear.is_cut
    assert sum(orjson.loads(frames_payload)["k"]["x"] for frames_payload in payloads(ear.heard)) == LONGEST_LEAP_MS // 60_000
    world.hub.tick(START_MS + 2 * LONGEST_LEAP_MS + 1)
    assert ear.is_cut
    await world.close()


def payloads(heard: list[bytes]):
    """The payloads of whole text frames."""
    for frames in heard:
        while frames:
            length, begin = frames[1], 2
            if length == 126:
                length, begin = int.from_bytes(frames[2:4]), 4
            yield frames[begin : begin + length]
            frames = frames[begin + length :]


@virtual
async def test_recorded_trades_add_up_to_the_recorded_candles():
    minute = 60_000
    opens = [START_MS - START_MS % minute + number * minute for number in (0, 1, 2, 5)]
    counts = [40, 1, 0, 7]
    candles = [
        MarketCandle(open_ms, D(10), D(13), D(9), D(12), D(count), open_ms + minute - 1, D(10 * count), count)
        for open_ms, count in zip(opens, counts, strict=True)
    ]
    market = RecordedMarket(RecordedCandles(minute, {"BTCUSDT": tuple(candles)}))
    takers = list(market.taker_orders("BTCUSDT", 0, opens[-1] + minute))
    for candle in candles:
        own = [taker for taker in takers if candle.open_time_ms <= taker.time_ms <= candle.close_time_ms]
        assert sum(len(taker.quantities) for taker in own) == candle.trades
        assert sum(sum(taker.quantities) for taker in own) == candle.volume
    assert [taker.aggregate_id for taker in takers] == list(range(9))
    ids = [taker.first_trade_id + number for taker in takers for number in range(len(taker.quantities))]
    assert ids == list(range(48))
    half = opens[0] + minute // 2
    parts = [*market.taker_orders("BTCUSDT", 0, half), *market.taker_orders("BTCUSDT", half, opens[-1] + minute)]
    assert parts == takers


@pytest.mark.parametrize("stream", EVERY_STREAM)
@virtual
async def test_a_market_without_history_is_no_trouble(stream):
    world = World(OneQuoteMarket())
    ear = Ear()
    world.hub.subscribe(ear, stream, world.exchange.advance())
    world.hub.subscribe(ear, stream.replace("btc", "old"), world.exchange.advance())
    await asyncio.sleep(5)
    await world.close()
    assert not ear.is_cut


@virtual
async def test_tickers_of_many_symbols_join_in_a_few_at_a_time():
    world = World(SyntheticMarket([f"COIN{number}USDT" for number in range(FIRST_AT_ONCE + 5)], 3))
    ear = Ear()
    world.hub.subscribe(ear, "!miniTicker@arr", world.exchange.advance())
    await world.exchange.clock.sleep_until(START_MS + 2_500)
    await world.close()
    first, second = ({row["s"] for row in orjson.loads(payload)} for payload in islice(payloads(ear.heard), 2))
    assert len(first) == FIRST_AT_ONCE
    assert len(second - first) == 5
