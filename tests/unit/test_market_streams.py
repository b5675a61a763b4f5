"""MarketStreams in virtual time over a scripted exchange: confirmation, pacing, sharding, interruptions, rotation, silence, closing."""

import asyncio
import itertools
from contextlib import asynccontextmanager
from random import Random

import pytest
from recorder import Recorder
from scripted_streams import Ear, ScriptedStreams, book_ticker, frame, kline, trade
from virtual_time import virtual

from binance_trade_agent.binance.reconnection import ConnectBudget
from binance_trade_agent.binance.streams.bounds import StreamBounds
from binance_trade_agent.binance.streams.link import Link
from binance_trade_agent.binance.streams.market_streams import MarketStreams
from binance_trade_agent.binance.streams.shard import Shard
from binance_trade_agent.domain.errors import ConfigurationError, ExchangeRefusedError, MarketDataError, NotSentError
from binance_trade_agent.domain.stream_facts import (
    RotationReason,
    StreamEnd,
    StreamLatency,
    StreamRefused,
    StreamsConnected,
    StreamsInterrupted,
    StreamsRotated,
    StreamsSilent,
    StreamTraffic,
)

BTC, ETH = "btcusdt@trade", "ethusdt@trade"
HOUR_S = 3600.0


def many(number: int) -> list[str]:
    return [f"coin{index}usdt@bookTicker" for index in range(number)]


class Stage:
    """An exchange, the streams on it, and who hears them."""

    def __init__(self, **bounds) -> None:
        self.exchange = ScriptedStreams()
        self.ear = Ear()
        self.recorder = Recorder()
        self.server_ms = 1_010
        self.streams = MarketStreams(
            "wss://scripted",
            self.ear,
            server_ms=lambda: self.server_ms,
            random=Random(7),
            observer=self.recorder,
            bounds=StreamBounds(**bounds),
            open_socket=self.exchange.open,
        )

    def is_live(self, *names: str) -> list[bool]:
        return [self.streams.is_live(name) for name in names]


async def until(condition) -> None:
    while not condition():  # noqa: ASYNC110 - in virtual time nothing is lost by looking again
        await asyncio.sleep(0.01)


@asynccontextmanager
async def stage(**bounds):
    before = asyncio.all_tasks()
    made = Stage(**bounds)
    try:
        yield made
    finally:
        await made.streams.close()
        assert made.exchange.up == []
        assert made.exchange.broken_rules == []
        assert asyncio.all_tasks() - before == set(), "closing leaves no task"


@virtual
async def test_a_subscription_returns_when_the_exchange_has_confirmed_it():
    async with stage() as on:
        on.exchange.answer_after_s = 2.0
        waiting = asyncio.create_task(on.streams.subscribe([BTC, ETH]))
        await asyncio.sleep(1.9)
        assert not waiting.done()
        assert on.is_live(BTC, ETH) == [False, False]
        await waiting
        assert asyncio.get_running_loop().time() == pytest.approx(2.0, abs=0.01)
        assert on.is_live(BTC, ETH, "bnbusdt@trade") == [True, True, False]
        on.exchange.publish(BTC, trade("BTCUSDT", 1))
        await asyncio.sleep(1)
        assert [(name, event.trade_id) for name, event in on.ear.events] == [(BTC, 1)]
        assert on.ear.gaps == []
        await on.streams.subscribe([BTC])
        assert len(on.exchange.sockets[0].messages) == 1
        assert on.recorder.of(StreamsConnected)[0].is_first


@virtual
async def test_requests_are_chunked_and_keep_clear_of_five_a_second():
    async with stage() as on:
        await on.streams.subscribe(many(1_000))
        messages = on.exchange.sockets[0].messages
        assert [len(request["params"]) for _, request in messages] == [100] * 10
        times = [time for time, _ in messages]
        assert all(later - earlier >= 0.4 - 1e-9 for earlier, later in itertools.pairwise(times))
        assert len({request["id"] for _, request in messages}) == 10
        for name in many(40):
            await on.streams.unsubscribe([name])
            await asyncio.sleep(0.05)
        await asyncio.sleep(5)
        assert len(on.exchange.sockets[0].subscribed) == 960
        assert on.is_live(*many(1)) == [False]


@virtual
async def test_streams_are_spread_over_connections_beyond_the_bound_and_room_is_used_again():
    async with stage(streams_per_connection=10) as on:
        await on.streams.subscribe(many(25))
        assert sorted(len(socket.subscribed) for socket in on.exchange.up) == [5, 10, 10]
        assert all(on.is_live(*many(25)))
        await on.streams.unsubscribe(many(4))
        await on.streams.subscribe([BTC, ETH])
        await asyncio.sleep(2)
        assert sorted(len(socket.subscribed) for socket in on.exchange.up) == [5, 8, 10]
    async with stage() as on:
        await on.streams.subscribe(many(1_025))
        assert [len(socket.subscribed) for socket in on.exchange.up] == [1_024, 1]


@virtual
async def test_names_and_addresses_that_cannot_work_are_refused_before_anything_is_sent():
    async with stage() as on:
        for name in ("BTCUSDT@trade", "btcusdt@kline_7m", "btcusdt", "btcusdt@ticker", "@trade", "btc usdt@trade"):
            with pytest.raises(MarketDataError, match="no s"):
                await on.streams.subscribe([BTC, name])
        assert on.exchange.sockets == []
        await on.streams.unsubscribe([BTC])
    with pytest.raises(ConfigurationError, match="https://x"):
        MarketStreams("https://x", Ear(), server_ms=lambda: 0, random=Random(1))
    with pytest.raises(ConfigurationError, match="streams_per_connection is 1025"):
        StreamBounds(streams_per_connection=1_025)
    with pytest.raises(ConfigurationError, match="overlap_s is 0"):
        StreamBounds(overlap_s=0)
    with pytest.raises(NotSentError, match="closed"):
        await on.streams.subscribe([BTC])


@virtual
async def test_a_lost_connection_is_opened_again_and_the_gap_told_once_when_all_is_live():
    async with stage() as on:
        await on.streams.subscribe([BTC, *many(250)])
        on.exchange.sockets[0].drop("the server closed the connection with code 1008")
        assert on.is_live(BTC, *many(250)) == [False] * 251
        for _ in range(300):
            await asyncio.sleep(0.01)
            assert any(on.is_live(BTC, *many(250))) is bool(on.ear.gaps)
        assert all(on.is_live(BTC, *many(250)))
        assert [sorted(names) for names in on.ear.gaps] == [sorted([BTC, *many(250)])]
        lost = on.recorder.of(StreamsInterrupted)
        assert [(fact.end, fact.detail, fact.streams) for fact in lost] == [
            (StreamEnd.LOST, "the server closed the connection with code 1008", 251)
        ]
        assert [fact.is_first for fact in on.recorder.of(StreamsConnected)] == [True, False]


@virtual
async def test_connecting_that_fails_lets_subscribers_go_and_is_tried_again_with_growing_pauses():
    async with stage() as on:
        on.exchange.refusals = 8
        await on.streams.subscribe([BTC])
        assert len(on.exchange.tried_s) == 1
        assert on.is_live(BTC) == [False]
        await on.streams.subscribe([ETH])
        assert len(on.exchange.tried_s) == 1
        await asyncio.sleep(300)
        assert on.is_live(BTC, ETH) == [True, True]
        assert [sorted(names) for names in on.ear.gaps] == [[BTC, ETH]]
        pauses = [fact.pause_ms / 1000 for fact in on.recorder.of(StreamsInterrupted)]
        ceilings = [0.5, 1, 2, 4, 8, 16, 30, 30]
        assert all(0 <= pause <= ceiling for pause, ceiling in zip(pauses, ceilings, strict=True))
        assert max(pauses) > 4
        assert "HTTP 503" in on.recorder.of(StreamsInterrupted)[0].detail


@virtual
async def test_connects_stay_within_the_budget_of_the_address():
    async with stage() as on:
        on.streams._budget = ConnectBudget(asyncio.get_running_loop().time, most=5, window_s=300)
        on.exchange.refusals = 1_000
        await on.streams.subscribe([BTC])
        await asyncio.sleep(2_000)
        tried = on.exchange.tried_s
        assert len(tried) > 20
        assert all(later - earlier >= 300 - 1e-6 for earlier, later in zip(tried, tried[5:], strict=False))
        on.exchange.refusals = 0


@virtual
async def test_nobody_waits_for_an_attempt_that_the_budget_puts_off():
    async with stage() as on:
        on.streams._budget = ConnectBudget(asyncio.get_running_loop().time, most=1, window_s=300)
        await on.streams.subscribe([BTC])
        on.exchange.sockets[0].drop()
        await asyncio.sleep(1)
        await on.streams.subscribe([ETH])
        assert asyncio.get_running_loop().time() < 2
        await asyncio.sleep(310)
        assert on.is_live(BTC, ETH) == [True, True]


@virtual
async def test_a_connection_that_was_lost_while_idle_is_waited_for_when_it_is_wanted_again():
    async with stage() as on:
        await on.streams.subscribe([BTC])
        await on.streams.unsubscribe([BTC])
        on.exchange.sockets[0].drop()
        await asyncio.sleep(60)
        assert len(on.exchange.sockets) == 1
        await on.streams.subscribe([ETH])
        assert on.is_live(ETH) == [True]
        assert on.ear.gaps == []


@virtual
async def test_a_silent_connection_is_taken_for_dead_but_pings_keep_it_alive():
    async with stage() as on:
        await on.streams.subscribe([BTC])
        await asyncio.sleep(600)
        assert on.is_live(BTC) == [True]
        on.exchange.sockets[0].is_deaf = True
        await asyncio.sleep(60)
        assert [fact.end for fact in on.recorder.of(StreamsInterrupted)] == [StreamEnd.STALLED]
        assert on.ear.gaps == [(BTC,)]
        assert on.is_live(BTC) == [True]


@virtual
async def test_a_request_that_is_never_answered_ends_the_connection():
    async with stage() as on:
        await on.streams.subscribe([BTC])
        on.exchange.answer_after_s = 11.0
        await on.streams.subscribe([ETH])
        assert [fact.end for fact in on.recorder.of(StreamsInterrupted)] == [StreamEnd.NOT_ANSWERED]
        on.exchange.answer_after_s = 0.01
        await asyncio.sleep(60)
        assert on.is_live(BTC, ETH) == [True, True]
        assert len(on.ear.gaps) == 1


@virtual
async def test_a_stream_that_should_speak_and_does_not_is_not_live_until_it_does():
    candle, book = "btcusdt@kline_1m", "btcusdt@bookTicker"
    async with stage() as on:
        await on.streams.subscribe([candle, book])
        for second in range(100):
            on.exchange.publish(candle, kline("BTCUSDT", event_time_ms=second))
            await asyncio.sleep(2)
        assert on.is_live(candle, book) == [True, True]
        await asyncio.sleep(70)
        assert on.is_live(candle, book) == [False, True]
        assert [fact.streams for fact in on.recorder.of(StreamsSilent)] == [(candle,)]
        # It is asked for once more, in case the exchange has lost it.
        assert [request["params"] for _, request in on.exchange.sockets[0].messages] == [[candle, book], [candle]]
        assert on.ear.gaps == []
        on.exchange.publish(candle, kline("BTCUSDT", event_time_ms=1_000))
        await asyncio.sleep(1)
        assert on.is_live(candle) == [True]
        assert on.ear.gaps == [(candle,)]
        assert len(on.ear.events) == 101


@virtual
async def test_a_stream_that_fell_silent_before_all_others_were_confirmed_is_live_again_when_it_speaks():
    async with stage(names_per_message=1) as on:
        candle = "btcusdt@kline_1m"
        await on.streams.subscribe([candle, *many(9)])
        on.exchange.answer_after_s = 9.0
        on.exchange.sockets[0].drop()
        await asyncio.sleep(200)
        assert on.is_live(candle, *many(9)) == [False] + [True] * 9
        on.exchange.publish(candle, kline("BTCUSDT"))
        await asyncio.sleep(1)
        assert on.is_live(candle) == [True]
        assert on.ear.gaps == [tuple(many(9)), (candle,)]
        assert len(on.ear.events) == 1


@virtual
async def test_a_refused_stream_is_told_to_its_subscriber_and_costs_nobody_else_anything():
    async with stage() as on:
        on.exchange.refused = {"coin37usdt@bookTicker"}
        with pytest.raises(ExchangeRefusedError, match="coin37usdt@bookTicker: Invalid request"):
            await on.streams.subscribe(many(100))
        await asyncio.sleep(10)
        assert [name for name in many(100) if not on.streams.is_live(name)] == ["coin37usdt@bookTicker"]
        assert [fact.stream for fact in on.recorder.of(StreamRefused)] == ["coin37usdt@bookTicker"]
        sent = len(on.exchange.sockets[0].messages)
        await asyncio.sleep(600)
        assert len(on.exchange.sockets[0].messages) == sent
        assert on.recorder.of(StreamTraffic)[-1].wanted == 99


@virtual
async def test_a_stream_that_is_refused_on_the_way_back_is_asked_for_again():
    async with stage() as on:
        await on.streams.subscribe([BTC, ETH])
        on.exchange.refused = {ETH}
        on.exchange.sockets[0].drop()
        await asyncio.sleep(30)
        assert on.is_live(BTC, ETH) == [True, False]
        on.exchange.refused = set()
        await asyncio.sleep(120)
        assert on.is_live(BTC, ETH) == [True, True]
        assert on.ear.gaps == [(BTC,), (ETH,)]


@virtual
async def test_a_cancelled_subscribe_leaves_the_streams_wanted_and_nothing_waiting():
    async with stage() as on:
        on.exchange.answer_after_s = 5.0
        task = asyncio.create_task(on.streams.subscribe([BTC]))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(5)
        assert on.is_live(BTC) == [True]
        await on.streams.unsubscribe([BTC])
        assert on.is_live(BTC) == [False]


@virtual
async def test_a_refusal_that_comes_at_the_very_moment_of_a_cancel_breaks_nothing():
    async with stage() as on:
        on.exchange.answer_after_s = 5.0
        on.exchange.refused = {ETH}
        task = asyncio.create_task(on.streams.subscribe([ETH]))
        await until(lambda: on.exchange.sockets and on.exchange.sockets[0].messages)
        socket = on.exchange.sockets[0]
        socket.bring({"error": {"code": 2, "msg": "no"}, "id": 1})
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await on.streams.subscribe([BTC])
        assert on.is_live(BTC, ETH) == [True, False]
        assert on.exchange.up == [socket]


@virtual
async def test_a_defect_while_asking_for_streams_costs_the_connection_and_not_the_streams(monkeypatch):
    async with stage() as on:
        await on.streams.subscribe([BTC])
        with monkeypatch.context() as broken:
            broken.setattr(Link, "on_asking", lambda *_: {}["defect"])
            await on.streams.subscribe([ETH])
            assert on.recorder.of(StreamsInterrupted)[0].detail == "streams could not be asked for: KeyError"
        await asyncio.sleep(30)
        assert on.is_live(BTC, ETH) == [True, True]
        assert {name for gap in on.ear.gaps for name in gap} == {BTC, ETH}


@pytest.mark.parametrize("part", ["_recover", "_until_due"])
@virtual
async def test_a_part_that_dies_is_told_and_nobody_waits_for_it(monkeypatch, part):
    async def die(*_):
        raise KeyError(part)

    async with stage() as on:
        outlasting = asyncio.create_task(on.streams.outlast())
        await on.streams.subscribe([BTC])
        monkeypatch.setattr(Shard, part, die)
        assert not outlasting.done()
        on.exchange.sockets[0].drop()
        if part == "_until_due":
            await on.streams.unsubscribe([BTC])
            await asyncio.sleep(1)
            await on.streams.subscribe([BTC])
        with pytest.raises(KeyError):
            await outlasting
        await on.streams.subscribe([ETH])
        assert on.is_live(BTC, ETH)[1] is False


@virtual
async def test_a_death_of_who_looks_for_silence_is_told(monkeypatch):
    async with stage() as on:
        await on.streams.subscribe([BTC])
        monkeypatch.setattr(Shard, "check", lambda *_: {}["defect"])
        with pytest.raises(KeyError):
            await on.streams.outlast()
        assert on.is_live(BTC) == [True]


@virtual
async def test_what_is_unsubscribed_is_heard_no_more_and_can_be_had_again_at_any_moment():
    async with stage() as on:
        await on.streams.subscribe([BTC])
        for pause_s in (0.0, 0.005, 0.2, 0.405, 0.6, 3.0):
            on.ear.events.clear()
            await on.streams.unsubscribe([BTC])
            on.exchange.publish(BTC, trade("BTCUSDT", 1))
            await asyncio.sleep(pause_s)
            assert on.ear.events == []
            await on.streams.subscribe([BTC])
            on.exchange.publish(BTC, trade("BTCUSDT", 2))
            await asyncio.sleep(0.01)
            assert [event.trade_id for event in on.ear.of(BTC)] == [2], pause_s
            assert on.is_live(BTC) == [True]


# --- rotation


async def publishing(on: Stage, until_s: float, *, start: int = 1, every_s: float = 0.05) -> int:
    """Trades with ids that count up; the id of the last."""
    number = start
    while asyncio.get_running_loop().time() < until_s:
        on.exchange.publish(BTC, trade("BTCUSDT", number))
        await asyncio.sleep(every_s)
        number += 1
    return number - 1


@pytest.mark.parametrize("new_latency_s", [0.0, 0.31])
@pytest.mark.parametrize("old_latency_s", [0.0, 0.31])
def test_before_it_is_a_day_old_a_connection_is_replaced_and_no_event_is_lost_or_doubled(old_latency_s, new_latency_s):
    @virtual
    async def run():
        async with stage() as on:
            await on.streams.subscribe([BTC, ETH])
            on.exchange.sockets[0].latency_s = old_latency_s
            await asyncio.sleep(23 * HOUR_S - 60)
            assert len(on.exchange.sockets) == 1
            publisher = asyncio.create_task(publishing(on, 23.6 * HOUR_S))
            while len(on.exchange.sockets) == 1:
                await asyncio.sleep(0.01)
                assert on.is_live(BTC, ETH) == [True, True]
            on.exchange.sockets[1].latency_s = new_latency_s
            last = await publisher
            await asyncio.sleep(10)
            assert [event.trade_id for event in on.ear.of(BTC)] == list(range(1, last + 1))
            assert on.ear.gaps == []
            assert [socket.is_open for socket in on.exchange.sockets] == [False, True]
            assert 23 * HOUR_S <= on.exchange.sockets[1].opened_s <= 23.5 * HOUR_S
            rotated = on.recorder.of(StreamsRotated)
            assert [(fact.reason, fact.gaps, fact.streams) for fact in rotated] == [(RotationReason.AGE, 0, 2)]
            assert on.recorder.of(StreamsInterrupted) == []
            assert on.is_live(BTC, ETH) == [True, True]

    run()


@virtual
async def test_an_announced_shutdown_is_met_at_once_and_before_the_cut():
    async with stage() as on:
        await on.streams.subscribe([BTC, ETH])
        publisher = asyncio.create_task(publishing(on, 30))
        await asyncio.sleep(5)
        on.exchange.sockets[0].bring(frame("!serverShutdown", {"e": "serverShutdown", "E": 1_770_123_456_789}))
        await asyncio.sleep(3.5)
        last = await publisher
        await asyncio.sleep(1)
        assert [event.trade_id for event in on.ear.of(BTC)] == list(range(1, last + 1))
        assert on.ear.gaps == []
        assert [fact.reason for fact in on.recorder.of(StreamsRotated)] == [RotationReason.SHUTDOWN_ANNOUNCED]
        assert on.exchange.sockets[1].opened_s == pytest.approx(5, abs=0.1)


@virtual
async def test_a_cut_that_comes_before_the_new_connection_is_confirmed_is_told_as_a_gap():
    names = [BTC, ETH, *many(250)]
    async with stage() as on:
        await on.streams.subscribe(names)
        on.exchange.answer_after_s = 2.0
        on.exchange.sockets[0].bring({"e": "serverShutdown", "E": 1})
        await asyncio.sleep(3)  # the first hundred are confirmed
        on.exchange.sockets[0].drop()
        await asyncio.sleep(0.1)
        assert not any(on.is_live(*names))
        assert on.ear.gaps == []
        await asyncio.sleep(10)
        assert [sorted(told) for told in on.ear.gaps] == [sorted(names)]
        assert all(on.is_live(*names))


@virtual
async def test_a_replacement_that_does_not_come_up_leaves_the_old_connection_in_service():
    async with stage() as on:
        await on.streams.subscribe([BTC])
        publisher = asyncio.create_task(publishing(on, 400))
        on.exchange.refusals = 3
        on.exchange.sockets[0].bring({"e": "serverShutdown", "E": 1})
        await asyncio.sleep(30)
        assert [socket.is_open for socket in on.exchange.sockets] == [False, True]
        # The next one is confirmed, and dies beside the old one.
        on.exchange.sockets[1].bring({"e": "serverShutdown", "E": 1})
        await until(lambda: len(on.exchange.sockets) == 3)
        await asyncio.sleep(1.5)
        on.exchange.sockets[2].drop()
        await asyncio.sleep(0.5)
        assert on.is_live(BTC) == [True]
        last = await publisher
        await asyncio.sleep(1)
        assert [event.trade_id for event in on.ear.of(BTC)] == list(range(1, last + 1))
        assert on.ear.gaps == []
        assert [socket.is_open for socket in on.exchange.sockets] == [False, False, False, True]
        assert on.recorder.of(StreamsInterrupted) == []


@virtual
async def test_a_stream_that_falls_silent_after_the_change_is_told_when_it_returns_and_not_doubled():
    candle = "btcusdt@kline_1m"
    async with stage() as on:
        await on.streams.subscribe([candle])
        on.exchange.publish(candle, kline("BTCUSDT", event_time_ms=1))
        await asyncio.sleep(1)
        on.exchange.sockets[0].bring({"e": "serverShutdown", "E": 1})
        await asyncio.sleep(100)
        assert len(on.exchange.sockets) == 2
        assert on.is_live(candle) == [False]
        for event_time_ms in (1, 2):
            on.exchange.publish(candle, kline("BTCUSDT", event_time_ms=event_time_ms))
        await asyncio.sleep(1)
        assert on.ear.gaps == [(candle,)]
        assert on.is_live(candle) == [True]
        assert [event.event_time_ms for event in on.ear.of(candle)] == [1, 2]


@virtual
async def test_an_old_connection_that_brings_nothing_any_more_is_no_proof_that_nothing_was_missed():
    async with stage(rotate_after_s=20, rotate_jitter_s=0.1, silent_connection_s=500) as on:
        await on.streams.subscribe([BTC])
        await asyncio.sleep(5)
        on.exchange.sockets[0].is_deaf = True
        on.exchange.publish(BTC, trade("BTCUSDT", 1))
        await asyncio.sleep(55)
        assert [fact.gaps for fact in on.recorder.of(StreamsRotated)] == [1]
        assert on.ear.gaps == [(BTC,)]


@virtual
async def test_what_is_left_over_from_an_earlier_subscription_is_not_delivered():
    async with stage() as on:
        await on.streams.subscribe([BTC])
        on.exchange.sockets[0].latency_s = 2.0
        on.exchange.publish(BTC, trade("BTCUSDT", 1))
        await on.streams.unsubscribe([BTC])
        await on.streams.subscribe([BTC])
        on.exchange.publish(BTC, trade("BTCUSDT", 5))
        await asyncio.sleep(3)
        assert [event.trade_id for event in on.ear.of(BTC)] == [5]


@virtual
async def test_a_stream_that_was_silent_before_the_change_is_told_after_it():
    candle = "btcusdt@kline_1m"
    async with stage() as on:
        await on.streams.subscribe([candle, BTC])
        await asyncio.sleep(100)
        assert on.is_live(candle, BTC) == [False, True]
        on.exchange.sockets[0].bring({"e": "serverShutdown", "E": 1})
        await asyncio.sleep(30)
        assert on.ear.gaps == [(candle,)]
        assert on.is_live(candle, BTC) == [True, True]


@virtual
async def test_streams_can_come_and_go_while_a_connection_is_replaced():
    async with stage() as on:
        await on.streams.subscribe([BTC, ETH])
        on.exchange.sockets[0].bring({"e": "serverShutdown", "E": 1})
        await asyncio.sleep(1)
        await on.streams.unsubscribe([ETH])
        await on.streams.subscribe(["bnbusdt@trade"])
        assert on.is_live(BTC, ETH, "bnbusdt@trade") == [True, False, True]
        await asyncio.sleep(10)
        assert list(on.exchange.up[0].subscribed) == [BTC, "bnbusdt@trade"]
        assert on.ear.gaps == []


# --- what is counted


@virtual
async def test_frames_that_cannot_be_understood_are_counted_and_break_nothing():
    async with stage() as on:
        await on.streams.subscribe([BTC, "btcusdt@bookTicker"])
        bring = on.exchange.sockets[0].bring
        for bad in (
            b"not json",
            b"[1,2]",
            frame(BTC, trade("BTCUSDT", 1, p="NaN")),
            frame(BTC, trade("BTCUSDT", 1, q="1e999")),
            frame(BTC, trade("BTCUSDT", 1, p="-1")),
            frame(BTC, trade("ETHUSDT", 1)),
            frame(BTC, '{"e":"trade"}'),
            frame(BTC, trade("BTCUSDT", 1))[:-20],
        ):
            bring(bad)
        for unknown in (
            frame(BTC, trade("BTCUSDT", 1, e="blockTrade")),
            frame("btcusdt@bookTicker", {"e": "newThing", "s": "BTCUSDT"}),
            frame("other@stream", {"e": "else"}),
            b'{"result":null,"id":77}',
            b'{"hello":1}',
        ):
            bring(unknown)
        bring(frame(BTC, trade("BTCUSDT", 5)))
        bring(b'{ "data" : {"u":7,"s":"BTCUSDT","b":"1","B":"2","a":"3","A":"4"}, "stream" : "btcusdt\\u0040bookTicker" }')
        await asyncio.sleep(6)
        first = on.recorder.of(StreamTraffic)[0]
        assert (first.faults, first.passed_over, first.listener_failures) == (8, 5, 0)
        assert first.messages["trade"] == 1
        assert first.messages["bookTicker"] == 1
        assert (first.connections, first.wanted, first.live) == (1, 2, 2)
        assert first.newest_age_ms == pytest.approx(5_000, abs=100)
        assert on.is_live(BTC) == [True]


@virtual
async def test_a_listener_that_raises_is_counted_and_the_connection_lives_on():
    async with stage() as on:

        def fail(*_):
            raise ValueError("a defect")

        on.ear.on_event = fail
        on.ear.on_gap = fail
        await on.streams.subscribe([BTC])
        on.exchange.publish(BTC, trade("BTCUSDT", 1))
        await asyncio.sleep(1)
        on.exchange.sockets[0].drop()
        await asyncio.sleep(10)
        assert on.recorder.of(StreamTraffic)[0].listener_failures == 2
        assert on.is_live(BTC) == [True]


@virtual
async def test_one_event_in_sixty_four_is_timed_by_the_exchanges_clock():
    async with stage() as on:
        await on.streams.subscribe([BTC, "btcusdt@bookTicker"])
        for number in range(130):
            on.exchange.publish(BTC, trade("BTCUSDT", number, E=1_000))
            on.exchange.publish("btcusdt@bookTicker", book_ticker("BTCUSDT", number))
        await asyncio.sleep(1)
        assert on.recorder.of(StreamLatency) == [StreamLatency(10)] * 3
