"""Kline files as histories: whole columns at once give what the strict reader gives, row by row, and refuse what it refuses."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_candles import candle_rows, write_candles

from binance_trade_agent.backtest.candles import kline_files
from binance_trade_agent.backtest.candles.kline_files import history_in
from binance_trade_agent.domain.candle_columns import Decimals
from binance_trade_agent.domain.errors import CandleFileError
from binance_trade_agent.simulation.markets.candle_files import load_candles
from binance_trade_agent.simulation.markets.exact_candles import columns_of, market_candles


def no_strict_reading(*_: object) -> None:
    raise AssertionError("the strict reader was asked for a plain file")


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize("micro", [False, True])
def test_every_form_of_the_files_is_read_the_quick_way(tmp_path: Path, monkeypatch, zipped: bool, header: bool, micro: bool) -> None:
    rows = candle_rows(3, 500)
    if micro:
        rows = [[f"{row[0]}000", *row[1:6], f"{row[6]}999", *row[7:]] for row in rows]
    path = write_candles(tmp_path, "BTCUSDT", rows, zipped=zipped, header=header)
    exact = load_candles(path).by_symbol["BTCUSDT"]
    monkeypatch.setattr(kline_files, "candles_of", no_strict_reading)
    columns = history_in(path, "BTCUSDT", "1m")
    assert market_candles(columns) == exact
    assert columns.decimals == Decimals(price=2, volume=3, quote=0)


def test_what_is_unusual_but_right_comes_out_the_same(tmp_path: Path) -> None:
    start = 1_735_689_600_000
    rows = [
        [str(start), "1E-9", "2E-9", "1E-9", "0.0000000015", "1e3", str(start + 59_999), "99999999999999999", "0", "0", "0", "0"],
        [str(start + 60_000), "2", "2.50", "1", "2", "1e3", str(start + 119_999), "1", "0", "0", "0", "0"],
        [str(start + 60_000), "2", "2.5", "1", "2", "1e3", str(start + 119_999), "1", "0", "0", "0", "0"],
    ]
    path = write_candles(tmp_path, "BTCUSDT", rows)
    columns = history_in(path, "BTCUSDT", "1m")
    assert columns.decimals == Decimals(price=10, volume=0, quote=0)
    assert market_candles(columns) == load_candles(path).by_symbol["BTCUSDT"]


cells = st.sampled_from(
    ["", "-1", "0", "x", "1.5", "nan", "inf", "1e400", " 7", '"7"', "1_0", "9" * 25, "1735689660000", "0x10", "+3", "1e-12"]
)
changes = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 11), cells), max_size=2)


@given(changes, st.sampled_from(["", "open time,", "time,", "\n", "\ufeff"]), st.booleans())
def test_both_ways_take_and_refuse_the_same_files(tmp_path_factory, changed: list[tuple[int, int, str]], first: str, cut: bool) -> None:
    rows = candle_rows(5, 6)
    for row, column, cell in changed:
        rows[row][column] = cell
    text = first + "\n".join(",".join(row) for row in rows)
    path = tmp_path_factory.mktemp("klines") / "BTCUSDT-1m-2025-01.csv"
    path.write_text(text[: -len(text) // 9] if cut else text)
    try:
        exact = load_candles(path).by_symbol["BTCUSDT"]
        expected = columns_of("BTCUSDT", 60_000, exact)
    except CandleFileError:
        with pytest.raises(CandleFileError):
            history_in(path, "BTCUSDT", "1m")
        return
    found = history_in(path, "BTCUSDT", "1m")
    assert np.array_equal(found.table, expected.table)
    assert found.decimals == expected.decimals


def test_an_error_names_file_and_line(tmp_path: Path) -> None:
    rows = candle_rows(5, 6)
    rows[3][4] = "0.5"
    path = write_candles(tmp_path, "BTCUSDT", rows, zipped=True, header=True)
    with pytest.raises(CandleFileError, match=r"BTCUSDT-1m-2025-01\.zip:5: prices do not add up"):
        history_in(path, "BTCUSDT", "1m")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("BTCUSDT-1m-2025-01.csv", "")
    with pytest.raises(CandleFileError, match="holds no candles"):
        history_in(path, "BTCUSDT", "1m")
