"""The unfilled order count, followed step by step through the examples of faqs/order_count_decrement.md."""

from urllib.parse import urlencode

import orjson
import pytest
from one_quote_exchange import Client, D, sign

DAY_MS = 86_400_000
OTHER, OTHER_SECRET = "other", "secret-of-the-other"


class Counted:
    """An account whose count is watched, and another one that trades with it."""

    def __init__(self) -> None:
        self.client = Client()
        self.client.exchange.open_account(OTHER, OTHER_SECRET, {"BTC": D(100), "USDT": D(100_000)})
        self.ids: dict[str, int] = {}

    def place(self, name: str, **params) -> dict:
        """A buy above the market's bids, so that it is the first to be hit."""
        limit = {"type": "LIMIT", "timeInForce": "GTC", "price": "99.8", "quantity": "1"}
        placed = self.client.order(**(limit | params))
        self.ids[name] = placed["orderId"]
        return placed

    def hit(self, quantity: str) -> None:
        """Sell into the first of the resting orders."""
        query = urlencode(
            {"timestamp": self.client.clock.time_ms, "symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": quantity}
        )
        answer = self.client.raw("POST", "order", f"{query}&signature={sign(query, OTHER_SECRET)}", key=OTHER)
        assert orjson.loads(answer.body)["status"] == "FILLED"

    @property
    def count(self) -> int:
        """Of ten seconds, which no test of a day lets pass in between; a day's count must be no less."""
        short, day = (row["count"] for row in self.client.signed("GET", "rateLimit/order"))
        assert day >= short
        return short

    @property
    def of_the_day(self) -> int:
        return self.client.signed("GET", "rateLimit/order")[1]["count"]


@pytest.fixture
def counted():
    counted = Counted()
    yield counted
    counted.client.exchange.close()


AT_ONCE = {"price": "100.5", "quantity": "0.1"}


def test_a_taker_gives_one_back_with_its_first_fill(counted):
    counted.place("A")
    assert counted.count == 1
    counted.place("B", price="100.5", quantity="1.5")  # one is there, half rests
    assert counted.count == 1
    counted.place("C", price="99.7")
    assert counted.count == 2
    counted.hit("0.25")  # B again, which stands first
    assert counted.count == 2
    counted.hit("0.25")
    assert counted.count == 2
    counted.client.order(type="MARKET", quantity="0.1")
    assert counted.count == 2


def test_a_maker_gives_five_back_with_its_first_fill(counted):
    for name in "ABCDE":
        counted.place(name)
    assert counted.count == 5
    counted.hit("0.5")  # a part of A
    assert counted.count == 0
    counted.place("F")
    counted.place("G")
    counted.hit("0.25")
    counted.hit("0.25")  # the rest of A
    assert counted.count == 2
    counted.hit("0.5")  # a part of B
    assert counted.count == 0
    counted.place("H")
    assert counted.count == 1


def test_cancelled_and_expired_orders_stay_counted(counted):
    counted.place("A")
    counted.client.signed("DELETE", "order", symbol="BTCUSDT", orderId=counted.ids["A"])
    assert counted.count == 1
    counted.place("B")
    assert counted.place("C", timeInForce="FOK", **AT_ONCE)["status"] == "FILLED"
    assert counted.count == 2
    counted.place("D")
    assert counted.place("E", timeInForce="FOK")["status"] == "EXPIRED"
    assert counted.count == 4
    counted.client.signed("DELETE", "order", symbol="BTCUSDT", orderId=counted.ids["D"])
    counted.place("F")
    assert counted.count == 5


def test_a_fill_counts_today_whenever_the_order_was_placed_and_never_below_zero(counted):
    for number in range(3):
        counted.place(f"old {number}")
    assert counted.of_the_day == 3
    counted.client.clock.time_ms += DAY_MS
    assert counted.of_the_day == 0
    for number in range(7):
        counted.place(f"new {number}")
    counted.hit("1")  # an order of yesterday
    assert counted.of_the_day == 2
    counted.hit("1")
    assert counted.of_the_day == 0
    counted.hit("1")
    assert counted.of_the_day == 0
    counted.place("one more")
    assert counted.of_the_day == 1


def test_a_refused_order_is_not_counted(counted):
    counted.place("A")
    assert "code" in counted.client.order(type="MARKET", quantity="0.0001")
    assert "code" in counted.client.order(type="LIMIT_MAKER", quantity="1", price="101")
    assert counted.count == 1
