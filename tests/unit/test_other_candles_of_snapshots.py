"""Other intervals and symbols in snapshots: what they cost, what streams bring, and what becomes of a pass when they cannot be had."""

import asyncio

from recorder import Recorder
from scripted_market import MINUTE, START_MS, Market, candle, opened
from scripted_stream import ScriptedStream
from virtual_time import virtual

from binance_trade_agent.domain.errors import ExchangeError
from binance_trade_agent.domain.facts import MarketDataFellBack
from binance_trade_agent.domain.need import Need, Needs

FIVE = 5 * MINUTE
BOTH = Needs((Need(3, "5m"), Need(2, "5m", "BTCUSDT"), Need(4, symbol="BTCUSDT")))
SYMBOLS = ("ETHUSDT", "BNBUSDT")


def longer(open_ms: int, interval_ms: int = FIVE):
    return candle(open_ms, float(open_ms // MINUTE), interval_ms)


@virtual
async def test_what_is_read_by_many_symbols_costs_one_request() -> None:
    market = Market()
    async with opened(market, needs=BOTH, server_time_ms=market.now_ms) as agent:
        batch = await agent.fetch_snapshots(SYMBOLS)
        assert batch.errors == {}
        # One request for all prices; candles of a minute of three symbols and of five minutes of three.
        assert (market.count("prices"), sorted(market.intervals)) == (1, ["1m"] * 3 + ["5m"] * 3)
        assert [len(snapshot.candles.other(interval="5m")) for snapshot in batch.values()] == [4, 4]
        assert {snapshot.candles.other(symbol="BTCUSDT").symbol for snapshot in batch.values()} == {"BTCUSDT"}
        market.intervals.clear()
        await asyncio.sleep(60)
        await agent.fetch_snapshots(SYMBOLS)
        assert market.intervals == ["1m"] * 3


@virtual
async def test_a_symbol_with_a_strategy_of_its_own_brings_what_that_one_reads() -> None:
    market = Market()
    async with opened(market, needs=Needs((), {"ETHUSDT": (Need(3, "5m"),)}), server_time_ms=market.now_ms) as agent:
        await agent.fetch_snapshots(SYMBOLS)
        assert sorted(market.intervals) == ["1m", "1m", "5m"]


@virtual
async def test_candles_that_cannot_be_had_leave_the_snapshot_and_say_why() -> None:
    market = Market()
    market.broken["BTCUSDT"] = ExchangeError("it is being mended")
    async with opened(market, needs=BOTH, server_time_ms=market.now_ms) as agent:
        batch = await agent.fetch_snapshots(SYMBOLS)
        assert (set(batch), batch.errors) == (set(SYMBOLS), {})
        read = batch["ETHUSDT"].candles.other(symbol="BTCUSDT")
        assert (len(read), read.lack) == (0, "it is being mended")
        assert len(batch["ETHUSDT"].candles.other(interval="5m")) == 4
        market.broken.clear()
        assert len((await agent.fetch_snapshots(SYMBOLS))["ETHUSDT"].candles.other(symbol="BTCUSDT")) == 5


class WithoutCandles(Market):
    """Tells prices, and no candles of BTCUSDT."""

    async def get_klines(self, symbol, interval, **wanted):
        if symbol == "BTCUSDT":
            raise ExchangeError("it is being mended")
        return await super().get_klines(symbol, interval, **wanted)


@virtual
async def test_a_symbol_without_candles_is_an_error_of_its_own_and_a_lack_for_those_who_read_it() -> None:
    market = WithoutCandles()
    async with opened(market, needs=BOTH, server_time_ms=market.now_ms) as agent:
        batch = await agent.fetch_snapshots((*SYMBOLS, "BTCUSDT"))
        assert set(batch) == set(SYMBOLS)
        assert {symbol: str(error) for symbol, error in batch.errors.items()} == {"BTCUSDT": "it is being mended"}
        assert batch["ETHUSDT"].candles.other(symbol="BTCUSDT").lack == "it is being mended"


@virtual
async def test_streams_bring_each_interval_and_a_pass_waits_for_the_longer_one_too() -> None:
    market, facts = Market("ETHUSDT"), Recorder()
    async with opened(market, facts, needs=Needs((Need(3, "5m"),)), server_time_ms=market.now_ms) as agent:
        stream = ScriptedStream(agent.listener)
        await agent.follow(stream, ["ETHUSDT"])
        assert stream.subscribed == {"ethusdt@kline_1m", "ethusdt@kline_5m", "ethusdt@miniTicker"}
        turn_ms = START_MS // FIVE * FIVE + FIVE
        await asyncio.sleep((turn_ms - MINUTE - market.now_ms()) / 1000)
        stream.tell_price("ETHUSDT", "101", market.now_ms())
        await agent.fetch_snapshots(["ETHUSDT"])
        stream.tell_candle("ETHUSDT", candle(turn_ms - MINUTE), is_closed=False)
        stream.tell_candle("ETHUSDT", longer(turn_ms - FIVE), is_closed=False, interval="5m")
        market.calls.clear()
        facts.facts.clear()
        await asyncio.sleep(60)
        stream.tell_price("ETHUSDT", "102", market.now_ms())
        stream.tell_candle("ETHUSDT", candle(turn_ms - MINUTE), is_closed=True)
        told = longer(turn_ms - FIVE)
        asyncio.get_running_loop().call_later(1.5, lambda: stream.tell_candle("ETHUSDT", told, is_closed=True, interval="5m"))
        window = (await agent.fetch_snapshots(["ETHUSDT"]))["ETHUSDT"].candles
        assert window.other(interval="5m").newest == told
        assert (market.calls, facts.of(MarketDataFellBack)) == ([], [])


@virtual
async def test_a_longer_candle_that_is_ahead_of_the_own_one_is_not_shown_yet() -> None:
    market = Market("ETHUSDT")
    async with opened(market, needs=Needs((Need(3, "5m"),)), server_time_ms=market.now_ms) as agent:
        turn_ms = START_MS // FIVE * FIVE + FIVE
        market.holes = {turn_ms - MINUTE}  # the exchange does not tell the last minute before the turn
        await asyncio.sleep((turn_ms + 1_000 - market.now_ms()) / 1000)
        window = (await agent.fetch_snapshots(["ETHUSDT"]))["ETHUSDT"].candles
        assert window.newest == candle(turn_ms - 2 * MINUTE, float((turn_ms - 2 * MINUTE) // MINUTE))
        assert window.other(interval="5m").newest == longer(turn_ms - 2 * FIVE)
        assert len(window.other(interval="5m")) == 3


@virtual
async def test_symbols_that_are_left_leave_what_was_read_for_them_alone() -> None:
    market = Market()
    async with opened(market, needs=Needs((Need(3, "5m"), Need(2, symbol="BTCUSDT"))), server_time_ms=market.now_ms) as agent:
        stream = ScriptedStream(agent.listener)
        await agent.follow(stream, SYMBOLS)
        assert "btcusdt@kline_1m" in stream.subscribed
        assert "btcusdt@miniTicker" not in stream.subscribed
        await agent.follow(stream, ["ETHUSDT", "BTCUSDT"])
        gone = ("bnbusdt@kline_1m", "bnbusdt@kline_5m", "bnbusdt@miniTicker")
        assert stream.changes[1:] == [("unsubscribe", gone), ("subscribe", ("btcusdt@kline_5m", "btcusdt@miniTicker"))]
