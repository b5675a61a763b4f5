"""The local order book against a model exchange: in sync means the exchange's book at that update, to the last digit."""

from decimal import Decimal
from random import Random

import pytest
from depth_exchange import DepthExchange
from hypothesis import given
from hypothesis import strategies as st

from binance_trade_agent.binance.streams.events import DepthEvent
from binance_trade_agent.binance.streams.local_order_book import MOST_BUFFERED_EVENTS, LocalOrderBook, SnapshotFate
from binance_trade_agent.domain.market import BookLevel, OrderBook
from binance_trade_agent.domain.stream_facts import BookLoss

D = Decimal


def event(first: int, last: int, bids=(), asks=()) -> DepthEvent:
    return DepthEvent(1, "BTCUSDT", first, last, tuple(bids), tuple(asks))


def snapshot(update_id: int, bids=(("9", "1"),), asks=(("11", "1"),)) -> OrderBook:
    levels = [tuple(BookLevel(D(price), D(quantity)) for price, quantity in side) for side in (bids, asks)]
    return OrderBook("BTCUSDT", update_id, levels[0], levels[1])


def agrees(book: LocalOrderBook, exchange: DepthExchange, most: int) -> None:
    """All levels held are the exchange's best ones at that update; all of them, when the book claims to know `most`."""
    held = book.top(most)
    if not book.is_in_sync:
        assert (held, book.best_bid, book.best_ask, book.last_update_id) == (None, None, None, None)
        return
    real = exchange.book_at(book.last_update_id, most)
    for ours, theirs in ((held.bids, real.bids), (held.asks, real.asks)):
        known = len(theirs) if book.known_levels >= most else min(book.known_levels, len(theirs))
        assert len(ours) >= known
        assert ours == theirs[: len(ours)]
    assert book.best_bid == (held.bids[0] if held.bids else None)
    assert book.best_ask == (held.asks[0] if held.asks else None)


def disturbed(exchange: DepthExchange, chance: Random, past: list[DepthEvent]) -> list[DepthEvent]:
    """What the stream brings next: mostly the next event, and now and then what no stream should do."""
    move = chance.choices(["event", "lost", "repeated", "swapped"], [20, 2, 2, 1])[0]
    if move == "lost":
        exchange.event(chance.randrange(1, 4))
    if move == "repeated" and past:
        return [chance.choice(past[-5:])]
    past.append(exchange.event(chance.randrange(1, 4)))
    if move == "swapped":
        past.append(exchange.event(1))
        return [past[-1], past[-2]]
    return [past[-1]]


@given(
    seed=st.integers(0, 10**9),
    most_levels=st.sampled_from([3, 8, 100]),
    limit=st.sampled_from([3, 8, 100]),
)
def test_in_sync_means_equal_to_the_exchange_at_that_update(seed, most_levels, limit):
    chance = Random(seed)
    exchange = DepthExchange(chance)
    book = LocalOrderBook("BTCUSDT", most_levels=most_levels)
    past: list[DepthEvent] = []
    in_sync = 0
    for _ in range(250):
        for brought in disturbed(exchange, chance, past):
            book.apply(brought)
            agrees(book, exchange, most_levels)
        if book.is_waiting_for_snapshot and chance.random() < 0.5:
            book.load(exchange.snapshot(limit, updates_ago=chance.choice([0, 0, 1, 2, 4, 8])), limit)
            agrees(book, exchange, most_levels)
        if chance.random() < 0.01:
            book.restart()
        in_sync += book.is_in_sync
        assert len(book.top(10**6).bids if book.is_in_sync else ()) <= most_levels
    assert in_sync > 50


def test_without_faults_it_comes_into_sync_and_stays_there():
    exchange = DepthExchange(Random(5))
    book = LocalOrderBook("BTCUSDT")
    assert [book.apply(exchange.event(3)) for _ in range(4)] == [None] * 4
    assert book.load(exchange.snapshot(1_000, updates_ago=5), 1_000) is SnapshotFate.IN_SYNC
    for _ in range(500):
        assert book.apply(exchange.event(2)) is None
        assert book.last_update_id == exchange.update_id
    agrees(book, exchange, 1_000)
    assert book.top(3) == exchange.book_at(exchange.update_id, 3)


# --- the steps of the published procedure, one by one


def test_a_snapshot_older_than_the_first_event_is_refused_and_the_next_one_tried():
    book = LocalOrderBook("BTCUSDT")
    book.apply(event(157, 160))
    assert book.load(snapshot(156), 5) is SnapshotFate.TOO_OLD
    assert book.is_waiting_for_snapshot
    assert book.load(snapshot(157), 5) is SnapshotFate.IN_SYNC
    assert book.last_update_id == 160


def test_buffered_events_that_the_snapshot_holds_already_are_left_out():
    book = LocalOrderBook("BTCUSDT")
    book.apply(event(150, 160, bids=[("9", "7")]))
    book.apply(event(161, 170, bids=[("8", "3")]))
    assert book.load(snapshot(160), 5) is SnapshotFate.IN_SYNC
    assert book.top(5) == snapshot(170, bids=(("9", "1"), ("8", "3")))


def test_a_snapshot_without_events_waits_for_the_event_that_joins_on():
    for first, loss in ((101, None), (95, None), (102, BookLoss.GAP)):
        book = LocalOrderBook("BTCUSDT")
        assert book.load(snapshot(100), 5) is SnapshotFate.AWAITS_EVENT
        assert not book.is_in_sync
        assert book.apply(event(90, 100)) is None
        assert not book.is_in_sync
        assert book.apply(event(first, 105)) is loss
        assert book.is_in_sync is (loss is None)


def test_a_gap_discards_the_book_and_its_event_is_the_first_of_the_new_start():
    book = LocalOrderBook("BTCUSDT")
    book.apply(event(100, 100))
    book.load(snapshot(100), 5)
    assert book.apply(event(102, 103, bids=[("9.5", "2")])) is BookLoss.GAP
    assert (book.is_in_sync, book.top(5), book.is_waiting_for_snapshot, book.has_events) == (False, None, True, True)
    assert book.load(snapshot(101), 5) is SnapshotFate.TOO_OLD
    assert book.load(snapshot(102), 5) is SnapshotFate.IN_SYNC
    assert book.top(5) == snapshot(103, bids=(("9.5", "2"), ("9", "1")))


def test_old_events_change_nothing_and_zero_removes():
    book = LocalOrderBook("BTCUSDT")
    book.apply(event(100, 100))
    book.load(snapshot(100), 5)
    book.apply(event(101, 110, bids=[("9.00000000", "5.0")], asks=[("12", "1")]))
    for late in (event(99, 100, bids=[("1", "1")]), event(105, 109, bids=[("1", "1")]), event(101, 110, bids=[("1", "1")])):
        assert book.apply(late) is None
    assert book.top(5) == snapshot(110, bids=(("9", "5"),), asks=(("11", "1"), ("12", "1")))
    book.apply(event(111, 111, bids=[("9", "0.00000000"), ("7", "0")]))
    assert book.best_bid is None
    assert book.best_ask == BookLevel(D(11), D(1))


@pytest.mark.parametrize(
    ("bids", "asks", "loss"),
    [
        ([("11", "1")], [], BookLoss.CROSSED),
        ([], [("8.99", "1")], BookLoss.CROSSED),
        ([("8", "-1")], [], BookLoss.INVALID_LEVEL),
        ([("-8", "1")], [], BookLoss.INVALID_LEVEL),
        ([("0", "1")], [], BookLoss.INVALID_LEVEL),
        ([], [("NaN", "1")], BookLoss.INVALID_LEVEL),
        ([], [("12", "Infinity")], BookLoss.INVALID_LEVEL),
        ([], [("12", "x")], BookLoss.INVALID_LEVEL),
        ([], [("1e25", "1")], BookLoss.INVALID_LEVEL),
    ],
)
def test_a_book_that_cannot_be_is_discarded(bids, asks, loss):
    book = LocalOrderBook("BTCUSDT")
    book.apply(event(100, 100))
    book.load(snapshot(100), 5)
    assert book.apply(event(101, 101, bids, asks)) is loss
    assert not book.is_in_sync
    assert book.is_waiting_for_snapshot
    buffering = LocalOrderBook("BTCUSDT")
    buffering.apply(event(100, 100))
    buffering.apply(event(101, 101, bids, asks))
    assert buffering.load(snapshot(100), 5) is SnapshotFate.REFUSED
    assert not buffering.is_in_sync


@pytest.mark.parametrize(
    ("bids", "asks"), [((("11", "1"),), (("11", "1"),)), ((("9", "0"),), ()), ((("9", "-1"),), ()), ((), (("NaN", "1"),))]
)
def test_a_snapshot_that_cannot_be_is_refused(bids, asks):
    book = LocalOrderBook("BTCUSDT")
    book.apply(event(100, 100))
    assert book.load(snapshot(100, bids, asks), 5) is SnapshotFate.REFUSED
    assert book.is_waiting_for_snapshot
    assert book.load(snapshot(100), 5) is SnapshotFate.IN_SYNC


def test_amounts_keep_every_digit():
    long_price = "0." + "1" * 40
    book = LocalOrderBook("BTCUSDT")
    book.apply(event(100, 100))
    book.load(snapshot(100, bids=(), asks=()), 5)
    book.apply(event(101, 101, asks=[(long_price, "1" * 19 + "." + "3" * 30)]))
    assert str(book.best_ask.price) == long_price
    assert str(book.best_ask.quantity) == "1" * 19 + "." + "3" * 30


def test_levels_beyond_a_snapshot_that_was_cut_off_are_never_shown():
    book = LocalOrderBook("BTCUSDT")
    book.apply(event(100, 100))
    book.load(snapshot(100, bids=(("9", "1"), ("8", "1"))), 2)
    book.apply(event(101, 101, bids=[("7", "5"), ("9", "0")]))
    assert book.top(5).bids == (BookLevel(D(8), D(1)),)
    assert book.known_levels == 1


def test_what_is_buffered_is_bounded():
    book = LocalOrderBook("BTCUSDT")
    losses = [book.apply(event(number, number)) for number in range(1, MOST_BUFFERED_EVENTS + 2)]
    assert losses == [None] * MOST_BUFFERED_EVENTS + [BookLoss.TOO_MANY_EVENTS]
    wide = [("9", "1")] * 60_000
    losses = [book.apply(event(10_000 + number, 10_000 + number, bids=wide)) for number in range(5)]
    assert losses[-1] is BookLoss.TOO_MANY_EVENTS
