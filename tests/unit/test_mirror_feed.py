"""Paper orders that rest: behind what the real book shows at their price, filled by what is really traded there."""

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hand_clocks import HandClock
from httpx_bridge import Scripted

from binance_trade_agent.domain.errors import BadAnswerError
from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.records import NewOrder
from binance_trade_agent.simulation.engine.terms import OrderType
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.markets import mirror_feed
from binance_trade_agent.simulation.markets.market import TakerOrder
from binance_trade_agent.simulation.markets.mirror import TRADES_KEPT, MirrorMarket
from binance_trade_agent.simulation.markets.mirror_feed import MirrorFeed
from binance_trade_agent.simulation.markets.symbol_catalogue import plausible_rules

D = Decimal
NOW_MS = 1_764_000_000_000
SYMBOL = "BTCUSDT"
RULES = {SYMBOL: plausible_rules(SYMBOL, "BTC", "USDT", price=100.0, tick_size=D("0.01"))}


class RealExchange:
    """A book, and trades by time; both as the test has them."""

    def __init__(self) -> None:
        self.bids: list[tuple[str, str]] = [("99.00", "5"), ("98.00", "7")]
        self.asks: list[tuple[str, str]] = [("101.00", "5")]
        self.trades: list[dict[str, Any]] = []
        self.broken: bytes | None = None
        self.asked: list[httpx.URL] = []

    def trade(self, time_ms: int, price: str, quantity: str, *, is_buyer_maker: bool = True) -> None:
        number = len(self.trades)
        row = {"a": number, "p": price, "q": quantity, "f": number, "l": number, "T": time_ms, "m": is_buyer_maker, "M": True}
        self.trades.append(row)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        assert request.method == "GET"
        if request.url.path == "/api/v3/depth":
            return httpx.Response(200, content=json.dumps({"lastUpdateId": 1, "bids": self.bids, "asks": self.asks}))
        assert request.url.path == "/api/v3/aggTrades"
        if self.broken is not None:
            return httpx.Response(200, content=self.broken)
        asked = {name: int(value) for name, value in request.url.params.items() if name != "symbol"}
        assert ("fromId" in asked) != ("startTime" in asked)
        rows = [row for row in self.trades if row["a"] >= asked.get("fromId", 0) and row["T"] >= asked.get("startTime", 0)]
        return httpx.Response(200, content=json.dumps(rows[: asked["limit"]]))


class Paper:
    """The embedded exchange on a mirror of it."""

    def __init__(self) -> None:
        self.real = RealExchange()
        self.clock = HandClock(NOW_MS)
        self.mirror = MirrorMarket(RULES)
        self.feed = MirrorFeed(Scripted(httpx.MockTransport(self.real.answer)), "https://market.example", self.mirror, self.clock)
        self.exchange = SimulatedExchange(self.mirror, self.clock)
        self.exchange.open_account("key", "secret", {"USDT": D(100_000), "BTC": D(100)})

    async def look(self, second: float) -> None:
        self.clock.time_ms = NOW_MS + int(second * 1_000)
        await self.feed.refresh(SYMBOL, 5.0, self.exchange.resting_symbols())

    def rest(self, price: str, quantity: str, side: Side = Side.BUY) -> None:
        order = NewOrder(SYMBOL, side, OrderType.LIMIT, quantity=D(quantity), price=D(price))
        self.exchange.venue.engine.place(1, order, self.clock.time_ms)

    def filled(self) -> Decimal:
        return sum((trade.quantity for trade in self.exchange.trades("key")), D(0))


@pytest.fixture
def paper():
    here = Paper()
    yield here
    here.exchange.close()


async def test_a_paper_order_waits_its_turn_in_the_real_queue(paper) -> None:
    paper.real.trade(NOW_MS - 10, "99.00", "50")  # before there was an order
    await paper.look(0)
    paper.rest("99", "2")
    paper.real.trade(NOW_MS + 300, "99.00", "3")
    await paper.look(1)
    assert paper.filled() == 0
    paper.real.trade(NOW_MS + 1_300, "99.00", "3")
    paper.real.trade(NOW_MS + 1_400, "99.50", "9", is_buyer_maker=False)
    await paper.look(2)
    assert paper.filled() == 1
    await paper.look(3)
    assert paper.filled() == 1  # each trade counts once
    paper.real.trade(NOW_MS + 3_300, "98.00", "0.4")
    await paper.look(4)
    assert paper.filled() == D("1.4")
    assert {(trade.price, trade.is_maker) for trade in paper.exchange.trades("key")} == {(99, True)}


async def test_real_cancellations_bring_a_paper_order_forward(paper) -> None:
    await paper.look(0)
    paper.rest("101", "2", Side.SELL)
    paper.real.asks = [("101.00", "1")]
    await paper.look(1)
    paper.real.trade(NOW_MS + 1_500, "101.00", "1.5", is_buyer_maker=False)
    await paper.look(2)
    assert paper.filled() == D("0.5")


async def test_a_trade_that_is_told_late_is_not_lost_to_an_engine_that_has_moved_on(paper) -> None:
    await paper.look(0)
    paper.rest("99", "2")
    paper.real.trade(NOW_MS + 300, "99.00", "6")
    paper.clock.time_ms = NOW_MS + 1_000
    assert paper.filled() == 0
    await paper.feed.refresh(SYMBOL, 5.0, [SYMBOL])  # in the very millisecond that the engine has reached
    paper.clock.time_ms += 1
    assert paper.filled() == 1


async def test_trades_are_asked_for_only_while_orders_rest(paper) -> None:
    await paper.look(0)
    await paper.look(1)
    assert [url.path for url in paper.real.asked] == ["/api/v3/depth"] * 2
    paper.rest("99", "1")
    paper.real.asked.clear()
    await paper.look(2)
    await paper.look(3)
    assert [str(url.query, "ascii") for url in paper.real.asked if url.path == "/api/v3/aggTrades"] == [
        f"symbol=BTCUSDT&startTime={NOW_MS + 1_001}&limit=1000"
    ] * 2
    paper.real.trade(NOW_MS + 3_500, "99.00", "9")
    await paper.look(4)
    assert paper.filled() == 1
    paper.real.asked.clear()
    await paper.look(5)
    assert [url.path for url in paper.real.asked] == ["/api/v3/depth"]


async def test_many_trades_come_page_by_page_and_the_rest_the_next_time(paper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror_feed, "TRADES_AT_ONCE", 3)
    await paper.look(0)
    paper.rest("99", "100")
    for number in range(20):
        paper.real.trade(NOW_MS + 100 + number, "99.00", "1")
    await paper.look(1)
    assert paper.filled() == 10  # 15 trades, five of which those met who stood before
    await paper.look(2)
    assert paper.filled() == 15


@pytest.mark.parametrize("answer", [b"", b"{}", b'[{"a": 1}]', b'[{"a":1,"p":"0","q":"1","f":1,"l":1,"T":1,"m":true,"M":true}]'])
async def test_trades_that_cannot_be_read_leave_the_old_book(paper, answer: bytes) -> None:
    await paper.look(0)
    paper.rest("99", "2")
    paper.real.bids = [("98.00", "1")]
    paper.real.broken = answer
    with pytest.raises(BadAnswerError, match="trades of BTCUSDT"):
        await paper.look(1)
    assert paper.mirror.quote(SYMBOL, NOW_MS + 1_000).ladder.bids[0] == (99, 5)


def test_the_memory_of_trades_is_bounded_and_told_in_order() -> None:
    mirror = MirrorMarket(RULES)
    for number in range(TRADES_KEPT + 5):
        mirror.trade(SYMBOL, NOW_MS + number // 3, [TakerOrder(number, number, 0, D(99), (D(1),), is_buyer_maker=True)])
    told = list(mirror.taker_orders(SYMBOL, 0, NOW_MS * 2))
    assert [order.aggregate_id for order in told] == list(range(5, TRADES_KEPT + 5))
    cut_ms = NOW_MS + 1_000
    parts = [*mirror.taker_orders(SYMBOL, 0, cut_ms), *mirror.taker_orders(SYMBOL, cut_ms, NOW_MS * 2)]
    assert parts == told
    assert list(mirror.taker_orders("NOSUCH", 0, NOW_MS)) == []
    with pytest.raises(KeyError):
        mirror.trade("NOSUCH", NOW_MS, [])
