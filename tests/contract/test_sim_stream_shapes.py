"""Every documented market stream of the simulated exchange, in the documented shape, telling what REST tells at the same moment."""

from datetime import UTC, datetime

import pytest
from documented_faces import STREAMS, differences
from socket_exchange import START_MS, connect, receive, socket_exchange, until

from binance_trade_agent.simulation.engine.listing import ArithmeticMean, External
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket
from binance_trade_agent.simulation.streams.ticker_sources import WINDOWS_MS

MINUTE_MS = 60_000
SILENT = {"<symbol>@blockTrade": "nobody trades blocks"}
EXAMPLES = {"<symbol>": "btcusdt", "<interval>": "1m", "<window_size>": "1h", "<window-size>": "4h", "<levels>": "5"}
OF_ONE = {"!miniTicker@arr": "<symbol>@miniTicker", "!ticker_<window-size>@arr": "<symbol>@ticker_<window_size>"}


DAY_TICKER = (
    "priceChange priceChangePercent weightedAvgPrice prevClosePrice lastPrice lastQty bidPrice bidQty askPrice askQty "
    "openPrice highPrice lowPrice volume quoteVolume openTime closeTime firstId lastId count"
)
WINDOW_TICKER = "openPrice highPrice lowPrice lastPrice weightedAvgPrice volume quoteVolume openTime closeTime firstId lastId count"


def example(name: str) -> str:
    for part, value in EXAMPLES.items():
        name = name.replace(part, value)
    return name


@pytest.mark.parametrize("name", [name for name in STREAMS if name not in SILENT])
async def test_a_stream_has_the_documented_fields_in_their_order(name):
    shape = [STREAMS[OF_ONE[name]]] if name in OF_ONE else STREAMS[name]
    stream = example(name)
    async with socket_exchange() as there, connect(f"{there.url}/stream?streams={stream}") as socket:
        there.exchange.venue.listings.set_reference("BTCUSDT", ArithmeticMean(10, 1_000))
        there.clock.move(5_000)
        message = await receive(socket)
    assert message["stream"] == stream
    assert differences(message["data"], shape) == []


async def test_the_day_ticker_is_that_of_rest():
    letters = dict(zip("pPwxcQbBaAohlvqOCFLn", DAY_TICKER.split(), strict=True))
    async with socket_exchange() as there, connect(f"{there.url}/ws/btcusdt@ticker") as socket:
        there.clock.move(7_000)
        event = await receive(socket)
        day = there.get("ticker/24hr", symbol="BTCUSDT")
    assert (event["e"], event["E"], event["s"]) == ("24hrTicker", START_MS + 7_000, "BTCUSDT")
    assert {letter: event[letter] for letter in letters} == {letter: day[name] for letter, name in letters.items()}


@pytest.mark.parametrize("window", ["1h", "4h", "1d"])
async def test_a_window_ticker_is_that_of_rest_and_rolls_on(window):
    async with socket_exchange() as there, connect(f"{there.url}/ws/btcusdt@ticker_{window}") as socket:
        for step in (1_000, 59_000, 3 * MINUTE_MS + 20_000):
            there.clock.move(step)
            event = await receive(socket)
            # Of a day REST has one that begins with the minute, and one that costs less.
            ticker = (
                there.get("ticker/24hr", symbol="BTCUSDT") if window == "1d" else there.get("ticker", symbol="BTCUSDT", windowSize=window)
            )
            ticker["openTime"] = there.clock.time_ms - there.clock.time_ms % MINUTE_MS - WINDOWS_MS[window]
            assert event["e"] == f"{window}Ticker"
            assert [event[letter] for letter in "ohlcwvqOCFLn"] == [ticker[name] for name in WINDOW_TICKER.split()]


class StoppedMarket(SyntheticMarket):
    """Nothing happens after the first second."""

    _end_ms = START_MS + 1_999

    def quote(self, symbol, time_ms):
        return super().quote(symbol, min(time_ms, self._end_ms))

    def taker_orders(self, symbol, after_ms, until_ms):
        return super().taker_orders(symbol, after_ms, min(until_ms, self._end_ms))

    def candles(self, symbol, interval_ms, *, now_ms, **bounds):
        return super().candles(symbol, interval_ms, now_ms=min(now_ms, self._end_ms), **bounds)


async def test_all_windows_come_together_when_they_have_changed():
    market = StoppedMarket(["BTCUSDT", "ETHUSDT"], 7)
    async with socket_exchange(market=market) as there, connect(f"{there.url}/stream?streams=!ticker_1h@arr/ethusdt@depth5") as socket:
        there.clock.move(1_000)
        first = await receive(socket)
        assert [row["s"] for row in first["data"]] == ["BTCUSDT", "ETHUSDT"]
        await receive(socket)
        there.clock.move(1_000)  # nothing was traded in this second
        assert (await receive(socket))["stream"] == "ethusdt@depth5"


async def test_days_may_begin_eight_hours_early():
    async with socket_exchange() as there, connect(f"{there.url}/stream?streams=btcusdt@kline_1d@+08:00") as socket:
        there.clock.move(2_000)
        k = (await receive(socket))["data"]["k"]
        opened = datetime.fromtimestamp(k["t"] / 1_000, UTC)
        assert (opened.hour, opened.minute, k["i"]) == (16, 0, "1d")
        row = there.get("klines", symbol="BTCUSDT", interval="1d", timeZone="8", limit=1)[0]
        assert [k["t"], k["o"], k["h"], k["l"], k["c"], k["v"], k["T"], k["q"], k["n"]] == row[:9]
        end_ms = k["T"] + 1
        while there.clock.time_ms < end_ms:  # by less than a leap at a time
            there.clock.move(min(5 * 60 * MINUTE_MS, end_ms - there.clock.time_ms))
            received = await until(socket, lambda event: not event["data"]["k"]["x"])
        closed, begun = [event["data"]["k"] for event in received[-2:]]
        assert (closed["x"], closed["t"], begun["x"], begun["t"]) == (True, row[0], False, end_ms)


async def test_a_month_is_a_candle_as_well():
    async with socket_exchange() as there, connect(f"{there.url}/ws/btcusdt@kline_1M") as socket:
        there.clock.move(2_000)
        k = (await receive(socket))["k"]
        assert datetime.fromtimestamp(k["t"] / 1_000, UTC).day == 1
        assert k["v"] == there.get("klines", symbol="BTCUSDT", interval="1M", limit=1)[0][5]


async def test_seconds_close_one_after_the_other():
    async with socket_exchange() as there, connect(f"{there.url}/ws/btcusdt@kline_1s") as socket:
        there.clock.move(12_000)
        received = await until(socket, lambda event: not event["k"]["x"])
    assert [event["k"]["t"] for event in received] == list(range(START_MS, START_MS + 12_001, 1_000))


async def test_the_reference_price_is_that_of_rest_and_may_be_none():
    async with socket_exchange() as there, connect(f"{there.url}/stream?streams=btcusdt@referencePrice/ethusdt@depth5") as socket:
        listings = there.exchange.venue.listings
        listings.set_reference("BTCUSDT", None)
        there.clock.move(1_000)
        assert (await receive(socket))["stream"] == "ethusdt@depth5"  # there is none to tell
        listings.set_reference("BTCUSDT", ArithmeticMean(10, 1_000))
        there.clock.move(9_000)
        event = (await receive(socket))["data"]
        told = there.get("referencePrice", symbol="BTCUSDT")
        assert (event["r"], event["t"]) == (told["referencePrice"], told["timestamp"])
        await receive(socket)
        listings.set_reference("BTCUSDT", External(42, None, START_MS))
        there.clock.move(1_000)
        assert (await receive(socket))["data"] == {"e": "referencePrice", "s": "BTCUSDT", "r": None, "t": START_MS}


async def test_windows_and_prices_are_told_in_microseconds_too():
    async with socket_exchange() as there, connect(f"{there.url}/ws/btcusdt@ticker?timeUnit=microsecond") as socket:
        there.clock.move(1_000)
        event = await receive(socket)
    assert (event["E"], event["C"]) == ((START_MS + 1_000) * 1_000,) * 2
    assert event["O"] == (START_MS + 1_000 - 24 * 60 * MINUTE_MS) * 1_000
    assert event["F"] < 10**12
