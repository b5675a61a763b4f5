"""Candles in columns: exact whole numbers, and floats that are what decoding the exchange's text would have given."""

import pickle
from decimal import Decimal

import numpy as np
import pytest
from benchmarks.made_up_history import made_up_history
from hypothesis import given
from hypothesis import strategies as st

from binance_trade_agent.domain.candle_columns import CandleColumns, Decimals, Row, exact_floats, joined
from binance_trade_agent.domain.errors import MarketDataError
from binance_trade_agent.domain.market import Candle, CandleWindow


def columns_of(closes: list[int], decimals: int = 2, first_ms: int = 0, missing: tuple[int, ...] = ()) -> CandleColumns:
    table = np.ones((len(Row), len(closes)), dtype=np.int64)
    table[Row.OPEN_TIME] = [first_ms + place * 60_000 for place in range(len(closes) + len(missing)) if place not in missing]
    table[Row.CLOSE] = closes
    return CandleColumns("BTCUSDT", 60_000, Decimals(price=decimals), table)


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=50), st.integers(0, 18))
def test_a_float_is_the_nearest_to_its_decimal(figures: list[int], decimals: int) -> None:
    found = exact_floats(np.array(figures, dtype=np.int64), decimals)
    assert found.tolist() == [float(Decimal(figure).scaleb(-decimals)) for figure in figures]


def test_a_window_shows_what_single_candles_would_show() -> None:
    columns = made_up_history("BTCUSDT", days=0.2, gap_share=0.1)
    unit, volume_unit, quote_unit = columns.price_unit, columns.volume_unit, columns.quote_unit
    candles = [
        Candle(
            row[Row.OPEN_TIME],
            *(float(row[place] * unit) for place in (Row.OPEN, Row.HIGH, Row.LOW, Row.CLOSE)),
            float(row[Row.VOLUME] * volume_unit),
            row[Row.OPEN_TIME] + 59_999,
            float(row[Row.QUOTE_VOLUME] * quote_unit),
            row[Row.TRADES],
            float(row[Row.TAKER_BUY_VOLUME] * volume_unit),
            float(row[Row.TAKER_BUY_QUOTE_VOLUME] * quote_unit),
        )
        for row in columns.table.T.tolist()
    ]
    one_by_one = CandleWindow("BTCUSDT", 60_000, candles)
    window = columns.window()
    assert window.candles == one_by_one.candles
    assert (window.symbol, window.interval_ms, window.gaps()) == ("BTCUSDT", 60_000, one_by_one.gaps())
    assert window.gaps() == columns.gaps() != ()


def test_a_slice_is_a_view_and_nobody_can_write_into_it() -> None:
    columns = columns_of([1, 2, 3, 4])
    part = columns[1:3]
    assert part.closes.tolist() == [2, 3]
    assert np.shares_memory(part.table, columns.table)
    with pytest.raises(ValueError, match="read-only"):
        part.closes[0] = 5
    with pytest.raises(ValueError, match="read-only"):
        part.window().closes[0] = 5


def test_holes_are_told_and_left_open() -> None:
    columns = columns_of([1, 2, 3], missing=(1, 3))
    assert columns.gaps() == ((0, 1), (120_000, 1))
    assert columns.between(1, 120_000).closes.tolist() == []
    assert columns.between(0, 120_001).closes.tolist() == [1, 2]


def test_parts_of_different_decimals_join_exactly() -> None:
    both = joined([columns_of([105], decimals=2), columns_of([1_0500001], decimals=7, first_ms=60_000)])
    assert [close * both.price_unit for close in both.closes.tolist()] == [Decimal("1.05"), Decimal("1.0500001")]
    with pytest.raises(MarketDataError, match="not in order"):
        joined([columns_of([105]), columns_of([105])])


def test_a_figure_that_no_longer_fits_is_refused() -> None:
    with pytest.raises(MarketDataError, match="CLOSE reaches"):
        joined([columns_of([10**17], decimals=0), columns_of([1], decimals=8, first_ms=60_000)])


def test_columns_go_to_another_process_as_they_are() -> None:
    columns = made_up_history("ETHUSDT", days=0.1)
    again = pickle.loads(pickle.dumps(columns))
    assert np.array_equal(again.table, columns.table)
    assert (again.symbol, again.interval_ms, again.decimals) == (columns.symbol, columns.interval_ms, columns.decimals)
    with pytest.raises(ValueError, match="read-only"):
        again.closes[0] = 5
