"""Order lists: the parameters as sent, the documents' answers as read, contradictions refused, fates told apart."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from golden import GOLDEN, assert_same
from scripted_venue import always, opened, query_of, refusal
from virtual_time import virtual

from binance_trade_agent.binance.calls.order_lists import Leg, ListOptions
from binance_trade_agent.binance.calls.order_terms import OrderKind, Peg, PegPrice, ResponseType, SelfTradePrevention, Terms
from binance_trade_agent.domain.errors import ExchangeError, ExchangeRefusedError, FateUnknownError, NotSentError, RateLimitedError
from binance_trade_agent.domain.order import Side, TimeInForce

BUY, SELL = Side.BUY, Side.SELL
SIGNING = {"recvWindow", "timestamp", "signature"}


def ids(golden: str) -> list[str]:
    """The client order ids in the documents' answer, in its order."""
    return [order["clientOrderId"] for order in GOLDEN[golden][0]["orders"]]


def named(golden: str, **more: Any) -> ListOptions:
    return ListOptions(list_client_order_id=GOLDEN[golden][0]["listClientOrderId"], **more)


def limit(client_order_id: str | None = None, **more: Any) -> Terms:
    return Terms(kind=OrderKind.LIMIT, price="1", client_order_id=client_order_id, **more)


def maker(client_order_id: str | None = None, price: str = "3", **more: Any) -> Terms:
    return Terms(kind=OrderKind.LIMIT_MAKER, price=price, client_order_id=client_order_id, **more)


def stop(client_order_id: str | None = None, stop_price: str = "1", **more: Any) -> Terms:
    return Terms(kind=OrderKind.STOP_LOSS, stop_price=stop_price, client_order_id=client_order_id, **more)


def stop_limit(client_order_id: str | None = None, stop_price: str = "1", price: str = "1", **more: Any) -> Terms:
    return Terms(kind=OrderKind.STOP_LOSS_LIMIT, price=price, stop_price=stop_price, client_order_id=client_order_id, **more)


def market(client_order_id: str | None = None) -> Terms:
    return Terms(kind=OrderKind.MARKET, client_order_id=client_order_id)


@dataclass
class Case:
    """One call, the request it must make apart from the ids of list and options, and the answer it must read."""

    golden: str
    call: Callable[[Any], Awaitable[Any]]
    path: str
    params: dict[str, str]


def oco(client: Any) -> Awaitable[Any]:
    lower, upper = ids("oco")
    return client.order_lists.oco(
        "LTCBTC",
        SELL,
        5,
        above=maker(upper, strategy_id=8, strategy_type=1_000_001, peg=Peg(PegPrice.PRIMARY, 2)),
        below=stop_limit(lower, iceberg_quantity=1, trailing_delta=50),
        options=named("oco", self_trade_prevention=SelfTradePrevention.NONE, response=ResponseType.RESULT),
    )


def oco_deprecated(client: Any) -> Awaitable[Any]:
    upper, lower = ids("oco_deprecated")
    return client.order_lists.oco_deprecated(
        "LTCBTC",
        BUY,
        "0.624363",
        limit=maker(lower, "0.036435", iceberg_quantity="0.1", strategy_id=1, strategy_type=1_000_000),
        stop=stop_limit(upper, "0.960664", "0.97", trailing_delta=20, time_in_force=TimeInForce.FOK, strategy_id=2),
        options=named("oco_deprecated"),
    )


def oto(client: Any) -> Awaitable[Any]:
    working, pending = ids("oto")
    return client.order_lists.oto(
        "LTCBTC", working=Leg(SELL, 1, limit(working)), pending=Leg(BUY, 5, market(pending)), options=named("oto")
    )


def otoco(client: Any) -> Awaitable[Any]:
    working, above, below = ids("otoco")
    return client.order_lists.otoco(
        "LTCBTC",
        working=Leg(SELL, 1, maker(working, "1")),
        pending_side=BUY,
        pending_quantity=5,
        above=stop_limit(above, "6", time_in_force=TimeInForce.IOC),
        below=maker(below),
        options=named("otoco"),
    )


def opo(client: Any) -> Awaitable[Any]:
    working, pending = ids("opo")
    return client.order_lists.opo("BTCUSDT", quantity="0.0006", working=limit(working), pending=market(pending), options=named("opo"))


def opoco(client: Any) -> Awaitable[Any]:
    working, stop_id, profit_id = ids("opoco")
    return client.order_lists.opoco(
        "BTCUSDT",
        quantity="0.0017",
        working=limit(working),
        above=maker(profit_id, "104261"),
        below=stop_limit(stop_id, "10100", "101613"),
        options=named("opoco"),
    )


PEG = {"PegPriceType": "PRIMARY_PEG", "PegOffsetType": "PRICE_LEVEL", "PegOffsetValue": "2"}
CASES = [
    Case(
        "oco",
        oco,
        "orderList/oco",
        {
            "side": "SELL",
            "quantity": "5",
            "newOrderRespType": "RESULT",
            "selfTradePreventionMode": "NONE",
            "aboveType": "LIMIT_MAKER",
            "abovePrice": "3",
            "aboveStrategyId": "8",
            "aboveStrategyType": "1000001",
            "aboveClientOrderId": "NuMp0nVYnciDiFmVqfpBqK",
            **{f"above{name}": value for name, value in PEG.items()},
            "belowType": "STOP_LOSS_LIMIT",
            "belowPrice": "1",
            "belowStopPrice": "1",
            "belowTrailingDelta": "50",
            "belowIcebergQty": "1",
            "belowTimeInForce": "GTC",
            "belowClientOrderId": "44nZvqpemY7sVYgPYbvPih",
        },
    ),
    Case(
        "oco_deprecated",
        oco_deprecated,
        "order/oco",
        {
            "side": "BUY",
            "quantity": "0.624363",
            "price": "0.036435",
            "limitIcebergQty": "0.1",
            "limitStrategyId": "1",
            "limitStrategyType": "1000000",
            "limitClientOrderId": "xTXKaGYd4bluPVp78IVRvl",
            "stopPrice": "0.960664",
            "trailingDelta": "20",
            "stopLimitPrice": "0.97",
            "stopLimitTimeInForce": "FOK",
            "stopStrategyId": "2",
            "stopClientOrderId": "Kk7sqHb9J6mJWTMDVW7Vos",
        },
    ),
    Case(
        "oto",
        oto,
        "orderList/oto",
        {
            "workingType": "LIMIT",
            "workingSide": "SELL",
            "workingPrice": "1",
            "workingQuantity": "1",
            "workingTimeInForce": "GTC",
            "workingClientOrderId": "Bq17mn9fP6vyCn75Jw1xya",
            "pendingType": "MARKET",
            "pendingSide": "BUY",
            "pendingQuantity": "5",
            "pendingClientOrderId": "arLFo0zGJVDE69cvGBaU0d",
        },
    ),
    Case(
        "otoco",
        otoco,
        "orderList/otoco",
        {
            "workingType": "LIMIT_MAKER",
            "workingSide": "SELL",
            "workingPrice": "1",
            "workingQuantity": "1",
            "workingClientOrderId": "fM9Y4m23IFJVCQmIrlUmMK",
            "pendingSide": "BUY",
            "pendingQuantity": "5",
            "pendingAboveType": "STOP_LOSS_LIMIT",
            "pendingAbovePrice": "1",
            "pendingAboveStopPrice": "6",
            "pendingAboveTimeInForce": "IOC",
            "pendingAboveClientOrderId": "6pcQbFIzTXGZQ1e2MkGDq4",
            "pendingBelowType": "LIMIT_MAKER",
            "pendingBelowPrice": "3",
            "pendingBelowClientOrderId": "r4JMv9cwAYYUwwBZfbussx",
        },
    ),
    Case(
        "opo",
        opo,
        "orderList/opo",
        {
            "workingType": "LIMIT",
            "workingSide": "BUY",
            "workingPrice": "1",
            "workingQuantity": "0.0006",
            "workingTimeInForce": "GTC",
            "workingClientOrderId": "JX6xfdjo0wysiGumfHNmPu",
            "pendingType": "MARKET",
            "pendingSide": "SELL",
            "pendingClientOrderId": "2ZJCY0IjOhuYIMLGN8kU8S",
        },
    ),
    Case(
        "opoco",
        opoco,
        "orderList/opoco",
        {
            "workingType": "LIMIT",
            "workingSide": "BUY",
            "workingPrice": "1",
            "workingQuantity": "0.0017",
            "workingTimeInForce": "GTC",
            "workingClientOrderId": "OLSBhMWaIlLSzZ9Zm7fnKB",
            "pendingSide": "SELL",
            "pendingAboveType": "LIMIT_MAKER",
            "pendingAbovePrice": "104261",
            "pendingAboveClientOrderId": "yINkaXSJeoi3bU5vWMY8Z8",
            "pendingBelowType": "STOP_LOSS_LIMIT",
            "pendingBelowPrice": "101613",
            "pendingBelowStopPrice": "10100",
            "pendingBelowTimeInForce": "GTC",
            "pendingBelowClientOrderId": "mfif39yPTHsB3C0FIXznR2",
        },
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.golden)
@virtual
async def test_a_list_is_sent_as_documented_and_its_answer_read(case: Case) -> None:
    (golden,) = GOLDEN[case.golden]
    async with opened(always(200, golden)) as (client, venue):
        decoded = await case.call(client)
    (request,) = venue.requests
    query = {name: value for name, value in query_of(request).items() if name not in SIGNING}
    assert (request.method, request.url.path) == ("POST", f"/api/v3/{case.path}")
    common = {"symbol": golden["symbol"], "listClientOrderId": golden["listClientOrderId"], "newOrderRespType": "FULL"}
    assert query == common | case.params
    assert_same(decoded, golden)


@virtual
async def test_orders_that_wait_for_what_another_buys_have_no_quantity_yet() -> None:
    async with opened(always(200, GOLDEN["opoco"][0])) as (client, _):
        placed = await opoco(client)
    assert [report.orig_qty is None for report in placed.order_reports] == [False, True, True]


@pytest.mark.parametrize("by", [{"order_list_id": 0}, {"list_client_order_id": "C3wyj4WVEktd7u9aVBRXcN"}])
@virtual
async def test_a_list_is_cancelled_by_one_of_its_ids(by: dict[str, Any]) -> None:
    async with opened(always(200, GOLDEN["cancel_list"][0])) as (client, venue):
        decoded = await client.order_lists.cancel("LTCBTC", **by)
    (request,) = venue.requests
    query = query_of(request)
    assert (request.method, request.url.path) == ("DELETE", "/api/v3/orderList")
    assert query.pop("newClientOrderId").startswith("manual-")
    sent = {"orderListId": "0"} if "order_list_id" in by else {"listClientOrderId": "C3wyj4WVEktd7u9aVBRXcN"}
    assert {name: value for name, value in query.items() if name not in SIGNING} == {"symbol": "LTCBTC", **sent}
    assert_same(decoded, GOLDEN["cancel_list"][0])


def pair(side: Side, above: Terms, below: Terms) -> Callable[[Any], Awaitable[Any]]:
    return lambda client: client.order_lists.oco("LTCBTC", side, 5, above=above, below=below)


take_profit = Terms(kind=OrderKind.TAKE_PROFIT, stop_price="2")
WORKING = Leg(BUY, 1, limit())


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (pair(SELL, stop(), maker()), "order below has to be STOP_LOSS"),
        (pair(BUY, maker(), stop()), "order above has to be STOP_LOSS"),
        (pair(SELL, maker(), take_profit), "STOP_LOSS"),
        (pair(SELL, stop(stop_price="9"), stop()), "beside its stop"),
        (pair(SELL, limit(), stop()), "beside its stop"),
        (pair(SELL, maker(price="1"), stop(stop_price="2")), "above lies"),
        (pair(BUY, stop(stop_price="2"), maker(price="2")), "above lies"),
        (pair(SELL, maker(iceberg_quantity=6), stop()), "iceberg_quantity"),
        (pair(SELL, maker("same"), stop("same")), "twice"),
        (pair(SELL, maker(), Terms(kind=OrderKind.STOP_LOSS)), "stop_price"),
        (lambda c: c.order_lists.oco("LTCBTC", SELL, 0.5, above=maker(), below=stop()), "float"),
        (lambda c: c.order_lists.oco("LTCBTC", "HOLD", 5, above=maker(), below=stop()), "HOLD"),
        (lambda c: c.order_lists.oco_deprecated("LTCBTC", SELL, 5, limit=limit(), stop=stop()), "LIMIT"),
        (lambda c: c.order_lists.oco_deprecated("LTCBTC", SELL, 5, limit=take_profit, stop=stop()), "LIMIT_MAKER"),
        (
            lambda c: c.order_lists.oco_deprecated(
                "LTCBTC", SELL, 5, limit=maker(), stop=Terms(kind=OrderKind.STOP_LOSS, trailing_delta=5)
            ),
            "stop_price",
        ),
        (lambda c: c.order_lists.oto("LTCBTC", working=Leg(BUY, 1, market()), pending=WORKING), "LIMIT or LIMIT_MAKER"),
        (lambda c: c.order_lists.oto("LTCBTC", working=WORKING, pending=Leg(BUY, 0, market())), "quantity"),
        (lambda c: c.order_lists.opo("LTCBTC", quantity=1, working=stop(), pending=market()), "LIMIT or LIMIT_MAKER"),
        (lambda c: c.order_lists.opoco("LTCBTC", quantity=1, working=limit(), above=stop(), below=maker()), "STOP_LOSS"),
        (
            lambda c: c.order_lists.otoco("LTCBTC", working=WORKING, pending_side=BUY, pending_quantity=1, above=maker(), below=stop()),
            "STOP_LOSS",
        ),
        (lambda c: c.order_lists.cancel("LTCBTC"), "order list id"),
    ],
)
@virtual
async def test_a_list_that_contradicts_itself_is_named_and_not_sent(call: Callable[[Any], Awaitable[Any]], names: str) -> None:
    async with opened(always(500)) as (client, venue):
        with pytest.raises(NotSentError, match=names):
            await call(client)
    assert venue.requests == []


@pytest.mark.parametrize("side", [BUY, SELL])
@virtual
async def test_ids_are_made_for_the_list_and_each_of_its_orders(side: Side) -> None:
    async with opened(always(500)) as (client, venue):
        above, below = (stop(stop_price="9"), take_profit) if side is BUY else (take_profit, stop())
        with pytest.raises(FateUnknownError) as caught:
            await client.order_lists.oco("LTCBTC", side, 5, above=above, below=below)
    query = query_of(venue.requests[0])
    made = {query[name] for name in ("listClientOrderId", "aboveClientOrderId", "belowClientOrderId")}
    assert len(made) == 3
    assert all(each in str(caught.value) for each in made)


CHANGES = {case.golden: case.call for case in CASES} | {"cancel": lambda c: c.order_lists.cancel("LTCBTC", order_list_id=7)}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal(400, -2010), ExchangeRefusedError),
        (refusal(400, -2011), ExchangeRefusedError),
        (refusal(400, -1165), ExchangeRefusedError),
        (refusal(429, -1015), RateLimitedError),
        (refusal(400, -9999), FateUnknownError),
        (always(504, b""), FateUnknownError),
        (always(200, {}), FateUnknownError),
        (always(200, GOLDEN["order_list"][0]), FateUnknownError),
        (lambda _: httpx.RemoteProtocolError("cut"), FateUnknownError),
        (lambda _: NotSentError("no route"), NotSentError),
    ],
)
@virtual
async def test_a_list_is_sent_once_and_its_fate_is_told(name: str, answer: Any, error: type[ExchangeError]) -> None:
    async with opened(answer) as (client, venue):
        with pytest.raises(error) as caught:
            await CHANGES[name](client)
    assert type(caught.value) is error
    assert len(venue.requests) == 1


@pytest.mark.parametrize("change", [{"symbol": "X"}, {"listClientOrderId": "x"}, {"orders": []}, {"orderReports": []}])
@virtual
async def test_an_answer_about_another_list_leaves_the_fate_of_ours_unknown(change: dict[str, Any]) -> None:
    async with opened(always(200, GOLDEN["oco"][0] | change)) as (client, _):
        with pytest.raises(FateUnknownError, match="other orders"):
            await oco(client)
