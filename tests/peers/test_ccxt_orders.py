"""ccxt places, follows, changes and cancels orders."""

from collections.abc import AsyncIterator
from typing import Any

import ccxt
import pytest
from ccxt_exchange import SYMBOL, best_price, ccxt_binance, cost_of, inside_price, nudge, price_at
from exchange_program import RunningExchange
from features import Client, Feature, covers
from waiting import accepted, eventually

CLIENT = Client.CCXT
AMOUNT = 0.002


@pytest.fixture
async def client(exchange: RunningExchange) -> AsyncIterator[Any]:
    async with ccxt_binance(exchange) as connected:
        yield connected
        for order in await connected.fetch_open_orders(SYMBOL):
            await connected.cancel_order(order["id"], SYMBOL)


async def free(client: Any, asset: str) -> float:
    return (await client.fetch_balance())[asset]["free"]


async def triggered(client: Any, trigger: str, by_side: str) -> Any:
    """A market order that waits for the price that somebody trades at, and what became of it when somebody did."""

    async def place() -> Any:
        return await client.create_order(SYMBOL, "market", "sell", AMOUNT, None, {trigger: await best_price(client, by_side)})

    order = await accepted(place)

    async def looked() -> Any:
        await nudge(client, by_side)
        return await client.fetch_order(order["id"], SYMBOL)

    return await eventually(looked, lambda seen: seen["status"] == "closed")


@covers(Feature.MARKET, Feature.MY_TRADES)
async def test_market_order_by_quantity(client: Any) -> None:
    before = await free(client, "USDT")
    order = await client.create_order(SYMBOL, "market", "buy", AMOUNT)
    assert (order["status"], order["type"], order["side"], order["filled"], order["remaining"]) == ("closed", "market", "buy", AMOUNT, 0)
    assert order["average"] == pytest.approx(order["cost"] / AMOUNT)
    assert order["trades"]
    trades = await client.fetch_my_trades(SYMBOL, params={"orderId": order["id"]})
    assert [trade["id"] for trade in trades] == [trade["id"] for trade in order["trades"]]
    assert {(trade["order"], trade["side"], trade["takerOrMaker"]) for trade in trades} == {(order["id"], "buy", "taker")}
    assert sum(trade["amount"] for trade in trades) == pytest.approx(AMOUNT)
    assert all(trade["fee"]["cost"] > 0 for trade in trades)
    assert before - await free(client, "USDT") == pytest.approx(cost_of(trades))


@covers(Feature.MARKET_QUOTE)
async def test_market_order_by_cost(client: Any) -> None:
    order = await client.create_market_buy_order_with_cost(SYMBOL, 100)
    assert order["status"] == "closed"
    assert 99 < order["cost"] <= 100


@covers(Feature.LIMIT, Feature.ORDER_STATUS, Feature.OPEN_ORDERS, Feature.CANCEL, Feature.ALL_ORDERS)
async def test_limit_order_rests_and_is_cancelled(client: Any) -> None:
    price = await price_at(client, 0.9)
    order = await client.create_order(SYMBOL, "limit", "buy", AMOUNT, price)
    assert (order["status"], order["price"], order["amount"], order["filled"]) == ("open", price, AMOUNT, 0)
    assert order["timeInForce"] == "GTC"
    assert (await client.fetch_order(order["id"], SYMBOL))["status"] == "open"
    assert [seen["id"] for seen in await client.fetch_open_orders(SYMBOL)] == [order["id"]]
    assert (await client.fetch_balance())["USDT"]["used"] == pytest.approx(price * AMOUNT)
    assert (await client.cancel_order(order["id"], SYMBOL))["status"] == "canceled"
    assert await client.fetch_open_orders(SYMBOL) == []
    assert (await client.fetch_orders(SYMBOL))[-1]["status"] == "canceled"
    assert (await client.fetch_balance())["USDT"]["used"] == 0


@covers(Feature.LIMIT)
async def test_limit_order_that_crosses_fills_at_once(client: Any) -> None:
    price = await price_at(client, 1.01)
    order = await client.create_order(SYMBOL, "limit", "buy", AMOUNT, price)
    assert (order["status"], order["filled"]) == ("closed", AMOUNT)
    assert order["average"] < price


@covers(Feature.IOC)
async def test_immediate_or_cancel(client: Any) -> None:
    order = await client.create_order(SYMBOL, "limit", "buy", AMOUNT, await price_at(client, 0.9), {"timeInForce": "IOC"})
    assert (order["status"], order["filled"], order["timeInForce"]) == ("expired", 0, "IOC")


@covers(Feature.FOK)
async def test_fill_or_kill(client: Any) -> None:
    killed = await client.create_order(SYMBOL, "limit", "buy", AMOUNT, await price_at(client, 0.9), {"timeInForce": "FOK"})
    assert (killed["status"], killed["filled"]) == ("expired", 0)
    filled = await client.create_order(SYMBOL, "limit", "buy", AMOUNT, await price_at(client, 1.01), {"timeInForce": "FOK"})
    assert (filled["status"], filled["filled"]) == ("closed", AMOUNT)


@covers(Feature.LIMIT_MAKER)
async def test_post_only(client: Any) -> None:
    order = await client.create_post_only_order(SYMBOL, "limit", "buy", AMOUNT, await price_at(client, 0.9))
    assert (order["status"], order["postOnly"], order["info"]["type"]) == ("open", True, "LIMIT_MAKER")
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        await client.create_post_only_order(SYMBOL, "limit", "buy", AMOUNT, await price_at(client, 1.05))


@covers(Feature.STOP_LOSS)
async def test_stop_loss_sells_when_the_market_falls_to_it(client: Any) -> None:
    await client.create_order(SYMBOL, "market", "buy", AMOUNT * 4)
    filled = await triggered(client, "stopLossPrice", "sell")
    assert (filled["info"]["type"], filled["side"], filled["filled"]) == ("STOP_LOSS", "sell", AMOUNT)


@covers(Feature.STOP_LOSS_LIMIT)
async def test_stop_loss_limit_waits_at_its_trigger(client: Any) -> None:
    trigger, price = await price_at(client, 1.1), await price_at(client, 1.11)
    order = await client.create_order(SYMBOL, "limit", "buy", AMOUNT, price, {"stopLossPrice": trigger})
    seen = await client.fetch_order(order["id"], SYMBOL)
    assert (seen["status"], seen["triggerPrice"], seen["price"]) == ("open", trigger, price)
    assert (seen["info"]["type"], seen["info"]["isWorking"]) == ("STOP_LOSS_LIMIT", False)


@covers(Feature.TAKE_PROFIT)
async def test_take_profit_sells_when_the_market_rises_to_it(client: Any) -> None:
    await client.create_order(SYMBOL, "market", "buy", AMOUNT * 4)
    filled = await triggered(client, "takeProfitPrice", "buy")
    assert (filled["info"]["type"], filled["side"], filled["filled"]) == ("TAKE_PROFIT", "sell", AMOUNT)


@covers(Feature.TAKE_PROFIT_LIMIT)
async def test_take_profit_limit_waits_at_its_trigger(client: Any) -> None:
    trigger, price = await price_at(client, 0.9), await price_at(client, 0.91)
    order = await client.create_order(SYMBOL, "limit", "buy", AMOUNT, price, {"takeProfitPrice": trigger})
    seen = await client.fetch_order(order["id"], SYMBOL)
    assert (seen["status"], seen["triggerPrice"], seen["info"]["type"]) == ("open", trigger, "TAKE_PROFIT_LIMIT")


@covers(Feature.TRAILING_STOP)
async def test_trailing_stop(client: Any) -> None:
    await client.create_order(SYMBOL, "market", "buy", AMOUNT * 1.5)
    order = await client.create_order(SYMBOL, "market", "sell", AMOUNT, None, {"trailingPercent": 1, "stopLossOrTakeProfit": "stopLoss"})
    seen = await client.fetch_order(order["id"], SYMBOL)
    assert (seen["status"], seen["info"]["type"], int(seen["info"]["trailingDelta"])) == ("open", "STOP_LOSS", 100)


@covers(Feature.ICEBERG)
async def test_iceberg(client: Any) -> None:
    params = {"icebergQty": client.amount_to_precision(SYMBOL, AMOUNT / 4)}
    order = await client.create_order(SYMBOL, "limit", "buy", AMOUNT, await price_at(client, 0.9), params)
    assert float((await client.fetch_order(order["id"], SYMBOL))["info"]["icebergQty"]) == AMOUNT / 4


@covers(Feature.PEGGED)
async def test_a_price_pegged_to_the_best_bid(client: Any) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT_MAKER", "quantity": AMOUNT}
    placed = await client.private_post_order({**order, "pegPriceType": "PRIMARY_PEG", "pegOffsetType": "PRICE_LEVEL", "pegOffsetValue": 3})
    seen = await client.fetch_order(str(placed["orderId"]), SYMBOL)
    assert (seen["status"], seen["info"]["pegPriceType"], float(seen["info"]["peggedPrice"]) > 0) == ("open", "PRIMARY_PEG", True)


@covers(Feature.ROUTED)
async def test_smart_order_routing(client: Any) -> None:
    order = await client.create_order(SYMBOL, "market", "buy", AMOUNT, None, {"sor": True})
    assert (order["status"], order["filled"], order["info"]["usedSor"]) == ("closed", AMOUNT, True)


@covers(Feature.SELF_TRADE)
async def test_own_orders_do_not_trade_with_each_other(client: Any) -> None:
    await client.create_order(SYMBOL, "market", "buy", AMOUNT * 4)
    params = {"timeInForce": "IOC", "selfTradePreventionMode": "EXPIRE_BOTH"}

    async def meet() -> tuple[Any, Any, Any]:
        """Two own orders at one price, and what was prevented: nothing, if the market came in between."""
        maker = await client.create_order(SYMBOL, "limit", "buy", AMOUNT, await inside_price(client))
        taker = await client.create_order(SYMBOL, "limit", "sell", AMOUNT, maker["price"], params)
        return maker, taker, await client.private_get_mypreventedmatches({"symbol": "BTCUSDT", "orderId": taker["id"]})

    maker, taker, (match,) = await eventually(meet, lambda met: bool(met[2]))
    assert (taker["status"], taker["filled"], taker["info"]["selfTradePreventionMode"]) == ("expired", 0, "EXPIRE_BOTH")
    assert str(match["makerOrderId"]) == maker["id"]
    assert (await client.fetch_order(maker["id"], SYMBOL))["status"] == "expired"


@covers(Feature.TEST_ORDER)
async def test_an_order_can_be_tried_without_being_placed(client: Any) -> None:
    before = await client.fetch_orders(SYMBOL)
    await client.create_order(SYMBOL, "limit", "buy", AMOUNT, await price_at(client, 0.9), {"test": True})
    assert len(await client.fetch_orders(SYMBOL)) == len(before)


@covers(Feature.CLIENT_ORDER_ID)
async def test_an_order_is_found_and_cancelled_by_the_id_that_the_client_gave(client: Any) -> None:
    price = await price_at(client, 0.9)
    order = await client.create_order(SYMBOL, "limit", "buy", AMOUNT, price, {"clientOrderId": "mine-1"})
    assert order["clientOrderId"] == "mine-1"
    seen = await client.fetch_order("", SYMBOL, {"clientOrderId": "mine-1"})
    assert seen["id"] == order["id"]
    with pytest.raises(ccxt.InvalidOrder):
        await client.create_order(SYMBOL, "limit", "buy", AMOUNT, price, {"clientOrderId": "mine-1"})
    await client.cancel_order("", SYMBOL, {"clientOrderId": "mine-1"})
    assert (await client.fetch_order(order["id"], SYMBOL))["status"] == "canceled"


@covers(Feature.CANCEL_ALL)
async def test_cancel_all(client: Any) -> None:
    price = await price_at(client, 0.9)
    placed = {(await client.create_order(SYMBOL, "limit", "buy", AMOUNT, price))["id"] for _ in range(3)}
    cancelled = await client.cancel_all_orders(SYMBOL)
    assert {order["id"] for order in cancelled} == placed
    assert {order["status"] for order in cancelled} == {"canceled"}
    assert await client.fetch_open_orders(SYMBOL) == []


@covers(Feature.CANCEL_REPLACE)
async def test_editing_an_order_replaces_it(client: Any) -> None:
    order = await client.create_order(SYMBOL, "limit", "buy", AMOUNT, await price_at(client, 0.9))
    edited = await client.edit_order(order["id"], SYMBOL, "limit", "buy", AMOUNT * 2, await price_at(client, 0.91))
    assert (edited["status"], edited["amount"]) == ("open", AMOUNT * 2)
    assert edited["id"] != order["id"]
    assert (await client.fetch_order(order["id"], SYMBOL))["status"] == "canceled"


@covers(Feature.REFUSALS)
async def test_refusals_are_the_errors_that_ccxt_has_for_them(client: Any) -> None:
    price = await price_at(client, 0.9)
    with pytest.raises(ccxt.InsufficientFunds):
        await client.create_order(SYMBOL, "limit", "buy", 1, price)
    with pytest.raises(ccxt.OrderNotFound):
        await client.fetch_order("123", SYMBOL)
    with pytest.raises(ccxt.OrderNotFound):
        await client.cancel_order("123", SYMBOL)
    with pytest.raises(ccxt.BadRequest, match="NOTIONAL"):
        await client.create_order(SYMBOL, "limit", "buy", 0.00001, price)
    with pytest.raises(ccxt.BadSymbol):
        await client.public_get_depth({"symbol": "NOSUCH"})
    key, secret, client.secret = client.apiKey, client.secret, "not-the-secret"
    with pytest.raises(ccxt.AuthenticationError):
        await client.fetch_balance()
    client.apiKey = "not-a-key"
    with pytest.raises(ccxt.AuthenticationError):
        await client.fetch_balance()
    client.apiKey, client.secret = key, secret
