"""Every method of client.market and client.account sends what the documents ask for and reads the documents' own answers."""

import ast
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from golden import GOLDEN, assert_same
from hand_clocks import HandClock
from recorder import Recorder
from scripted_venue import KEY, always, opened, query_of, refusal
from virtual_time import virtual

from binance_trade_agent.binance import endpoints
from binance_trade_agent.binance.answers.shape import Decoder
from binance_trade_agent.binance.calls import account, market
from binance_trade_agent.binance.error_codes import TOO_MANY_ORDERS
from binance_trade_agent.binance.limits.silence import Silence
from binance_trade_agent.binance.limits.weight_governor import WeightGovernor
from binance_trade_agent.binance.server_clock import ServerClock
from binance_trade_agent.domain.errors import BadAnswerError, ExchangeRefusedError, RateLimitedError
from binance_trade_agent.ports.ban_memory import ForgetfulBanMemory

PAIR = {"symbols": '["BTCUSDT","BNBUSDT"]'}
SIGNING = {"recvWindow", "timestamp", "signature"}


@dataclass
class Case:
    """One call, the request it must make, and which of the documents' answers it must read."""

    name: str
    call: Callable[[Any], Awaitable[Any]]
    path: str
    params: dict[str, str] = field(default_factory=dict)
    answer: int = 0
    is_signed: bool = False


def public(name: str, call: Callable[[Any], Awaitable[Any]], path: str, answer: int = 0, **params: str) -> Case:
    return Case(name, lambda client: call(client.market), path, params, answer)


def signed(name: str, call: Callable[[Any], Awaitable[Any]], path: str, **params: str) -> Case:
    return Case(name, lambda client: call(client.account), path, params, is_signed=True)


CASES = [
    public("execution_rules", lambda m: m.execution_rules(["BTCUSDT", "BNBUSDT"]), "executionRules", **PAIR),
    public("execution_rules", lambda m: m.execution_rules(), "executionRules"),
    public("trades", lambda m: m.trades("BTCUSDT", limit=7), "trades", symbol="BTCUSDT", limit="7"),
    public(
        "historical_trades",
        lambda m: m.historical_trades("BTCUSDT", from_id=0),
        "historicalTrades",
        symbol="BTCUSDT",
        fromId="0",
        limit="500",
    ),
    public("block_trades", lambda m: m.block_trades("BTCUSDT", 582), "historicalBlockTrades", symbol="BTCUSDT", fromId="582", limit="500"),
    public(
        "aggregate_trades",
        lambda m: m.aggregate_trades("BTCUSDT", start_time_ms=5, end_time_ms=9, limit=3),
        "aggTrades",
        symbol="BTCUSDT",
        startTime="5",
        endTime="9",
        limit="3",
    ),
    public("average_price", lambda m: m.average_price("BTCUSDT"), "avgPrice", symbol="BTCUSDT"),
    public("ticker_24h", lambda m: m.ticker_24h(), "ticker/24hr", 1, type="FULL"),
    public("ticker_24h", lambda m: m.ticker_24h(["BTCUSDT", "BNBUSDT"], mini=True), "ticker/24hr", 3, **PAIR, type="MINI"),
    public(
        "ticker_trading_day",
        lambda m: m.ticker_trading_day(["BTCUSDT", "BNBUSDT"], time_zone="5:45"),
        "ticker/tradingDay",
        1,
        **PAIR,
        type="FULL",
        timeZone="5:45",
    ),
    public(
        "ticker_trading_day",
        lambda m: m.ticker_trading_day(["BTCUSDT", "BNBUSDT"], mini=True),
        "ticker/tradingDay",
        3,
        **PAIR,
        type="MINI",
    ),
    public(
        "ticker_rolling",
        lambda m: m.ticker_rolling(["BTCUSDT", "BNBUSDT"], window="4h"),
        "ticker",
        1,
        **PAIR,
        type="FULL",
        windowSize="4h",
    ),
    public(
        "ticker_rolling",
        lambda m: m.ticker_rolling(["BTCUSDT", "BNBUSDT"], mini=True),
        "ticker",
        3,
        **PAIR,
        type="MINI",
        windowSize="1d",
    ),
    public("reference_price", lambda m: m.reference_price("BAZUSD"), "referencePrice", symbol="BAZUSD"),
    public("reference_price", lambda m: m.reference_price("BAZUSD"), "referencePrice", 1, symbol="BAZUSD"),
    public(
        "reference_price_calculation",
        lambda m: m.reference_price_calculation("BAZUSD"),
        "referencePrice/calculation",
        1,
        symbol="BAZUSD",
    ),
    public(
        "reference_price_calculation",
        lambda m: m.reference_price_calculation("BAZUSD"),
        "referencePrice/calculation",
        2,
        symbol="BAZUSD",
    ),
    signed(
        "all_orders",
        lambda a: a.all_orders("LTCBTC", from_order_id=1, limit=2),
        "allOrders",
        symbol="LTCBTC",
        orderId="1",
        limit="2",
    ),
    signed("order_list", lambda a: a.order_list(order_list_id=27), "orderList", orderListId="27"),
    signed("order_list", lambda a: a.order_list(list_client_order_id="mine"), "orderList", origClientOrderId="mine"),
    signed(
        "all_order_lists",
        lambda a: a.all_order_lists(start_time_ms=1, end_time_ms=2),
        "allOrderList",
        startTime="1",
        endTime="2",
        limit="500",
    ),
    signed("open_order_lists", lambda a: a.open_order_lists(), "openOrderList"),
    signed("unfilled_order_count", lambda a: a.unfilled_order_count(), "rateLimit/order"),
    signed(
        "prevented_matches",
        lambda a: a.prevented_matches("BTCUSDT", order_id=5, from_prevented_match_id=1, limit=9),
        "myPreventedMatches",
        symbol="BTCUSDT",
        orderId="5",
        fromPreventedMatchId="1",
        limit="9",
    ),
    signed(
        "allocations",
        lambda a: a.allocations("BTCUSDT", order_id=1, from_allocation_id=0),
        "myAllocations",
        symbol="BTCUSDT",
        orderId="1",
        fromAllocationId="0",
        limit="500",
    ),
    signed("commission_rates", lambda a: a.commission_rates("BTCUSDT"), "account/commission", symbol="BTCUSDT"),
    signed(
        "order_amendments",
        lambda a: a.order_amendments("BTCUSDT", 9, from_execution_id=22),
        "order/amendments",
        symbol="BTCUSDT",
        orderId="9",
        fromExecutionId="22",
        limit="500",
    ),
    signed("my_filters", lambda a: a.my_filters("BTCUSDT"), "myFilters", symbol="BTCUSDT"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{case.answer}")
@virtual
async def test_a_call_sends_what_is_documented_and_reads_the_answer(case: Case) -> None:
    golden = GOLDEN[case.name][case.answer]
    async with opened(always(200, golden)) as (client, venue):
        decoded = await case.call(client)
    (request,) = venue.requests
    query = query_of(request)
    assert (request.method, request.url.path) == ("GET", f"/api/v3/{case.path}")
    assert {name: value for name, value in query.items() if name not in SIGNING} == case.params
    assert (query.keys() >= SIGNING) is case.is_signed
    assert request.headers.get("x-mbx-apikey") == (KEY if case.is_signed else None)
    assert_same(decoded, golden["symbolRules"] if case.name == "execution_rules" else golden)


@virtual
async def test_what_a_key_may_do_is_asked_of_the_wallet_api() -> None:
    golden = GOLDEN["api_restrictions"][0]
    async with opened(always(200, golden)) as (client, venue):
        decoded = await client.account.api_restrictions()
    (request,) = venue.requests
    assert (request.method, request.url.path) == ("GET", "/sapi/v1/account/apiRestrictions")
    assert query_of(request).keys() == SIGNING
    assert_same(decoded, golden)


@virtual
async def test_charts_are_candles_in_a_time_zone() -> None:
    async with opened(always(200, GOLDEN["ui_klines"][0])) as (client, venue):
        (candle,) = await client.market.ui_klines("BTCUSDT", "1w", start_time_ms=1, end_time_ms=2, time_zone="-1:00", limit=1)
    expected = {"symbol": "BTCUSDT", "interval": "1w", "startTime": "1", "endTime": "2", "timeZone": "-1:00", "limit": "1"}
    assert venue.requests[0].url.path == "/api/v3/uiKlines"
    assert query_of(venue.requests[0]) == expected
    assert (candle.open_time_ms, candle.close, candle.trades) == (1499040000000, 0.01577100, 308)


@virtual
async def test_a_ladder_is_floats() -> None:
    async with opened(always(200, GOLDEN["ladder"][0])) as (client, venue):
        ladder = await client.market.ladder("LTCBTC", 5_000)
    assert venue.requests[0].url.path == "/api/v3/depth"
    assert query_of(venue.requests[0]) == {"symbol": "LTCBTC", "limit": "5000"}
    assert (ladder.last_update_id, ladder.bids, ladder.asks) == (1027024, ((4.0, 431.0),), ((4.000002, 12.0),))


@virtual
async def test_exact_klines_keep_every_digit() -> None:
    row = [0, "0.1", "0.3", "0.1", "0.2", "12345678901.12345678", 59_999, "98765432109.87654321", 7, "1.10", "0.00", "0"]
    async with opened(always(200, [row])) as (client, venue):
        (kline,) = await client.market.exact_klines("LTCBTC", "1m", start_time_ms=0, end_time_ms=59_999)
    query = {"symbol": "LTCBTC", "interval": "1m", "startTime": "0", "endTime": "59999", "limit": "1000"}
    assert (venue.requests[0].url.path, query_of(venue.requests[0])) == ("/api/v3/klines", query)
    assert (kline.volume, kline.quote_volume) == (Decimal("12345678901.12345678"), Decimal("98765432109.87654321"))
    assert (kline.close_time_ms, kline.trades, kline.taker_buy_volume) == (59_999, 7, Decimal("1.1"))
    async with opened(always(200, [[*row[:1], "NaN", *row[2:]]])) as (client, _):
        with pytest.raises(BadAnswerError, match="klines"):
            await client.market.exact_klines("LTCBTC", "1m", start_time_ms=0, end_time_ms=59_999)


@pytest.mark.parametrize("price", ["NaN", "inf", "1e999", "four"])
@virtual
async def test_a_ladder_of_anything_else_is_refused(price: str) -> None:
    async with opened(always(200, {"lastUpdateId": 1, "bids": [[price, "1"]], "asks": []})) as (client, _):
        with pytest.raises(BadAnswerError, match="depth"):
            await client.market.ladder("LTCBTC")


@pytest.mark.parametrize("ask", ["reference_price", "reference_price_calculation"])
@virtual
async def test_a_symbol_without_a_reference_price_has_none(ask: str) -> None:
    async with opened(refusal(400, -2043)) as (client, _):
        assert await getattr(client.market, ask)("BAZUSD") is None
    async with opened(refusal(400, -1121)) as (client, _):
        with pytest.raises(ExchangeRefusedError):
            await getattr(client.market, ask)("BAZUSD")


@virtual
async def test_more_symbols_than_one_request_may_name_go_out_in_portions() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        (row, _) = GOLDEN["ticker_rolling"][1]
        return httpx.Response(200, json=[{**row, "symbol": symbol} for symbol in json.loads(query_of(request)["symbols"])])

    symbols = [f"S{number}" for number in range(250)]
    async with opened(answer) as (client, venue):
        rows = await client.market.ticker_rolling(symbols)
    assert [row.symbol for row in rows] == symbols
    assert [len(json.loads(query_of(request)["symbols"])) for request in venue.requests] == [100, 100, 50]


@virtual
async def test_no_symbols_ask_for_none() -> None:
    async with opened(always(500)) as (client, venue):
        assert await client.market.ticker_rolling([]) == ()
        assert await client.market.ticker_trading_day([]) == ()
    assert venue.requests == []


@pytest.mark.parametrize("bad", ['"NaN"', '"-Infinity"', "1e999", '"1e-999"', '"x"', "null", "[]", "true"])
def test_what_can_be_no_amount_is_refused_and_named(bad: str) -> None:
    body = f'{{"mins":5,"price":{bad},"closeTime":1}}'.encode()
    with pytest.raises(BadAnswerError, match="average_price"):
        Decoder("average_price", market.AveragePrice)(body)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"mins":5}', b"[" * 100_000])
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(BadAnswerError):
        Decoder("average_price", market.AveragePrice)(body)


def test_an_answer_cannot_be_changed() -> None:
    counts = Decoder("unfilled_order_count", tuple[account.UnfilledOrderCount, ...])
    (count, _) = counts(json.dumps(GOLDEN["unfilled_order_count"][0]).encode())
    with pytest.raises(AttributeError):
        count.limit = 1
    assert isinstance(count, msgspec.Struct)


LISTS = [[f"S{number}" for number in range(count)] for count in (1, 20, 21, 50, 51, 100, 101)]


@pytest.mark.parametrize(
    ("endpoint", "weights", "for_all"),
    [
        (endpoints.TICKER_24H, (2, 2, 40, 40, 40, 40, 80), 80),
        (endpoints.TICKER_TRADING_DAY, (4, 80, 84, 200, 200, 200, 200), 200),
        (endpoints.TICKER_ROLLING, (4, 80, 84, 200, 200, 200, 200), 200),
        (endpoints.EXECUTION_RULES, (2, 40, 40, 40, 40, 40, 40), 40),
        (endpoints.TICKER_PRICE, (4,) * 7, 4),
    ],
)
def test_a_list_of_symbols_weighs_what_is_documented(endpoint: endpoints.Endpoint[Any], weights: tuple[int, ...], for_all: int) -> None:
    found = [endpoint.weight_of({"symbols": json.dumps(symbols, separators=(",", ":"))}) for symbols in LISTS]
    assert tuple(found) == weights
    assert endpoint.weight_of({}) == for_all
    if endpoint is not endpoints.TICKER_PRICE:
        assert endpoint.weight_of({"symbol": "BTCUSDT"}) == weights[0]


def test_prevented_matches_weigh_more_by_order() -> None:
    assert endpoints.PREVENTED_MATCHES.weight_of({"symbol": "X", "orderId": "1"}) == 20
    assert endpoints.PREVENTED_MATCHES.weight_of({"symbol": "X", "preventedMatchId": "1"}) == 2


def test_endpoints_are_each_defined_once() -> None:
    assert len({(endpoint.method, endpoint.path) for endpoint in endpoints.ENDPOINTS}) == len(endpoints.ENDPOINTS) == 49
    assert len({endpoint.name for endpoint in endpoints.ENDPOINTS}) == len(endpoints.ENDPOINTS)


def test_what_is_no_read_and_no_check_is_sent_once() -> None:
    for endpoint in endpoints.ENDPOINTS:
        is_read = endpoint.method == "GET" or endpoint.path.endswith("/test")
        assert endpoint.changes_orders is not is_read, endpoint.name
        assert not (endpoint.new_orders and is_read), endpoint.name


def test_every_method_of_the_groups_is_tried_here() -> None:
    tried = {case.name for case in CASES} | {"ui_klines", "exact_klines", "ladder", "api_restrictions"}
    public_methods = {
        node.name
        for module in (market, account)
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text()))
        if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_")
    }
    assert public_methods == tried


def fresh_governor(clock: HandClock) -> WeightGovernor:
    silence = Silence("exchange.test", clock, ForgetfulBanMemory(), Recorder())
    return WeightGovernor(clock, ServerClock(clock.now_ms), silence, Recorder())


def test_the_wallet_api_does_not_draw_on_the_weight_of_spot() -> None:
    governor = fresh_governor(HandClock(0))
    admission = governor.try_admit(endpoints.PING, {})
    assert admission is not None
    governor.record_answer(admission, {"x-mbx-used-weight-1m": "6000"})
    assert governor.try_admit(endpoints.PING, {}) is None
    assert governor.try_admit(endpoints.API_RESTRICTIONS, {}) is not None
    assert governor.try_admit(endpoints.ACCOUNT, {}) is None
    assert {endpoint.pool for endpoint in endpoints.ENDPOINTS if endpoint.path.startswith("/api/v3/")} == {endpoints.WeightPool.SPOT}


@pytest.mark.parametrize("endpoint", endpoints.ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_too_many_orders_hold_back_whatever_places_one_and_nothing_else(endpoint: endpoints.Endpoint[Any]) -> None:
    clock = HandClock(0)
    governor = fresh_governor(clock)
    governor.record_limited(RateLimitedError(TOO_MANY_ORDERS, "slow down", 429, 10.0))
    places = endpoint.method == "POST" and not endpoint.path.endswith("/test")
    clock.time_ms = 9_999
    assert (governor.try_admit(endpoint, {}) is None) is places
    clock.time_ms = 10_000
    assert governor.try_admit(endpoint, {}) is not None
