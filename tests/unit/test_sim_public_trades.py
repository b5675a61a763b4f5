"""The accounts' trades among everybody's: one series of ids, the same for the account, the trade lists and the streams."""

import random
from decimal import Decimal
from itertools import pairwise
from urllib.parse import urlencode

import orjson
import pytest
from hand_clocks import HandClock
from hypothesis import given, settings
from hypothesis import strategies as st
from one_quote_exchange import LIMIT, SECRET, START_MS, Client, sign

from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.history.store import ExchangeStore
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket

D = Decimal
STREET_MS = 1_790_000_040_000
TRADERS = ("ann", "bob")


class Street:
    """An exchange with a made-up market and two accounts, whose orders cross each other and the market."""

    def __init__(self, store: ExchangeStore | None = None, time_ms: int = STREET_MS) -> None:
        self.clock = HandClock(time_ms)
        self.exchange = SimulatedExchange(SyntheticMarket(("BTCUSDT",), 7), self.clock, store=store)
        for name in TRADERS:
            self.exchange.open_account(name, "s" * 64, {"USDT": D(10_000_000), "BTC": D(1_000)})
        self._asked = 0

    def ask(self, method: str, path: str, name: str | None = None, **params):
        self._asked += 1
        query = urlencode({**params, **({"timestamp": self.clock.time_ms} if name else {})})
        if name:
            query = f"{query}&signature={sign(query)}"
        headers = {"X-MBX-APIKEY": name} if name else {}
        answer = self.exchange.face.handle(method, f"/api/v3/{path}", query, b"", headers, f"10.{self._asked // 250}.0.{self._asked % 250}")
        return orjson.loads(answer.body)

    def trade(self, chance: random.Random) -> list[dict]:
        """Somebody does something; returns the fills of it."""
        name, side = chance.choice(TRADERS), chance.choice(["BUY", "SELL"])
        price = D(self.ask("GET", "ticker/price", symbol="BTCUSDT")["price"]) + chance.randrange(-20, 21)
        order = {"symbol": "BTCUSDT", "side": side, "quantity": D(chance.randrange(1, 50)) / 1_000, "newOrderRespType": "FULL"}
        kind = {"type": "MARKET"} if chance.random() < 0.4 else {"type": "LIMIT", "timeInForce": "GTC", "price": price}
        return self.ask("POST", "order", name, **order, **kind).get("fills", [])

    def public_trades(self, first_id: int) -> list[dict]:
        found, start = [], first_id
        while page := self.ask("GET", "historicalTrades", symbol="BTCUSDT", fromId=start, limit=1_000):
            found += page
            start = page[-1]["id"] + 1
        return found

    def own_trades(self) -> dict[int, dict]:
        return {trade["id"]: trade for name in TRADERS for trade in self.ask("GET", "myTrades", name, symbol="BTCUSDT", limit=1_000)}


def first_id_of(street: Street) -> int:
    return street.ask("GET", "trades", symbol="BTCUSDT", limit=1)[0]["id"]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**9), st.booleans())
def test_ids_count_through_and_every_own_trade_is_among_them(seed, asks_early):
    chance = random.Random(seed)
    street = Street()
    first_id = first_id_of(street) if asks_early else first_id_of(Street())
    for _ in range(60):
        street.trade(chance)
        street.clock.time_ms += chance.choice([0, 0, 1, 900, 5_000, 20_000])
    street.exchange.advance()
    public, own = street.public_trades(first_id), street.own_trades()
    assert [trade["id"] for trade in public] == list(range(first_id, first_id + len(public)))
    assert all(before["time"] <= after["time"] for before, after in pairwise(public))
    by_id = {trade["id"]: trade for trade in public}
    assert own
    for number, trade in own.items():
        assert {name: trade[name] for name in ("price", "qty", "time")} == {name: by_id[number][name] for name in ("price", "qty", "time")}
        assert trade["isBuyer"] == (trade["isMaker"] == by_id[number]["isBuyerMaker"])
    street.exchange.close()


def test_a_taker_that_meets_several_at_one_price_is_one_aggregate():
    client = Client()
    client.exchange.open_account("bob", SECRET, {"USDT": D(10_000)})
    for quantity in ("0.1", "0.2"):
        client.order(**LIMIT | {"side": "SELL", "price": "100", "quantity": quantity})
    query = urlencode({"symbol": "BTCUSDT", "side": "BUY", **LIMIT, "price": "100", "quantity": "0.3", "timestamp": START_MS})
    fills = orjson.loads(client.raw("POST", "order", f"{query}&signature={sign(query)}", key="bob").body)["fills"]
    assert [fill["qty"] for fill in fills] == ["0.10000000", "0.20000000"]
    (aggregate,) = client.get("aggTrades", symbol="BTCUSDT")
    assert (aggregate["q"], aggregate["p"], aggregate["m"]) == ("0.30000000", "100.00000000", False)
    assert [aggregate["f"], aggregate["l"]] == [fill["tradeId"] for fill in fills]
    client.exchange.close()


def test_trades_in_a_market_without_any_of_its_own_count_from_one():
    client = Client()
    ids = [client.order(quantity="0.1")["fills"][0]["tradeId"] for _ in range(3)]
    assert ids == [1, 2, 3] == [trade["id"] for trade in client.get("trades", symbol="BTCUSDT")]
    client.exchange.close()


@pytest.mark.parametrize("pause_ms", [0, 3_600_000])
def test_the_series_goes_on_after_a_restart(tmp_path, pause_ms):
    chance = random.Random(3)
    first = Street(ExchangeStore(tmp_path / "exchange.sqlite"))
    first_id = first_id_of(first)
    for _ in range(20):
        first.trade(chance)
        first.clock.time_ms += 1_000
    before = first.public_trades(first_id)
    first.exchange.close()
    second = Street(ExchangeStore(tmp_path / "exchange.sqlite"), first.clock.time_ms + pause_ms)
    for _ in range(20):
        second.trade(chance)
        second.clock.time_ms += 1_000
    public = second.public_trades(first_id)
    assert public[: len(before)] == before
    assert [trade["id"] for trade in public] == list(range(first_id, first_id + len(public)))
    assert set(second.own_trades()) <= {trade["id"] for trade in public}
    second.exchange.close()


def test_ids_that_were_forgotten_with_their_trades_stay_taken(tmp_path):
    chance = random.Random(9)
    first = Street(ExchangeStore(tmp_path / "exchange.sqlite"))
    first_id_of(first)
    for _ in range(20):
        first.trade(chance)
        first.clock.time_ms += 1_000
    used = max(first.own_trades())
    first.exchange.venue.engine.start_again()
    assert first.own_trades() == {}
    first.exchange.close()
    second = Street(ExchangeStore(tmp_path / "exchange.sqlite"), first.clock.time_ms + 60_000)
    first_id = first_id_of(second)
    assert first_id > used
    for _ in range(20):
        second.trade(chance)
        second.clock.time_ms += 1_000
    public = second.public_trades(first_id)
    assert [trade["id"] for trade in public] == list(range(first_id, first_id + len(public)))
    assert second.own_trades().keys() <= {trade["id"] for trade in public}
    second.exchange.close()


def test_candles_and_tickers_name_the_ids_of_the_public_trades():
    chance = random.Random(5)
    street = Street()
    first_id_of(street)
    for _ in range(30):
        street.trade(chance)
        street.clock.time_ms += 2_000
    minute_ms = street.clock.time_ms - street.clock.time_ms % 60_000
    first = street.ask("GET", "ticker", symbol="BTCUSDT", windowSize="1m", type="MINI")
    expected = street.ask("GET", "aggTrades", symbol="BTCUSDT", startTime=minute_ms - 60_000, limit=1)[0]
    assert (first["openTime"], first["firstId"]) == (minute_ms - 60_000, expected["f"])
    street.exchange.close()
