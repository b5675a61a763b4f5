"""Trades, candles in time zones, and tickers of the simulated exchange: they tell of the same market, and page through it without a gap."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from urllib.parse import urlencode

import orjson
import pytest
from hand_clocks import HandClock

from binance_trade_agent.domain.candle_intervals import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.markets.newest_taker import newest_taker
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket
from binance_trade_agent.simulation.markets.zoned_candles import zone_offset_ms

NOW_MS = int(datetime(2026, 9, 21, 14, 14, 7, 123_000, tzinfo=UTC).timestamp() * 1_000)


class Asker:
    """Asks the REST face of an exchange with a made-up market, each time from another address."""

    def __init__(self) -> None:
        self.market = SyntheticMarket(("BTCUSDT", "ETHUSDT"), 7)
        self.exchange = SimulatedExchange(self.market, HandClock(NOW_MS))
        self._asked = 0

    def raw(self, path, **params):
        self._asked += 1
        return self.exchange.face.handle("GET", f"/api/v3/{path}", urlencode(params), b"", {}, f"10.0.0.{self._asked}")

    def get(self, path, **params):
        answer = self.raw(path, **params)
        assert answer.status == 200, answer.body
        return orjson.loads(answer.body)

    def code(self, path, **params):
        return orjson.loads(self.raw(path, **params).body)["code"]


@pytest.fixture
def ask():
    asker = Asker()
    yield asker
    asker.exchange.close()


# --- trades --------------------------------------------------------------------------------------------------------------------------


def test_the_newest_trades_end_now_and_count_through(ask):
    trades = ask.get("trades", symbol="BTCUSDT", limit=100)
    assert len(trades) == 100
    assert all(after["id"] == before["id"] + 1 and after["time"] >= before["time"] for before, after in pairwise(trades))
    assert trades[-1]["time"] == newest_taker(ask.market, "BTCUSDT", NOW_MS).time_ms
    assert ask.get("historicalTrades", symbol="BTCUSDT", limit=100) == trades
    assert all(Decimal(row["quoteQty"]) == Decimal(row["price"]) * Decimal(row["qty"]) for row in trades)


def test_older_trades_are_paged_through_by_id(ask):
    newest = ask.get("trades", symbol="BTCUSDT", limit=1_000)
    again, start = [], newest[0]["id"]
    while page := ask.get("historicalTrades", symbol="BTCUSDT", limit=300, fromId=start):
        again += page
        start = page[-1]["id"] + 1
    assert again == newest
    assert ask.get("historicalTrades", symbol="BTCUSDT", limit=2, fromId=0)[0]["id"] == 0


def test_aggregate_trades_hold_the_single_ones(ask):
    rows = ask.get("aggTrades", symbol="BTCUSDT", limit=50)
    assert len(rows) == 50
    assert all(after["a"] == before["a"] + 1 and after["f"] == before["l"] + 1 for before, after in pairwise(rows))
    single = ask.get("historicalTrades", symbol="BTCUSDT", limit=1_000, fromId=rows[0]["f"])
    assert rows[-1]["l"] == single[-1]["id"]
    assert sum(Decimal(row["q"]) for row in rows) == sum(Decimal(row["qty"]) for row in single)


def test_aggregate_trades_by_id_and_by_time(ask):
    rows = ask.get("aggTrades", symbol="BTCUSDT", limit=20)
    times = {"startTime": rows[5]["T"], "endTime": rows[9]["T"]}
    assert ask.get("aggTrades", symbol="BTCUSDT", fromId=rows[5]["a"], limit=5) == rows[5:10]
    assert ask.get("aggTrades", symbol="BTCUSDT", **times) == rows[5:10]
    assert ask.get("aggTrades", symbol="BTCUSDT", startTime=rows[5]["T"], limit=3) == rows[5:8]
    assert ask.get("aggTrades", symbol="BTCUSDT", endTime=rows[9]["T"], limit=3) == rows[7:10]
    assert ask.code("aggTrades", symbol="BTCUSDT", fromId=1, startTime=1) == -1128


def test_no_trade_is_older_than_the_market(ask):
    assert ask.get("aggTrades", symbol="BTCUSDT", startTime=NOW_MS + 1) == []
    assert ask.get("historicalTrades", symbol="BTCUSDT", fromId=10**15) == []
    assert newest_taker(ask.market, "BTCUSDT", -1) is None


# --- candles -------------------------------------------------------------------------------------------------------------------------


def merged(rows):
    """One candle of several, from open time to the two volumes."""
    return [
        rows[0][0],
        rows[0][1],
        max((row[2] for row in rows), key=Decimal),
        min((row[3] for row in rows), key=Decimal),
        rows[-1][4],
        sum(Decimal(row[5]) for row in rows),
        rows[-1][6],
        sum(Decimal(row[7]) for row in rows),
        sum(row[8] for row in rows),
    ]


def comparable(row):
    return [*row[:5], Decimal(row[5]), row[6], Decimal(row[7]), row[8]]


@pytest.mark.parametrize(
    ("interval", "zone", "part", "first"),
    [
        ("1d", "8", "1h", datetime(2026, 9, 18, 16, tzinfo=UTC)),
        ("1d", "-1:00", "1h", datetime(2026, 9, 18, 1, tzinfo=UTC)),
        ("1h", "05:45", "15m", datetime(2026, 9, 18, 0, 15, tzinfo=UTC)),
        ("1w", "8", "1h", datetime(2026, 9, 6, 16, tzinfo=UTC)),
        ("1M", "0", "1d", datetime(2026, 8, 1, tzinfo=UTC)),
        ("1M", "8", "8h", datetime(2026, 7, 31, 16, tzinfo=UTC)),
    ],
)
def test_candles_of_a_zone_are_made_of_the_same_trades(ask, interval, zone, part, first):
    first_ms = int(first.timestamp() * 1_000)
    candle, after = ask.get("klines", symbol="BTCUSDT", interval=interval, timeZone=zone, startTime=first_ms - 1, limit=2)
    assert candle[0] == first_ms
    assert after[0] == candle[6] + 1
    parts = ask.get("klines", symbol="BTCUSDT", interval=part, startTime=candle[0], endTime=candle[6], limit=1_000)
    assert comparable(candle) == merged(parts)


def test_a_zone_that_changes_nothing_changes_nothing(ask):
    asked = {"symbol": "BTCUSDT", "limit": 3}
    assert ask.get("klines", **asked, interval="15m", timeZone="05:45") == ask.get("klines", **asked, interval="15m")
    assert ask.get("uiKlines", **asked, interval="1h", timeZone="-12:00") == ask.get("klines", **asked, interval="1h")


def test_the_newest_candle_of_a_zone_is_still_open(ask):
    rows = ask.get("klines", symbol="BTCUSDT", interval="1d", timeZone="8", limit=2)
    assert [row[0] for row in rows] == [rows[1][0] - DAY_MS, int(datetime(2026, 9, 20, 16, tzinfo=UTC).timestamp() * 1_000)]
    assert rows[1][4] == ask.get("ticker/price", symbol="BTCUSDT")["price"]
    assert rows[1][6] > NOW_MS


def test_seconds_are_there_and_flat_where_nothing_was_traded(ask):
    minute_ms = NOW_MS - NOW_MS % MINUTE_MS - MINUTE_MS
    rows = ask.get("klines", symbol="BTCUSDT", interval="1s", startTime=minute_ms, endTime=minute_ms + MINUTE_MS - 1)
    assert [row[0] for row in rows] == list(range(minute_ms, minute_ms + MINUTE_MS, SECOND_MS))
    assert all(after[1] == before[4] for before, after in pairwise(rows) if after[8] == 0)
    whole = ask.get("klines", symbol="BTCUSDT", interval="1m", startTime=minute_ms, limit=1)[0]
    assert merged(rows) == comparable(whole)


@pytest.mark.parametrize("zone", ["15", "-12:01", "14:30", "8:60", "UTC", "+", "8.5", ""])
def test_there_is_no_such_zone(ask, zone):
    with pytest.raises(ValueError, match="no time zone"):
        zone_offset_ms(zone)
    assert ask.code("klines", symbol="BTCUSDT", interval="1d", timeZone=zone) in {-1130, -1105}


@pytest.mark.parametrize(
    ("zone", "hours"), [("0", 0), ("8", 8), ("+8", 8), ("-12:00", -12), ("+14:00", 14), ("05:45", 5.75), ("-1:00", -1)]
)
def test_zones_as_they_are_written(zone, hours):
    assert zone_offset_ms(zone) == hours * HOUR_MS


# --- tickers -------------------------------------------------------------------------------------------------------------------------


def test_a_ticker_is_what_its_candles_add_up_to(ask):
    ticker = ask.get("ticker", symbol="BTCUSDT", windowSize="1h")
    assert ticker["openTime"] == NOW_MS - NOW_MS % MINUTE_MS - HOUR_MS
    assert ticker["closeTime"] == NOW_MS
    rows = ask.get("klines", symbol="BTCUSDT", interval="1m", startTime=ticker["openTime"], limit=1_000)
    whole = merged(rows)
    assert [ticker[name] for name in ("openPrice", "highPrice", "lowPrice", "lastPrice")] == whole[1:5]
    assert (Decimal(ticker["volume"]), Decimal(ticker["quoteVolume"]), ticker["count"]) == (whole[5], whole[7], whole[8])
    assert ticker["lastId"] == ask.get("trades", symbol="BTCUSDT", limit=1)[0]["id"]
    assert ticker["lastId"] - ticker["firstId"] + 1 == ticker["count"]
    assert Decimal(ticker["priceChange"]) == Decimal(ticker["lastPrice"]) - Decimal(ticker["openPrice"])


def test_the_day_rolls_and_the_trading_day_does_not(ask):
    rolling = ask.get("ticker/24hr", symbol="BTCUSDT")
    assert (rolling["openTime"], rolling["closeTime"]) == (NOW_MS - DAY_MS, NOW_MS)
    assert rolling["lastQty"] == ask.get("trades", symbol="BTCUSDT", limit=1)[0]["qty"]
    day = ask.get("ticker/tradingDay", symbol="BTCUSDT", timeZone="8")
    (candle,) = ask.get("klines", symbol="BTCUSDT", interval="1d", timeZone="8", limit=1)
    assert (day["openTime"], day["closeTime"]) == (candle[0], candle[6])
    assert [day[name] for name in ("openPrice", "highPrice", "lowPrice", "lastPrice")] == candle[1:5]


def test_tickers_are_narrowed_by_status(ask):
    assert ask.get("ticker/price", symbolStatus="HALT") == []
    assert len(ask.get("ticker/price", symbolStatus="TRADING")) == 2
    assert ask.code("ticker/bookTicker", symbol="BTCUSDT", symbolStatus="BREAK") == -1220
    assert ask.code("depth", symbol="BTCUSDT", symbolStatus="HALT") == -1220
    assert ask.code("ticker/24hr", symbolStatus="ASLEEP") == -1122


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("ticker", {}, -1102),
        ("ticker/tradingDay", {}, -1102),
        ("ticker", {"symbol": "BTCUSDT", "windowSize": "60m"}, -1130),
        ("ticker", {"symbol": "BTCUSDT", "windowSize": "8d"}, -1130),
        ("ticker", {"symbol": "BTCUSDT", "windowSize": "1d2h"}, -1130),
        ("ticker/24hr", {"symbol": "BTCUSDT", "type": "HALF"}, -1139),
        ("ticker/tradingDay", {"symbol": "BTCUSDT", "timeZone": "15"}, -1130),
        ("ticker", {"symbols": orjson.dumps([f"A{number}" for number in range(101)]).decode()}, -1101),
        ("historicalBlockTrades", {"symbol": "BTCUSDT"}, -1102),
        ("klines", {"symbol": "BTCUSDT", "interval": "2M"}, -1120),
    ],
)
def test_questions_that_cannot_be(ask, path, params, code):
    assert ask.code(path, **params) == code


@pytest.mark.parametrize(
    ("path", "params", "weight"),
    [
        ("trades", {"symbol": "BTCUSDT"}, 25),
        ("historicalTrades", {"symbol": "BTCUSDT"}, 25),
        ("aggTrades", {"symbol": "BTCUSDT"}, 4),
        ("ticker/24hr", {"symbol": "BTCUSDT"}, 2),
        ("ticker/24hr", {}, 80),
        ("ticker/24hr", {"symbols": '["BTCUSDT","ETHUSDT"]'}, 2),
        ("ticker", {"symbols": '["BTCUSDT","ETHUSDT"]'}, 8),
        ("ticker/tradingDay", {"symbol": "BTCUSDT"}, 4),
        ("ticker/price", {}, 4),
        ("avgPrice", {"symbol": "BTCUSDT"}, 2),
    ],
)
def test_weights_are_those_of_the_document(ask, path, params, weight):
    assert ask.raw(path, **params).headers["X-MBX-USED-WEIGHT-1M"] == str(weight)
