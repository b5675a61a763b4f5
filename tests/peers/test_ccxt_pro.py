"""ccxt.pro listens to streams and account events, and trades over the WebSocket API."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import ccxt
import pytest
from ccxt_exchange import SYMBOL, ccxt_binance, price_at
from exchange_program import RunningExchange
from features import Client, Feature, covers
from waiting import within_patience

CLIENT = Client.CCXT_PRO
AMOUNT = 0.002


@pytest.fixture
async def client(exchange: RunningExchange) -> AsyncIterator[Any]:
    async with ccxt_binance(exchange) as connected:
        yield connected
        for order in await connected.fetch_open_orders(SYMBOL):
            await connected.cancel_order(order["id"], SYMBOL)


@covers(Feature.BOOK_STREAM)
async def test_the_order_book_is_kept_from_its_changes(client: Any) -> None:
    first = await within_patience(client.watch_order_book(SYMBOL))
    nonce = first["nonce"]
    book = first
    while book["nonce"] == nonce:
        book = await within_patience(client.watch_order_book(SYMBOL))
    assert book["bids"][0][0] < book["asks"][0][0]
    assert all(better[0] > worse[0] for better, worse in pairwise(book["bids"]))


@covers(Feature.TRADE_STREAM)
async def test_trades(client: Any) -> None:
    trades = await within_patience(client.watch_trades(SYMBOL, params={"name": "trade"}))
    assert all(trade["symbol"] == SYMBOL and trade["price"] > 0 and trade["side"] in {"buy", "sell"} for trade in trades)


@covers(Feature.AGGREGATE_TRADE_STREAM)
async def test_aggregate_trades(client: Any) -> None:
    client.options["watchTrades"] = {"name": "aggTrade"}
    trades = await within_patience(client.watch_trades(SYMBOL, params={"name": "aggTrade"}))
    assert all(trade["symbol"] == SYMBOL and trade["amount"] > 0 for trade in trades)


@covers(Feature.CANDLE_STREAM)
async def test_candles(client: Any) -> None:
    (candle,) = await within_patience(client.watch_ohlcv(SYMBOL, "1m"))
    opened_ms, opened, high, low, closed, _ = candle
    assert opened_ms % 60_000 == 0
    assert low <= min(opened, closed) <= max(opened, closed) <= high


@covers(Feature.TICKER_STREAM)
async def test_ticker(client: Any) -> None:
    ticker = await within_patience(client.watch_ticker(SYMBOL, {"name": "ticker"}))
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert ticker["bid"] < ticker["ask"]


@covers(Feature.MINI_TICKER_STREAM, Feature.COMBINED_STREAM)
async def test_mini_tickers_of_some_symbols(client: Any) -> None:
    tickers = await within_patience(client.watch_tickers([SYMBOL, "ETH/USDT"], {"name": "miniTicker"}))
    assert set(tickers) <= {SYMBOL, "ETH/USDT"}
    assert all(ticker["low"] <= ticker["last"] <= ticker["high"] for ticker in tickers.values())


@covers(Feature.BEST_PRICES_STREAM, Feature.COMBINED_STREAM)
async def test_best_prices_of_some_symbols(client: Any) -> None:
    tickers = await within_patience(client.watch_bids_asks([SYMBOL, "ETH/USDT"]))
    assert tickers
    assert all(ticker["bid"] < ticker["ask"] for ticker in tickers.values())


@covers(Feature.CANDLES)
async def test_candles_by_request(client: Any) -> None:
    candles = await client.fetch_ohlcv_ws(SYMBOL, "1m", limit=5)
    assert [later[0] - earlier[0] for earlier, later in pairwise(candles)] == [60_000] * 4


@covers(Feature.TRADES)
async def test_trades_by_request(client: Any) -> None:
    assert len(await client.fetch_trades_ws(SYMBOL, limit=5)) == 5


@covers(Feature.BALANCES)
async def test_balance_by_request(client: Any) -> None:
    balance = await client.fetch_balance_ws()  # ccxt parses no spot balances here, and shows what came
    assert {"asset": "USDT"}.items() <= next(each for each in balance["info"]["balances"] if float(each["free"])).items()


@covers(Feature.MARKET, Feature.MY_TRADES)
async def test_market_order(client: Any) -> None:
    order = await client.create_order_ws(SYMBOL, "market", "buy", AMOUNT)
    assert (order["status"], order["filled"]) == ("closed", AMOUNT)
    trades = await client.fetch_my_trades_ws(SYMBOL)
    assert sum(trade["amount"] for trade in trades if trade["order"] == order["id"]) == pytest.approx(AMOUNT)


@covers(Feature.IOC, Feature.FOK, Feature.LIMIT_MAKER, Feature.STOP_LOSS_LIMIT, Feature.TAKE_PROFIT_LIMIT)
async def test_orders_of_other_kinds(client: Any) -> None:
    low, high = await price_at(client, 0.9), await price_at(client, 1.1)
    for time_in_force in ("IOC", "FOK"):
        gone = await client.create_order_ws(SYMBOL, "limit", "buy", AMOUNT, low, {"timeInForce": time_in_force})
        assert (gone["status"], gone["filled"]) == ("expired", 0)
    # By Binance's own names: create_order_ws sends those of ccxt along, and these no exchange reads.
    for kind, price, params in (
        ("LIMIT_MAKER", low, {}),
        ("STOP_LOSS_LIMIT", high, {"stopPrice": high}),
        ("TAKE_PROFIT_LIMIT", low, {"stopPrice": low}),
    ):
        placed = await client.create_order_ws(SYMBOL, kind, "buy", AMOUNT, price, params)
        assert (await client.fetch_order_ws(placed["id"], SYMBOL))["info"]["type"] == kind


@covers(Feature.LIMIT, Feature.ORDER_STATUS, Feature.OPEN_ORDERS, Feature.ALL_ORDERS, Feature.CANCEL)
async def test_limit_order(client: Any) -> None:
    order = await client.create_order_ws(SYMBOL, "limit", "buy", AMOUNT, await price_at(client, 0.9))
    assert (await client.fetch_order_ws(order["id"], SYMBOL))["status"] == "open"
    assert [seen["id"] for seen in await client.fetch_open_orders_ws(SYMBOL)] == [order["id"]]
    assert (await client.cancel_order_ws(order["id"], SYMBOL))["status"] == "canceled"
    assert (await client.fetch_orders_ws(SYMBOL))[-1]["status"] == "canceled"


@covers(Feature.CANCEL_ALL)
async def test_cancel_all(client: Any) -> None:
    price = await price_at(client, 0.9)
    placed = {(await client.create_order_ws(SYMBOL, "limit", "buy", AMOUNT, price))["id"] for _ in range(2)}
    assert {order["id"] for order in await client.cancel_all_orders_ws(SYMBOL)} == placed


@covers(Feature.CANCEL_REPLACE)
async def test_edit(client: Any) -> None:
    order = await client.create_order_ws(SYMBOL, "limit", "buy", AMOUNT, await price_at(client, 0.9))
    edited = await client.edit_order_ws(order["id"], SYMBOL, "limit", "buy", AMOUNT * 2, await price_at(client, 0.91))
    assert (edited["status"], edited["amount"]) == ("open", AMOUNT * 2)
    assert (await client.fetch_order_ws(order["id"], SYMBOL))["status"] == "canceled"


@covers(Feature.REFUSALS)
async def test_refusals(client: Any) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        await client.create_order_ws(SYMBOL, "limit", "buy", 1, await price_at(client, 0.9))
    with pytest.raises(ccxt.OrderNotFound):
        await client.cancel_order_ws("123", SYMBOL)


@covers(Feature.ORDER_EVENTS)
async def test_orders_and_trades_are_told(client: Any) -> None:
    await client.ensure_user_data_stream_ws_subscribe_signature()
    coming = asyncio.create_task(client.watch_orders(SYMBOL))
    resting = await client.create_order(SYMBOL, "limit", "buy", AMOUNT, await price_at(client, 0.9))
    told = (await within_patience(coming))[-1]
    assert (told["id"], told["status"], told["amount"]) == (resting["id"], "open", AMOUNT)
    coming = asyncio.create_task(client.watch_orders(SYMBOL))
    await client.cancel_order(resting["id"], SYMBOL)
    told = (await within_patience(coming))[-1]
    assert (told["id"], told["status"]) == (resting["id"], "canceled")
    coming = asyncio.create_task(client.watch_my_trades(SYMBOL))
    bought = await client.create_order(SYMBOL, "market", "buy", AMOUNT)
    trades = await within_patience(coming)
    assert {(trade["order"], trade["takerOrMaker"]) for trade in trades} == {(bought["id"], "taker")}


@covers(Feature.BALANCE_EVENTS)
async def test_balances_are_told(client: Any) -> None:
    await client.ensure_user_data_stream_ws_subscribe_signature()
    coming = asyncio.create_task(client.watch_balance())
    await client.create_order(SYMBOL, "market", "buy", AMOUNT)
    told = await within_patience(coming)
    assert told["BTC"]["total"] == (await client.fetch_balance())["BTC"]["total"]
