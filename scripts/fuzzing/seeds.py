"""Answers that are right, from which hostile ones are made: the documents' examples, canned answers, and examples of every shape."""

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks import canned
from msgspec import inspect

from binance_trade_agent.binance.answers.shape import Decoder
from binance_trade_agent.binance.endpoints import ENDPOINTS

Json = Any

_TESTS = Path(__file__).resolve().parents[2] / "tests"
_SYMBOLS = ["BTCUSDT", "ETHUSDT"]

_ORDER: Json = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "orderListId": -1,
    "clientOrderId": "one",
    "price": "0.00000000",
    "origQty": "3.00000000",
    "executedQty": "3.00000000",
    "cummulativeQuoteQty": "120.30000000",
    "status": "FILLED",
    "timeInForce": "GTC",
    "type": "MARKET",
    "side": "SELL",
    "time": 1499827319559,
    "updateTime": 1499827319560,
    "transactTime": 1507725176595,
    "origClientOrderId": "one",
    "isWorking": True,
    "workingTime": 1507725176595,
    "selfTradePreventionMode": "NONE",
}
_FILL: Json = {"price": "40.10", "qty": "3.00000000", "commission": "0.08020000", "commissionAsset": "USDT", "tradeId": 57}
_PLACED: Json = {**_ORDER, "fills": [_FILL]}
_REFUSED: Json = {"code": -2010, "msg": "Account has insufficient balance for requested action."}
_HALVES: Json = {"cancelResult": "SUCCESS", "newOrderResult": "FAILURE", "cancelResponse": _ORDER, "newOrderResponse": _REFUSED}
_BOOK_TICKER: Json = {"symbol": "BTCUSDT", "bidPrice": "4.0", "bidQty": "431.0", "askPrice": "4.1", "askQty": "9.0"}
_TRADE: Json = {
    **_FILL,
    "symbol": "BTCUSDT",
    "id": 28457,
    "orderId": 100234,
    "quoteQty": "120.30",
    "time": 1499865549590,
    "isBuyer": True,
    "isMaker": False,
}

BY_HAND: Mapping[str, Sequence[Json]] = {
    "ping": [{}],
    "time": [{"serverTime": 1499827319559}],
    "exchange_info": [json.loads(canned.exchange_info(_SYMBOLS))],
    "depth": [json.loads(canned.depth(3))],
    "klines": [json.loads(canned.candles(3))],
    "ticker_price": [json.loads(canned.price()), json.loads(canned.prices(_SYMBOLS))],
    "book_ticker": [_BOOK_TICKER, [_BOOK_TICKER, _BOOK_TICKER]],
    "new_order": [_PLACED],
    "cancel_order": [_ORDER],
    "cancel_open_orders": [[_ORDER, _ORDER]],
    "cancel_replace": [_HALVES, {"code": -2021, "msg": "partly", "data": _HALVES}],
    "account": [json.loads(canned.account()) | {"balances": [{"asset": "BTC", "free": "1.5", "locked": "0.0"}]}],
    "query_order": [_ORDER],
    "open_orders": [[_ORDER, _ORDER]],
    "my_trades": [[_TRADE, _TRADE]],
}


_KLINE: Json = {
    "t": 1672515780000,
    "T": 1672515839999,
    "s": "BTCUSDT",
    "i": "1m",
    "f": 100,
    "L": 200,
    "o": "0.0010",
    "c": "0.0020",
    "h": "0.0025",
    "l": "0.0015",
    "v": "1000",
    "n": 100,
    "x": False,
    "q": "1.0000",
    "V": "500",
    "Q": "0.500",
    "B": "123456",
}
_TIMED: Json = {"E": 1672515782136, "s": "BTCUSDT"}
_TRADED: Json = {"p": "0.001", "q": "100", "T": 1672515782136, "m": True, "M": True}
_PRICES: Json = {"c": "0.0025", "o": "0.0010", "h": "0.0025", "l": "0.0010", "v": "10000", "q": "18"}

STREAM_EVENTS: Mapping[str, Json] = {
    "btcusdt@kline_1m": {"e": "kline", **_TIMED, "k": _KLINE},
    "btcusdt@trade": {"e": "trade", **_TIMED, "t": 12345, **_TRADED},
    "btcusdt@aggTrade": {"e": "aggTrade", **_TIMED, "a": 12345, "f": 100, "l": 105, **_TRADED},
    "btcusdt@bookTicker": {"u": 400900217, "s": "BTCUSDT", "b": "25.35190000", "B": "31.21", "a": "25.36520000", "A": "40.66"},
    "btcusdt@miniTicker": {"e": "24hrMiniTicker", **_TIMED, **_PRICES},
    "btcusdt@avgPrice": {"e": "avgPrice", **_TIMED, "i": "5m", "w": "25776.86000000", "T": 1693907032213},
    "btcusdt@depth@100ms": {"e": "depthUpdate", **_TIMED, "U": 157, "u": 160, "b": [["0.0024", "10"]], "a": [["0.0026", "100"]]},
}

CONTROL_MESSAGES: Sequence[Json] = (
    {"result": None, "id": 1},
    {"result": ["btcusdt@aggTrade"], "id": 3},
    {"error": {"code": 2, "msg": "Invalid request: unknown variant"}, "id": 4},
    {"code": 3, "msg": "Invalid JSON: expected value"},
    {"stream": "btcusdt@trade", "data": {"e": "trade"}},
    {"e": "serverShutdown", "E": 1672515782136},
    {"event": {"e": "serverShutdown", "E": 1672515782136}},
)


def rest_seeds() -> Mapping[str, Sequence[Json]]:
    """At least one right answer for every endpoint, by its name."""
    golden = golden_answers("golden_answers.json")
    found = {endpoint.name: [*BY_HAND.get(endpoint.name, ()), *golden.get(endpoint.name, ())] for endpoint in ENDPOINTS}
    for endpoint in ENDPOINTS:
        if isinstance(endpoint.decode, Decoder):
            found[endpoint.name].append(example(inspect.type_info(endpoint.decode.shape)))
    return found


def golden_answers(name: str) -> dict[str, Any]:
    """The documents' own examples, as the tests keep them."""
    return json.loads((_TESTS / name).read_text(encoding="utf-8"))


def example(info: inspect.Type) -> Json:
    """The simplest JSON that fits a type."""
    make = _EXAMPLES.get(type(info))
    if make is None:
        raise TypeError(f"no example is known for {info}")
    return make(info)


def _struct(info: inspect.StructType) -> Json:
    return {field.encode_name: example(field.type) for field in info.fields}


_EXAMPLES: Mapping[type, Callable[[Any], Json]] = {
    inspect.StructType: _struct,
    inspect.StrType: lambda _: "1.50000000",
    inspect.DecimalType: lambda _: str(Decimal("1.50000000")),
    inspect.FloatType: lambda _: 1.5,
    inspect.IntType: lambda _: 7,
    inspect.BoolType: lambda _: True,
    inspect.NoneType: lambda _: None,
    inspect.AnyType: lambda _: {},
    inspect.RawType: lambda _: {},
    inspect.EnumType: lambda info: next(iter(info.cls)).value,
    inspect.LiteralType: lambda info: info.values[0],
    inspect.ListType: lambda info: [example(info.item_type)],
    inspect.VarTupleType: lambda info: [example(info.item_type)],
    inspect.TupleType: lambda info: [example(item) for item in info.item_types],
    inspect.DictType: lambda info: {"key": example(info.value_type)},
    inspect.UnionType: lambda info: example(info.types[0]),
}
