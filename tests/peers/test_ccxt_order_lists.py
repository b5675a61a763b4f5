"""ccxt places and cancels order lists, by the endpoints' own names: it has no unified methods for them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from ccxt_exchange import SYMBOL, best_price, ccxt_binance, nudge, price_at
from exchange_program import RunningExchange
from features import Client, Feature, covers
from waiting import accepted, eventually

CLIENT = Client.CCXT
AMOUNT = 0.002


@pytest.fixture
async def client(exchange: RunningExchange) -> AsyncIterator[Any]:
    async with ccxt_binance(exchange) as connected:
        await connected.create_order(SYMBOL, "market", "buy", AMOUNT * 4)
        yield connected
        for order in await connected.fetch_open_orders(SYMBOL):
            if (await connected.fetch_order(order["id"], SYMBOL))["status"] == "open":
                await connected.cancel_order(order["id"], SYMBOL)


async def price(client: Any, factor: float) -> str:
    return str(client.price_to_precision(SYMBOL, await price_at(client, factor)))


async def sell_oco(client: Any, above: str, below: str) -> Any:
    """A profit to take at `above`, a loss to stop at `below`."""
    return await client.private_post_orderlist_oco(
        {
            "symbol": "BTCUSDT",
            "side": "SELL",
            "quantity": AMOUNT,
            "aboveType": "LIMIT_MAKER",
            "abovePrice": above,
            "belowType": "STOP_LOSS",
            "belowStopPrice": below,
        }
    )


async def statuses(client: Any, placed: Any) -> list[str]:
    return [(await client.fetch_order(order["orderId"], SYMBOL))["status"] for order in placed["orders"]]


@covers(Feature.OCO, Feature.LIST_STATUS, Feature.LIST_CANCEL)
async def test_oco_is_seen_and_cancelled_as_a_whole(client: Any) -> None:
    placed = await sell_oco(client, await price(client, 1.1), await price(client, 0.9))
    assert (placed["contingencyType"], placed["listOrderStatus"]) == ("OCO", "EXECUTING")
    assert len(placed["orderReports"]) == 2
    list_id = placed["orderListId"]
    assert (await client.private_get_orderlist({"orderListId": list_id}))["listStatusType"] == "EXEC_STARTED"
    assert [each["orderListId"] for each in await client.private_get_openorderlist()] == [list_id]
    assert {order["id"] for order in await client.fetch_open_orders(SYMBOL)} == {str(order["orderId"]) for order in placed["orders"]}
    cancelled = await client.private_delete_orderlist({"symbol": "BTCUSDT", "orderListId": list_id})
    assert cancelled["listOrderStatus"] == "ALL_DONE"
    assert await statuses(client, placed) == ["canceled", "canceled"]
    assert list_id in [each["orderListId"] for each in await client.private_get_allorderlist()]


@covers(Feature.OCO)
async def test_one_leg_of_an_oco_ends_the_other(client: Any) -> None:

    async def place() -> Any:
        return await sell_oco(client, await price(client, 1.1), str(await best_price(client, "sell")))

    placed = await accepted(place)

    async def looked() -> list[str]:
        await nudge(client, "sell")
        return await statuses(client, placed)

    seen = await eventually(looked, lambda states: "open" not in states)
    assert sorted(seen) == ["closed", "expired"]


@covers(Feature.OLD_OCO)
async def test_oco_by_the_deprecated_endpoint(client: Any) -> None:
    placed = await client.private_post_order_oco(
        {
            "symbol": "BTCUSDT",
            "side": "SELL",
            "quantity": AMOUNT,
            "price": await price(client, 1.1),
            "stopPrice": await price(client, 0.9),
            "stopLimitPrice": await price(client, 0.89),
            "stopLimitTimeInForce": "GTC",
        }
    )
    assert {report["type"] for report in placed["orderReports"]} == {"LIMIT_MAKER", "STOP_LOSS_LIMIT"}


@covers(Feature.OTO, Feature.OPO)
@pytest.mark.parametrize("kind", ["oto", "opo"])
async def test_one_order_places_another(client: Any, kind: str) -> None:
    quantity = {"pendingQuantity": client.amount_to_precision(SYMBOL, AMOUNT * 0.9)} if kind == "oto" else {}
    placed = await getattr(client, f"private_post_orderlist_{kind}")(
        {
            "symbol": "BTCUSDT",
            "workingType": "LIMIT",
            "workingSide": "BUY",
            "workingTimeInForce": "GTC",
            "workingPrice": await price(client, 1.01),
            "workingQuantity": AMOUNT,
            "pendingType": "LIMIT_MAKER",
            "pendingSide": "SELL",
            "pendingPrice": await price(client, 1.1),
            **quantity,
        }
    )
    assert placed["contingencyType"] == "OTO"
    assert await statuses(client, placed) == ["closed", "open"]


@covers(Feature.OTOCO, Feature.OPOCO)
@pytest.mark.parametrize("kind", ["otoco", "opoco"])
async def test_one_order_places_an_oco(client: Any, kind: str) -> None:
    quantity = {"pendingQuantity": client.amount_to_precision(SYMBOL, AMOUNT * 0.9)} if kind == "otoco" else {}
    placed = await getattr(client, f"private_post_orderlist_{kind}")(
        {
            "symbol": "BTCUSDT",
            "workingType": "LIMIT",
            "workingSide": "BUY",
            "workingTimeInForce": "GTC",
            "workingPrice": await price(client, 0.9),
            "workingQuantity": AMOUNT,
            "pendingSide": "SELL",
            "pendingAboveType": "LIMIT_MAKER",
            "pendingAbovePrice": await price(client, 1.1),
            "pendingBelowType": "STOP_LOSS",
            "pendingBelowStopPrice": await price(client, 0.8),
            **quantity,
        }
    )
    assert len(placed["orders"]) == 3
    assert [report["status"] for report in placed["orderReports"]] == ["NEW", "PENDING_NEW", "PENDING_NEW"]
    await client.private_delete_orderlist({"symbol": "BTCUSDT", "orderListId": placed["orderListId"]})
    assert await statuses(client, placed) == ["canceled"] * 3
