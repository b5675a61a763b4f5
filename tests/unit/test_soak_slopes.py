"""What grows in a soak is seen, and what only goes up and down is not."""

import pytest
from soaking.slopes import BOUNDS, Held, Pace, Sample, slope, trends


def samples(growth: dict[Held, float]) -> list[Sample]:
    """A week, hour by hour: everything goes up and down, and `growth` comes on top each day; the first day fills caches."""
    hours = range(7 * 24)
    return [
        Sample(hour / 24, {held: 100 + min(hour, 24) + (hour % 2) * 0.1 + growth.get(held, 0) * hour / 24 for held in Held})
        for hour in hours
    ]


def test_a_slope_is_that_of_the_line_through_the_points():
    assert slope([(0, 1), (1, 3), (2, 5)]) == pytest.approx(2)
    with pytest.raises(ValueError, match="more than one moment"):
        slope([(1, 1), (1, 2)])


def test_what_stays_within_its_bounds_is_no_trend_after_the_warm_up():
    found = list(trends(samples({}), Pace(0, 0)))
    assert {trend.held for trend in found} == set(Held)
    assert not any(trend.is_too_steep for trend in found)


@pytest.mark.parametrize("held", list(Held))
def test_each_thing_that_grows_is_named(held):
    found = trends(samples({held: BOUNDS[held].a_day * 1.5}), Pace(0, 0))
    assert [trend.held for trend in found if trend.is_too_steep] == [held]


def test_the_book_may_grow_with_the_decisions_that_it_keeps():
    growth = {Held.BOOK: BOUNDS[Held.BOOK].a_day * 1.5}
    assert not any(trend.is_too_steep for trend in trends(samples(growth), Pace(72_000, 0)))
