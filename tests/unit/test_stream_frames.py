"""Stream names, the decoding of every kind of event by Binance's own examples, and frames that are bent, broken or made by chance."""

import asyncio
import json
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_streams import Ear, ScriptedStreams, book_ticker, frame, kline, trade

from binance_trade_agent.binance.streams.bounds import StreamBounds
from binance_trade_agent.binance.streams.control_messages import Answered, EventFrame, Foreign, ShutdownAnnounced, read_frame
from binance_trade_agent.binance.streams.event_routes import EventRoute
from binance_trade_agent.binance.streams.events import (
    AggregateTradeEvent,
    AveragePriceEvent,
    BookTickerEvent,
    CandleEvent,
    DepthEvent,
    MiniTickerEvent,
    TradeEvent,
)
from binance_trade_agent.binance.streams.link import Link, Tally
from binance_trade_agent.binance.streams.stream_names import (
    KLINE_INTERVALS,
    StreamKind,
    StreamName,
    aggregate_trade_stream,
    average_price_stream,
    book_ticker_stream,
    depth_stream,
    kline_stream,
    mini_ticker_stream,
    parse_stream,
    trade_stream,
)
from binance_trade_agent.domain.errors import BadAnswerError, MarketDataError
from binance_trade_agent.domain.market import Candle

D = Decimal
COIN = "币安人生USDT"


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (kline_stream("BTCUSDT", "1m"), "btcusdt@kline_1m"),
        (kline_stream("BTCUSDT", "1M"), "btcusdt@kline_1M"),
        (trade_stream("1000SATSUSDT"), "1000satsusdt@trade"),
        (aggregate_trade_stream("BTCUSDT"), "btcusdt@aggTrade"),
        (book_ticker_stream(COIN), "币安人生usdt@bookTicker"),
        (mini_ticker_stream("BTCUSDT"), "btcusdt@miniTicker"),
        (average_price_stream("BTCUSDT"), "btcusdt@avgPrice"),
        (depth_stream("BTCUSDT"), "btcusdt@depth"),
        (depth_stream("BTCUSDT", is_fast=True), "btcusdt@depth@100ms"),
    ],
)
def test_names_are_made_as_the_exchange_spells_them_and_read_back(made, name):
    assert made == name
    assert str(parse_stream(name)) == name
    assert parse_stream(name).symbol == name.partition("@")[0].upper()


def test_every_interval_has_a_stream_and_no_other():
    assert {parse_stream(f"btcusdt@kline_{interval}").interval for interval in KLINE_INTERVALS} == set(KLINE_INTERVALS)
    assert parse_stream("btcusdt@depth@100ms") == StreamName("BTCUSDT", StreamKind.DEPTH, None, True)
    with pytest.raises(MarketDataError, match="'2m' is no candle interval; allowed are 1s, 1m"):
        kline_stream("BTCUSDT", "2m")


@pytest.mark.parametrize(
    "name",
    [
        *("", "@", "btcusdt", "btcusdt@", "btcusdt@kline", "btcusdt@kline_", "btcusdt@trade_1m", "btcusdt@trade@100ms", "BTCUSDT@trade"),
        *("btcusdt@depth5", "btcusdt@depth@1000ms", "btcusdt@kline_1m@+08:00", "!miniTicker@arr", "b t@trade", "btc\n@trade"),
        "x" * 60 + "@trade",
    ],
)
def test_other_names_are_refused_with_what_is_allowed(name):
    with pytest.raises(MarketDataError, match="no s"):
        parse_stream(name)


# --- events, by the payloads of web-socket-streams.md

AGGREGATE = (
    '{"e":"aggTrade","E":1672515782136,"s":"BNBBTC","a":12345,"p":"0.001","q":"100","f":100,"l":105,"T":1672515782136,"m":true,"M":true}'
)
MINI = '{"e":"24hrMiniTicker","E":1672515782136,"s":"BNBBTC","c":"0.0025","o":"0.0010","h":"0.0025","l":"0.0010","v":"10000","q":"18"}'
AVERAGE = '{"e":"avgPrice","E":1693907033000,"s":"BTCUSDT","i":"5m","w":"25776.86000000","T":1693907032213}'
DEPTH = '{"e":"depthUpdate","E":1672515782136,"s":"BNBBTC","U":157,"u":160,"b":[["0.0024","10"]],"a":[["0.0026","100"],["0.0027","0"]]}'


@pytest.mark.parametrize(
    ("name", "data", "event"),
    [
        ("bnbbtc@trade", json.dumps(trade("BNBBTC", 12345)), TradeEvent(13345, "BNBBTC", 12345, D("0.001"), D(100), 13345, True)),
        (
            "bnbbtc@aggTrade",
            AGGREGATE,
            AggregateTradeEvent(1672515782136, "BNBBTC", 12345, D("0.001"), D(100), 100, 105, 1672515782136, True),
        ),
        (
            "bnbusdt@bookTicker",
            json.dumps(book_ticker("BNBUSDT", 400900217)),
            BookTickerEvent(400900217, "BNBUSDT", D("25.35190000"), D("31.21000000"), D("25.36520000"), D("40.66000000")),
        ),
        (
            "bnbbtc@miniTicker",
            MINI,
            MiniTickerEvent(1672515782136, "BNBBTC", D("0.0025"), D("0.0010"), D("0.0025"), D("0.0010"), D(10000), D(18)),
        ),
        ("btcusdt@avgPrice", AVERAGE, AveragePriceEvent(1693907033000, "BTCUSDT", "5m", D("25776.86000000"), 1693907032213)),
        (
            "bnbbtc@depth@100ms",
            DEPTH,
            DepthEvent(1672515782136, "BNBBTC", 157, 160, (("0.0024", "10"),), (("0.0026", "100"), ("0.0027", "0"))),
        ),
        (
            "bnbbtc@kline_1m",
            json.dumps(kline("BNBBTC", open_time_ms=1672515780000, event_time_ms=1672515782136)),
            CandleEvent(
                "BNBBTC",
                "1m",
                Candle(1672515780000, 0.001, 0.0025, 0.0015, 0.002, 1000.0, 1672515839999, 1.0, 100, 500.0, 0.5),
                False,
                1672515782136,
            ),
        ),
    ],
)
def test_the_documented_payloads_become_typed_events(name, data, event):
    decoded = EventRoute(name).decode(frame(name, data))
    assert decoded == event
    for field in decoded.__struct_fields__:
        value = getattr(decoded, field)
        assert not isinstance(value, Decimal) or str(value) == str(getattr(event, field))


def test_non_ascii_symbols_are_heard():
    name = book_ticker_stream(COIN)
    assert EventRoute(name).decode(frame(name, book_ticker(COIN, 5))).symbol == COIN


@pytest.mark.parametrize("bad", ["NaN", "sNaN", "Infinity", "-Infinity", "-1", "1e999", "1e21", "1e-19", "", "x", "0x1"])
def test_amounts_that_no_exchange_can_mean_never_come_through(bad):
    name = "bnbusdt@bookTicker"
    for field in "bBaA":
        with pytest.raises(BadAnswerError, match=name):
            EventRoute(name).decode(frame(name, book_ticker("BNBUSDT", 1, **{field: bad})))


@pytest.mark.parametrize("read", [EventRoute("bnbusdt@trade").decode, EventRoute("bnbusdt@kline_1m").decode, read_frame])
def test_lists_without_end_in_a_field_that_nobody_reads_are_a_bad_answer(read):
    with pytest.raises(BadAnswerError):
        read(b'{"new":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "-Infinity", "1e999", "1e31", "-1", "-0.001", "", "x"])
def test_candles_are_finite_and_never_below_zero(bad):
    name = "bnbusdt@kline_1m"
    for field in "ochlvqVQ":
        with pytest.raises(BadAnswerError, match=name):
            EventRoute(name).decode(frame(name, kline("BNBUSDT", **{field: bad})))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bnbusdt@trade", trade("BTCUSDT", 1)),
        ("bnbusdt@trade", trade("BNBUSDT", 1, e="aggTrade")),
        ("bnbusdt@trade", trade("BNBUSDT", 1, m="yes")),
        ("bnbusdt@kline_1m", kline("BNBUSDT", "5m")),
        ("bnbusdt@kline_1m", kline("BNBUSDT", T=-1)),
        ("bnbusdt@kline_1m", kline("BNBUSDT", t=-60_000)),
        ("bnbusdt@kline_1m", kline("BNBUSDT", n=-1)),
        ("bnbusdt@depth", json.loads(DEPTH) | {"s": "BNBUSDT", "U": 161}),
        ("bnbusdt@depth", json.loads(DEPTH) | {"s": "BNBUSDT", "b": [["1"]]}),
    ],
)
def test_events_that_break_their_streams_promise_are_refused(name, data):
    with pytest.raises(BadAnswerError, match=name):
        EventRoute(name).decode(frame(name, data))


@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        ('{"result":null,"id":3}', Answered(3, None)),
        ('{"result":["btcusdt@trade"],"id":3}', Answered(3, None)),
        ('{"code":2,"msg":"Invalid request","id":3}', Answered(3, (2, "Invalid request"))),
        ('{"code":3,"msg":"Invalid JSON"}', Answered(None, (3, "Invalid JSON"))),
        ('{"error":{"code":2,"msg":"no"},"id":3}', Answered(3, (2, "no"))),
        ('{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}', ShutdownAnnounced()),
        ('{"e":"serverShutdown","E":1770123456789}', ShutdownAnnounced()),
        ('{"stream":"x@y","data":{"e":"z"}}', EventFrame("x@y", "z")),
        ('{"stream":"x@y","data":{"u":1}}', EventFrame("x@y", None)),
        ('{"something":"new"}', Foreign()),
    ],
)
def test_what_is_no_event_is_understood(message, meaning):
    assert read_frame(message.encode()) == meaning


# --- by chance


class NoOwner:
    def __init__(self) -> None:
        self.events = []

    def on_event(self, stream, event) -> None:
        self.events.append(event)

    def __getattr__(self, name):
        return lambda *_: None


GOOD = [
    frame("bnbbtc@trade", trade("BNBBTC", 5)),
    frame("bnbbtc@kline_1m", kline("BNBBTC")),
    frame("bnbbtc@bookTicker", book_ticker("BNBBTC", 7)),
    frame("bnbbtc@depth", DEPTH),
    frame("bnbbtc@miniTicker", MINI),
    frame("bnbbtc@aggTrade", AGGREGATE),
    b'{"result":null,"id":1}',
    b'{"code":2,"msg":"x","id":1}',
]
NAMES = ["bnbbtc@trade", "bnbbtc@kline_1m", "bnbbtc@bookTicker", "bnbbtc@depth", "bnbbtc@miniTicker", "bnbbtc@aggTrade"]


@given(
    good=st.sampled_from(GOOD),
    edits=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 4), st.binary(max_size=6)), max_size=4),
    junk=st.binary(max_size=80),
)
def test_no_message_however_bent_raises_or_brings_an_amount_that_is_no_number(good, edits, junk):
    async def run() -> None:
        owner, tally = NoOwner(), Tally()
        link = Link(owner, dict.fromkeys(NAMES), StreamBounds(), tally, owner.on_event)
        link.on_asking(NAMES)
        link.on_confirmed(NAMES)
        bent = bytearray(good)
        for at, cut, put in edits:
            bent[at : at + cut] = put
        for message in (good, bytes(bent), junk, good + junk, good[: len(junk)]):
            link.on_text(message)
        for event in owner.events:
            for field in event.__struct_fields__:
                value = getattr(event, field)
                assert not isinstance(value, Decimal) or (value.is_finite() and value >= 0)
        delivered = sum(link.route_of(name).events for name in NAMES)
        assert delivered == len(owner.events)
        assert tally.faults + tally.passed_over + delivered <= 5

    asyncio.run(run())


async def test_a_frame_of_an_unknown_stream_on_a_live_connection_is_passed_over():
    exchange, ear = ScriptedStreams(), Ear()
    tally = Tally()
    link = Link(NoOwner(), {"bnbbtc@trade": None}, StreamBounds(), tally, ear.on_event)
    await link.open(partial(exchange.open, "wss://scripted/stream"))
    exchange.sockets[0].bring(frame("ethbtc@trade", trade("ETHBTC", 1)))
    assert (tally.passed_over, ear.events) == (1, [])
    exchange.sockets[0].drop()
    await link.wait_closed()
