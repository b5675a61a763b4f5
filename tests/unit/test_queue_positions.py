"""Resting orders on a market with queues: each waits behind what stood at its price, and others' trades fill it in its turn."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hand_clocks import HandClock
from hypothesis import given
from hypothesis import strategies as st
from one_quote_exchange import OneQuoteMarket

from binance_trade_agent.domain.order import ExchangeStatus, Side
from binance_trade_agent.simulation.engine.records import NewOrder
from binance_trade_agent.simulation.engine.terms import OrderType
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.markets.market import Ladder, Quote, TakerOrder

D = Decimal
SYMBOL = "BTCUSDT"
OPENING_MS = 1_700_000_000_000
ANN, BEN = "ann", "ben"


def levels(text: str) -> tuple[tuple[Decimal, Decimal], ...]:
    """`100x1 101x2` as price and quantity pairs."""
    return tuple((D(price), D(quantity)) for price, quantity in (level.split("x") for level in text.split()))


def book(second: int, bids: str, asks: str) -> Quote:
    return Quote(OPENING_MS + second * 1_000, D(100), Ladder(levels(bids), levels(asks)))


def trade(second: int, price: str, *quantities: str, buyer: bool = False) -> TakerOrder:
    """What a taker sold (or bought) to those who rest."""
    return TakerOrder(second, second, OPENING_MS + second * 1_000, D(price), tuple(D(one) for one in quantities), is_buyer_maker=not buyer)


class QueueMarket(OneQuoteMarket):
    """Books and trades written down in the test."""

    has_queues = True

    def __init__(self, *happenings: Quote | TakerOrder) -> None:
        self._quotes = [one for one in happenings if isinstance(one, Quote)]
        self._takers = [one for one in happenings if isinstance(one, TakerOrder)]

    def quote(self, symbol, time_ms):
        return next((one for one in reversed(self._quotes) if one.time_ms <= time_ms), None)

    def quotes(self, symbol, after_ms, until_ms):
        return iter([one for one in self._quotes if after_ms < one.time_ms <= until_ms])

    def taker_orders(self, symbol, after_ms, until_ms):
        return iter([one for one in self._takers if after_ms < one.time_ms <= until_ms])


class World:
    """Two rich accounts on a QueueMarket, with the clock in the test's hands."""

    def __init__(self, *happenings: Quote | TakerOrder) -> None:
        self.clock = HandClock(OPENING_MS)
        self.exchange = SimulatedExchange(QueueMarket(*happenings), self.clock)
        for name in (ANN, BEN):
            self.exchange.open_account(name, f"secret of {name}", {"USDT": D(10**6), "BTC": D(1_000)})

    def at(self, second: int) -> None:
        self.clock.time_ms = OPENING_MS + second * 1_000
        self.exchange.advance()

    def rest(self, name: str, price: str, quantity: str, side: Side = Side.BUY) -> int:
        account_id = self.exchange.keys.account_id(name)
        order = NewOrder(SYMBOL, side, OrderType.LIMIT, quantity=D(quantity), price=D(price))
        placed = self.exchange.venue.engine.place(account_id, order, self.clock.time_ms).order
        assert placed.status is ExchangeStatus.NEW
        return placed.order_id

    def filled(self, name: str) -> list[Decimal]:
        """Of each order, oldest first."""
        return [order.executed_quantity for order in self.exchange.orders(name)]

    def close(self) -> None:
        self.exchange.close()


@pytest.fixture
def world_of():
    worlds: list[World] = []

    def make(*happenings: Quote | TakerOrder) -> World:
        worlds.append(World(*happenings))
        return worlds[-1]

    yield make
    for world in worlds:
        world.close()


BOOK = book(0, "99x5 98x7", "101x5")


def test_an_order_waits_behind_what_stood_at_its_price(world_of) -> None:
    world = world_of(BOOK, trade(1, "99", "2"), trade(2, "99", "2", "0.5"), trade(3, "99", "1"), trade(4, "99", "9"))
    world.rest(ANN, "99", "2")
    assert [(world.at(second), world.filled(ANN))[1] for second in range(5)] == [[0], [0], [0], [D("0.5")], [2]]
    (first, second) = world.exchange.trades(ANN)
    assert [(one.price, one.quantity, one.time_ms - OPENING_MS, one.is_maker) for one in (first, second)] == [
        (99, D("0.5"), 3_000, True),
        (99, D("1.5"), 4_000, True),
    ]


def test_sellers_wait_as_well(world_of) -> None:
    world = world_of(BOOK, trade(1, "101", "6"), trade(2, "101", "6", buyer=True))
    world.rest(ANN, "101", "2", Side.SELL)
    assert [(world.at(second), world.filled(ANN))[1] for second in range(3)] == [[0], [0], [1]]


def test_who_came_first_among_the_accounts_is_served_first(world_of) -> None:
    world = world_of(BOOK, book(1, "99x9", "101x5"), trade(3, "99", "6"), trade(4, "99", "5.5"))
    world.rest(ANN, "99", "2")
    world.at(1)
    world.rest(BEN, "99", "2")  # behind nine of other people, of whom four came after Ann
    world.at(3)
    assert (world.filled(ANN), world.filled(BEN)) == ([1], [0])
    world.at(4)
    assert (world.filled(ANN), world.filled(BEN)) == ([2], [D("0.5")])


def test_a_better_price_than_all_others_has_nobody_before_it(world_of) -> None:
    world = world_of(BOOK, trade(1, "99", "1.5"))
    world.rest(ANN, "99.50", "1")
    world.rest(BEN, "99", "1")
    world.at(1)
    assert (world.filled(ANN), world.filled(BEN)) == ([1], [0])
    assert world.exchange.trades(ANN)[0].price == D("99.50")


def test_cancellations_of_others_bring_an_order_forward(world_of) -> None:
    world = world_of(BOOK, book(1, "99x1", "101x5"), trade(2, "99", "1.5"))
    world.rest(ANN, "99", "1")
    world.at(2)
    assert world.filled(ANN) == [D("0.5")]


def test_an_order_that_the_market_fell_away_from_stands_first_when_it_comes_back(world_of) -> None:
    world = world_of(BOOK, book(1, "98x7", "101x5"), book(2, "99x9", "101x5"), trade(3, "99", "0.4"))
    world.rest(ANN, "99", "1")
    world.at(3)
    assert world.filled(ANN) == [D("0.4")]


def test_an_order_deeper_than_the_book_shows_queues_up_when_its_level_is_seen(world_of) -> None:
    world = world_of(BOOK, book(1, "90x4", "101x5"), trade(2, "90", "4"), trade(3, "90", "1"))
    world.rest(ANN, "90", "1")
    world.at(2)
    assert world.filled(ANN) == [0]
    world.at(3)
    assert world.filled(ANN) == [1]


def test_a_book_that_comes_to_an_order_fills_it_without_a_trade(world_of) -> None:
    world = world_of(BOOK, book(1, "98x7", "99x0.7 101x5"))
    world.rest(ANN, "99", "1")
    world.at(1)
    assert world.filled(ANN) == [D("0.7")]


def test_only_whole_steps_are_filled(world_of) -> None:
    world = world_of(BOOK, trade(1, "99", "5.0007"), trade(2, "99", "0.0016"))
    world.rest(ANN, "99", "1")
    world.at(1)
    assert world.filled(ANN) == [0]
    world.at(2)
    assert world.filled(ANN) == [D("0.001")]


QUANTITIES = st.integers(min_value=1, max_value=6).map(D)


@given(
    orders=st.lists(st.tuples(st.sampled_from([ANN, BEN]), st.integers(97, 99), QUANTITIES), min_size=1, max_size=8),
    trades=st.lists(st.tuples(st.integers(96, 99), QUANTITIES), max_size=12),
    stood=st.lists(QUANTITIES, min_size=3, max_size=3),
)
def test_nobody_gets_more_than_was_traded_and_nobody_jumps_the_queue(orders, trades, stood) -> None:
    happenings = [trade(1 + number, str(price), str(quantity)) for number, (price, quantity) in enumerate(trades)]
    opening = book(0, " ".join(f"{price}x{quantity}" for price, quantity in zip((99, 98, 97), stood, strict=True)), "101x5")
    world = World(opening, *happenings)
    try:
        for name, price, quantity in orders:
            world.rest(name, str(price), str(quantity))
        world.at(len(trades) + 1)
        done = [order for name in (ANN, BEN) for order in world.exchange.orders(name)]
        assert sum(order.executed_quantity for order in done) <= sum(quantity for _, quantity in trades)
        for number, price in enumerate((99, 98, 97)):
            at_price = sorted((order for order in done if order.price == price), key=lambda order: order.order_id)
            filled = [order.executed_quantity for order in at_price]
            traded_here = sum(quantity for at, quantity in trades if at == price)
            traded_below = sum(quantity for at, quantity in trades if at < price)
            assert sum(filled) <= max(traded_here - stood[number], D(0)) + traded_below
            for before, after in pairwise(at_price):
                assert after.executed_quantity == 0 or before.executed_quantity == before.original_quantity
    finally:
        world.close()
