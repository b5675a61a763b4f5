"""Market streams of the simulated exchange, by an independent client over real sockets, against its REST answers."""

import json
import random
from itertools import pairwise

import aiohttp
import pytest
from socket_exchange import START_MS, D, LocalBook, ask, connect, receive, socket_exchange, until

MINUTE_MS = 60_000


def of(messages, stream):
    return [message["data"] for message in messages if message.get("stream") == stream]


# --- addresses and control messages -------------------------------------------------------------------------------------------------


async def test_every_address_serves_and_wraps_as_documented():
    async with socket_exchange() as there:
        for address, expected in (
            ("/ws/btcusdt@depth5@100ms", None),
            ("/ws/btcusdt@depth5@100ms/ethusdt@depth5@100ms", None),
            ("/stream?streams=btcusdt@depth5@100ms/ethusdt@depth5@100ms", "btcusdt@depth5@100ms"),
        ):
            async with connect(there.url + address) as socket:
                there.clock.move(100)
                first = await receive(socket)
                assert first.get("stream") == expected
                assert "lastUpdateId" in (first["data"] if expected else first)


async def test_subscriptions_and_properties_are_changed_live():
    async with socket_exchange() as there, connect(f"{there.url}/ws") as socket:
        assert await ask(socket, {"method": "LIST_SUBSCRIPTIONS", "id": 1}) == {"result": [], "id": 1}
        streams = ["btcusdt@depth5@100ms", "nothing@likeThis"]
        assert await ask(socket, {"method": "SUBSCRIBE", "params": streams, "id": "a1"}) == {"result": None, "id": "a1"}
        assert await ask(socket, {"method": "LIST_SUBSCRIPTIONS", "id": -5}) == {"result": streams, "id": -5}
        there.clock.move(100)
        assert "lastUpdateId" in await receive(socket)
        assert await ask(socket, {"method": "SET_PROPERTY", "params": ["combined", True], "id": None}) == {"result": None, "id": None}
        there.clock.move(100)
        assert (await receive(socket))["stream"] == "btcusdt@depth5@100ms"
        uuid = "2f8b8c1e-7a53-4a0e-9d27-0c9d54f5b6a1"  # as Binance's own SDK sends
        assert await ask(socket, {"method": "UNSUBSCRIBE", "params": ["btcusdt@depth5@100ms"], "id": uuid}) == {"result": None, "id": uuid}


async def test_the_property_follows_the_address():
    async with socket_exchange() as there:
        for path, combined in (("/ws", False), ("/stream", True)):
            async with connect(there.url + path) as socket:
                assert await ask(socket, {"method": "GET_PROPERTY", "params": ["combined"], "id": 2}) == {"result": combined, "id": 2}


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ({"method": "GET_PROPERTY", "params": ["colour"], "id": 3}, {"code": 0, "msg": "Unknown property", "id": 3}),
        (
            {"method": "SET_PROPERTY", "params": ["combined", 1], "id": 3},
            {"code": 1, "msg": "Invalid value type: expected Boolean"},
        ),
        ({"method": "SET_PROPERTY", "params": [1, True], "id": 3}, {"code": 2, "msg": "Invalid request: property name must be a string"}),
        ({"method": "GET_PROPERTY", "id": 3}, {"code": 2, "msg": "Invalid request: property name must be a string"}),
        ({"method": "LIST_SUBSCRIPTIONS"}, {"code": 2, "msg": "Invalid request: request ID must be an unsigned integer"}),
        ({"method": "LIST_SUBSCRIPTIONS", "id": 1.5}, {"code": 2, "msg": "Invalid request: request ID must be an unsigned integer"}),
        ({"method": "LIST_SUBSCRIPTIONS", "id": "x" * 37}, {"code": 2, "msg": "Invalid request: request ID must be an unsigned integer"}),
        ({"method": "LIST_SUBSCRIPTIONS", "params": ["a"], "id": 1}, {"code": 2, "msg": "Invalid request: too many parameters"}),
        (
            {"method": "SUBSCRIB", "params": ["a"], "id": 1},
            {
                "code": 2,
                "msg": "Invalid request: unknown variant `SUBSCRIB`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, "
                "`SET_PROPERTY`, `GET_PROPERTY` at line 1 column 48",
            },
        ),
        ({"id": 1}, {"code": 2, "msg": "Invalid request: missing field `method` at line 1 column 9"}),
        ("nonsense", {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"}),
    ],
)
async def test_mistakes_are_answered_as_documented(message, answer):
    async with socket_exchange() as there, connect(f"{there.url}/ws") as socket:
        assert await ask(socket, message) == answer


async def test_names_in_capitals_and_of_unknown_kinds_are_silent():
    async with socket_exchange() as there:
        names = "BTCUSDT@depth5@100ms/btcusdt@depth7/btcusdt@kline_7m/btcusdt@ticker_2h/!ticker@arr/xxxusdt@trade/ethusdt@depth5@100ms"
        async with connect(f"{there.url}/stream?streams={names}") as socket:
            there.clock.move(30_000)
            assert (await receive(socket))["stream"] == "ethusdt@depth5@100ms"
            there.clock.move(30_000)
            assert (await receive(socket))["stream"] == "ethusdt@depth5@100ms"


async def test_times_come_in_microseconds_when_asked_for():
    async with socket_exchange() as there:
        address = f"{there.url}/stream?streams=btcusdt@kline_1m/btcusdt@trade&timeUnit=MICROSECOND"
        async with connect(address) as socket:
            there.clock.move(MINUTE_MS)
            messages = await until(socket, lambda message: message["stream"] == "btcusdt@trade")
        candle, trade = messages[0]["data"], messages[-1]["data"]
        assert candle["E"] == trade["E"] == (START_MS + MINUTE_MS) * 1_000
        assert (candle["k"]["t"], candle["k"]["T"]) == (START_MS * 1_000, (START_MS + MINUTE_MS - 1) * 1_000)
        assert trade["T"] == (START_MS + 1_000) * 1_000
        assert trade["t"] < 10**12


# --- candles ------------------------------------------------------------------------------------------------------------------------


async def test_every_closed_candle_comes_once_and_equals_rest():
    steps = [2_000] * 40 + [61_000, 250_000, 3_600_000, 7_000, 59_000, 100]
    closed, growing = [], []
    async with socket_exchange() as there, connect(f"{there.url}/ws/btcusdt@kline_1m") as socket:
        for step in steps:
            there.clock.move(step)
            due = there.clock.time_ms // 2_000 > (there.clock.time_ms - step) // 2_000
            if due:
                received = await until(socket, lambda event: not event["k"]["x"])
                closed += [event["k"] for event in received[:-1]]
                growing.append(received[-1])
        rows = there.get("klines", symbol="BTCUSDT", interval="1m", startTime=START_MS, limit=1000)
    rows = [row for row in rows if row[6] < there.clock.time_ms]
    shown = [[k["t"], k["o"], k["h"], k["l"], k["c"], k["v"], k["T"], k["q"], k["n"], k["V"], k["Q"], k["B"]] for k in closed]
    assert len(rows) > 60
    assert shown == rows
    assert all(after["f"] == before["L"] + 1 for before, after in pairwise(closed))
    assert all(event["E"] == event["k"]["t"] + (event["E"] - START_MS) % MINUTE_MS for event in growing)


async def test_candles_of_any_interval_that_the_market_can_give():
    intervals = ["1m", "5m", "1h", "1d", "1w"]
    names = "/".join(f"ethusdt@kline_{interval}" for interval in intervals)
    async with socket_exchange() as there, connect(f"{there.url}/stream?streams={names}") as socket:
        there.clock.move(2_000)
        messages = [await receive(socket) for _ in intervals]
        for interval, message in zip(intervals, messages, strict=True):
            k = message["data"]["k"]
            row = there.get("klines", symbol="ETHUSDT", interval=interval, limit=1)[0]
            assert (k["i"], k["x"], k["t"], k["o"], k["v"], k["T"]) == (interval, False, row[0], row[1], row[5], row[6])


# --- trades -------------------------------------------------------------------------------------------------------------------------


async def test_trades_add_up_to_the_candles():
    names = "btcusdt@trade/btcusdt@aggTrade/btcusdt@kline_1m"
    async with socket_exchange() as there, connect(f"{there.url}/stream?streams={names}") as socket:
        there.clock.move(90_000)
        await until(socket, lambda message: message["stream"].endswith("1m") and not message["data"]["k"]["x"])
        there.clock.move(90_000)
        messages = await until(socket, lambda message: message["stream"].endswith("1m") and not message["data"]["k"]["x"])
    (candle,) = [
        data["k"] for data in of(messages, "btcusdt@kline_1m") if data["k"]["x"] and data["k"]["t"] == START_MS + 2 * MINUTE_MS - MINUTE_MS
    ]
    trades = [trade for trade in of(messages, "btcusdt@trade") if candle["t"] <= trade["T"] <= candle["T"]]
    takers = of(messages, "btcusdt@aggTrade")
    ids = [trade["t"] for trade in of(messages, "btcusdt@trade")]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    assert [taker["a"] for taker in takers] == list(range(takers[0]["a"], takers[0]["a"] + len(takers)))
    seen_ids = {trade["t"] for trade in trades}
    assert seen_ids <= set(range(candle["f"], candle["L"] + 1))
    by_taker = {taker["f"]: taker for taker in takers}
    for taker in by_taker.values():
        own = [trade for trade in of(messages, "btcusdt@trade") if taker["f"] <= trade["t"] <= taker["l"]]
        assert sum(D(trade["q"]) for trade in own) == D(taker["q"])
        assert {(trade["p"], trade["T"], trade["m"]) for trade in own} == {(taker["p"], taker["T"], taker["m"])}


async def test_a_whole_minute_of_trades_is_its_candle():
    async with socket_exchange() as there, connect(f"{there.url}/stream?streams=btcusdt@trade/btcusdt@kline_1m") as socket:
        trades = []
        for _ in range(2):
            there.clock.move(MINUTE_MS)
            trades += await until(socket, lambda message: message["stream"].endswith("1m") and not message["data"]["k"]["x"])
        there.clock.move(MINUTE_MS)
        trades += await until(
            socket, lambda message: message["stream"].endswith("trade") and message["data"]["T"] > START_MS + 2 * MINUTE_MS
        )
        row = there.get("klines", symbol="BTCUSDT", interval="1m", startTime=START_MS + MINUTE_MS, limit=1)[0]
    own = [trade for trade in of(trades, "btcusdt@trade") if row[0] <= trade["T"] <= row[6]]
    prices = [D(trade["p"]) for trade in own]
    assert (own[0]["p"], own[-1]["p"]) == (row[1], row[4])
    assert (max(prices), min(prices), len(own)) == (D(row[2]), D(row[3]), row[8])
    assert sum(D(trade["q"]) for trade in own) == D(row[5])
    assert sum(D(trade["q"]) * D(trade["p"]) for trade in own) == D(row[7])


# --- the book -----------------------------------------------------------------------------------------------------------------------


def stir(there, chance):
    """Something that an account may do to the book, or nothing."""
    book = there.get("depth", symbol="BTCUSDT")
    bid, ask = D(book["bids"][0][0]), D(book["asks"][0][0])
    match chance.randrange(6):
        case 0:
            there.limit("BUY", bid - chance.randrange(3), "0.02")
        case 1:
            there.limit("SELL", ask + chance.randrange(3), "0.02")
        case 2:
            there.market(chance.choice(["BUY", "SELL"]), "0.05")
        case 3:
            there.limit("BUY", ask, "0.003", timeInForce="IOC")
        case 4:
            resting = there.signed("GET", "openOrders", symbol="BTCUSDT")
            if resting:
                there.signed("DELETE", "order", symbol="BTCUSDT", orderId=resting[0]["orderId"])


@pytest.mark.parametrize("stream", ["btcusdt@depth", "btcusdt@depth@100ms"])
async def test_the_documented_procedure_ends_with_the_book_of_rest_whenever_it_begins(stream):
    chance = random.Random(5)
    snapshots, events = [], []
    async with socket_exchange() as there, connect(f"{there.url}/ws/{stream}") as socket:
        for _ in range(30):
            for _ in range(4):
                stir(there, chance)
                snapshots.append(there.get("depth", symbol="BTCUSDT", limit=5000))
                there.clock.move(chance.choice([0, 1, 30, 99, 5_000]))  # nothing is pushed before somebody waits
            there.clock.move(chance.choice([1_000, 1_000, 5_000, 12_000]))
            events += await until(socket, lambda event: event["E"] == there.clock.time_ms)
            snapshots.append(there.get("depth", symbol="BTCUSDT", limit=5000))
        final = there.get("depth", symbol="BTCUSDT", limit=5000)
    assert all(after["U"] == before["u"] + 1 for before, after in pairwise(events))
    assert len({snapshot["lastUpdateId"] for snapshot in snapshots}) > 60
    for snapshot in snapshots:
        if snapshot["lastUpdateId"] >= events[0]["U"] - 1:
            local = LocalBook(snapshot)
            local.follow(iter(events))
            assert local.as_depth() == final


async def test_an_update_id_names_one_state_of_the_book():
    chance = random.Random(6)
    states = {}
    async with socket_exchange() as there:
        last_id = 0
        for _ in range(200):
            stir(there, chance)
            there.clock.move(chance.choice([0, 0, 1, 700]))
            book = there.get("depth", symbol="BTCUSDT", limit=5000)
            update_id = book["lastUpdateId"]
            assert update_id >= last_id
            assert states.setdefault(update_id, book) == book
            last_id = update_id


async def test_the_best_prices_are_pushed_when_they_change_and_only_then():
    async with socket_exchange() as there, connect(f"{there.url}/stream?streams=btcusdt@bookTicker/ethusdt@depth5@100ms") as socket:
        there.clock.move(100)
        assert (await receive(socket))["stream"] == "ethusdt@depth5@100ms"
        there.limit("BUY", "100.00", "0.1")  # far below: the book has changed, its best prices have not
        there.clock.move(100)
        assert (await receive(socket))["stream"] == "ethusdt@depth5@100ms"
        there.limit("BUY", D(there.get("ticker/bookTicker", symbol="BTCUSDT")["bidPrice"]) + 1, "0.1")
        there.clock.move(100)
        event = (await receive(socket))["data"]
        best = there.get("ticker/bookTicker", symbol="BTCUSDT")
        assert event == {
            "u": there.get("depth", symbol="BTCUSDT")["lastUpdateId"],
            "s": "BTCUSDT",
            "b": best["bidPrice"],
            "B": best["bidQty"],
            "a": best["askPrice"],
            "A": best["askQty"],
        }


@pytest.mark.parametrize("levels", [5, 10, 20])
async def test_partial_depth_is_the_top_of_rest(levels):
    async with socket_exchange() as there, connect(f"{there.url}/ws/btcusdt@depth{levels}") as socket:
        there.clock.move(1_000)
        assert await receive(socket) == there.get("depth", symbol="BTCUSDT", limit=levels)


# --- windows of time ----------------------------------------------------------------------------------------------------------------


async def test_the_mini_ticker_sums_up_a_day():
    async with socket_exchange() as there, connect(f"{there.url}/stream?streams=btcusdt@miniTicker/!miniTicker@arr") as socket:
        there.clock.move(1_000)
        first = [await receive(socket) for _ in range(2)]
        (ticker,), (array,) = of(first, "btcusdt@miniTicker"), of(first, "!miniTicker@arr")
        assert [row["s"] for row in array] == ["BTCUSDT", "ETHUSDT"]
        assert ticker in array
        day = there.get("ticker/24hr", symbol="BTCUSDT", type="MINI")
        names = {"c": "lastPrice", "o": "openPrice", "h": "highPrice", "l": "lowPrice", "v": "volume", "q": "quoteVolume"}
        assert {letter: ticker[letter] for letter in names} == {letter: day[name] for letter, name in names.items()}


async def test_mini_tickers_of_all_symbols_are_had_by_python_binances_name_too():
    names = ("!miniTicker@arr", "!miniTicker@arr@1000ms")
    async with socket_exchange() as there, connect(f"{there.url}/stream?streams={'/'.join(names)}") as socket:
        there.clock.move(1_000)
        first = {message["stream"]: message["data"] for message in [await receive(socket) for _ in names]}
        assert first[names[0]] == first[names[1]]


async def test_the_average_price_is_weighted_by_volume():
    async with socket_exchange() as there, connect(f"{there.url}/ws/btcusdt@avgPrice") as socket:
        there.clock.move(1_000)
        event = await receive(socket)
        assert event["w"] == there.get("avgPrice", symbol="BTCUSDT")["price"]
        assert (event["e"], event["i"], event["T"]) == ("avgPrice", "5m", START_MS + 1_000)


# --- many -----------------------------------------------------------------------------------------------------------------------------


async def test_two_clients_of_two_makes_see_the_same():
    async with socket_exchange() as there, aiohttp.ClientSession() as session:
        address = "/stream?streams=btcusdt@kline_1m/btcusdt@depth"
        async with connect(there.url + address) as one, session.ws_connect(there.url + address) as other:
            there.clock.move(6_000)
            for _ in range(2):
                assert await receive(one) == json.loads((await other.receive(timeout=10)).data)
