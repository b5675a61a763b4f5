"""python-binance's socket manager listens to streams and account events; its client trades over the WebSocket API."""

from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from binance import AsyncClient, BinanceSocketManager
from binance.exceptions import BinanceAPIException
from binance.ws.depthcache import DepthCacheManager
from exchange_program import RunningExchange
from features import Client, Feature, covers
from python_binance import QUANTITY, SYMBOL, buy, price_at, python_binance, socket_manager
from waiting import within_patience

CLIENT = Client.PYTHON_BINANCE_SOCKETS
D = Decimal


@pytest.fixture
async def client(exchange: RunningExchange) -> AsyncIterator[AsyncClient]:
    async with python_binance(exchange) as connected:
        yield connected


@pytest.fixture
def sockets(client: AsyncClient, exchange: RunningExchange) -> BinanceSocketManager:
    return socket_manager(client, exchange)


async def first(opened: Any) -> Any:
    """The first message of a socket."""
    async with opened as socket:
        return await within_patience(socket.recv())


@covers(Feature.TRADE_STREAM, Feature.AGGREGATE_TRADE_STREAM)
async def test_trades(sockets: BinanceSocketManager) -> None:
    for socket, kind in ((sockets.trade_socket(SYMBOL), "trade"), (sockets.aggtrade_socket(SYMBOL), "aggTrade")):
        trade = await first(socket)
        assert (trade["e"], trade["s"]) == (kind, SYMBOL)
        assert D(trade["p"]) * D(trade["q"]) > 0


@covers(Feature.CANDLE_STREAM)
async def test_candles(sockets: BinanceSocketManager) -> None:
    candle = (await first(sockets.kline_socket(SYMBOL, "1m")))["k"]
    assert (candle["s"], candle["i"], candle["T"] - candle["t"]) == (SYMBOL, "1m", 59_999)
    assert D(candle["l"]) <= D(candle["c"]) <= D(candle["h"])


@covers(Feature.MINI_TICKER_STREAM)
async def test_mini_tickers(sockets: BinanceSocketManager) -> None:
    assert (await first(sockets.symbol_miniticker_socket(SYMBOL)))["e"] == "24hrMiniTicker"
    every = await first(sockets.miniticker_socket())
    assert {each["s"] for each in every} <= {"BTCUSDT", "ETHUSDT", "BNBUSDT"}


@covers(Feature.TICKER_STREAM)
async def test_tickers(sockets: BinanceSocketManager) -> None:
    ticker = await first(sockets.symbol_ticker_socket(SYMBOL))
    assert ticker["e"] == "24hrTicker"
    assert D(ticker["b"]) < D(ticker["a"])


@covers(Feature.BEST_PRICES_STREAM)
async def test_best_prices(sockets: BinanceSocketManager) -> None:
    best = await first(sockets.symbol_book_ticker_socket(SYMBOL))
    assert D(best["b"]) < D(best["a"])


@covers(Feature.PARTIAL_BOOK_STREAM, Feature.BOOK_STREAM)
async def test_order_books(sockets: BinanceSocketManager) -> None:
    top = await first(sockets.depth_socket(SYMBOL, depth="5"))
    assert (len(top["bids"]), len(top["asks"])) == (5, 5)
    async with sockets.depth_socket(SYMBOL, interval=100) as socket:
        changes = [await within_patience(socket.recv()) for _ in range(3)]
    assert all(later["U"] == earlier["u"] + 1 for earlier, later in pairwise(changes))


@covers(Feature.BOOK_STREAM)
async def test_the_library_keeps_an_order_book(client: AsyncClient, sockets: BinanceSocketManager) -> None:
    manager = DepthCacheManager(client, SYMBOL, bm=sockets)
    async with manager as socket:
        book = await within_patience(socket.recv())
        (bid, _), (ask, _) = book.get_bids()[0], book.get_asks()[0]
        assert 0 < bid < ask


@covers(Feature.COMBINED_STREAM)
async def test_several_streams_over_one_connection(sockets: BinanceSocketManager) -> None:
    wanted = {"btcusdt@bookTicker", "ethusdt@trade", "bnbusdt@kline_1m"}
    seen = set()
    async with sockets.multiplex_socket(sorted(wanted)) as socket:
        while seen != wanted:
            seen.add((await within_patience(socket.recv()))["stream"])


@covers(Feature.AVERAGE_PRICE_STREAM, Feature.WINDOW_TICKER_STREAM, Feature.REFERENCE_PRICE_STREAM)
async def test_streams_that_have_no_method_of_their_own(sockets: BinanceSocketManager) -> None:
    kinds = {
        "btcusdt@avgPrice": "avgPrice",
        "btcusdt@ticker_1h": "1hTicker",
        "!ticker_4h@arr": "4hTicker",
        "btcusdt@referencePrice": "referencePrice",
    }
    seen: dict[str, str] = {}
    async with sockets.multiplex_socket(sorted(kinds)) as socket:
        while seen.keys() != kinds.keys():
            message = await within_patience(socket.recv())
            data = message["data"]
            seen[message["stream"]] = (data[0] if isinstance(data, list) else data)["e"]
    assert seen == kinds


@covers(Feature.ORDER_EVENTS, Feature.BALANCE_EVENTS)
async def test_account_events(client: AsyncClient, sockets: BinanceSocketManager) -> None:
    async with sockets.user_socket() as socket:
        resting = await client.order_limit_buy(symbol=SYMBOL, quantity=QUANTITY, price=await price_at(client, "0.9"))
        told = await within_patience(socket.recv())
        assert (told["e"], told["x"], told["X"], told["i"]) == ("executionReport", "NEW", "NEW", resting["orderId"])
        held = await within_patience(socket.recv())
        assert held["e"] == "outboundAccountPosition"
        usdt = next(each for each in held["B"] if each["a"] == "USDT")
        assert D(usdt["l"]) == D(resting["price"]) * D(QUANTITY)
        await client.cancel_order(symbol=SYMBOL, orderId=resting["orderId"])
        told = await within_patience(socket.recv())
        assert (told["x"], told["X"], told["C"]) == ("CANCELED", "CANCELED", resting["clientOrderId"])
        assert (await within_patience(socket.recv()))["e"] == "outboundAccountPosition"
        bought = await client.order_market_buy(symbol=SYMBOL, quantity=QUANTITY)
        reports = []
        while not reports or reports[-1].get("X") != "FILLED":
            reports.append(await within_patience(socket.recv()))
        trades = [each for each in reports if each["e"] == "executionReport" and each["x"] == "TRADE"]
        assert [each["t"] for each in trades] == [each["tradeId"] for each in bought["fills"]]
        assert sum(D(each["l"]) for each in trades) == D(QUANTITY)


@covers(Feature.LIST_EVENTS)
async def test_events_of_order_lists(client: AsyncClient, sockets: BinanceSocketManager) -> None:
    await buy(client)
    prices = {"abovePrice": await price_at(client, "1.1"), "belowStopPrice": await price_at(client, "0.9")}
    async with sockets.user_socket() as socket:
        placed = await client.order_oco_sell(symbol=SYMBOL, quantity=QUANTITY, aboveType="LIMIT_MAKER", belowType="STOP_LOSS", **prices)
        events = [await within_patience(socket.recv())]
        while events[-1]["e"] != "outboundAccountPosition":
            events.append(await within_patience(socket.recv()))
    status = next(each for each in events if each["e"] == "listStatus")
    assert (status["g"], status["c"], status["l"], status["L"]) == (placed["orderListId"], "OCO", "EXEC_STARTED", "EXECUTING")
    assert {each["i"] for each in status["O"]} == {each["orderId"] for each in placed["orders"]}


@covers(Feature.TIME, Feature.MARKETS, Feature.BOOK, Feature.CANDLES, Feature.LAST_PRICE, Feature.BEST_PRICES)
async def test_the_market_by_request(client: AsyncClient) -> None:
    assert await client.ws_ping() == {}
    assert (await client.ws_get_time())["serverTime"] > 0
    assert len((await client.ws_get_exchange_info(symbols=["BTCUSDT", "ETHUSDT"]))["symbols"]) == 2
    book = await client.ws_get_order_book(symbol=SYMBOL, limit=5)
    assert D(book["bids"][0][0]) < D(book["asks"][0][0])
    assert len(await client.ws_get_klines(symbol=SYMBOL, interval="1m", limit=3)) == 3
    assert D((await client.ws_get_symbol_ticker(symbol=SYMBOL))["price"]) > 0
    assert D((await client.ws_get_orderbook_ticker(symbol=SYMBOL))["bidQty"]) > 0


@covers(Feature.TRADES, Feature.AGGREGATE_TRADES, Feature.AVERAGE_PRICE)
async def test_trades_by_request(client: AsyncClient) -> None:
    recent = await client.ws_get_recent_trades(symbol=SYMBOL, limit=5)
    assert await client.ws_get_historical_trades(symbol=SYMBOL, fromId=recent[0]["id"], limit=5) == recent
    assert len(await client.ws_get_aggregate_trades(symbol=SYMBOL, limit=5)) == 5
    assert D((await client.ws_get_avg_price(symbol=SYMBOL))["price"]) > 0


@covers(Feature.DAY_TICKER, Feature.TRADING_DAY_TICKER, Feature.WINDOW_TICKER)
async def test_tickers_by_request(client: AsyncClient) -> None:
    for ticker in (
        await client.ws_get_ticker(symbol=SYMBOL),
        await client.ws_get_trading_day_ticker(symbol=SYMBOL),
        await client.ws_get_symbol_ticker_window(symbol=SYMBOL, windowSize="1h"),
    ):
        assert D(ticker["lowPrice"]) <= D(ticker["lastPrice"]) <= D(ticker["highPrice"])


@covers(Feature.BALANCES, Feature.COMMISSION, Feature.ORDER_COUNTS)
async def test_account_by_request(client: AsyncClient) -> None:
    account = await client.ws_get_account()
    assert any(each["asset"] == "USDT" and D(each["free"]) > 0 for each in account["balances"])
    assert D((await client.ws_get_commission_rates(symbol=SYMBOL))["standardCommission"]["taker"]) > 0
    assert [each["interval"] for each in await client.ws_get_account_rate_limits_orders()] == ["SECOND", "DAY"]


@covers(Feature.MARKET, Feature.MY_TRADES)
async def test_market_order(client: AsyncClient) -> None:
    order = await client.ws_order_market_buy(symbol=SYMBOL, quantity=QUANTITY)
    assert order["status"] == "FILLED"
    trades = await client.ws_get_my_trades(symbol=SYMBOL, orderId=order["orderId"])
    assert [each["id"] for each in trades] == [each["tradeId"] for each in order["fills"]]


@covers(Feature.LIMIT, Feature.ORDER_STATUS, Feature.OPEN_ORDERS, Feature.ALL_ORDERS, Feature.CANCEL, Feature.CANCEL_ALL)
async def test_limit_orders(client: AsyncClient) -> None:
    price = await price_at(client, "0.9")
    one = await client.ws_order_limit_buy(symbol=SYMBOL, quantity=QUANTITY, price=price)
    two = await client.ws_order_limit_buy(symbol=SYMBOL, quantity=QUANTITY, price=price)
    assert (await client.ws_get_order(symbol=SYMBOL, orderId=one["orderId"]))["status"] == "NEW"
    assert {each["orderId"] for each in await client.ws_get_open_orders(symbol=SYMBOL)} == {one["orderId"], two["orderId"]}
    assert (await client.ws_cancel_order(symbol=SYMBOL, orderId=one["orderId"]))["status"] == "CANCELED"
    assert [each["orderId"] for each in await client.ws_cancel_all_open_orders(symbol=SYMBOL)] == [two["orderId"]]
    assert [each["status"] for each in await client.ws_get_all_orders(symbol=SYMBOL)][-2:] == ["CANCELED", "CANCELED"]


@covers(Feature.IOC, Feature.FOK, Feature.LIMIT_MAKER, Feature.STOP_LOSS_LIMIT, Feature.TAKE_PROFIT_LIMIT, Feature.ICEBERG)
async def test_orders_of_every_kind_with_a_limit(client: AsyncClient) -> None:
    order = {"symbol": SYMBOL, "side": "BUY", "quantity": QUANTITY, "newOrderRespType": "RESULT"}
    low, high = await price_at(client, "0.9"), await price_at(client, "1.1")
    for time_in_force in ("IOC", "FOK"):
        gone = await client.ws_create_order(**order, type="LIMIT", timeInForce=time_in_force, price=low)
        assert gone["status"] == "EXPIRED"
    for kind in (
        {"type": "LIMIT_MAKER", "price": low},
        {"type": "STOP_LOSS_LIMIT", "timeInForce": "GTC", "price": high, "stopPrice": high},
        {"type": "TAKE_PROFIT_LIMIT", "timeInForce": "GTC", "price": low, "stopPrice": low},
        {"type": "LIMIT", "timeInForce": "GTC", "price": low, "icebergQty": "0.0005"},
    ):
        placed = await client.ws_create_order(**order, **kind)
        assert (placed["status"], placed["type"]) == ("NEW", kind["type"])


@covers(Feature.STOP_LOSS, Feature.TAKE_PROFIT, Feature.TRAILING_STOP, Feature.MARKET_QUOTE)
async def test_orders_of_every_kind_without_a_limit(client: AsyncClient) -> None:
    bought = await client.ws_order_market_buy(symbol=SYMBOL, quoteOrderQty="500")
    assert D(490) < D(bought["cummulativeQuoteQty"]) <= 500
    order = {"symbol": SYMBOL, "side": "SELL", "quantity": QUANTITY, "newOrderRespType": "RESULT"}
    for kind in (
        {"type": "STOP_LOSS", "stopPrice": await price_at(client, "0.9")},
        {"type": "TAKE_PROFIT", "stopPrice": await price_at(client, "1.1")},
        {"type": "STOP_LOSS", "trailingDelta": 100},
    ):
        assert (await client.ws_create_order(**order, **kind))["status"] == "NEW"


@covers(Feature.TEST_ORDER)
async def test_trying_an_order(client: AsyncClient) -> None:
    assert await client.ws_create_test_order(symbol=SYMBOL, side="BUY", type="MARKET", quantity=QUANTITY) == {}


@covers(Feature.CANCEL_REPLACE)
async def test_cancel_and_replace(client: AsyncClient) -> None:
    first_order = await client.ws_order_limit_buy(symbol=SYMBOL, quantity=QUANTITY, price=await price_at(client, "0.9"))
    second = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": QUANTITY, "price": await price_at(client, "0.91")}
    done = await client.ws_cancel_and_replace_order(
        symbol=SYMBOL, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=first_order["orderId"], **second
    )
    assert (done["cancelResult"], done["newOrderResult"]) == ("SUCCESS", "SUCCESS")


@covers(Feature.OCO, Feature.OTO, Feature.OTOCO, Feature.LIST_STATUS, Feature.LIST_CANCEL)
async def test_order_lists(client: AsyncClient) -> None:
    await buy(client)
    above, below = await price_at(client, "1.1"), await price_at(client, "0.9")
    oco_legs = {"aboveType": "LIMIT_MAKER", "abovePrice": above, "belowType": "STOP_LOSS", "belowStopPrice": below}
    oco = await client.ws_create_oco_order(symbol=SYMBOL, side="SELL", quantity=QUANTITY, **oco_legs)
    assert [each["orderListId"] for each in await client.ws_get_oco_open_orders()] == [oco["orderListId"]]
    assert (await client.ws_get_oco_order(orderListId=oco["orderListId"]))["listOrderStatus"] == "EXECUTING"
    cancelled = await client.ws_cancel_oco_order(symbol=SYMBOL, orderListId=oco["orderListId"])
    assert cancelled["listOrderStatus"] == "ALL_DONE"
    working = {
        "workingType": "LIMIT",
        "workingSide": "BUY",
        "workingTimeInForce": "GTC",
        "workingPrice": below,
        "workingQuantity": QUANTITY,
    }
    pending = {"pendingSide": "SELL", "pendingQuantity": QUANTITY}
    oto = await client.ws_create_oto_order(
        symbol=SYMBOL, **working, **pending, pendingType="LIMIT", pendingTimeInForce="GTC", pendingPrice=above
    )
    assert [each["status"] for each in oto["orderReports"]] == ["NEW", "PENDING_NEW"]
    legs = {"pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": above, "pendingBelowType": "STOP_LOSS", "pendingBelowStopPrice": below}
    otoco = await client.ws_create_otoco_order(symbol=SYMBOL, **working, **pending, **legs)
    assert [each["status"] for each in otoco["orderReports"]] == ["NEW", "PENDING_NEW", "PENDING_NEW"]


@covers(Feature.REFUSALS)
async def test_refusals(client: AsyncClient) -> None:
    with pytest.raises(BinanceAPIException) as caught:
        await client.ws_cancel_order(symbol=SYMBOL, orderId=123)
    assert caught.value.code == -2011
