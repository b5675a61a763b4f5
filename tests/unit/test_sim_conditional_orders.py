"""Orders that wait for the price: what sets them off, what they do then, and what of the account's money they hold meanwhile."""

from decimal import Decimal

import pytest
from engine_world import ANN, BEN, SYMBOL, D, World, levels, quote, refusal

from binance_trade_agent.domain.order import ExchangeStatus, TimeInForce
from binance_trade_agent.simulation.engine.terms import ExpiryReason, OrderType

STOP, TAKE = OrderType.STOP_LOSS, OrderType.TAKE_PROFIT
STOP_LIMIT, TAKE_LIMIT = OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT


def market_at(time_ms: int, price: str) -> object:
    """A quote with plenty on both sides, one unit around `price`."""
    return quote(time_ms, bids=f"{D(price) - 1}x100", asks=f"{D(price) + 1}x100", price=price)


def path(*prices: str) -> list:
    """A market that trades at 100 first, then at each of these prices, ten milliseconds apart from 20 on."""
    return [market_at(1, "100"), *(market_at(20 + 10 * number, price) for number, price in enumerate(prices))]


@pytest.mark.parametrize(
    ("side", "kind", "stop", "short_of_it", "beyond_it"),
    [
        ("BUY", STOP, "110", "109.99", "110"),
        ("SELL", STOP, "90", "90.01", "90"),
        ("SELL", TAKE, "110", "109.99", "113"),
        ("BUY", TAKE, "90", "90.01", "85"),
    ],
)
def test_the_price_sets_an_order_off_from_the_right_side(side, kind, stop, short_of_it, beyond_it):
    world = World(*path(short_of_it, beyond_it))
    placed = world.place(ANN, side, "1", type=kind, stop_price=D(stop)).order
    assert (placed.status, placed.is_working, placed.working_ms) == (ExchangeStatus.NEW, False, -1)
    world.engine.advance(29)
    assert not world.order(ANN, placed.order_id).is_working
    world.engine.advance(30)
    order = world.order(ANN, placed.order_id)
    assert (order.status, order.is_working, order.working_ms, order.updated_ms) == (ExchangeStatus.FILLED, True, 30, 30)
    (trade,) = world.archive.all_trades(ANN)
    assert (trade.price, trade.is_maker) == (D(beyond_it) + (1 if side == "BUY" else -1), False)
    assert world.told(placed.order_id) == [("NEW", "NEW"), ("NEW", "NEW"), ("TRADE", "FILLED")]
    assert [report.order.is_working for report in world.reports] == [False, True, True]
    assert world.balance(ANN, "BTC")[1] == world.balance(ANN, "USDT")[1] == 0


@pytest.mark.parametrize(
    ("side", "kind", "stop"), [("BUY", STOP, "100"), ("SELL", STOP, "101"), ("SELL", TAKE, "99"), ("BUY", TAKE, "100")]
)
def test_an_order_whose_price_is_there_already_is_refused(side, kind, stop):
    world = World(*path("105"))
    with refusal(-2010, "Order would trigger immediately."):
        world.place(ANN, side, "1", type=kind, stop_price=D(stop))
    assert world.engine.open_orders(ANN) == []


def test_a_stop_limit_order_goes_into_the_book_at_its_limit():
    world = World(*path("95"))
    placed = world.place(ANN, "SELL", "2", "97", type=STOP_LIMIT, stop_price=D(95)).order
    assert world.engine.visible_ladder(SYMBOL, 15).asks == levels("101x100")
    assert world.balance(ANN, "BTC") == (998, 2)
    world.engine.advance(20)
    assert world.order(ANN, placed.order_id).is_working
    assert world.engine.visible_ladder(SYMBOL, 20).asks == levels("96x100 97x2")
    for _ in range(3):
        world.place(BEN, "BUY", "34", at=21)
    assert world.order(ANN, placed.order_id).status is ExchangeStatus.FILLED


def test_a_stop_limit_order_that_may_not_rest_expires_with_its_reason():
    world = World(*path("90"))
    order_id = world.place(ANN, "SELL", "2", "95", type=STOP_LIMIT, time_in_force=TimeInForce.IOC, stop_price=D(92)).order.order_id
    world.engine.advance(20)
    order = world.order(ANN, order_id)
    assert (order.status, order.expiry_reason) == (ExchangeStatus.EXPIRED, ExpiryReason.UNFILLED_IOC)
    assert world.balance(ANN, "BTC") == (1_000, 0)


def test_trades_of_accounts_set_orders_off_too_and_those_set_off_others():
    world = World(quote(1))
    bids = [world.place(BEN, "BUY", "1", price).order for price in ("95", "90", "85", "80")]
    world.place(BEN, "SELL", "1", "100", self_trade_prevention=None)
    first = world.place(ANN, "SELL", "1", type=STOP, stop_price=D(95)).order
    second = world.place(ANN, "SELL", "1", type=STOP, stop_price=D(90)).order
    third = world.place(ANN, "SELL", "1", "50", type=STOP_LIMIT, stop_price=D(85)).order
    world.place(ANN, "SELL", "1", at=11)  # at 95: the first is set off and trades at 90, and so on
    assert [world.order(ANN, order.order_id).status for order in (first, second, third)] == [ExchangeStatus.FILLED] * 3
    assert [world.order(BEN, bid.order_id).status for bid in bids] == [ExchangeStatus.FILLED] * 4
    assert [trade.price for trade in world.archive.all_trades(ANN)] == [95, 90, 85, 80]


def test_money_is_held_at_the_stop_price_and_comes_back_with_a_cancel():
    world = World(*path("100"))
    placed = world.place(ANN, "BUY", "3", type=STOP, stop_price=D(110)).order
    assert world.balance(ANN, "USDT") == (100_000 - 330, 330)
    world.engine.cancel(ANN, SYMBOL, order_id=placed.order_id, client_order_id=None, now_ms=12)
    assert world.balance(ANN, "USDT") == (100_000, 0)
    world.engine.advance(50)
    assert world.order(ANN, placed.order_id).status is ExchangeStatus.CANCELED


def test_an_order_that_cannot_be_paid_when_it_is_set_off_is_rejected_then():
    world = World(*path("250"), usdt="1000")
    order_id = world.place(ANN, "BUY", "5", type=STOP, stop_price=D(110)).order.order_id
    assert world.balance(ANN, "USDT") == (450, 550)
    world.engine.advance(20)  # 5 at 251 are more than there is
    order = world.order(ANN, order_id)
    assert (order.status, order.expiry_reason, order.is_working) == (ExchangeStatus.EXPIRED, ExpiryReason.REJECTED, False)
    assert world.told(order_id) == [("NEW", "NEW"), ("EXPIRED", "EXPIRED")]
    assert world.balance(ANN, "USDT") == (1_000, 0)


def test_a_conditional_order_that_cannot_be_paid_is_refused():
    world = World(*path("150"), usdt="1000", btc="10")
    with refusal(-2010, "insufficient balance"):
        world.place(ANN, "SELL", "11", "90", type=STOP_LIMIT, stop_price=D(95))
    with refusal(-2010, "insufficient balance"):
        world.place(ANN, "BUY", "10", type=STOP, stop_price=D(110))


SCENARIOS = {
    # Side, type, stop price, delta in basis points, limit, and the prices of the example, the last of which sets the order off.
    "A": ("BUY", STOP_LIMIT, "44000", 500, "45000", ["40000", "37000", "44000", "45000", "46000", "42000", "44100"]),
    "B": ("SELL", STOP_LIMIT, "39000", 1000, "38000", ["40000", "41500", "39000", "37000", "41000", "36900"]),
    "C": ("BUY", TAKE_LIMIT, "38000", 850, "38500", ["40000", "42000", "38000", "37000", "39000", "38000", "40145"]),
    "D": ("SELL", TAKE_LIMIT, "42000", 750, "41000", ["40000", "41500", "39000", "42000", "45000", "44000", "46500", "43012.5"]),
    "E": ("SELL", STOP_LIMIT, None, 700, "39000", ["40000", "42000", "39500", "45500", "42315"]),
}


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("misses", [False, True])
def test_a_trailing_stop_is_set_off_where_the_documents_examples_say(name, misses):
    """faqs/trailing-stop-faq.md, "Trailing Stop Order Scenarios": by the last price, and not by one a hair's breadth before it."""
    side, kind, stop, delta, limit, prices = SCENARIOS[name]
    *before, last = map(Decimal, prices)
    if misses:
        last += D("-0.01") if side == "BUY" else D("0.01")
    steps = [*before, last]
    world = World(*(quote(1 + 10 * number, price=str(price)) for number, price in enumerate(steps)), usdt="1000000")
    more = {} if stop is None else {"stop_price": D(stop)}
    order_id = world.place(ANN, side, "1", limit, at=2, type=kind, trailing_delta=delta, **more).order.order_id
    ends_ms = 1 + 10 * (len(steps) - 1)
    world.engine.advance(ends_ms - 1)
    assert not world.order(ANN, order_id).is_working
    world.engine.advance(ends_ms)
    order = world.order(ANN, order_id)
    assert order.is_working is not misses
    assert order.trailing_ms == (2 if stop is None else next(1 + 10 * n for n, price in enumerate(steps) if price == D(stop)))
    if not misses:
        assert (order.working_ms, order.price) == (ends_ms, D(limit))


def test_a_trailing_stop_without_any_price_yet_starts_with_the_next_one():
    world = World(quote(20, price="100"), quote(30, price="200"), quote(40, price="180"))
    order_id = world.place(ANN, "SELL", "1", "50", type=STOP_LIMIT, trailing_delta=1_000).order.order_id
    assert world.order(ANN, order_id).trailing_ms == -1
    world.engine.advance(30)
    assert (world.order(ANN, order_id).trailing_ms, world.order(ANN, order_id).trailing_price) == (20, 200)
    world.engine.advance(40)
    assert world.order(ANN, order_id).is_working


def test_only_orders_of_the_right_side_of_the_price_follow_it():
    world = World(*path("108", "99", "107"))
    buy = world.place(ANN, "BUY", "1", "120", type=STOP_LIMIT, trailing_delta=800).order.order_id
    sell = world.place(ANN, "SELL", "1", "80", type=STOP_LIMIT, trailing_delta=800).order.order_id
    world.engine.advance(20)
    # Set off, the buy trades at 109, which is the highest price now.
    assert (world.order(ANN, buy).is_working, world.order(ANN, sell).trailing_price) == (True, 109)
    world.engine.advance(30)
    assert world.order(ANN, sell).is_working  # 99 is more than 8 % below
