"""Single orders of every type: the parameters as sent, the documents' answers as read, contradictions refused, fates told apart."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from golden import GOLDEN, assert_same
from scripted_venue import KEY, Venue, always, connection, opened, query_of, refusal
from virtual_time import virtual

from binance_trade_agent.async_binance_client import AsyncBinanceClient
from binance_trade_agent.binance.answers.orders import CanceledOrder, CanceledOrderList
from binance_trade_agent.binance.calls import order_lists, orders
from binance_trade_agent.binance.calls.order_terms import OrderKind, Peg, PegPrice, ResponseType, SelfTradePrevention, Terms
from binance_trade_agent.binance.calls.orders import CancelReplaceMode, CancelRestriction
from binance_trade_agent.domain.errors import ExchangeError, ExchangeRefusedError, FateUnknownError, NotSentError, RateLimitedError
from binance_trade_agent.domain.order import Side, TimeInForce

SIGNING = {"recvWindow", "timestamp", "signature"}
BUY, SELL = Side.BUY, Side.SELL


def terms(kind: OrderKind = OrderKind.MARKET, client_order_id: str | None = None, **more: Any) -> Terms:
    return Terms(kind=kind, client_order_id=client_order_id, **more)


@dataclass
class Case:
    """One call, the request it must make, and the answer of the documents that it must read."""

    golden: str
    call: Callable[[Any], Awaitable[Any]]
    request: str
    params: dict[str, str] = field(default_factory=dict)
    answer: int = 0


FULL_ORDER = {"symbol": "BTCUSDT", "newClientOrderId": "6gCrw2kRUAF9CvJDGP16IP"}
ID = "6gCrw2kRUAF9CvJDGP16IP"
LIMIT = terms(OrderKind.LIMIT, ID, price="2")

CASES = [
    Case(
        "new",
        lambda o: o.new("BTCUSDT", SELL, terms(client_order_id=ID), quantity="10", response=ResponseType.ACK),
        "POST /api/v3/order",
        FULL_ORDER | {"side": "SELL", "type": "MARKET", "quantity": "10", "newOrderRespType": "ACK"},
    ),
    Case(
        "new",
        lambda o: o.new("BTCUSDT", SELL, terms(client_order_id=ID), quote_quantity=Decimal("10.50"), response=ResponseType.RESULT),
        "POST /api/v3/order",
        FULL_ORDER | {"side": "SELL", "type": "MARKET", "quoteOrderQty": "10.5", "newOrderRespType": "RESULT"},
        1,
    ),
    Case(
        "new",
        lambda o: o.new("BTCUSDT", SELL, LIMIT, quantity=10, self_trade_prevention=SelfTradePrevention.EXPIRE_BOTH),
        "POST /api/v3/order",
        FULL_ORDER
        | {
            "side": "SELL",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "price": "2",
            "quantity": "10",
            "selfTradePreventionMode": "EXPIRE_BOTH",
            "newOrderRespType": "FULL",
        },
        2,
    ),
    Case(
        "test",
        lambda o: o.test("BTCUSDT", BUY, terms(client_order_id="t"), quantity=1),
        "POST /api/v3/order/test",
        {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1", "newClientOrderId": "t"},
    ),
    Case(
        "test",
        lambda o: o.test("BTCUSDT", BUY, terms(client_order_id="t"), quantity=1, with_commission=True),
        "POST /api/v3/order/test",
        {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "MARKET",
            "quantity": "1",
            "newClientOrderId": "t",
            "computeCommissionRates": "true",
        },
        1,
    ),
    Case(
        "cancel",
        lambda o: o.cancel("LTCBTC", order_id=4, client_order_id="myOrder1", restriction=CancelRestriction.ONLY_NEW),
        "DELETE /api/v3/order",
        {"symbol": "LTCBTC", "orderId": "4", "origClientOrderId": "myOrder1", "cancelRestrictions": "ONLY_NEW"},
    ),
    Case(
        "cancel",
        lambda o: o.cancel("BTCUSDT", order_id=12569099454),
        "DELETE /api/v3/order",
        {"symbol": "BTCUSDT", "orderId": "12569099454"},
        1,
    ),
    Case("cancel_all", lambda o: o.cancel_all("BTCUSDT"), "DELETE /api/v3/openOrders", {"symbol": "BTCUSDT"}),
    Case(
        "amend",
        lambda o: o.amend("BTCUSDT", "5", order_id=33, new_client_order_id="PFaq6hIHxqFENGfdtn4J6Q"),
        "PUT /api/v3/order/amend/keepPriority",
        {"symbol": "BTCUSDT", "orderId": "33", "newClientOrderId": "PFaq6hIHxqFENGfdtn4J6Q", "newQty": "5"},
    ),
    Case(
        "amend",
        lambda o: o.amend("BTCUSDT", 4, client_order_id="W0fJ9fiLKHOJutovPK3oJp", new_client_order_id="UQ1Np3bmQ71jJzsSDW9Vpi"),
        "PUT /api/v3/order/amend/keepPriority",
        {
            "symbol": "BTCUSDT",
            "origClientOrderId": "W0fJ9fiLKHOJutovPK3oJp",
            "newClientOrderId": "UQ1Np3bmQ71jJzsSDW9Vpi",
            "newQty": "4",
        },
        1,
    ),
    Case(
        "new_sor",
        lambda o: o.new_sor("BTCUSDT", BUY, terms(OrderKind.LIMIT, "sBI1KM6nNtOfj5tccZSKly", price="31000", iceberg_quantity="0.1"), "0.5"),
        "POST /api/v3/sor/order",
        {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "price": "31000",
            "quantity": "0.5",
            "icebergQty": "0.1",
            "newClientOrderId": "sBI1KM6nNtOfj5tccZSKly",
            "newOrderRespType": "FULL",
        },
    ),
    Case(
        "test_sor",
        lambda o: o.test_sor("BTCUSDT", BUY, terms(client_order_id="t"), "0.5", with_commission=True),
        "POST /api/v3/sor/order/test",
        {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "MARKET",
            "quantity": "0.5",
            "newClientOrderId": "t",
            "computeCommissionRates": "true",
        },
        1,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.golden}-{case.answer}")
@virtual
async def test_a_call_sends_what_is_documented_and_reads_the_answer(case: Case) -> None:
    golden = GOLDEN[case.golden][case.answer]
    async with opened(always(200, golden)) as (client, venue):
        decoded = await case.call(client.orders)
    (request,) = venue.requests
    query = query_of(request)
    assert f"{request.method} {request.url.path}" == case.request
    if case.golden == "cancel":
        assert query.pop("newClientOrderId").startswith("manual-")
    assert {name: value for name, value in query.items() if name not in SIGNING} == case.params
    assert query.keys() >= SIGNING
    assert request.headers["x-mbx-apikey"] == KEY
    assert_same(decoded, golden)


@pytest.mark.parametrize(
    ("order", "params"),
    [
        (terms(OrderKind.LIMIT, price="1", time_in_force=TimeInForce.FOK), {"timeInForce": "FOK", "price": "1"}),
        (terms(OrderKind.LIMIT, price="1", iceberg_quantity="0.5"), {"timeInForce": "GTC", "price": "1", "icebergQty": "0.5"}),
        (terms(OrderKind.LIMIT_MAKER, price="1", iceberg_quantity="0.5"), {"price": "1", "icebergQty": "0.5"}),
        (terms(OrderKind.STOP_LOSS, stop_price="9"), {"stopPrice": "9"}),
        (terms(OrderKind.STOP_LOSS, trailing_delta=100), {"trailingDelta": "100"}),
        (terms(OrderKind.TAKE_PROFIT, stop_price="9", trailing_delta=100), {"stopPrice": "9", "trailingDelta": "100"}),
        (
            terms(OrderKind.STOP_LOSS_LIMIT, price="8", stop_price="9", time_in_force=TimeInForce.IOC),
            {"timeInForce": "IOC", "price": "8", "stopPrice": "9"},
        ),
        (
            terms(OrderKind.TAKE_PROFIT_LIMIT, stop_price="9", peg=Peg(PegPrice.MARKET)),
            {"timeInForce": "GTC", "stopPrice": "9", "pegPriceType": "MARKET_PEG"},
        ),
        (
            terms(OrderKind.LIMIT, peg=Peg(PegPrice.PRIMARY, 5)),
            {"timeInForce": "GTC", "pegPriceType": "PRIMARY_PEG", "pegOffsetType": "PRICE_LEVEL", "pegOffsetValue": "5"},
        ),
        (
            terms(OrderKind.LIMIT, price="1", peg=Peg(PegPrice.MARKET), time_in_force=TimeInForce.IOC),
            {"timeInForce": "IOC", "price": "1", "pegPriceType": "MARKET_PEG"},
        ),
        (terms(strategy_id=7, strategy_type=1_000_000), {"strategyId": "7", "strategyType": "1000000"}),
    ],
)
@virtual
async def test_every_type_sends_its_own_parameters(order: Terms, params: dict[str, str]) -> None:
    def taken(request: httpx.Request) -> httpx.Response:
        ack = GOLDEN["new"][0] | {"clientOrderId": query_of(request)["newClientOrderId"]}
        return httpx.Response(200, json=ack)

    async with opened(taken) as (client, venue):
        placed = await client.orders.new("BTCUSDT", BUY, order, quantity=1, response=ResponseType.ACK)
    query = query_of(venue.requests[0])
    assert placed.client_order_id == query["newClientOrderId"]
    common = {"symbol", "side", "type", "quantity", "newClientOrderId", "newOrderRespType"} | SIGNING
    assert {name: value for name, value in query.items() if name not in common} == params
    assert query["type"] == order.kind.value


def new(order: Terms, **amounts: Any) -> Callable[[Any], Awaitable[Any]]:
    return lambda calls: calls.new("BTCUSDT", BUY, order, **(amounts or {"quantity": 1}))


REPLACE: dict[str, Any] = {"mode": CancelReplaceMode.ALLOW_FAILURE}


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (new(terms(price="1")), "price"),
        (new(terms(time_in_force=TimeInForce.GTC)), "time in force"),
        (new(terms(stop_price="1")), "stop_price"),
        (new(terms(iceberg_quantity="1")), "iceberg"),
        (new(terms(peg=Peg(PegPrice.MARKET))), "peg"),
        (new(terms(OrderKind.LIMIT)), "price"),
        (new(terms(OrderKind.LIMIT, price="0")), "price"),
        (new(terms(OrderKind.LIMIT, price=0.1)), "float"),
        (new(terms(OrderKind.LIMIT, price="NaN")), "finite"),
        (new(terms(OrderKind.LIMIT, price="1", trailing_delta=5)), "trailing_delta"),
        (new(terms(OrderKind.LIMIT, price="1", iceberg_quantity="1", time_in_force=TimeInForce.FOK)), "GTC"),
        (new(terms(OrderKind.LIMIT, price="1", iceberg_quantity="2")), "iceberg_quantity"),
        (new(terms(OrderKind.LIMIT, peg=Peg(PegPrice.PRIMARY), time_in_force=TimeInForce.IOC)), "GTC"),
        (new(terms(OrderKind.LIMIT, peg=Peg(PegPrice.PRIMARY, 101))), "level"),
        (new(terms(OrderKind.LIMIT_MAKER, peg=Peg(PegPrice.MARKET))), "other side"),
        (new(terms(OrderKind.LIMIT_MAKER, price="1", time_in_force=TimeInForce.GTC)), "time in force"),
        (new(terms(OrderKind.STOP_LOSS)), "stop_price"),
        (new(terms(OrderKind.STOP_LOSS, stop_price="1", price="1")), "price"),
        (new(terms(OrderKind.STOP_LOSS, trailing_delta=0)), "trailing_delta"),
        (new(terms(OrderKind.STOP_LOSS_LIMIT, stop_price="1")), "price"),
        (new(terms(OrderKind.TAKE_PROFIT_LIMIT, price="1")), "stop_price"),
        (new(terms(strategy_type=999_999)), "strategy_type"),
        (new(terms(), quantity=1, quote_quantity=1), "not both"),
        (new(LIMIT, quote_quantity=1), "quote_quantity"),
        (new(terms(), quantity=-1), "quantity"),
        (lambda o: o.new("BTCUSDT", BUY, terms()), "quantity"),
        (lambda o: o.new("BTCUSDT", "HOLD", terms(), quantity=1), "HOLD"),
        (lambda o: o.cancel("BTCUSDT"), "order id"),
        (lambda o: o.amend("BTCUSDT", 1), "order id"),
        (lambda o: o.amend("BTCUSDT", 0, order_id=1), "quantity"),
        (lambda o: o.cancel_replace("BTCUSDT", BUY, LIMIT, quantity=1, **REPLACE), "order id"),
        (lambda o: o.cancel_replace("BTCUSDT", BUY, terms(OrderKind.LIMIT), quantity=1, cancel_order_id=1, **REPLACE), "price"),
        (lambda o: o.new_sor("BTCUSDT", BUY, terms(OrderKind.STOP_LOSS, stop_price="1"), 1), "LIMIT and MARKET"),
        (lambda o: o.new_sor("BTCUSDT", BUY, terms(OrderKind.LIMIT, peg=Peg(PegPrice.MARKET)), 1), "peg"),
        (lambda o: o.test("BTCUSDT", BUY, terms(OrderKind.LIMIT), quantity=1), "price"),
        (lambda o: o.test_sor("BTCUSDT", BUY, terms(OrderKind.LIMIT_MAKER, price="1"), 1), "LIMIT and MARKET"),
    ],
)
@virtual
async def test_what_contradicts_itself_is_named_and_not_sent(call: Callable[[Any], Awaitable[Any]], names: str) -> None:
    async with opened(always(200, GOLDEN["new"][0])) as (client, venue):
        with pytest.raises(NotSentError, match=names):
            await call(client.orders)
    assert venue.requests == []


ALL_CHANGES = {
    "new": lambda c: c.orders.new("BTCUSDT", SELL, LIMIT, quantity=10),
    "cancel": lambda c: c.orders.cancel("LTCBTC", client_order_id=ID),
    "cancel_all": lambda c: c.orders.cancel_all("BTCUSDT"),
    "cancel_replace": lambda c: c.orders.cancel_replace(
        "BTCUSDT", BUY, LIMIT, quantity=1, cancel_order_id=3, mode=CancelReplaceMode.STOP_ON_FAILURE
    ),
    "amend": lambda c: c.orders.amend("BTCUSDT", 1, client_order_id=ID),
    "new_sor": lambda c: c.orders.new_sor("BTCUSDT", BUY, LIMIT, 1),
}


@pytest.mark.parametrize("name", ALL_CHANGES)
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal(400, -2010), ExchangeRefusedError),
        (refusal(400, -2011), ExchangeRefusedError),
        (refusal(400, -2013), ExchangeRefusedError),
        (refusal(400, -2038), ExchangeRefusedError),
        (refusal(400, -1013), ExchangeRefusedError),
        (refusal(429, -1015, **{"Retry-After": "5"}), RateLimitedError),
        (refusal(400, -9999), FateUnknownError),
        (refusal(400, -1007), FateUnknownError),
        (refusal(400, -2021), FateUnknownError),
        (refusal(400, -2022), FateUnknownError),
        (refusal(503, -1008), FateUnknownError),
        (always(502, b"<html>"), FateUnknownError),
        (always(200, b"{"), FateUnknownError),
        (always(200, {}), FateUnknownError),
        (lambda _: httpx.ReadTimeout("late"), FateUnknownError),
        (lambda _: NotSentError("no route"), NotSentError),
    ],
)
@virtual
async def test_every_change_is_sent_once_and_its_fate_is_told(name: str, answer: Any, error: type[ExchangeError]) -> None:
    async with opened(answer) as (client, venue):
        with pytest.raises(error) as caught:
            await ALL_CHANGES[name](client)
    assert type(caught.value) is error
    assert len(venue.requests) == 1
    if error is FateUnknownError and name not in {"cancel_all"}:
        assert ID in str(caught.value)


@virtual
async def test_nothing_is_sent_while_the_clock_cannot_be_measured() -> None:
    class Dead(Venue):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise httpx.ReadError("cut")

    async with AsyncBinanceClient(connection(Dead(always(200)))) as client:
        for call in ALL_CHANGES.values():
            with pytest.raises(NotSentError, match="clock"):
                await call(client)


def other(golden: str, answer: int = 0, **changes: Any) -> Any:
    return always(200, GOLDEN[golden][answer] | changes)


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (ALL_CHANGES["new"], other("new", 2, clientOrderId="another")),
        (ALL_CHANGES["new"], other("new", 2, symbol="ETHUSDT")),
        (ALL_CHANGES["new"], other("new", 1)),  # executed, yet without the fills that were asked for
        (ALL_CHANGES["new"], other("new", 2, executedQty="9")),
        (lambda c: c.orders.cancel("LTCBTC", order_id=5), other("cancel")),
        (lambda c: c.orders.cancel("LTCBTC", client_order_id="yours"), other("cancel")),
        (lambda c: c.orders.cancel("ETHBTC", order_id=4), other("cancel")),
        (lambda c: c.orders.cancel("BTCUSDT", order_id=1), other("cancel", 1)),
        (lambda c: c.orders.cancel_all("ETHUSDT"), always(200, GOLDEN["cancel_all"][0])),
        (lambda c: c.orders.amend("BTCUSDT", 5, order_id=33, new_client_order_id="x"), other("amend")),
        (lambda c: c.orders.amend("BTCUSDT", 5, order_id=34, new_client_order_id="PFaq6hIHxqFENGfdtn4J6Q"), other("amend")),
        (ALL_CHANGES["new_sor"], other("new_sor")),
    ],
)
@virtual
async def test_an_answer_that_is_not_about_our_order_leaves_its_fate_unknown(call: Callable[[Any], Awaitable[Any]], answer: Any) -> None:
    async with opened(answer) as (client, venue):
        with pytest.raises(FateUnknownError):
            await call(client)
    assert len(venue.requests) == 1


@virtual
async def test_cancelled_orders_and_lists_are_told_apart() -> None:
    async with opened(always(200, GOLDEN["cancel_all"][0])) as (client, _):
        found = await client.orders.cancel_all("BTCUSDT")
    assert [type(each) for each in found] == [CanceledOrder, CanceledOrder, CanceledOrderList]
    assert [order.orig_client_order_id for order in found[2].order_reports] == ["CwOOIPHSmYywx6jZX77TdL", "461cPg51vQjV3zIMOXNz39"]


@virtual
async def test_fills_of_smart_order_routing_have_an_allocation_in_place_of_a_trade() -> None:
    call = CASES[[case.golden for case in CASES].index("new_sor")].call
    async with opened(always(200, GOLDEN["new_sor"][0])) as (client, _):
        (fill,) = (await call(client.orders)).fills
    assert (fill.trade_id, fill.alloc_id, fill.match_type) == (-1, 0, "ONE_PARTY_TRADE_REPORT")


@virtual
async def test_ids_are_made_when_none_are_given_and_never_twice() -> None:
    def taken(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=GOLDEN["new"][0] | {"clientOrderId": query_of(request)["newClientOrderId"]})

    async with opened(taken) as (client, venue):
        for _ in range(3):
            await client.orders.new("BTCUSDT", BUY, terms(), quantity=1, response=ResponseType.ACK)
    ids = {query_of(request)["newClientOrderId"] for request in venue.requests}
    assert len(ids) == 3


def test_every_method_of_the_groups_is_tried() -> None:
    def methods(group: type) -> set[str]:
        return {name for name in vars(group) if not name.startswith("_")}

    tried = {case.golden for case in CASES} | {"cancel_replace"}
    assert methods(orders.OrderCalls) == tried
    text = (Path(__file__).parent / "test_order_list_calls.py").read_text()
    assert all(f"order_lists.{name}(" in text for name in methods(order_lists.OrderListCalls))
