"""Paper mode: the mirror shows what the real exchange showed, and no order or key ever reaches the real exchange."""

import asyncio
import json
from decimal import Decimal

import httpx
import pytest
from hand_clocks import HandClock
from httpx_bridge import Scripted, UnderHttpx
from hypothesis import given
from hypothesis import strategies as st

from binance_trade_agent.domain.errors import BadAnswerError, FateUnknownError, NotSentError, PoolTimeoutError
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.markets import mirror_feed
from binance_trade_agent.simulation.markets.mirror import QUOTES_KEPT, MirrorMarket
from binance_trade_agent.simulation.markets.paper_transport import PaperTransport
from binance_trade_agent.simulation.markets.symbol_catalogue import plausible_rules

NOW_MS = 1_764_000_000_000
UPSTREAM = "https://market.example"
SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT")
KEY = {"X-MBX-APIKEY": "key-of-the-account"}


def rules_of(symbol: str) -> SymbolRules:
    return plausible_rules(symbol, symbol[:-4], "USDT", price=100.0, tick_size=Decimal("0.01"))


def levels(*pairs: tuple[str, str]) -> list[tuple[Decimal, Decimal]]:
    return [(Decimal(price), Decimal(quantity)) for price, quantity in pairs]


class Venue:
    """The transport between a recording real exchange and a recording local one."""

    def __init__(self, resting: tuple[str, ...] = ()) -> None:
        self.asked_upstream: list[httpx.Request] = []
        self.asked_locally: list[tuple[str, str]] = []
        self.mirror = MirrorMarket({symbol: rules_of(symbol) for symbol in SYMBOLS})
        self.clock = HandClock(NOW_MS)
        self.depth_answer: httpx.Response | Exception | None = None
        self.client = httpx.AsyncClient(
            base_url="http://embedded.invalid",
            headers=KEY,
            transport=UnderHttpx(
                PaperTransport(
                    Scripted(httpx.MockTransport(self._upstream)),
                    UPSTREAM,
                    Scripted(httpx.MockTransport(self._local)),
                    self.mirror,
                    self.clock,
                    resting_symbols=lambda: resting,
                )
            ),
        )

    async def _upstream(self, request: httpx.Request) -> httpx.Response:
        self.asked_upstream.append(request)
        if request.url.path != "/api/v3/depth":
            return httpx.Response(200, json={"from": "upstream"})
        if isinstance(self.depth_answer, Exception):
            raise self.depth_answer
        book = {"lastUpdateId": 1, "bids": [["99.90", "2.0"], ["99.80", "3"]], "asks": [["100.10", "1.5"]]}
        return self.depth_answer or httpx.Response(200, json=book)

    async def _local(self, request: httpx.Request) -> httpx.Response:
        self.asked_locally.append((request.method, request.url.path))
        return httpx.Response(200, json={"from": "local"})

    @property
    def depths(self) -> list[str]:
        return [request.url.params["symbol"] for request in self.asked_upstream if request.url.path == "/api/v3/depth"]


@pytest.mark.parametrize(
    "path",
    [
        "ping",
        "exchangeInfo",
        "depth?symbol=BTCUSDT&limit=5",
        "klines?symbol=BTCUSDT&interval=1m",
        "ticker/price?symbols=%5B%22BTCUSDT%22%5D",
        "ticker/bookTicker",
        "ticker/24hr",
        "ticker",
        "avgPrice?symbol=BTCUSDT",
        "trades?symbol=BTCUSDT",
    ],
)
async def test_public_data_comes_from_the_real_exchange_without_the_key(path: str) -> None:
    venue = Venue()
    async with venue.client as client:
        await client.get(f"/api/v3/{path}", headers={"authorization": "secret", "cookie": "a=b", "accept-encoding": "gzip"})
    (request,) = venue.asked_upstream
    assert str(request.url) == f"{UPSTREAM}/api/v3/{path}"
    assert request.headers["host"] == "market.example"
    assert dict(request.headers).keys() == {"host"}
    assert venue.asked_locally == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "time"),
        ("GET", "account"),
        ("GET", "openOrders"),
        ("GET", "myTrades?symbol=BTCUSDT"),
        ("GET", "order?symbol=BTCUSDT"),
        ("POST", "order?symbol=BTCUSDT"),
        ("POST", "order/test?symbol=BTCUSDT"),
        ("POST", "orderList/oco?symbol=BTCUSDT"),
        ("DELETE", "order?symbol=BTCUSDT"),
        ("DELETE", "openOrders?symbol=BTCUSDT"),
        ("POST", "depth?symbol=BTCUSDT"),
        ("POST", "ticker/price"),
        ("GET", "anything/unknown"),
        ("GET", "../v3/order?symbol=BTCUSDT"),
    ],
)
async def test_all_else_stays_here_and_only_books_are_asked_for(method: str, path: str) -> None:
    venue = Venue()
    async with venue.client as client:
        answer = await client.request(method, f"/api/v3/{path}")
    assert answer.json() == {"from": "local"}
    assert len(venue.asked_locally) == 1
    for request in venue.asked_upstream:
        assert (request.method, request.url.path, dict(request.url.params)) == (
            "GET",
            "/api/v3/depth",
            {"symbol": "BTCUSDT", "limit": "100"},
        )
        assert "x-mbx-apikey" not in request.headers


@pytest.mark.parametrize("as_form", [False, True])
async def test_an_order_meets_the_book_of_now(as_form: bool) -> None:
    venue = Venue()
    parameters = {"symbol": "ETHUSDT", "side": "BUY"}
    async with venue.client as client:
        await client.post("/api/v3/order", **({"data": parameters} if as_form else {"params": parameters}))
    quote = venue.mirror.quote("ETHUSDT", NOW_MS)
    assert (quote.time_ms, quote.price) == (NOW_MS, Decimal("100.00"))
    assert quote.ladder.bids == tuple(levels(("99.90", "2.0"), ("99.80", "3")))
    assert quote.ladder.asks == tuple(levels(("100.10", "1.5")))
    assert venue.asked_locally == [("POST", "/api/v3/order")]


@pytest.mark.parametrize(
    "answer",
    [
        NotSentError("refused"),
        FateUnknownError("slow"),
        PoolTimeoutError("full"),
        httpx.Response(429, json={"code": -1003}),
        httpx.Response(503, text="busy"),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"bids": []}),
        httpx.Response(200, json={"bids": [["NaN", "1"]], "asks": []}),
        httpx.Response(200, json={"bids": [["99", "-1"]], "asks": []}),
        httpx.Response(200, json={"bids": [[1, 2, 3]], "asks": []}),
        httpx.Response(200, content=b"\xff\xfe"),
        BadAnswerError("from a transport of our own"),
    ],
)
async def test_without_a_book_no_order_is_placed_but_the_account_can_be_read(answer: httpx.Response | Exception) -> None:
    venue = Venue(resting=("ETHUSDT",))
    venue.depth_answer = answer
    async with venue.client as client:
        with pytest.raises(NotSentError, match="ETHUSDT not placed"):
            await client.post("/api/v3/order", params={"symbol": "ETHUSDT"})
        assert venue.asked_locally == []
        assert (await client.get("/api/v3/openOrders")).json() == {"from": "local"}
    assert venue.mirror.quote("ETHUSDT", NOW_MS) is None


async def test_a_book_beyond_its_bound_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror_feed, "MAX_ANSWER_BYTES", 100)
    venue = Venue()
    venue.depth_answer = httpx.Response(200, json={"bids": [["99.90", "2.0"]] * 10, "asks": []})
    async with venue.client as client:
        with pytest.raises(NotSentError):
            await client.post("/api/v3/order", params={"symbol": "ETHUSDT"})


async def test_a_silent_exchange_does_not_hold_an_order_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror_feed, "REFRESH_DEADLINE_S", 0.02)

    async def silence():
        await asyncio.Event().wait()
        yield b""

    venue = Venue()
    venue.depth_answer = httpx.Response(200, content=silence())
    async with venue.client as client:
        with pytest.raises(NotSentError, match="ETHUSDT not placed"):
            await client.post("/api/v3/order", params={"symbol": "ETHUSDT"})
    assert venue.asked_locally == []


async def test_a_symbol_that_is_not_traded_is_left_to_the_local_exchange_to_refuse() -> None:
    venue = Venue()
    async with venue.client as client:
        await client.post("/api/v3/order", params={"symbol": "NOSUCHUSDT"})
    assert venue.asked_upstream == []
    assert venue.asked_locally == [("POST", "/api/v3/order")]


async def test_reads_without_a_symbol_refresh_what_rests_and_no_more() -> None:
    venue = Venue(resting=("BNBUSDT", "BTCUSDT", "GONEUSDT"))
    async with venue.client as client:
        for path in ("openOrders", "account"):
            await client.get(f"/api/v3/{path}")
            assert venue.depths == ["BNBUSDT", "BTCUSDT"]
            venue.asked_upstream.clear()
        await client.get("/api/v3/openOrders", params={"symbol": "ETHUSDT"})
        assert venue.depths == ["ETHUSDT"]


@pytest.mark.parametrize(("method", "path"), [("DELETE", "order"), ("DELETE", "openOrders"), ("PUT", "order/amend/keepPriority")])
async def test_a_change_of_a_resting_order_comes_after_what_was_traded_before_it(method: str, path: str) -> None:
    venue = Venue(resting=("BTCUSDT",))
    venue.depth_answer = httpx.Response(503)
    async with venue.client as client:
        await client.request(method, f"/api/v3/{path}", params={"symbol": "BTCUSDT"})
        assert venue.depths == ["BTCUSDT"]  # and a refresh that fails does not hold it up
        await client.request(method, f"/api/v3/{path}", params={"symbol": "ETHUSDT"})
        assert venue.depths == ["BTCUSDT"]
    assert len(venue.asked_locally) == 2


async def test_closing_closes_both_sides() -> None:
    closed: list[str] = []

    class Closing(Scripted):
        def __init__(self, name: str) -> None:
            self.name = name

        async def aclose(self) -> None:
            closed.append(self.name)

    market = MirrorMarket({})
    await PaperTransport(Closing("upstream"), UPSTREAM, Closing("local"), market, HandClock(NOW_MS), resting_symbols=tuple).aclose()
    assert closed == ["upstream", "local"]


async def test_the_path_of_the_base_address_is_kept() -> None:
    asked: list[str] = []

    def upstream(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, content=json.dumps({"bids": [], "asks": []}))

    local = Scripted(httpx.MockTransport(lambda _: httpx.Response(200)))
    market = MirrorMarket({"BTCUSDT": rules_of("BTCUSDT")})
    transport = PaperTransport(
        Scripted(httpx.MockTransport(upstream)), f"{UPSTREAM}/proxy/", local, market, HandClock(NOW_MS), resting_symbols=tuple
    )
    async with httpx.AsyncClient(transport=UnderHttpx(transport), base_url="http://embedded.invalid") as client:
        await client.get("/api/v3/ping")
        await client.post("/api/v3/order", params={"symbol": "BTCUSDT"})
    assert asked == [f"{UPSTREAM}/proxy/api/v3/ping", f"{UPSTREAM}/proxy/api/v3/depth?symbol=BTCUSDT&limit=100"]


@given(st.lists(st.tuples(st.integers(min_value=-5, max_value=50), st.integers(min_value=2, max_value=10_000)), min_size=1, max_size=30))
def test_the_mirror_shows_the_newest_book_of_any_moment(steps: list[tuple[int, int]]) -> None:
    market = MirrorMarket({"BTCUSDT": rules_of("BTCUSDT")})
    expected: list[tuple[int, Decimal]] = []
    now_ms = NOW_MS
    for step_ms, cents in steps:
        now_ms += step_ms  # also back, as a clock that is set does
        bid = Decimal(cents) / 100
        market.update("BTCUSDT", now_ms, [(bid, Decimal(1))], [(bid + Decimal("0.02"), Decimal(1))])
        if expected and now_ms <= expected[-1][0]:
            expected[-1] = (expected[-1][0], bid + Decimal("0.01"))
        else:
            expected.append((now_ms, bid + Decimal("0.01")))
    shown = [(quote.time_ms, quote.price) for quote in market.quotes("BTCUSDT", 0, NOW_MS * 2)]
    assert shown == expected
    for time_ms in range(expected[0][0] - 1, expected[-1][0] + 2):
        before = [one for one in expected if one[0] <= time_ms]
        quote = market.quote("BTCUSDT", time_ms)
        assert (None if quote is None else (quote.time_ms, quote.price)) == (before[-1] if before else None)
        assert [one.time_ms for one in market.quotes("BTCUSDT", time_ms, time_ms + 7)] == [
            one[0] for one in expected if time_ms < one[0] <= time_ms + 7
        ]


def test_one_sided_and_empty_books_keep_a_sensible_price() -> None:
    market = MirrorMarket({"BTCUSDT": rules_of("BTCUSDT")})
    market.update("BTCUSDT", NOW_MS, [], [])
    assert market.quote("BTCUSDT", NOW_MS) is None
    market.update("BTCUSDT", NOW_MS + 1, levels(("99.99", "1")), [])
    assert market.quote("BTCUSDT", NOW_MS + 1).price == Decimal("99.99")
    market.update("BTCUSDT", NOW_MS + 2, [], [])
    assert (market.quote("BTCUSDT", NOW_MS + 2).price, market.quote("BTCUSDT", NOW_MS + 2).ladder.bids) == (Decimal("99.99"), ())
    market.update("BTCUSDT", NOW_MS + 3, levels(("1.00", "1")), levels(("1.03", "1")))
    assert market.quote("BTCUSDT", NOW_MS + 3).price == Decimal("1.01")
    with pytest.raises(KeyError):
        market.update("NOSUCH", NOW_MS, [], [])


def test_the_mirrors_memory_is_bounded_and_it_has_no_candles() -> None:
    market = MirrorMarket({"BTCUSDT": rules_of("BTCUSDT")})
    for number in range(QUOTES_KEPT + 10):
        market.update("BTCUSDT", NOW_MS + number, levels(("99", "1")), levels(("101", "1")))
    quotes = list(market.quotes("BTCUSDT", 0, NOW_MS * 2))
    assert [quote.time_ms for quote in quotes] == [NOW_MS + number for number in range(10, QUOTES_KEPT + 10)]
    assert market.candles("BTCUSDT", 60_000, start_ms=None, end_ms=None, limit=5, now_ms=NOW_MS) == ()
    assert market.quote("NOSUCH", NOW_MS) is None
    assert list(market.quotes("NOSUCH", 0, NOW_MS)) == []
