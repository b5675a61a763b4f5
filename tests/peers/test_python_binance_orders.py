"""python-binance places, follows, changes and cancels orders and order lists."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from binance import AsyncClient
from binance.exceptions import BinanceAPIException
from exchange_program import RunningExchange
from features import Client, Feature, covers
from python_binance import QUANTITY, SYMBOL, best_price, buy, inside_price, nudge, price_at, python_binance
from waiting import accepted, eventually

CLIENT = Client.PYTHON_BINANCE
D = Decimal


@pytest.fixture
async def client(exchange: RunningExchange) -> AsyncIterator[AsyncClient]:
    async with python_binance(exchange) as connected:
        yield connected


async def state(client: AsyncClient, order: Any) -> str:
    return str((await client.get_order(symbol=SYMBOL, orderId=order["orderId"]))["status"])


async def refused(asking: Any) -> int:
    with pytest.raises(BinanceAPIException) as caught:
        await asking
    return int(caught.value.code)


@covers(Feature.MARKET, Feature.MY_TRADES)
async def test_market_order(client: AsyncClient) -> None:
    order = await client.order_market_buy(symbol=SYMBOL, quantity=QUANTITY)
    assert (order["status"], D(order["executedQty"])) == ("FILLED", D(QUANTITY))
    trades = await client.get_my_trades(symbol=SYMBOL, orderId=order["orderId"])
    assert [(each["id"], each["price"]) for each in trades] == [(each["tradeId"], each["price"]) for each in order["fills"]]
    assert sum(D(each["quoteQty"]) for each in trades) == D(order["cummulativeQuoteQty"])


@covers(Feature.MARKET_QUOTE)
async def test_market_order_by_amount(client: AsyncClient) -> None:
    order = await client.order_market_buy(symbol=SYMBOL, quoteOrderQty="100")
    assert D(99) < D(order["cummulativeQuoteQty"]) <= 100


@covers(Feature.LIMIT, Feature.ORDER_STATUS, Feature.OPEN_ORDERS, Feature.ALL_ORDERS, Feature.CANCEL)
async def test_limit_order(client: AsyncClient) -> None:
    price = await price_at(client, "0.9")
    order = await client.order_limit_buy(symbol=SYMBOL, quantity=QUANTITY, price=price)
    seen = await client.get_order(symbol=SYMBOL, orderId=order["orderId"])
    assert (seen["status"], D(seen["price"]), seen["isWorking"]) == ("NEW", D(price), True)
    assert [each["orderId"] for each in await client.get_open_orders()] == [order["orderId"]]
    cancelled = await client.cancel_order(symbol=SYMBOL, orderId=order["orderId"])
    assert (cancelled["status"], cancelled["origClientOrderId"]) == ("CANCELED", order["clientOrderId"])
    assert (await client.get_all_orders(symbol=SYMBOL))[-1]["status"] == "CANCELED"


@covers(Feature.IOC, Feature.FOK)
@pytest.mark.parametrize("time_in_force", ["IOC", "FOK"])
async def test_orders_that_do_not_rest(client: AsyncClient, time_in_force: str) -> None:
    none = await client.order_limit_buy(symbol=SYMBOL, quantity=QUANTITY, price=await price_at(client, "0.9"), timeInForce=time_in_force)
    assert (none["status"], D(none["executedQty"])) == ("EXPIRED", 0)
    whole = await client.order_limit_buy(symbol=SYMBOL, quantity=QUANTITY, price=await price_at(client, "1.01"), timeInForce=time_in_force)
    assert whole["status"] == "FILLED"


@covers(Feature.LIMIT_MAKER)
async def test_limit_maker(client: AsyncClient) -> None:
    order = {"symbol": SYMBOL, "side": "BUY", "type": client.ORDER_TYPE_LIMIT_MAKER, "quantity": QUANTITY, "newOrderRespType": "RESULT"}
    placed = await client.create_order(**order, price=await price_at(client, "0.9"))
    assert placed["status"] == "NEW"
    assert await refused(client.create_order(**order, price=await price_at(client, "1.05"))) == -2010


@covers(Feature.STOP_LOSS, Feature.TAKE_PROFIT)
@pytest.mark.parametrize(("kind", "side"), [("STOP_LOSS", "SELL"), ("TAKE_PROFIT", "BUY")])
async def test_orders_that_a_trade_triggers(client: AsyncClient, kind: str, side: str) -> None:
    await buy(client)

    async def place() -> Any:
        return await client.create_order(symbol=SYMBOL, side="SELL", type=kind, quantity=QUANTITY, stopPrice=await best_price(client, side))

    order = await accepted(place)

    async def looked() -> str:
        await nudge(client, side)
        return await state(client, order)

    await eventually(looked, lambda seen: seen == "FILLED")
    trades = await client.get_my_trades(symbol=SYMBOL, orderId=order["orderId"])
    assert {each["isMaker"] for each in trades} == {False}


@covers(Feature.STOP_LOSS_LIMIT, Feature.TAKE_PROFIT_LIMIT)
@pytest.mark.parametrize(("kind", "trigger"), [("STOP_LOSS_LIMIT", "1.1"), ("TAKE_PROFIT_LIMIT", "0.9")])
async def test_limit_orders_that_wait_for_a_trigger(client: AsyncClient, kind: str, trigger: str) -> None:
    stop_price = await price_at(client, trigger)
    order = await client.create_order(
        symbol=SYMBOL, side="BUY", type=kind, timeInForce="GTC", quantity=QUANTITY, price=stop_price, stopPrice=stop_price
    )
    seen = await client.get_order(symbol=SYMBOL, orderId=order["orderId"])
    assert (seen["status"], seen["isWorking"], D(seen["stopPrice"])) == ("NEW", False, D(stop_price))


@covers(Feature.TRAILING_STOP)
async def test_trailing_stop(client: AsyncClient) -> None:
    await buy(client)
    order = await client.create_order(symbol=SYMBOL, side="SELL", type="STOP_LOSS", quantity=QUANTITY, trailingDelta=100)
    seen = await client.get_order(symbol=SYMBOL, orderId=order["orderId"])
    assert (seen["status"], seen["trailingDelta"]) == ("NEW", 100)


@covers(Feature.ICEBERG)
async def test_iceberg(client: AsyncClient) -> None:
    order = await client.order_limit_buy(symbol=SYMBOL, quantity=QUANTITY, price=await price_at(client, "0.9"), icebergQty="0.0005")
    assert D((await client.get_order(symbol=SYMBOL, orderId=order["orderId"]))["icebergQty"]) == D("0.0005")


@covers(Feature.PEGGED)
async def test_an_order_pegged_to_the_best_bid(client: AsyncClient) -> None:
    order = await client.create_order(
        symbol=SYMBOL,
        side="BUY",
        type="LIMIT_MAKER",
        quantity=QUANTITY,
        pegPriceType="PRIMARY_PEG",
        pegOffsetType="PRICE_LEVEL",
        pegOffsetValue=3,
    )
    seen = await client.get_order(symbol=SYMBOL, orderId=order["orderId"])
    assert (seen["pegPriceType"], D(seen["peggedPrice"]) > 0) == ("PRIMARY_PEG", True)


@covers(Feature.SELF_TRADE)
async def test_self_trade_prevention(client: AsyncClient) -> None:
    await buy(client)

    async def meet() -> tuple[Any, Any]:
        """An own order that rests, and what kept the next from trading with it: nothing, if the market came in between."""
        order = {"symbol": SYMBOL, "quantity": QUANTITY, "price": await inside_price(client)}
        maker = await client.order_limit_buy(**order)
        taker = await client.order_limit_sell(**order, timeInForce="IOC", selfTradePreventionMode="EXPIRE_MAKER")
        return maker, await client.get_prevented_matches(symbol=SYMBOL, orderId=taker["orderId"])

    maker, (match,) = await eventually(meet, lambda met: bool(met[1]))
    assert (match["makerOrderId"], match["selfTradePreventionMode"]) == (maker["orderId"], "EXPIRE_MAKER")
    assert await state(client, maker) == "EXPIRED_IN_MATCH"


@covers(Feature.TEST_ORDER)
async def test_trying_an_order(client: AsyncClient) -> None:
    order = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": QUANTITY}
    assert await client.create_test_order(**order) == {}
    assert "standardCommissionForOrder" in await client.create_test_order(**order, computeCommissionRates="true")


@covers(Feature.CLIENT_ORDER_ID)
async def test_ids_of_the_clients_own(client: AsyncClient) -> None:
    price = await price_at(client, "0.9")
    await client.order_limit_buy(symbol=SYMBOL, quantity=QUANTITY, price=price, newClientOrderId="mine-1")
    assert await refused(client.order_limit_buy(symbol=SYMBOL, quantity=QUANTITY, price=price, newClientOrderId="mine-1")) == -2010
    assert (await client.get_order(symbol=SYMBOL, origClientOrderId="mine-1"))["status"] == "NEW"
    assert (await client.cancel_order(symbol=SYMBOL, origClientOrderId="mine-1"))["origClientOrderId"] == "mine-1"


@covers(Feature.CANCEL_ALL)
async def test_cancel_all(client: AsyncClient) -> None:
    price = await price_at(client, "0.9")
    placed = {(await client.order_limit_buy(symbol=SYMBOL, quantity=QUANTITY, price=price))["orderId"] for _ in range(3)}
    assert {each["orderId"] for each in await client.cancel_all_open_orders(symbol=SYMBOL)} == placed
    assert await refused(client.cancel_all_open_orders(symbol=SYMBOL)) == -2011


@covers(Feature.CANCEL_REPLACE)
async def test_cancel_and_replace(client: AsyncClient) -> None:
    first = await client.order_limit_buy(symbol=SYMBOL, quantity=QUANTITY, price=await price_at(client, "0.9"))
    second = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": QUANTITY, "price": await price_at(client, "0.91")}
    done = await client.cancel_replace_order(symbol=SYMBOL, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=first["orderId"], **second)
    assert (done["cancelResult"], done["newOrderResult"], done["newOrderResponse"]["status"]) == ("SUCCESS", "SUCCESS", "NEW")
    assert await state(client, first) == "CANCELED"
    assert (
        await refused(client.cancel_replace_order(symbol=SYMBOL, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=1, **second)) == -2022
    )


@covers(Feature.ROUTED)
async def test_routing_of_an_order_is_answered(client: AsyncClient) -> None:
    order = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": QUANTITY}
    placed = await client.v3_post_sor_order(**order)
    assert (placed["status"], placed["usedSor"]) == ("FILLED", True)


@covers(Feature.OCO, Feature.LIST_STATUS, Feature.LIST_CANCEL)
async def test_oco(client: AsyncClient) -> None:
    await buy(client)
    placed = await client.order_oco_sell(
        symbol=SYMBOL,
        quantity=QUANTITY,
        aboveType="LIMIT_MAKER",
        abovePrice=await price_at(client, "1.1"),
        belowType="STOP_LOSS_LIMIT",
        belowStopPrice=await price_at(client, "0.9"),
        belowPrice=await price_at(client, "0.89"),
        belowTimeInForce="GTC",
    )
    assert (placed["contingencyType"], len(placed["orderReports"])) == ("OCO", 2)
    list_id = placed["orderListId"]
    assert [each["orderListId"] for each in await client.get_open_oco_orders()] == [list_id]
    assert (await client.v3_get_order_list(orderListId=list_id))["listOrderStatus"] == "EXECUTING"
    await client.v3_delete_order_list(symbol=SYMBOL, orderListId=list_id)
    assert (await client.v3_get_all_order_list())[-1]["listOrderStatus"] == "ALL_DONE"


@covers(Feature.OTO, Feature.OTOCO)
async def test_one_triggers_others(client: AsyncClient) -> None:
    working = {
        "symbol": SYMBOL,
        "workingType": "LIMIT",
        "workingSide": "BUY",
        "workingTimeInForce": "GTC",
        "workingPrice": await price_at(client, "1.01"),
        "workingQuantity": "0.003",
        "pendingSide": "SELL",
        "pendingQuantity": QUANTITY,
    }
    above = await price_at(client, "1.1")
    oto = await client.v3_post_order_list_oto(**working, pendingType="LIMIT", pendingTimeInForce="GTC", pendingPrice=above)
    assert [await state(client, each) for each in oto["orders"]] == ["FILLED", "NEW"]
    below = await price_at(client, "0.9")
    otoco = await client.v3_post_order_list_otoco(
        **working, pendingAboveType="LIMIT_MAKER", pendingAbovePrice=above, pendingBelowType="STOP_LOSS", pendingBelowStopPrice=below
    )
    assert [await state(client, each) for each in otoco["orders"]] == ["FILLED", "NEW", "NEW"]


@covers(Feature.REFUSALS)
async def test_refusals_carry_binances_codes(client: AsyncClient) -> None:
    price = await price_at(client, "0.9")
    assert await refused(client.order_limit_buy(symbol=SYMBOL, quantity="1", price=price)) == -2010
    assert await refused(client.order_limit_buy(symbol=SYMBOL, quantity="0.00001", price=price)) == -1013
    assert await refused(client.get_order(symbol=SYMBOL, orderId=123)) == -2013
    assert await refused(client.cancel_order(symbol=SYMBOL, orderId=123)) == -2011
    assert await refused(client.get_symbol_ticker(symbol="NOSUCH")) == -1121
    assert await refused(client.get_klines(symbol=SYMBOL, interval="7m")) == -1120
    secret, client.API_SECRET = client.API_SECRET, "not-the-secret"
    assert await refused(client.get_account()) == -1022
    client.API_SECRET = secret
