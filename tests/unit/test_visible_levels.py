"""The book that everybody sees: made as far as it is read, and the same however it is read."""

from decimal import Decimal
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.visible_levels import VisibleLevels

D = Decimal
BOOKS = st.dictionaries(st.integers(1, 30).map(D), st.integers(1, 9).map(D), max_size=12)
BOUNDS = st.none() | st.integers(-14, 14)


def visible(side: Side, market: dict, own: dict) -> VisibleLevels:
    best_first = [dict(sorted(book.items(), reverse=side is Side.BUY)) for book in (market, own)]
    return VisibleLevels(side, lambda: iter(best_first[0].items()), best_first[1])


@given(st.sampled_from(Side), BOOKS, BOOKS, BOUNDS, BOUNDS, st.sampled_from([None, 1, 2, -1]))
def test_it_is_the_sum_of_what_others_and_accounts_have_there(side, market, own, start, stop, step) -> None:
    expected = sorted(
        ((price, market.get(price, D(0)) + own.get(price, D(0))) for price in market.keys() | own.keys()), reverse=side is Side.BUY
    )
    levels = visible(side, market, own)
    assert list(levels) == expected == levels
    assert len(levels) == len(expected)
    assert bool(levels) == bool(expected)
    assert list(levels[start:stop:step]) == expected[start:stop:step]
    assert [levels[place] for place in range(len(expected))] == expected
    assert [levels[-1 - place] for place in range(len(expected))] == expected[::-1]
    for beyond in (len(expected), -1 - len(expected)):
        with pytest.raises(IndexError):
            levels[beyond]


def test_only_what_is_read_is_made() -> None:
    made = []

    def market():
        for price in range(100, 0, -1):
            made.append(price)
            yield D(price), D(1)

    levels = VisibleLevels(Side.BUY, market, {D(99): D(5)})
    assert levels[0] == (100, 1)
    assert list(islice(levels, 2)) == [(100, 1), (99, 6)]
    assert min(made) >= 97
