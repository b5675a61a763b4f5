"""Binance's own SDK trades and listens over the WebSocket API; nothing that comes back is unknown to its models."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from binance_sdk_spot.spot import Spot
from exchange_program import RunningExchange
from features import Client, Feature, covers
from official_sdk import QUANTITY, SYMBOL, best_price, inside_price, known, nudge, official_sdk, price_at, websocket_api
from waiting import accepted, eventually, within_patience

CLIENT = Client.SDK_API
D = Decimal


@pytest.fixture
def sdk(exchange: RunningExchange) -> Spot:
    return official_sdk(exchange)


@pytest.fixture
async def api(sdk: Spot) -> AsyncIterator[Any]:
    async with websocket_api(sdk) as connected:
        yield connected
        if sdk.rest_api.get_open_orders(symbol=SYMBOL).data():
            sdk.rest_api.delete_open_orders(symbol=SYMBOL)


async def result(asking: Any) -> Any:
    """What an answer holds, as the SDK's models; of a few methods these look past what is around the result, which then comes as it is."""
    answer = (await asking).data()
    assert not isinstance(answer, dict), answer
    answer = getattr(answer, "actual_instance", None) or answer
    around = getattr(answer, "additional_properties", {})
    assert set(around) <= {"id", "status", "result", "rateLimits"}, around
    return known(answer.result) if hasattr(answer, "result") else around["result"]


async def refusal(asking: Any) -> int:
    """The code of the error that the SDK tells in place of a result."""
    answer = (await asking).data()
    return int(answer["error"]["code"])


async def place(api: Any, **order: Any) -> Any:
    return await result(api.order_place(symbol=SYMBOL, quantity=QUANTITY, new_order_resp_type="FULL", **order))


async def limit(api: Any, price: float, side: str = "BUY", **order: Any) -> Any:
    return await place(api, side=side, type="LIMIT", price=price, **{"time_in_force": "GTC", **order})


async def buy(api: Any) -> Any:
    return await result(api.order_place(symbol=SYMBOL, side="BUY", type="MARKET", quantity=0.008))


async def seen(api: Any, order: Any) -> Any:
    return await result(api.order_status(symbol=SYMBOL, order_id=order.order_id))


@covers(Feature.TIME, Feature.MARKETS)
async def test_general_requests(api: Any) -> None:
    answer = await api.ping()
    assert [(each.rateLimitType, each.interval) for each in answer.rate_limits] == [("REQUEST_WEIGHT", "MINUTE")]
    assert (await result(api.time())).server_time > 0
    info = await result(api.exchange_info(symbols=["BTCUSDT", "ETHUSDT"]))
    assert [each["symbol"] for each in info["symbols"]] == ["BTCUSDT", "ETHUSDT"]


@covers(Feature.BOOK, Feature.CANDLES, Feature.SECOND_CANDLES, Feature.AVERAGE_PRICE)
async def test_books_and_candles(api: Any) -> None:
    book = await result(api.depth(symbol=SYMBOL, limit=5))
    assert D(book.bids[0][0]) < D(book.asks[0][0])
    for ask in (api.klines, api.ui_klines):
        for interval in ("1s", "1m"):
            assert len(await result(ask(symbol=SYMBOL, interval=interval, limit=3))) == 3
    assert D((await result(api.avg_price(symbol=SYMBOL))).price) > 0


@covers(Feature.TRADES, Feature.AGGREGATE_TRADES)
async def test_trades(api: Any) -> None:
    recent = await result(api.trades_recent(symbol=SYMBOL, limit=3))
    assert (await result(api.trades_historical(symbol=SYMBOL, from_id=recent[0].id, limit=3)))[0].price == recent[0].price
    assert len(await result(api.trades_aggregate(symbol=SYMBOL, limit=3))) == 3


@covers(Feature.DAY_TICKER, Feature.TRADING_DAY_TICKER, Feature.WINDOW_TICKER, Feature.LAST_PRICE, Feature.BEST_PRICES)
async def test_tickers(api: Any) -> None:
    for ask in (api.ticker24hr, api.ticker_trading_day, api.ticker):
        one = await _of_one(ask(symbol=SYMBOL))
        assert D(one.low_price) <= D(one.last_price) <= D(one.high_price)
    assert D((await _of_one(api.ticker_price(symbol=SYMBOL))).price) > 0
    best = await _of_one(api.ticker_book(symbol=SYMBOL))
    assert D(best.bid_price) < D(best.ask_price)


async def _of_one(asking: Any) -> Any:
    answer = await result(asking)
    return answer[0] if isinstance(answer, list) else answer


@covers(Feature.REFERENCE_PRICE)
async def test_reference_price_and_execution_rules(api: Any) -> None:
    assert D((await result(api.reference_price(symbol=SYMBOL))).reference_price) > 0
    assert (await result(api.reference_price_calculation(symbol=SYMBOL))).symbol == SYMBOL
    assert await result(api.execution_rules(symbol=SYMBOL))


@covers(Feature.BALANCES, Feature.COMMISSION, Feature.ORDER_COUNTS)
async def test_account(api: Any) -> None:
    account = await result(api.account_status(omit_zero_balances=True))
    assert "USDT" in [each.asset for each in account.balances]
    assert D((await result(api.account_commission(symbol=SYMBOL))).standard_commission.taker) > 0
    assert [each.interval for each in await result(api.account_rate_limits_orders())] == ["SECOND", "DAY"]


@covers(Feature.MARKET, Feature.MARKET_QUOTE, Feature.MY_TRADES)
async def test_market_orders(api: Any) -> None:
    order = await place(api, side="BUY", type="MARKET")
    assert order.status == "FILLED"
    trades = await result(api.my_trades(symbol=SYMBOL, order_id=order.order_id))
    assert [each.id for each in trades] == [each.trade_id for each in order.fills]
    spent = await result(api.order_place(symbol=SYMBOL, side="BUY", type="MARKET", quote_order_qty=100))
    assert D(99) < D(spent.cummulative_quote_qty) <= 100


@covers(Feature.LIMIT, Feature.ORDER_STATUS, Feature.OPEN_ORDERS, Feature.ALL_ORDERS, Feature.CANCEL, Feature.CANCEL_ALL)
async def test_limit_orders(api: Any, sdk: Spot) -> None:
    one, two = await limit(api, price_at(sdk, "0.9")), await limit(api, price_at(sdk, "0.91"))
    assert (await seen(api, one)).status == "NEW"
    assert {each.order_id for each in await result(api.open_orders_status(symbol=SYMBOL))} == {one.order_id, two.order_id}
    assert (await result(api.order_cancel(symbol=SYMBOL, order_id=one.order_id))).status == "CANCELED"
    (cancelled,) = await result(api.open_orders_cancel_all(symbol=SYMBOL))
    assert cancelled.order_id == two.order_id
    assert [each.status for each in await result(api.all_orders(symbol=SYMBOL))][-2:] == ["CANCELED"] * 2


@covers(Feature.IOC, Feature.FOK)
@pytest.mark.parametrize("time_in_force", ["IOC", "FOK"])
async def test_orders_that_do_not_rest(api: Any, sdk: Spot, time_in_force: str) -> None:
    assert (await limit(api, price_at(sdk, "0.9"), time_in_force=time_in_force)).status == "EXPIRED"
    assert (await limit(api, price_at(sdk, "1.01"), time_in_force=time_in_force)).status == "FILLED"


@covers(Feature.LIMIT_MAKER)
async def test_limit_maker(api: Any, sdk: Spot) -> None:
    assert (await place(api, side="BUY", type="LIMIT_MAKER", price=price_at(sdk, "0.9"))).status == "NEW"
    crossing = api.order_place(symbol=SYMBOL, side="BUY", type="LIMIT_MAKER", quantity=QUANTITY, price=price_at(sdk, "1.05"))
    assert await refusal(crossing) == -2010


@covers(Feature.STOP_LOSS, Feature.TAKE_PROFIT)
@pytest.mark.parametrize(("kind", "side"), [("STOP_LOSS", "SELL"), ("TAKE_PROFIT", "BUY")])
async def test_orders_that_a_trade_triggers(api: Any, sdk: Spot, kind: str, side: str) -> None:
    await buy(api)
    order = await accepted(lambda: place(api, side="SELL", type=kind, stop_price=best_price(sdk, side)))

    async def looked() -> Any:
        nudge(sdk, side)
        return await seen(api, order)

    await eventually(looked, lambda answer: answer.status == "FILLED")


@covers(Feature.STOP_LOSS_LIMIT, Feature.TAKE_PROFIT_LIMIT)
@pytest.mark.parametrize(("kind", "trigger"), [("STOP_LOSS_LIMIT", "1.1"), ("TAKE_PROFIT_LIMIT", "0.9")])
async def test_limit_orders_that_wait_for_a_trigger(api: Any, sdk: Spot, kind: str, trigger: str) -> None:
    price = price_at(sdk, trigger)
    order = await place(api, side="BUY", type=kind, time_in_force="GTC", price=price, stop_price=price)
    assert (await seen(api, order)).is_working is False


@covers(Feature.TRAILING_STOP, Feature.ICEBERG, Feature.PEGGED)
async def test_orders_of_other_kinds(api: Any, sdk: Spot) -> None:
    await buy(api)
    trailing = await place(api, side="SELL", type="STOP_LOSS", trailing_delta=100)
    hidden = await limit(api, price_at(sdk, "0.9"), iceberg_qty=0.0005)
    peg = {"peg_price_type": "PRIMARY_PEG", "peg_offset_type": "PRICE_LEVEL", "peg_offset_value": 3}
    pegged = await place(api, side="BUY", type="LIMIT_MAKER", **peg)
    assert [(await seen(api, order)).status for order in (trailing, hidden, pegged)] == ["NEW"] * 3


@covers(Feature.SELF_TRADE)
async def test_self_trade_prevention(api: Any, sdk: Spot) -> None:
    await buy(api)

    async def meet() -> tuple[Any, Any]:
        """An own order that rests, and what kept the next from trading with it: nothing, if the market came in between."""
        price = inside_price(sdk)
        maker = await limit(api, price)
        taker = await limit(api, price, "SELL", time_in_force="IOC", self_trade_prevention_mode="DECREMENT")
        return maker, await result(api.my_prevented_matches(symbol=SYMBOL, order_id=taker.order_id))

    maker, (match,) = await eventually(meet, lambda met: bool(met[1]))
    assert match.maker_order_id == maker.order_id
    assert (await seen(api, maker)).status == "EXPIRED_IN_MATCH"


@covers(Feature.ROUTED, Feature.TEST_ORDER)
async def test_routed_and_tried_orders(api: Any) -> None:
    order = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": QUANTITY}
    (routed,) = await result(api.sor_order_place(**order))
    assert routed.status == "FILLED"
    assert D((await result(api.order_test(**order, compute_commission_rates=True))).standard_commission_for_order.taker) > 0


@covers(Feature.CLIENT_ORDER_ID)
async def test_ids_of_the_clients_own(api: Any, sdk: Spot) -> None:
    order = await limit(api, price_at(sdk, "0.9"), new_client_order_id="mine-1")
    assert (await result(api.order_status(symbol=SYMBOL, orig_client_order_id="mine-1"))).order_id == order.order_id
    assert (await result(api.order_cancel(symbol=SYMBOL, orig_client_order_id="mine-1"))).orig_client_order_id == "mine-1"


@covers(Feature.CANCEL_REPLACE)
async def test_cancel_and_replace(api: Any, sdk: Spot) -> None:
    order = await limit(api, price_at(sdk, "0.9"))
    second = {"side": "BUY", "type": "LIMIT", "time_in_force": "GTC", "quantity": QUANTITY, "price": price_at(sdk, "0.91")}
    done = await result(
        api.order_cancel_replace(symbol=SYMBOL, cancel_replace_mode="STOP_ON_FAILURE", cancel_order_id=order.order_id, **second)
    )
    assert (done.cancel_result, done.new_order_result) == ("SUCCESS", "SUCCESS")


@covers(Feature.AMEND)
async def test_amend_keeping_priority(api: Any, sdk: Spot) -> None:
    order = await limit(api, price_at(sdk, "0.9"))
    amended = await result(api.order_amend_keep_priority(symbol=SYMBOL, order_id=order.order_id, new_qty=0.001))
    assert D(amended.amended_order.qty) == D("0.001")
    (amendment,) = await result(api.order_amendments(symbol=SYMBOL, order_id=order.order_id))
    assert D(amendment.new_qty) == D("0.001")


@covers(Feature.OCO, Feature.OLD_OCO, Feature.LIST_STATUS, Feature.LIST_CANCEL)
async def test_oco(api: Any, sdk: Spot) -> None:
    await buy(api)
    above, below = price_at(sdk, "1.1"), price_at(sdk, "0.9")
    legs = {"above_type": "LIMIT_MAKER", "above_price": above, "below_type": "STOP_LOSS", "below_stop_price": below}
    placed = await result(api.order_list_place_oco(symbol=SYMBOL, side="SELL", quantity=QUANTITY, **legs))
    assert [each.order_list_id for each in await result(api.open_order_lists_status())] == [placed.order_list_id]
    assert (await result(api.order_list_status(order_list_id=placed.order_list_id))).list_order_status == "EXECUTING"
    cancelled = await result(api.order_list_cancel(symbol=SYMBOL, order_list_id=placed.order_list_id))
    assert cancelled.list_order_status == "ALL_DONE"
    old = await result(api.order_list_place(symbol=SYMBOL, side="SELL", quantity=QUANTITY, price=above, stop_price=below))
    assert old.contingency_type == "OCO"
    assert len(await result(api.all_order_lists())) == 2


@covers(Feature.OTO, Feature.OPO, Feature.OTOCO, Feature.OPOCO)
async def test_lists_that_begin_with_one_order(api: Any, sdk: Spot) -> None:
    working = {"symbol": SYMBOL, "working_type": "LIMIT", "working_side": "BUY", "working_time_in_force": "GTC", "pending_side": "SELL"}
    working |= {"working_price": price_at(sdk, "0.9"), "working_quantity": QUANTITY}
    one = {"pending_type": "LIMIT_MAKER", "pending_price": price_at(sdk, "1.1")}
    pair = {"pending_above_type": "LIMIT_MAKER", "pending_above_price": price_at(sdk, "1.1"), "pending_below_type": "STOP_LOSS"}
    pair |= {"pending_below_stop_price": price_at(sdk, "0.8")}
    for asking, pending in (
        (api.order_list_place_oto(**working, **one, pending_quantity=QUANTITY), 1),
        (api.order_list_place_opo(**working, **one), 1),
        (api.order_list_place_otoco(**working, **pair, pending_quantity=QUANTITY), 2),
        (api.order_list_place_opoco(**working, **pair), 2),
    ):
        placed = await result(asking)
        assert [each.status for each in placed.order_reports] == ["NEW"] + ["PENDING_NEW"] * pending


@covers(Feature.ORDER_EVENTS, Feature.BALANCE_EVENTS, Feature.LIST_EVENTS)
async def test_account_events(api: Any, sdk: Spot) -> None:
    events: asyncio.Queue[Any] = asyncio.Queue()
    subscribed = await api.user_data_stream_subscribe_signature()
    subscribed.stream.on("message", lambda event: events.put_nowait(known(event)))
    bought = await buy(api)
    report = await within_patience(events.get())
    assert (report.x, report.i) == ("NEW", bought.order_id)
    while type(event := await within_patience(events.get())).__name__ == "ExecutionReport":
        report = event
    assert (report.x, report.X) == ("TRADE", "FILLED")
    assert type(event).__name__ == "OutboundAccountPosition"
    assert "BTC" in [each.a for each in event.B]
    legs = {"above_type": "LIMIT_MAKER", "above_price": price_at(sdk, "1.1")}
    legs |= {"below_type": "STOP_LOSS", "below_stop_price": price_at(sdk, "0.9")}
    placed = await result(api.order_list_place_oco(symbol=SYMBOL, side="SELL", quantity=QUANTITY, **legs))
    while type(event := await within_patience(events.get())).__name__ != "ListStatus":
        assert type(event).__name__ == "ExecutionReport"
    assert (event.g, event.L) == (placed.order_list_id, "EXECUTING")


@covers(Feature.REFUSALS)
async def test_refusals(api: Any) -> None:
    assert await refusal(api.order_cancel(symbol=SYMBOL, order_id=123)) == -2011
    assert await refusal(api.order_place(symbol=SYMBOL, side="SELL", type="MARKET", quantity=50)) == -2010
    assert await refusal(api.depth(symbol="NOSUCH")) == -1121
