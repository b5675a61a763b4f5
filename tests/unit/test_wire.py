"""Answers become exact domain values, or a BadAnswerError that names the field; never anything in between."""

import copy
import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_trade_agent.binance import market_wire, wire
from binance_trade_agent.binance.amounts import exact_amounts
from binance_trade_agent.binance.limits.rate_limit import LimitKind, RateLimit
from binance_trade_agent.domain.errors import BadAnswerError
from binance_trade_agent.domain.order import ExchangeStatus, Side
from binance_trade_agent.domain.symbol_rules import SymbolStatus

FILTERS = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "maxPrice": "1000000.00000000", "tickSize": "0.01000000"},
    {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
    {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": "120.50000000", "stepSize": "0.00000000"},
    {
        "filterType": "NOTIONAL",
        "minNotional": "5.00000000",
        "applyMinToMarket": True,
        "maxNotional": "9000000.00000000",
        "applyMaxToMarket": False,
        "avgPriceMins": 5,
    },
    {"filterType": "ICEBERG_PARTS", "limit": 10},
    {"filterType": "SOMETHING_NEW", "minQty": "1", "whatever": {"deep": []}},
]
SYMBOL = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "baseAssetPrecision": 8,
    "quoteAsset": "USDT",
    "quoteAssetPrecision": 8,
    "filters": FILTERS,
}
INFO = {"symbols": [SYMBOL], "rateLimits": [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}]}
ORDER = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "clientOrderId": "bta-a1-7",
    "price": "0.00000000",
    "origQty": "3.00000000",
    "executedQty": "3.00000000",
    "cummulativeQuoteQty": "120.30000000",
    "status": "FILLED",
    "timeInForce": "GTC",
    "type": "MARKET",
    "side": "SELL",
}
PLACED = {
    **ORDER,
    "transactTime": 1507725176595,
    "fills": [
        {"price": "40.1", "qty": "1.00000000", "commission": "0.04010000", "commissionAsset": "USDT", "tradeId": 56},
        {"price": "40.10", "qty": "2.00000000", "commission": "0.08020000", "commissionAsset": "USDT", "tradeId": 57},
    ],
}
CANCELED = {**ORDER, "status": "CANCELED", "origClientOrderId": "bta-a1-7", "clientOrderId": "cancel-1", "transactTime": 1684804350068}
QUERIED = {**ORDER, "time": 1499827319559, "updateTime": 1499827319560}
TRADE = {
    "symbol": "BNBBTC",
    "id": 28457,
    "orderId": 100234,
    "price": "4.00000100",
    "qty": "12.00000000",
    "quoteQty": "48.000012",
    "commission": "10.10000000",
    "commissionAsset": "BNB",
    "time": 1499865549590,
    "isBuyer": True,
    "isMaker": False,
}
ACCOUNT = {
    "canTrade": True,
    "updateTime": 123456789,
    "commissionRates": {"maker": "0.00100000", "taker": "0.00150000"},
    "balances": [
        {"asset": "BTC", "free": "4723846.89208129", "locked": "0.5"},
        {"asset": "ZERO", "free": "0.00000000", "locked": "0.00000000"},
    ],
}
TICKER = {"symbol": "BTCUSDT", "bidPrice": "4.0", "bidQty": "431.0", "askPrice": "4.00000200", "askQty": "9.0"}
KLINE = [1499040000000, "0.0163", "0.8", "0.0157", "0.0157", "148976.11427815", 1499644799999, "2434.19", 308, "1756.8", "28.4", "0"]
DEPTH = {"lastUpdateId": 1027024, "bids": [["4.00000000", "431.00000000"]], "asks": [["4.00000200", "12.00000000"]]}

Decoder = Callable[[bytes], Any]


ANSWERS: list[tuple[Decoder, Any, tuple[str | int, ...]]] = [
    (wire.decode_server_time, {"serverTime": 1499827319559}, ()),
    (wire.decode_exchange_info, INFO, ("symbols", 0)),
    (market_wire.decode_prices, {"symbol": "LTCBTC", "price": "4.00000200"}, ()),
    (market_wire.decode_prices, [{"symbol": "LTCBTC", "price": "4.00000200"}], (0,)),
    (market_wire.decode_book_tickers, [TICKER], (0,)),
    (market_wire.decode_depth, DEPTH, ()),
    (wire.decode_account, ACCOUNT, ()),
    (wire.decode_account, ACCOUNT, ("balances", 0)),
    (wire.decode_account, ACCOUNT, ("commissionRates",)),
    (wire.decode_placed_order, PLACED, ()),
    (wire.decode_placed_order, PLACED, ("fills", 1)),
    (wire.decode_canceled_order, CANCELED, ()),
    (wire.decode_queried_order, QUERIED, ()),
    (wire.decode_open_orders, [QUERIED], (0,)),
    (wire.decode_trades, [TRADE], (0,)),
]
NOT_NEEDED = {"timeInForce", "time"}
WRONG: list[Any] = ["missing", None, [], "NaN", "1e999", "-1", 0.1]


def encoded(answer: Any) -> bytes:
    return json.dumps(answer).encode()


def part_of(answer: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        answer = answer[step]
    return answer


def is_amount(value: Any) -> bool:
    return isinstance(value, str) and value.replace(".", "").isdigit()


def is_legal(field: str, value: Any, wrong: Any) -> bool:
    """Free text may be any text, a list may be empty, and a negative quote quantity means "not available"."""
    if wrong == "missing":
        return False
    if (field, wrong) == ("cummulativeQuoteQty", "-1"):
        return True
    return isinstance(wrong, type(value)) and not is_amount(value)


def damages() -> list[tuple[Decoder, Any, tuple[str | int, ...], str, Any]]:
    """Every needed field of every answer, with everything that it must not be."""
    return [
        (decode, answer, path, field, wrong)
        for decode, answer, path in ANSWERS
        for field, value in part_of(answer, path).items()
        for wrong in WRONG
        if field not in NOT_NEEDED and not is_legal(field, value, wrong)
    ]


@pytest.mark.parametrize(("decode", "answer", "path", "field", "wrong"), damages())
def test_a_missing_or_malformed_field_is_named(decode: Decoder, answer: Any, path: tuple[str | int, ...], field: str, wrong: Any) -> None:
    damaged = copy.deepcopy(answer)
    part = part_of(damaged, path)
    if wrong == "missing":
        del part[field]
    else:
        part[field] = wrong
    with pytest.raises(BadAnswerError) as caught:
        decode(encoded(damaged))
    assert field in str(caught.value)


@pytest.mark.parametrize(("decode", "answer", "path"), ANSWERS)
def test_fields_that_we_do_not_know_are_passed_over(decode: Decoder, answer: Any, path: tuple[str | int, ...]) -> None:
    richer = copy.deepcopy(answer)
    part_of(richer, path)["expiryReason"] = {"added": ["later"]}
    assert decode(encoded(richer)) == decode(encoded(answer))


@pytest.mark.parametrize("decode", [*dict.fromkeys(decode for decode, _, _ in ANSWERS), market_wire.decode_candles, wire.decode_nothing])
@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"\xff\xfe", b'{"symbol":"\xff"}', b"NaN", b"[" * 100_000, b"null", b'[{"price":'])
def test_what_is_no_json_is_a_bad_answer(decode: Decoder, body: bytes) -> None:
    with pytest.raises(BadAnswerError):
        decode(body)


@given(st.binary(max_size=200))
def test_error_bodies_never_raise(body: bytes) -> None:
    found = wire.decode_error(body)
    assert found is None or isinstance(found[0], int)


def test_error_body() -> None:
    assert wire.decode_error(b'{"code":-1121,"msg":"Invalid symbol."}') == (-1121, "Invalid symbol.")


def test_a_number_of_endless_digits_is_no_error_code() -> None:
    assert wire.decode_error(b'{"code":-%b,"msg":"Invalid symbol."}' % (b"9" * 400)) is None


def test_rules_from_filters() -> None:
    info = wire.decode_exchange_info(encoded(INFO))
    rules = info.rules["BTCUSDT"]
    assert RateLimit(LimitKind.REQUEST_WEIGHT, "1M", 60_000, 6_000) in info.rate_limits
    assert (rules.tick_size, rules.min_price, rules.max_price) == (Decimal("0.01"), Decimal("0.01"), Decimal(1_000_000))
    assert (rules.step_size, rules.min_quantity, rules.max_quantity) == (Decimal("0.00001"), Decimal("0.00001"), Decimal(9000))
    assert (rules.market_step_size, rules.market_max_quantity) == (Decimal(0), Decimal("120.5"))
    assert (rules.min_notional, rules.max_notional, rules.min_notional_applies_to_market) == (Decimal(5), Decimal(9_000_000), True)
    assert rules.status is SymbolStatus.TRADING


@pytest.mark.parametrize(("status", "expected"), [("CANCEL_ONLY", SymbolStatus.CANCEL_ONLY), ("FROZEN_2031", SymbolStatus.UNKNOWN)])
def test_symbol_status(status: str, expected: SymbolStatus) -> None:
    info = wire.decode_exchange_info(encoded({"symbols": [{**SYMBOL, "status": status}]}))
    assert info.rules["BTCUSDT"].status is expected


def test_the_stricter_of_two_least_values_holds() -> None:
    old = {"filterType": "MIN_NOTIONAL", "minNotional": "10", "applyToMarket": False}
    new = {"filterType": "NOTIONAL", "minNotional": "5", "applyMinToMarket": True, "maxNotional": "100", "applyMaxToMarket": False}
    for filters in ([old, new], [new, old]):
        rules = wire.decode_exchange_info(encoded({"symbols": [{**SYMBOL, "filters": filters}]})).rules["BTCUSDT"]
        assert (rules.min_notional, rules.min_notional_applies_to_market) == (Decimal(10), True)


def test_a_filter_without_its_field_is_named() -> None:
    lame = {"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "2"}
    with pytest.raises(BadAnswerError, match=r"BTCUSDT.*LOT_SIZE.*stepSize"):
        wire.decode_exchange_info(encoded({"symbols": [{**SYMBOL, "filters": [lame]}]}))


def test_a_placed_order_with_its_fills() -> None:
    report = wire.decode_placed_order(encoded(PLACED))
    assert (report.status, report.side, report.executed_quantity) == (ExchangeStatus.FILLED, Side.SELL, Decimal(3))
    first, second = report.fills
    assert (first.trade_id, first.quantity, first.quote_quantity) == (56, Decimal(1), Decimal("40.1"))
    assert (second.price, second.quote_quantity, second.commission) == (Decimal("40.1"), Decimal("80.2"), Decimal("0.0802"))
    assert (second.client_order_id, second.order_id, second.time_ms, second.is_maker) == ("bta-a1-7", 28, 1507725176595, False)


def test_fills_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(BadAnswerError, match="fills"):
        wire.decode_placed_order(encoded({**PLACED, "fills": PLACED["fills"][:1]}))


@pytest.mark.parametrize("decode", [wire.decode_queried_order])
def test_an_order_status_nobody_documented_is_a_bad_answer(decode: Decoder) -> None:
    with pytest.raises(BadAnswerError, match="status"):
        decode(encoded({**QUERIED, "status": "TELEPORTED"}))


@pytest.mark.parametrize("status", list(ExchangeStatus))
def test_every_documented_order_status_is_read(status: ExchangeStatus) -> None:
    assert wire.decode_queried_order(encoded({**QUERIED, "status": status.value})).status is status


def test_a_cancellation_reports_the_id_of_the_order() -> None:
    assert wire.decode_canceled_order(encoded(CANCELED)).client_order_id == "bta-a1-7"


def test_trades_are_fills_in_ascending_order() -> None:
    fills = wire.decode_trades(encoded([{**TRADE, "id": 9}, {**TRADE, "id": 3, "isBuyer": False}]))
    assert [(fill.trade_id, fill.side) for fill in fills] == [(3, Side.SELL), (9, Side.BUY)]
    assert (fills[0].quote_quantity, fills[0].commission_asset) == (Decimal("48.000012"), "BNB")


def test_an_account_holds_only_what_it_holds() -> None:
    account = wire.decode_account(encoded(ACCOUNT))
    assert set(account.balances) == {"BTC"}
    assert account.total("BTC") == Decimal("4723847.39208129")
    assert (account.maker_rate, account.taker_rate, account.can_trade) == (Decimal("0.001"), Decimal("0.0015"), True)


@given(st.decimals(min_value=0, max_value=10**15, places=8))
def test_money_arrives_exactly(amount: Decimal) -> None:
    price = market_wire.decode_prices(encoded({"symbol": "X", "price": f"{amount:f}"}))["X"]
    assert price == amount


def test_candles() -> None:
    (candle,) = market_wire.decode_candles(encoded([KLINE]))
    assert (candle.open_time_ms, candle.open, candle.high, candle.close_time_ms) == (1499040000000, 0.0163, 0.8, 1499644799999)
    assert (candle.quote_volume, candle.trades) == (2434.19, 308)


@pytest.mark.parametrize("wrong", ["NaN", "inf", "-Infinity", "1e999", "", None, "abc", True])
@pytest.mark.parametrize("position", [1, 2, 3, 4, 5, 7, 9, 10])
def test_a_candle_with_a_number_that_is_none_is_a_bad_answer(wrong: Any, position: int) -> None:
    damaged = [*KLINE]
    damaged[position] = wrong
    with pytest.raises(BadAnswerError, match=r"klines.*\[0\]"):
        market_wire.decode_candles(encoded([damaged]))


@pytest.mark.parametrize(
    ("texts", "place"),
    [
        (["1", "2", "3,4", "5"], r"\$\.rows\[1\]\.low"),
        (["1", "2,3"], r"\$\.rows\[0\]\.high"),
        (["", "2"], r"\$\.rows\[0\]\.low"),
        (["1", "1_0"], r"\$\.rows\[0\]\.high"),
        (["1", " 1"], r"high"),
        (["1", "+1"], r"high"),
        (["1", "\u0661"], r"high"),
        (["1", "1."], r"high"),
        (["1", "1\n"], r"high"),
        (["1", "1" * 21], r"high"),
    ],
)
def test_amounts_that_are_looked_at_together_are_named_one_by_one(texts: list[str], place: str) -> None:
    with pytest.raises(BadAnswerError, match=f"things: .* `.*{place}"):
        exact_amounts("things", texts, ("low", "high"), "$.rows")


@given(st.lists(st.one_of(st.from_regex(r"[0-9]{1,22}(\.[0-9]{1,20})?", fullmatch=True), st.text(max_size=5)), max_size=8))
def test_amounts_together_are_refused_when_one_of_them_would_be(texts: list[str]) -> None:
    one_by_one = all(re.fullmatch(r"[0-9]{1,20}(\.[0-9]{1,18})?", text) for text in texts)
    try:
        amounts = exact_amounts("things", texts, ("one",))
    except BadAnswerError:
        assert not one_by_one
    else:
        assert one_by_one
        assert amounts == [Decimal(text) for text in texts]


def test_candles_out_of_order_are_a_bad_answer() -> None:
    with pytest.raises(BadAnswerError, match="order"):
        market_wire.decode_candles(encoded([KLINE, KLINE]))


def test_an_order_book() -> None:
    book = market_wire.decode_depth(encoded(DEPTH))
    assert (book.bids[0].price, book.asks[0].quantity) == (Decimal(4), Decimal(12))
