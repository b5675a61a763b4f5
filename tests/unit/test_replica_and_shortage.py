"""Faults within the exchange: queries answered from the past, and orders that find less than was shown."""

import random

import pytest
from one_quote_exchange import KEY, LIMIT, Client, D
from seeded_trading import SYMBOLS, SeededTrading

from binance_trade_agent.simulation.engine.history import Span
from binance_trade_agent.simulation.faults.delay import Delay, DelayShape
from binance_trade_agent.simulation.faults.kinds import FaultKind
from binance_trade_agent.simulation.faults.plan import Fault
from binance_trade_agent.simulation.faults.replica import Replica

BEHIND_MS = 5_000


@pytest.fixture
def client():
    made = Client()
    yield made
    made.exchange.close()


def lag(client: Client, query: str | None = None, **how) -> None:
    client.exchange.faults.append(Fault(FaultKind.LAG_QUERY, query, delay=Delay(BEHIND_MS), **{"times": None, **how}))


def test_a_new_order_is_not_known_to_a_replica_that_is_behind(client):
    lag(client)
    placed = client.order(**LIMIT, newClientOrderId="mine")
    queries = [
        lambda: client.signed("GET", "order", symbol="BTCUSDT", orderId=placed["orderId"]).get("code"),
        lambda: client.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="mine").get("code"),
        lambda: len(client.signed("GET", "openOrders")),
        lambda: len(client.signed("GET", "allOrders", symbol="BTCUSDT")),
    ]
    assert [query() for query in queries] == [-2013, -2013, 0, 0]
    client.clock.time_ms += BEHIND_MS
    assert [query() for query in queries] == [None, None, 1, 1]


def test_fills_and_ends_are_seen_late_and_balances_too(client):
    resting = client.order(**LIMIT)
    client.clock.time_ms += 1_000
    before = client.signed("GET", "account")["balances"]
    lag(client)
    client.signed("DELETE", "order", symbol="BTCUSDT", orderId=resting["orderId"])
    client.order(quantity="1")
    assert client.signed("GET", "order", symbol="BTCUSDT", orderId=resting["orderId"])["status"] == "NEW"
    assert [order["orderId"] for order in client.signed("GET", "openOrders")] == [resting["orderId"]]
    assert client.signed("GET", "myTrades", symbol="BTCUSDT") == []
    assert client.signed("GET", "account")["balances"] == before
    client.clock.time_ms += BEHIND_MS
    assert client.signed("GET", "order", symbol="BTCUSDT", orderId=resting["orderId"])["status"] == "CANCELED"
    assert len(client.signed("GET", "myTrades", symbol="BTCUSDT")) == 1
    assert client.signed("GET", "account")["balances"] != before


def test_only_the_queries_that_are_meant_lag_and_only_so_often(client):
    lag(client, "GET /api/v3/openOrders", times=1)
    order = client.order(**LIMIT)
    assert client.signed("GET", "order", symbol="BTCUSDT", orderId=order["orderId"])["status"] == "NEW"
    assert client.signed("GET", "openOrders") == []
    assert len(client.signed("GET", "openOrders")) == 1
    assert client.exchange.faults.struck == {FaultKind.LAG_QUERY: 1}


def snapshot(replica: Replica, query: str) -> list:
    reads = replica.reads(query)
    span = Span(1_000, from_id=0)
    return [
        (
            dict(reads.balances(account)),
            reads.open_orders(account),
            [(reads.orders(account, symbol, span), reads.trades(account, symbol, span)) for symbol in SYMBOLS],
        )
        for account in (1, 2)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_a_replica_shows_what_once_was_the_present(seed):
    trading = SeededTrading(seed)
    faults = trading.exchange.faults
    faults.append(Fault(FaultKind.LAG_QUERY, "never"))  # from here on it follows
    seen, chance = {}, random.Random(seed)
    for _ in range(120):
        trading.run(1)
        trading.exchange.advance()
        seen[trading.clock.time_ms] = snapshot(trading.exchange.venue.replica, "now")
    now_ms = trading.clock.time_ms
    for time_ms in chance.sample(sorted(seen), 40):
        if now_ms - time_ms > 600_000:
            continue  # farther back than any delay reaches
        number = faults.append(Fault(FaultKind.LAG_QUERY, "then", times=None, delay=Delay(now_ms - time_ms, DelayShape.FIXED)))
        past = snapshot(trading.exchange.venue.replica, "then")
        assert past == seen[time_ms]
        faults.lift(number)
    trading.exchange.close()


@pytest.mark.parametrize(
    ("order", "executed", "status"),
    [
        ({"type": "MARKET", "quantity": "2"}, "1.00000000", "EXPIRED"),
        ({"type": "MARKET", "quoteOrderQty": "201"}, "1.00000000", "EXPIRED"),
        ({"type": "LIMIT", "timeInForce": "GTC", "quantity": "2", "price": "101"}, "1.00000000", "PARTIALLY_FILLED"),
        ({"type": "LIMIT", "timeInForce": "IOC", "quantity": "2", "price": "101"}, "1.00000000", "EXPIRED"),
        ({"type": "LIMIT", "timeInForce": "FOK", "quantity": "2", "price": "101"}, "0.00000000", "EXPIRED"),
    ],
)
def test_an_order_finds_half_of_what_was_shown(client, order, executed, status):
    client.exchange.faults.append(Fault(FaultKind.PARTIAL_FILL, "BTCUSDT"))
    placed = client.order(**order)
    assert (placed.get("executedQty"), placed["status"]) == (executed, status)
    assert client.exchange.faults.struck == {FaultKind.PARTIAL_FILL: 1}
    # Who was faster has it now; what is beyond the limit was not touched.
    left = client.get("depth", symbol="BTCUSDT")["asks"]
    assert left == ([["100.50000000", "1.00000000"]] if order.get("timeInForce") == "FOK" else [])


def test_orders_on_other_symbols_are_left_alone(client):
    client.exchange.faults.append(Fault(FaultKind.PARTIAL_FILL, "ETHUSDT"))
    assert client.order(quantity="1")["status"] == "FILLED"
    assert client.exchange.balances(KEY)["BTC"].free > 10


def test_nothing_may_be_left_at_all(client):
    client.exchange.faults.append(Fault(FaultKind.PARTIAL_FILL, share=D(0)))
    assert client.order(quantity="1")["executedQty"] == "0.00000000"


@pytest.mark.parametrize("share", [D(1), D("-0.1")])
def test_a_share_that_cannot_be_is_said(share):
    with pytest.raises(ValueError, match="share"):
        Fault(FaultKind.PARTIAL_FILL, share=share)
