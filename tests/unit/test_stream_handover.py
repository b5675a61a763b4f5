"""A stream that goes over from one connection to another: whatever the two are late by, nothing is lost, doubled or out of order."""

import heapq

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scripted_streams import book_ticker, frame, kline, trade

from binance_trade_agent.binance.streams.event_routes import EventRoute
from binance_trade_agent.binance.streams.handover import MOST_HELD, Handover, order_key

NAMES = {"trade": "btcusdt@trade", "bookTicker": "btcusdt@bookTicker"}


def events(kind: str, count: int):
    route = EventRoute(NAMES[kind])
    make = trade if kind == "trade" else book_ticker
    return [route.decode(frame(route.name, make("BTCUSDT", number))) for number in range(1, count + 1)]


def numbers(delivered) -> list[int]:
    return [order_key(event)[0] for event in delivered]


@given(
    kind=st.sampled_from(["trade", "bookTicker"]),
    count=st.integers(2, 40),
    old_delays=st.lists(st.integers(0, 12), min_size=40, max_size=40),
    new_delays=st.lists(st.integers(0, 12), min_size=40, max_size=40),
    begins=st.integers(0, 39),
    delivered_before=st.integers(0, 39),
    ends=st.integers(0, 120),
)
@example(kind="trade", count=40, old_delays=[12] * 40, new_delays=[0] * 40, begins=5, delivered_before=0, ends=100)
@example(kind="trade", count=40, old_delays=[0] * 40, new_delays=[12] * 40, begins=5, delivered_before=0, ends=100)
def test_what_is_delivered_is_in_order_once_and_whole_unless_a_gap_is_told(
    kind, count, old_delays, new_delays, begins, delivered_before, ends
):
    """Event n happens at time n; each connection brings what it has in order, each event late by some time of its own."""
    happened = events(kind, count)
    old, new = EventRoute(NAMES[kind]), EventRoute(NAMES[kind])
    delivered_before = min(delivered_before, begins)
    delivered = list(happened[:delivered_before])
    old.last = delivered[-1] if delivered else None
    arrivals: list[tuple[int, int, int]] = []
    for side, first, delays in ((0, delivered_before, old_delays), (1, begins, new_delays)):
        at = 0
        for index in range(first, count):
            at = max(at, index + delays[index])
            heapq.heappush(arrivals, (at, index, side))
    handover = Handover(old, new)
    is_certain, has_missed, is_over = ends >= begins + 12, False, False
    while arrivals:
        at, index, side = heapq.heappop(arrivals)
        if not is_over and at >= ends:
            held, has_missed = handover.finish(is_certain=is_certain)
            delivered += held
            is_over = True
        if is_over and side == 0:
            continue
        route = (old, new)[side]
        delivered += [happened[index]] if route.gate is None else handover.admit(route, happened[index])
    if not is_over:
        held, has_missed = handover.finish(is_certain=True)
        delivered += held
    seen = numbers(delivered)
    assert seen == sorted(set(seen))
    if not has_missed:
        assert seen[-1] == count
        if is_certain and kind == "trade":
            assert seen == list(range(1, count + 1))


@pytest.mark.parametrize("is_level", [False, True])
def test_a_replacement_that_dies_leaves_the_old_connection_to_go_on_without_a_hole(is_level):
    happened = events("trade", 6)
    old, new = EventRoute(NAMES["trade"]), EventRoute(NAMES["trade"])
    old.last = happened[0]
    handover = Handover(old, new)
    delivered = list(handover.admit(new, happened[1]))
    if is_level:
        delivered += handover.admit(old, happened[1])
        delivered += handover.admit(new, happened[2])
    handover.abandon()
    for event in happened[1:]:
        delivered += [event] if old.gate is None else handover.admit(old, event)
    assert numbers(delivered) == [2, 3, 4, 5, 6]
    assert old.gate is None


def test_a_connection_that_lags_without_end_is_given_up_with_a_gap_and_bounded_memory():
    happened = events("trade", MOST_HELD + 500)
    old, new = EventRoute(NAMES["trade"]), EventRoute(NAMES["trade"])
    handover = Handover(old, new)
    assert [handover.admit(new, event) for event in happened[5:]] == [()] * (MOST_HELD + 495)
    held, has_missed = handover.finish(is_certain=True)
    assert (len(held), has_missed) == (MOST_HELD, True)


def test_a_candle_that_closes_and_the_next_one_that_opens_in_the_same_millisecond_are_two_events():
    route = EventRoute("btcusdt@kline_1m")

    def decode(**changes):
        return route.decode(frame(route.name, kline("BTCUSDT", **changes)))

    closing = decode(open_time_ms=0, event_time_ms=60_000, closed=True)
    opening = decode(open_time_ms=60_000, event_time_ms=60_000)
    assert order_key(decode(event_time_ms=59_000)) < order_key(closing) < order_key(opening)
