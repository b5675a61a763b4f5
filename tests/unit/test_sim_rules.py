"""What a symbol and an account allow: every filter by its formula in the documents, statuses, permissions, and the prices that they use."""

from dataclasses import replace
from decimal import Decimal
from urllib.parse import urlencode

import orjson
import pytest
from hand_clocks import HandClock
from hypothesis import given
from hypothesis import strategies as st
from one_quote_exchange import KEY, LIMIT, SECRET, START_MS, Client, OneQuoteMarket, code_of, sign

from binance_trade_agent.domain.errors import ExchangeRefusedError
from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine import recent_trades
from binance_trade_agent.simulation.engine import symbol_filters as filters
from binance_trade_agent.simulation.engine.account_terms import AccountTerms
from binance_trade_agent.simulation.engine.listing import ArithmeticMean, External, Features, Listing, PriceRange, TradingStatus
from binance_trade_agent.simulation.engine.records import NewOrder
from binance_trade_agent.simulation.engine.reference_mean import reference_mean
from binance_trade_agent.simulation.engine.symbol_checks import SymbolChecks
from binance_trade_agent.simulation.engine.terms import OrderType, SelfTradePrevention
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.history.store import ExchangeStore
from binance_trade_agent.simulation.markets.market import Ladder, Quote, TakerOrder

D = Decimal
AVERAGE = D(100)


@pytest.fixture
def client():
    client = Client()
    yield client
    client.exchange.close()


def listing(*entries: filters.SymbolFilter) -> Listing:
    return Listing("BTCUSDT", "BTC", "USDT", TradingStatus.TRADING, entries)


def order(side: str = "BUY", kind: OrderType = OrderType.LIMIT, **more) -> NewOrder:
    values = {name: value if isinstance(value, int) else D(value) for name, value in more.items()}
    return NewOrder("BTCUSDT", Side(side), kind, **values)


def verdict(entry: filters.SymbolFilter, placed: NewOrder) -> str:
    """What the filter says of the order; empty when it may pass."""
    try:
        SymbolChecks(listing(entry)).check(placed, lambda listed, minutes, now_ms: AVERAGE, START_MS)
    except ExchangeRefusedError as refusal:
        return refusal.message.removeprefix("Filter failure: ") if refusal.code == -1013 else str(refusal)
    return ""


# --- each filter ------------------------------------------------------------------------------------------------------------------------

PRICES = filters.PriceFilter(D(10), D(1_000), D("0.5"))
LOTS = filters.LotSize(D("0.01"), D(100), D("0.01"))
MARKET_LOTS = filters.MarketLotSize(D("0.1"), D(5), D("0.1"))
PERCENT = filters.PercentPrice(D("1.3"), D("0.7"), 5)
BY_SIDE = filters.PercentPriceBySide(D("1.2"), D("0.2"), D(5), D("0.8"), 1)
LEAST = filters.MinNotional(D(50), applies_to_market=True, average_minutes=5)
LEAST_BUT_MARKET = filters.MinNotional(D(50), applies_to_market=False, average_minutes=5)
BOTH = filters.Notional(D(50), min_applies_to_market=False, max_notional=D(500), max_applies_to_market=True, average_minutes=5)
DELTAS = filters.TrailingDelta(10, 2_000, 20, 1_000)
MARKET, STOP, TARGET = OrderType.MARKET, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT


@pytest.mark.parametrize(
    ("entry", "placed", "failure"),
    [
        (PRICES, order(price="10", quantity="1"), ""),
        (PRICES, order(price="1000", quantity="1"), ""),
        (PRICES, order(price="9.5", quantity="1"), "PRICE_FILTER"),
        (PRICES, order(price="1000.5", quantity="1"), "PRICE_FILTER"),
        (PRICES, order(price="10.25", quantity="1"), "PRICE_FILTER"),
        (PRICES, order(kind=STOP, price="10", stop_price="10.25", quantity="1"), "PRICE_FILTER"),
        (filters.PriceFilter(D(0), D(0), D(0)), order(price="0.00000001", quantity="1"), ""),
        (LOTS, order(price="1", quantity="0.01"), ""),
        (LOTS, order(price="1", quantity="100.01"), "LOT_SIZE"),
        (LOTS, order(price="1", quantity="0.015"), "LOT_SIZE"),
        (LOTS, order(price="1", quantity="10", iceberg_quantity="0.005"), "LOT_SIZE"),
        (MARKET_LOTS, order(kind=MARKET, quantity="0.1"), ""),
        (MARKET_LOTS, order(kind=MARKET, quantity="5.1"), "MARKET_LOT_SIZE"),
        (MARKET_LOTS, order(kind=MARKET, quantity="0.15"), "MARKET_LOT_SIZE"),
        (MARKET_LOTS, order(price="1", quantity="50.05"), ""),
        (PERCENT, order(price="130", quantity="1"), ""),
        (PERCENT, order(price="130.01", quantity="1"), "PERCENT_PRICE"),
        (PERCENT, order("SELL", price="69.99", quantity="1"), "PERCENT_PRICE"),
        (PERCENT, order(kind=MARKET, quantity="1"), ""),
        (BY_SIDE, order(price="20", quantity="1"), ""),
        (BY_SIDE, order(price="120.01", quantity="1"), "PERCENT_PRICE_BY_SIDE"),
        (BY_SIDE, order("SELL", price="500", quantity="1"), ""),
        (BY_SIDE, order("SELL", price="79.99", quantity="1"), "PERCENT_PRICE_BY_SIDE"),
        (LEAST, order(price="100", quantity="0.5"), ""),
        (LEAST, order(price="99", quantity="0.5"), "MIN_NOTIONAL"),
        (LEAST, order(kind=MARKET, quantity="0.4999"), "MIN_NOTIONAL"),
        (LEAST, order(kind=MARKET, quote_quantity="49"), "MIN_NOTIONAL"),
        (LEAST_BUT_MARKET, order(kind=MARKET, quantity="0.0001"), ""),
        (BOTH, order(price="100", quantity="0.49"), "NOTIONAL"),
        (BOTH, order(price="100", quantity="5.01"), "NOTIONAL"),
        (BOTH, order(kind=MARKET, quantity="0.01"), ""),
        (BOTH, order(kind=MARKET, quantity="5.01"), "NOTIONAL"),
        (filters.IcebergParts(10), order(price="1", quantity="10", iceberg_quantity="1"), ""),
        (filters.IcebergParts(10), order(price="1", quantity="10.1", iceberg_quantity="1"), "ICEBERG_PARTS"),
        (DELTAS, order("BUY", STOP, price="1", quantity="1", trailing_delta=10), ""),
        (DELTAS, order("BUY", STOP, price="1", quantity="1", trailing_delta=9), "TRAILING_DELTA"),
        (DELTAS, order("SELL", TARGET, price="1", quantity="1", trailing_delta=2_001), "TRAILING_DELTA"),
        (DELTAS, order("SELL", STOP, price="1", quantity="1", trailing_delta=19), "TRAILING_DELTA"),
        (DELTAS, order("BUY", TARGET, price="1", quantity="1", trailing_delta=1_001), "TRAILING_DELTA"),
        (DELTAS, order("BUY", TARGET, price="1", quantity="1", trailing_delta=1_000), ""),
    ],
)
def test_each_filter_at_its_bounds(entry, placed, failure):
    assert verdict(entry, placed) == failure


CENTS = st.integers(0, 30_000).map(lambda cents: D(cents) / 100)
SOME = CENTS.filter(bool)
STEPS = st.sampled_from([D(0), D("0.01"), D("0.05"), D(1)])


@given(least=CENTS, most=CENTS, step=STEPS, price=SOME, quantity=SOME)
def test_price_and_lot_filters_are_their_three_inequalities(least, most, step, price, quantity):
    def passes(value: Decimal) -> bool:
        # In hundredths, where every remainder is one of whole numbers.
        whole, whole_step = int(value * 100), int(step * 100)
        return value >= least and (most == 0 or value <= most) and (not whole_step or whole % whole_step == 0)

    placed = order(price=price, quantity=quantity)
    assert (verdict(filters.PriceFilter(least, most, step), placed) == "") is passes(price)
    assert (verdict(filters.LotSize(least, most, step), placed) == "") is passes(quantity)


@given(
    up=st.integers(100, 500),
    down=st.integers(0, 100),
    side=st.sampled_from(["BUY", "SELL"]),
    price=CENTS.filter(bool),
    quantity=CENTS.filter(bool),
)
def test_percent_and_notional_filters_are_their_inequalities(up, down, side, price, quantity):
    placed = order(side, price=price, quantity=quantity)
    within = down * AVERAGE <= 100 * price <= up * AVERAGE
    assert (verdict(filters.PercentPrice(D(up) / 100, D(down) / 100, 5), placed) == "") is within
    buys_and_sells = {"BUY": filters.PercentPriceBySide(D(up) / 100, D(down) / 100, D(99), D(0), 5)}
    buys_and_sells["SELL"] = filters.PercentPriceBySide(D(99), D(0), D(up) / 100, D(down) / 100, 5)
    assert (verdict(buys_and_sells[side], placed) == "") is within
    bounds = filters.Notional(D(down), min_applies_to_market=True, max_notional=D(up), max_applies_to_market=True, average_minutes=5)
    assert (verdict(bounds, placed) == "") is (down <= price * quantity <= up)


# --- how many ---------------------------------------------------------------------------------------------------------------------------


def test_open_orders_are_counted_by_symbol_and_over_the_exchange(client):
    client.exchange.set_filter("BTCUSDT", filters.MaxNumOrders(2))
    small = LIMIT | {"quantity": "0.1"}
    assert "code" not in client.order(**small)
    assert "code" not in client.order(**small)
    assert client.order(**small)["msg"] == "Filter failure: MAX_NUM_ORDERS"
    assert "code" not in client.order(**small, symbol="ETHUSDT")
    client.exchange.set_exchange_filters(filters.ExchangeMaxNumOrders(3))
    assert client.order(**small, symbol="ETHUSDT")["msg"] == "Filter failure: EXCHANGE_MAX_NUM_ORDERS"
    client.signed("DELETE", "openOrders", symbol="BTCUSDT")
    assert "code" not in client.order(**small, symbol="ETHUSDT")


def test_a_position_counts_what_is_held_and_what_is_on_order(client):
    client.exchange.set_filter("BTCUSDT", filters.MaxPosition(D("10.5")))  # the account holds 10
    assert "code" not in client.order(**LIMIT | {"quantity": "0.4"})
    assert client.order(**LIMIT | {"quantity": "0.2"})["msg"] == "Filter failure: MAX_POSITION"
    assert "code" not in client.order(side="SELL", **LIMIT | {"quantity": "5", "price": "110"})
    assert "code" not in client.order(**LIMIT | {"quantity": "0.1"})


def test_an_accounts_asset_limits_bind_quantity_and_value_and_are_its_own(client):
    client.exchange.set_account_terms(KEY, AccountTerms(asset_limits={"BTC": D("0.5"), "USDT": D(40)}))
    assert client.order(**LIMIT | {"quantity": "0.6"})["msg"] == "Filter failure: MAX_ASSET"
    assert client.order(**LIMIT | {"quantity": "0.45"})["msg"] == "Filter failure: MAX_ASSET"  # 40.50 USDT
    assert "code" not in client.order(**LIMIT | {"quantity": "0.44"})
    assert client.order(symbol="ETHUSDT", side="SELL", quantity="0.5")["msg"] == "Filter failure: MAX_ASSET"
    shown = client.signed("GET", "myFilters", symbol="BTCUSDT")
    assert shown["assetFilters"] == [
        {"filterType": "MAX_ASSET", "asset": "BTC", "limit": "0.50000000"},
        {"filterType": "MAX_ASSET", "asset": "USDT", "limit": "40.00000000"},
    ]
    assert shown["symbolFilters"] == client.get("exchangeInfo", symbol="BTCUSDT")["symbols"][0]["filters"]
    assert shown["exchangeFilters"] == []


# --- statuses and permissions -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [status for status in TradingStatus if status is not TradingStatus.TRADING])
def test_a_stopped_symbol_takes_cancels_only_and_says_so(client, status):
    resting = client.order(**LIMIT)
    client.exchange.set_symbol_status("BTCUSDT", status)
    refused = client.order(**LIMIT)
    assert (refused["code"], refused["msg"]) == (-1013, "Market is closed.")
    assert client.get("exchangeInfo", symbol="BTCUSDT")["symbols"][0]["status"] == status.value
    assert client.signed("DELETE", "order", symbol="BTCUSDT", orderId=resting["orderId"])["status"] == "CANCELED"
    client.exchange.set_symbol_status("BTCUSDT", TradingStatus.TRADING)
    assert "code" not in client.order(**LIMIT)


class FallingMarket(OneQuoteMarket):
    """Asks that fall by one every ten seconds, from 100."""

    has_queues = False

    def quote(self, symbol, time_ms):
        number = max(time_ms - START_MS, 0) // 10_000
        price = D(100 - number)
        return Quote(START_MS + number * 10_000, price, Ladder(((price - 1, D(5)),), ((price, D(5)),)))

    def quotes(self, symbol, after_ms, until_ms):
        first = (after_ms - START_MS) // 10_000 + 1
        return iter([self.quote(symbol, START_MS + number * 10_000) for number in range(first, (until_ms - START_MS) // 10_000 + 1)])


def test_resting_orders_sleep_while_their_symbol_is_stopped_and_trade_with_what_comes_after_it():
    clock = HandClock(START_MS)
    exchange = SimulatedExchange(FallingMarket(), clock)
    exchange.open_account(KEY, SECRET, {"USDT": D(10_000)})

    def send(method, path, **params):
        query = urlencode({"timestamp": clock.time_ms, **params})
        query += f"&signature={sign(query)}"
        return orjson.loads(exchange.face.handle(method, f"/api/v3/{path}", query, b"", {"X-MBX-APIKEY": KEY}, "ip").body)

    order_id = send("POST", "order", symbol="BTCUSDT", side="BUY", **LIMIT | {"price": "97"})["orderId"]
    exchange.set_symbol_status("BTCUSDT", TradingStatus.HALT)
    clock.time_ms += 60_000
    assert send("GET", "order", symbol="BTCUSDT", orderId=order_id)["status"] == "NEW"
    exchange.set_symbol_status("BTCUSDT", TradingStatus.TRADING)
    assert send("GET", "order", symbol="BTCUSDT", orderId=order_id)["status"] == "NEW"
    clock.time_ms += 10_000
    assert send("GET", "order", symbol="BTCUSDT", orderId=order_id)["status"] == "FILLED"
    (trade,) = send("GET", "myTrades", symbol="BTCUSDT")
    assert trade["time"] == START_MS + 70_000
    exchange.close()


def test_permissions_of_symbol_and_account_must_meet(client):
    listed = client.exchange.listings.listing("BTCUSDT")
    client.exchange.list_as(replace(listed, permission_sets=(("SPOT", "MARGIN"), ("TRD_GRP_004",))))
    refused = client.order(quantity="0.1")
    assert (refused["code"], refused["msg"]) == (-2010, "This symbol is not permitted for this account.")
    client.exchange.set_account_terms(KEY, AccountTerms(permissions=frozenset({"SPOT", "TRD_GRP_004"})))
    assert client.order(quantity="0.1")["status"] == "FILLED"

    def names(**params):
        return [symbol["symbol"] for symbol in client.get("exchangeInfo", **params)["symbols"]]

    assert names(permissions="TRD_GRP_004") == ["BTCUSDT"]
    assert names(permissions='["TRD_GRP_004","SPOT"]') == ["BTCUSDT", "ETHUSDT", "OLDUSDT"]
    assert names(permissions="LEVERAGED") == []
    assert names(permissions="SPOT", symbolStatus="BREAK") == ["OLDUSDT"]
    client.exchange.list_as(replace(listed, permission_sets=(("TRD_GRP_004",),)))
    assert names() == ["ETHUSDT", "OLDUSDT"]
    client.exchange.set_account_terms(KEY, AccountTerms(may_trade=False))
    assert client.order(quantity="0.1", symbol="ETHUSDT")["msg"] == "This account may not place or cancel orders."
    account = client.signed("GET", "account")
    assert (account["canTrade"], account["permissions"]) == (False, ["SPOT"])


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("permissions=NOTHING", -1130),
        ("permissions=%5B%22SPOT%22", -1135),
        ("permissions=%5B%5D", -1130),
        ("permissions=SPOT&symbol=BTCUSDT", -1128),
        ("symbolStatus=TRADING&symbol=BTCUSDT", -1128),
        ("symbolStatus=CANCEL_ONLY", -1122),
    ],
)
def test_refused_questions_about_symbols(client, query, code):
    assert code_of(client.raw("GET", "exchangeInfo", query)) == (400, code)


@pytest.mark.parametrize(
    ("features", "params", "message"),
    [
        (Features(iceberg=False), {**LIMIT, "icebergQty": "0.5"}, "Iceberg orders are not supported for this symbol."),
        (
            Features(trailing_stop=False),
            {"type": "STOP_LOSS", "quantity": "1", "trailingDelta": "100"},
            "Trailing stop orders are not supported for this symbol.",
        ),
        (Features(pegged=False), {**LIMIT, "pegPriceType": "PRIMARY_PEG"}, "Pegged orders are not supported for this symbol."),
    ],
)
def test_features_of_a_symbol_can_be_switched_off(client, features, params, message):
    listed = client.exchange.listings.listing("BTCUSDT")
    assert "code" not in client.order(**params)
    client.exchange.list_as(replace(listed, features=features))
    refused = client.order(**params)
    assert (refused["code"], refused["msg"]) == (-1013, message)


def test_a_symbol_may_demand_self_trade_prevention_of_some_kinds(client):
    listed = client.exchange.listings.listing("BTCUSDT")
    modes = (SelfTradePrevention.EXPIRE_TAKER, SelfTradePrevention.EXPIRE_BOTH)
    client.exchange.list_as(replace(listed, default_self_trade_prevention=modes[0], self_trade_preventions=modes))
    assert client.order(**LIMIT)["selfTradePreventionMode"] == "EXPIRE_TAKER"
    assert client.order(**LIMIT, selfTradePreventionMode="EXPIRE_BOTH")["selfTradePreventionMode"] == "EXPIRE_BOTH"
    assert client.order(**LIMIT, selfTradePreventionMode="NONE")["code"] == -1130
    shown = client.get("exchangeInfo", symbol="BTCUSDT")["symbols"][0]
    assert shown["defaultSelfTradePreventionMode"] == "EXPIRE_TAKER"
    assert shown["allowedSelfTradePreventionModes"] == ["EXPIRE_TAKER", "EXPIRE_BOTH"]


def test_what_a_symbol_does_not_take_is_refused_by_name(client):
    listed = client.exchange.listings.listing("BTCUSDT")
    client.exchange.list_as(replace(listed, order_types=(OrderType.LIMIT, OrderType.MARKET), features=Features(quote_quantity=False)))
    maker = client.order(type="LIMIT_MAKER", quantity="1", price="90")
    assert (maker["code"], maker["msg"]) == (-1013, "Limit maker orders are not supported for this symbol.")
    assert client.order(quoteOrderQty="50")["msg"] == "Quote order qty market orders are not support for this symbol."
    shown = client.get("exchangeInfo", symbol="BTCUSDT")["symbols"][0]
    assert (shown["orderTypes"], shown["quoteOrderQtyMarketAllowed"]) == (["LIMIT", "MARKET"], False)


# --- the prices that filters use --------------------------------------------------------------------------------------------------------


def test_filters_use_the_reference_price_then_the_average_then_the_last_price(client):
    exchange = client.exchange

    def average(symbol: str, minutes: int) -> Decimal | None:
        return exchange.venue.engine.rulebook.prices.average(exchange.listings.listing(symbol), minutes, START_MS)

    assert average("BTCUSDT", 5) == D(100)  # candles
    assert average("OLDUSDT", 0) is None
    exchange.listings.set_reference("BTCUSDT", External(calculation_id=0, price=D(200), time_ms=START_MS - 5))
    assert average("BTCUSDT", 5) == D(200)
    exchange.set_filter("BTCUSDT", filters.PercentPrice(D("1.1"), D("0.9"), 5))
    assert client.order(**LIMIT)["msg"] == "Filter failure: PERCENT_PRICE"
    assert client.get("referencePrice", symbol="BTCUSDT") == {
        "symbol": "BTCUSDT",
        "referencePrice": "200.00000000",
        "timestamp": START_MS - 5,
    }
    assert client.get("referencePrice/calculation", symbol="BTCUSDT") == {
        "symbol": "BTCUSDT",
        "calculationType": "EXTERNAL",
        "externalCalculationId": 0,
    }
    exchange.listings.set_reference("BTCUSDT", External(0, None, START_MS))
    assert client.get("referencePrice", symbol="BTCUSDT")["referencePrice"] is None
    assert average("BTCUSDT", 5) == D(100)
    exchange.listings.set_reference("BTCUSDT", None)
    assert client.get("referencePrice", symbol="BTCUSDT")["code"] == -2043
    assert client.get("referencePrice/calculation", symbol="BTCUSDT")["code"] == -2043


def test_an_accounts_trades_move_the_reference_price(client):
    assert client.get("referencePrice", symbol="BTCUSDT")["referencePrice"] is None  # nobody else trades on this market
    client.order(quantity="1")
    client.order(quantity="1")
    client.clock.time_ms += 500
    assert client.get("referencePrice", symbol="BTCUSDT")["referencePrice"] == "100.75000000"  # one at 100.5, one at 101
    client.clock.time_ms += 20_000
    assert client.get("referencePrice", symbol="BTCUSDT")["referencePrice"] is None


def test_the_reference_mean_is_prorated_in_its_oldest_bucket():
    calculation = ArithmeticMean(bucket_count=2, bucket_width_ms=1_000)
    trades = [(10_100, D(10), 4), (11_000, D(20), 1), (12_500, D(30), 1), (9_999, D(99), 1)]
    # The window is 10,500 to 12,500: half of the first bucket has expired, and what came before it counts no more.
    assert reference_mean(calculation, trades, 12_500) == D("17.5")  # (2 * 10 + 20 + 30) / 4
    assert reference_mean(calculation, trades, 14_600) == D(30)
    assert reference_mean(calculation, trades, 15_000) is None
    assert reference_mean(calculation, [(1, D("0.00000002"), 2), (2, D("0.00000001"), 1)], 2) == D("0.00000001")  # cut off


def test_the_reference_price_of_a_market_is_the_mean_of_its_trades(client, monkeypatch):
    def takers(self, symbol, after_ms, until_ms):
        orders = [TakerOrder(1, 1, START_MS - 100, D(110), (D(1), D(2)), False), TakerOrder(2, 3, START_MS - 50, D(101), (D(1),), False)]
        return iter([order for order in orders if after_ms < order.time_ms <= until_ms])

    monkeypatch.setattr(OneQuoteMarket, "taker_orders", takers)
    assert client.get("referencePrice", symbol="BTCUSDT")["referencePrice"] == "107.00000000"


def test_execution_rules_are_shown_without_multipliers_that_are_not_set(client):
    listed = client.exchange.listings.listing("BTCUSDT")
    client.exchange.list_as(replace(listed, price_range=PriceRange(bid_up=D(2), ask_down=D("0.5"))))
    shown = client.get("executionRules", symbols='["BTCUSDT","ETHUSDT"]')
    rule = {"ruleType": "PRICE_RANGE", "bidLimitMultUp": "2.0000", "askLimitMultDown": "0.5000"}
    assert shown == {"symbolRules": [{"symbol": "BTCUSDT", "rules": [rule]}, {"symbol": "ETHUSDT", "rules": []}]}
    assert [entry["symbol"] for entry in client.get("executionRules", symbolStatus="BREAK")["symbolRules"]] == ["OLDUSDT"]
    assert code_of(client.raw("GET", "executionRules", "symbol=BTCUSDT&symbolStatus=BREAK")) == (400, -1128)


RANGED = [
    ({"side": "BUY", "type": "MARKET", "quantity": "2"}, "1.00000000"),
    ({"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "101", "quantity": "2"}, "1.00000000"),
    ({"side": "BUY", "type": "LIMIT", "timeInForce": "FOK", "price": "101", "quantity": "2"}, "0.00000000"),
    ({"side": "BUY", "type": "MARKET", "quoteOrderQty": "150"}, "1.00000000"),
    ({"side": "SELL", "type": "MARKET", "quantity": "2"}, "1.00000000"),
    ({"side": "SELL", "type": "LIMIT", "timeInForce": "IOC", "price": "99", "quantity": "2"}, "1.00000000"),
]


@pytest.mark.parametrize(("params", "executed"), RANGED)
def test_a_taker_that_would_leave_the_price_range_expires_there(client, params, executed):
    listed = client.exchange.listings.listing("BTCUSDT")
    rule = PriceRange(bid_up=D("1.005"), bid_down=D("0.9"), ask_up=D("1.1"), ask_down=D("0.995"))
    client.exchange.list_as(replace(listed, price_range=rule, reference=External(0, D(100), START_MS)))
    placed = client.order(**params)
    assert (placed["status"], placed["executedQty"]) == ("EXPIRED", executed)
    assert placed["expiryReason"] == "EXECUTION_RULE_PRICE_RANGE_EXCEEDED"
    assert client.signed("GET", "openOrders") == []
    assert all(balance.locked == 0 for balance in client.exchange.balances(KEY).values())


@pytest.mark.parametrize(
    ("rule", "reference"),
    [
        (PriceRange(bid_up=D("1.005")), External(0, None, START_MS)),
        (PriceRange(bid_down=D("0.9"), ask_up=D("1.1")), External(0, D(100), START_MS)),
        (PriceRange(bid_up=D("1.01")), External(0, D(100), START_MS)),
        (None, External(0, D(50), START_MS)),
    ],
    ids=["no reference price", "no bound on this side", "within it", "no rule"],
)
def test_where_the_price_range_does_not_bind_a_taker_walks_on(client, rule, reference):
    listed = replace(client.exchange.listings.listing("BTCUSDT"), price_range=rule, reference=reference)
    client.exchange.list_as(listed.without_filter(filters.PercentPriceBySide))
    assert client.order(quantity="2")["executedQty"] == "2.00000000"


def test_the_accounts_trades_count_on_after_a_restart(tmp_path):
    def opened() -> Client:
        client = Client(START_MS)
        client.exchange.close()
        client.exchange = SimulatedExchange(OneQuoteMarket(), client.clock, store=ExchangeStore(tmp_path / "exchange.sqlite"))
        client.exchange.open_account(KEY, SECRET, {"USDT": D(10_000), "BTC": D(10)})
        return client

    client = opened()
    client.order(quantity="2")
    before = client.get("referencePrice", symbol="BTCUSDT")
    client.exchange.close()
    client = opened()
    assert client.get("referencePrice", symbol="BTCUSDT") == before
    assert before["referencePrice"] == "100.75000000"
    client.clock.time_ms += 3_600_000
    client.exchange.close()
    client = opened()
    prices = client.exchange.venue.engine.rulebook.prices
    assert prices.last("BTCUSDT", client.clock.time_ms) == D(101)  # the second half of the order
    client.exchange.close()


def test_after_a_restart_the_newest_of_many_trades_count(tmp_path, monkeypatch):
    """Who has traded more than is kept has the price of what was traded last, not of what was traded first."""
    monkeypatch.setattr(recent_trades, "MOST_KEPT", 1)
    store = tmp_path / "exchange.sqlite"
    client = Client(START_MS, store=ExchangeStore(store))
    client.order(quantity="1")
    client.order(quantity="1")  # at 101, because the first level is gone
    before = client.get("referencePrice", symbol="BTCUSDT")["referencePrice"]
    client.exchange.close()
    client = Client(START_MS, store=ExchangeStore(store))
    assert client.get("referencePrice", symbol="BTCUSDT")["referencePrice"] == before == "101.00000000"
    client.exchange.close()


def test_trades_that_were_forgotten_make_no_price(client):
    client.order(quantity="2")
    assert client.get("referencePrice", symbol="BTCUSDT")["referencePrice"] == "100.75000000"
    client.exchange.venue.engine.start_again()
    assert client.get("referencePrice", symbol="BTCUSDT")["referencePrice"] is None
