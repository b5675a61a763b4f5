"""What the candle stores hold by stream is what REST would give, to the last field, whenever the streams are interrupted.

That goes for the snapshots' own candles and for those of other intervals and symbols that come with them.
"""

import asyncio
import random
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from recorder import Recorder
from scripted_stream import ScriptedStream

from binance_trade_agent.async_binance_client import AsyncBinanceClient, Connection
from binance_trade_agent.async_market_data_agent import AsyncMarketDataAgent, CacheTtls
from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.domain.facts import CandlesTaken, MarketDataFellBack
from binance_trade_agent.domain.market import CandleWindow, MarketSnapshot
from binance_trade_agent.domain.market_sources import CandleSource, StreamedKind
from binance_trade_agent.domain.need import NO_NEEDS, Need, Needs
from binance_trade_agent.simulation.clocks import VirtualClock
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.in_process import InProcessTransport
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket
from binance_trade_agent.simulation.virtual_loop import run_virtual

SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT")
QUIET = "BNBUSDT"
START_MS = 1_750_000_020_000
MINUTE = 60_000
WINDOW = 12
MAX_PRICE_AGE_MS = 3_000
NEEDS = Needs((Need(4, "5m"), Need(6, symbol="ETHUSDT"), Need(3, "3m", "BTCUSDT")))
INTERVALS = ("1m", "3m", "5m")


class Broadcast:
    """Tells the exchange's candles and prices as Binance does: an open candle every 2 s, a price every second, an end when one closes.

    Events come up to a second late, ends sometimes twice; of the quiet symbol nothing is told but now and then a price.
    """

    def __init__(self, stream: ScriptedStream, client: AsyncBinanceClient, clock: VirtualClock, seed: int) -> None:
        self._stream = stream
        self._client = client
        self._clock = clock
        self._random = random.Random(seed)
        self._ended = {(symbol, interval): START_MS - INTERVALS_MS[interval] for symbol in SYMBOLS for interval in INTERVALS}

    async def run(self) -> None:
        second = 0
        while True:
            await self._clock.sleep_until(START_MS + second * 1_000)
            for symbol in SYMBOLS:
                if symbol != QUIET or self._random.random() < 0.2:
                    self._stream.tell_price(symbol, await self._client.get_latest_price(symbol), self._clock.now_ms())
                if second % 2 == 0 and symbol != QUIET:
                    for interval in INTERVALS:
                        await self._tell_candles(symbol, interval)
            second += 1

    async def _tell_candles(self, symbol: str, interval: str) -> None:
        candles = await self._client.get_klines(symbol, interval, limit=2)
        ended = [candle for candle in candles[:-1] if candle.open_time_ms > self._ended[symbol, interval]]
        for candle in ended:
            self._ended[symbol, interval] = candle.open_time_ms
        repeated = [candle for candle in ended for _ in range(self._random.choice((1, 1, 2)))]

        def tell() -> None:
            for candle in repeated:
                self._stream.tell_candle(symbol, candle, is_closed=True, interval=interval)
            self._stream.tell_candle(symbol, candles[-1], is_closed=False, interval=interval)

        asyncio.get_running_loop().call_later(self._random.random(), tell)


async def interrupted(stream: ScriptedStream, pauses: list[tuple[float, float]]) -> None:
    for after_s, length_s in pauses:
        await asyncio.sleep(after_s)
        stream.go_down()
        await asyncio.sleep(length_s)
        stream.come_up()


async def check(client: AsyncBinanceClient, began_ms: int, snapshot: MarketSnapshot, prices: dict[str, Decimal]) -> None:
    """The window is the exchange's own, complete up to when the pass began or ended, and the price is one that it had of late."""
    candles = await client.get_klines(snapshot.symbol, "1m", limit=WINDOW + 3, end_time_ms=snapshot.time_ms)
    closed = [tuple(candle for candle in candles if candle.close_time_ms < time_ms)[-WINDOW:] for time_ms in (began_ms, snapshot.time_ms)]
    assert snapshot.candles.candles in closed
    assert snapshot.price_age_ms <= MAX_PRICE_AGE_MS
    if snapshot.price_age_ms == 0:
        assert snapshot.price == prices[snapshot.symbol]


async def check_others(client: AsyncBinanceClient, own: CandleWindow) -> None:
    """Of each other interval and symbol the newest candles that had closed by the close of the newest own one, as many as are needed."""
    assert own.newest is not None
    end_ms = own.newest.close_time_ms
    for need in NEEDS.of(own.symbol):
        seen = own.other(interval=need.interval, symbol=need.symbol)
        told = await client.get_klines(need.symbol or own.symbol, need.interval or "1m", limit=WINDOW + 3, end_time_ms=end_ms)
        closed = tuple(candle for candle in told if candle.close_time_ms <= end_ms)
        assert len(seen) >= need.candles
        assert seen.candles == closed[-len(seen) :]


async def play(seed: int, pauses: list[tuple[float, float]], passes: list[float], needs: Needs = NO_NEEDS) -> Recorder:
    clock = VirtualClock(START_MS)
    exchange = SimulatedExchange(SyntheticMarket(SYMBOLS, seed), clock)
    facts = Recorder()

    def connection(latency_ms: float) -> Connection:
        return Connection("https://x.invalid", InProcessTransport(exchange, latency_ms=latency_ms), clock, shares_clock=True)

    try:
        async with AsyncBinanceClient(connection(0)) as witness, AsyncBinanceClient(connection(80)) as client:
            agent = AsyncMarketDataAgent(
                client,
                clock=clock,
                observer=facts,
                window=WINDOW,
                server_time_ms=client.server_time_ms,
                max_price_age_ms=MAX_PRICE_AGE_MS,
                cache_ttls=CacheTtls(0, 0, 0),
                needs=needs,
            )
            async with agent:
                stream = ScriptedStream(agent.listener)
                await agent.follow(stream, SYMBOLS)
                background = [
                    asyncio.create_task(Broadcast(stream, witness, clock, seed).run()),
                    asyncio.create_task(interrupted(stream, pauses)),
                ]
                for after_s in passes:
                    await asyncio.sleep(after_s)
                    began_ms = clock.now_ms()
                    batch = await agent.fetch_snapshots(SYMBOLS)
                    assert batch.errors == {}
                    prices = {symbol: await witness.get_latest_price(symbol) for symbol in SYMBOLS}
                    for snapshot in batch.values():
                        await check(witness, began_ms, snapshot, prices)
                        if needs is NEEDS:
                            await check_others(witness, snapshot.candles)
                for task in background:
                    task.cancel()
                await asyncio.wait(background)
    finally:
        exchange.close()
    return facts


seconds = st.floats(min_value=0.0, max_value=100.0).map(lambda value: round(value, 3))


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.lists(st.tuples(seconds, seconds), max_size=8), st.lists(seconds, min_size=1, max_size=8))
def test_the_store_holds_what_rest_would_give(seed: int, pauses: list[tuple[float, float]], passes: list[float]) -> None:
    run_virtual(play(seed, pauses, passes))


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.lists(st.tuples(seconds, seconds), max_size=8), st.lists(seconds, min_size=1, max_size=8))
def test_other_intervals_and_symbols_are_what_rest_would_give(seed: int, pauses: list[tuple[float, float]], passes: list[float]) -> None:
    run_virtual(play(seed, pauses, passes, NEEDS))


def test_without_interruptions_rest_is_asked_for_the_history_and_for_the_quiet_symbol_alone() -> None:
    facts = run_virtual(play(7, [], [60.0] * 10))
    by_source = {source: sum(fact.count for fact in facts.of(CandlesTaken) if fact.source is source) for source in CandleSource}
    assert by_source == {CandleSource.STREAM: 2 * 9, CandleSource.REST: len(SYMBOLS) * WINDOW + 9}
    lacking = [fact for fact in facts.of(MarketDataFellBack) if fact.kind is StreamedKind.CANDLES]
    assert [fact.symbols for fact in lacking] == [1] * 9


def test_other_intervals_cost_their_history_and_then_come_by_stream() -> None:
    facts = run_virtual(play(7, [], [60.0] * 31, NEEDS))
    by_source = {source: sum(fact.count for fact in facts.of(CandlesTaken) if fact.source is source) for source in CandleSource}
    history = len(SYMBOLS) * WINDOW + len(SYMBOLS) * 5 + 4
    # In half an hour a symbol has 30 candles of a minute and 6 of five; there are 10 of three minutes of the one symbol that is read.
    streamed, asked = 2 * 30 + 2 * 6 + 10, 30 + 6
    assert by_source == {CandleSource.STREAM: streamed, CandleSource.REST: history + asked}
