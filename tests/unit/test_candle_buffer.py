"""Windows over growing columns: they hold what a tuple of candles would hold, and never change for who holds them."""

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from binance_trade_agent.domain.candle_buffer import CandleBuffer
from binance_trade_agent.domain.market import Candle, CandleWindow

MINUTE = 60_000
NUMBERS = st.floats(min_value=1e-12, max_value=1e12, allow_nan=False)
CANDLES = st.builds(
    Candle,
    st.integers(0, 2**53),
    *[NUMBERS] * 5,
    st.integers(0, 2**53),
    NUMBERS,
    st.integers(0, 2**53),
    NUMBERS,
    NUMBERS,
)


def minutes(first: int, count: int) -> list[Candle]:
    return [
        Candle(at * MINUTE, at, at + 2.0, at - 2.0, at + 0.5, at * 10.0, at * MINUTE + MINUTE - 1) for at in range(first, first + count)
    ]


@given(st.lists(CANDLES, max_size=20))
def test_a_window_gives_back_every_candle_exactly(candles: list[Candle]) -> None:
    window = CandleWindow("X", MINUTE, candles)
    assert window.candles == tuple(candles)
    assert window.newest == (candles[-1] if candles else None)
    assert len(window) == len(candles)
    assert all(type(held.open_time_ms) is int and type(held.trades) is int for held in window.candles)


@given(st.lists(st.lists(CANDLES, min_size=1, max_size=60), min_size=1, max_size=12), st.integers(1, 50))
def test_a_buffer_holds_the_newest_candles_and_old_windows_stay_as_they_were(portions: list[list[Candle]], length: int) -> None:
    buffer, told = CandleBuffer("X", MINUTE, length), []
    held: list[tuple[CandleWindow, list[Candle]]] = []
    for portion in portions:
        buffer.append(portion)
        told += portion
        held.append((buffer.window, told[-length:]))
    for window, expected in held:
        assert window.candles == tuple(expected)
        assert window.closes.tolist() == [candle.close for candle in expected]


def test_columns_are_those_of_the_candles_and_nobody_can_write_into_them() -> None:
    buffer = CandleBuffer("BTCUSDT", MINUTE, 5)
    buffer.append(minutes(100, 4))
    buffer.append(minutes(104, 3))
    for window in (buffer.window, CandleWindow("BTCUSDT", MINUTE, minutes(102, 5))):
        assert (window.symbol, window.interval_ms, len(window)) == ("BTCUSDT", MINUTE, 5)
        assert window.opens.tolist() == [102, 103, 104, 105, 106]
        assert window.highs.tolist() == [104, 105, 106, 107, 108]
        assert window.lows.tolist() == [100, 101, 102, 103, 104]
        assert window.closes.tolist() == [102.5, 103.5, 104.5, 105.5, 106.5]
        assert window.volumes.tolist() == [1020, 1030, 1040, 1050, 1060]
        for column in (window.opens, window.highs, window.lows, window.closes, window.volumes):
            assert (column.dtype, column.flags.c_contiguous) == (np.float64, True)
            with pytest.raises(ValueError, match="read-only"):
                column[0] = 1.0
        assert talib.SMA(window.closes, timeperiod=5)[-1] == 104.5


def test_the_newest_of_a_window_are_a_view_and_not_a_copy() -> None:
    window = CandleWindow("X", MINUTE, minutes(1, 10))
    newest = window.last(3)
    assert newest.candles == tuple(minutes(8, 3))
    assert np.shares_memory(newest.closes, window.closes)
    assert window.last(10) is window
    assert window.last(99) is window


def test_many_candles_one_by_one_take_no_more_room_than_a_window_and_its_head_room() -> None:
    buffer = CandleBuffer("X", MINUTE, 100)
    buffer.append(minutes(0, 100))
    for at in range(100, 1_000):
        before = buffer.window
        buffer.append(minutes(at, 1))
        assert buffer.window is not before
        assert len(buffer.window) == 100
    base = buffer.window.closes.base
    assert base is not None
    assert base.nbytes <= 11 * 8 * (100 + 32)
    assert buffer.window.candles == tuple(minutes(900, 100))


def test_holes_are_found_between_neighbours() -> None:
    candles = [*minutes(1, 2), *minutes(5, 1), *minutes(6, 1), *minutes(9, 1)]
    assert CandleWindow("X", MINUTE, candles).gaps() == ((2 * MINUTE, 2), (6 * MINUTE, 2))
    assert CandleWindow("X", MINUTE, []).gaps() == ()
