"""Candle files: every variant of Binance's public kline files is read exactly, and what cannot be trusted is refused by file and line."""

import zipfile
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_trade_agent.domain.errors import CandleFileError
from binance_trade_agent.simulation.markets import candle_files
from binance_trade_agent.simulation.markets.candle_files import load_candles

START_MS = 1_735_689_600_000
FIVE_MINUTES_MS = 300_000
HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"


def row(number: int, *, close: str = "10.50", scale: int = 1) -> str:
    open_ms = START_MS + number * FIVE_MINUTES_MS
    close_time = (open_ms + FIVE_MINUTES_MS) * scale - 1
    return f"{open_ms * scale},10.00,11.00,9.00,{close},123.456,{close_time},1300.5,42,23.4,250.5,0"


def write(folder: Path, name: str, lines: list[str]) -> Path:
    path = folder / name
    text = "\n".join(lines) + "\n"
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(path.with_suffix(".csv").name, text)
    else:
        path.write_text(text)
    return path


@pytest.mark.parametrize("suffix", ["csv", "zip"])
@pytest.mark.parametrize("scale", [1, 1000])
@pytest.mark.parametrize("head", [[], [HEADER], ["\ufeff" + HEADER]])
def test_every_variant_of_the_files_gives_the_same_candles(tmp_path: Path, suffix: str, scale: int, head: list[str]) -> None:
    write(tmp_path, f"BTCUSDT-5m-2025-01-01.{suffix}", head + [row(number, scale=scale) for number in range(3)])
    recorded = load_candles(tmp_path)
    assert recorded.interval_ms == FIVE_MINUTES_MS
    candles = recorded.by_symbol["BTCUSDT"]
    assert [candle.open_time_ms for candle in candles] == [START_MS + number * FIVE_MINUTES_MS for number in range(3)]
    first = candles[0]
    assert first.close_time_ms == START_MS + FIVE_MINUTES_MS - 1
    assert [str(price) for price in (first.open, first.high, first.low, first.close)] == ["10.00", "11.00", "9.00", "10.50"]
    assert (first.volume, first.quote_volume, first.trades) == (Decimal("123.456"), Decimal("1300.5"), 42)
    assert (first.taker_buy_volume, first.taker_buy_quote_volume) == (Decimal("23.4"), Decimal("250.5"))
    assert (recorded.first_open_ms, recorded.last_close_ms) == (START_MS, START_MS + 3 * FIVE_MINUTES_MS - 1)


def test_one_file_is_enough_and_trailing_columns_may_be_empty_of_meaning(tmp_path: Path) -> None:
    path = write(tmp_path, "ADABTC-5m-2018-01.csv", [f"{START_MS},5E-5,0.00005330,0.00005,0.00005290,0,{START_MS + 299_999},0,0,0,0,0"])
    (candle,) = load_candles(path).by_symbol["ADABTC"]
    assert (candle.open, candle.volume, candle.trades) == (Decimal("0.00005"), 0, 0)


@given(st.permutations(range(12)), st.integers(min_value=1, max_value=11), st.integers(min_value=0, max_value=4))
def test_files_are_merged_in_time_order_whatever_they_are_called(tmp_path_factory, order: list[int], cut: int, overlap: int) -> None:
    folder = tmp_path_factory.mktemp("candles")
    older, newer = sorted(order)[:cut], sorted(order)[max(cut - overlap, 0) :]
    write(folder, "ETHUSDT-5m-b.csv", [row(number) for number in older])
    write(folder, "ETHUSDT-5m-a.zip", [HEADER, *(row(number, scale=1000) for number in newer)])
    recorded = load_candles(folder)
    assert [candle.open_time_ms for candle in recorded.by_symbol["ETHUSDT"]] == [START_MS + n * FIVE_MINUTES_MS for n in range(12)]
    assert recorded.gaps("ETHUSDT") == ()


def test_gaps_are_reported_and_not_filled(tmp_path: Path) -> None:
    write(tmp_path, "BTCUSDT-5m-1.csv", [row(number) for number in (0, 1, 5, 6, 8)])
    write(tmp_path, "ETHUSDT-5m-1.csv", [row(0)])
    recorded = load_candles(tmp_path)
    assert recorded.gaps("BTCUSDT") == ((START_MS + FIVE_MINUTES_MS, 3), (START_MS + 6 * FIVE_MINUTES_MS, 1))
    assert recorded.gaps("ETHUSDT") == ()
    assert len(recorded.by_symbol["BTCUSDT"]) == 5


def good_cells() -> list[str]:
    return row(1).split(",")


def broken(**cells: str) -> str:
    names = HEADER.split(",")
    changed = good_cells()
    for name, value in cells.items():
        changed[names.index(name)] = value
    return ",".join(changed)


@pytest.mark.parametrize(
    ("bad_row", "expected"),
    [
        (broken(high="8.00"), "prices do not add up"),
        (broken(close="12"), "prices do not add up"),
        (broken(low="10.01"), "prices do not add up"),
        (broken(low="-1"), "prices do not add up"),
        (broken(low="0"), "prices do not add up"),
        (broken(high="NaN"), "expected 12 numbers"),
        (broken(open="sNaN"), "expected 12 numbers"),
        (broken(high="Infinity"), "finite"),
        (broken(volume="Infinity"), "finite"),
        (broken(volume="NaN"), "expected 12 numbers"),
        (broken(volume="-0.1"), "0 or more"),
        (broken(quote_volume="-1"), "0 or more"),
        (broken(count="-1"), "0 or more"),
        (broken(taker_buy_volume="-1"), "0 or more"),
        (broken(taker_buy_quote_volume="Infinity"), "finite"),
        (broken(count="1.5"), "expected 12 numbers"),
        (broken(open="ten"), "expected 12 numbers"),
        (broken(open_time=""), "expected 12 numbers"),
        (broken(open_time="-5"), "expected 12 numbers"),
        (broken(close_time=str(START_MS + FIVE_MINUTES_MS + 60_000 - 1)), "close time"),
        (broken(open_time=str(START_MS + FIVE_MINUTES_MS + 1), close_time=str(START_MS + 2 * FIVE_MINUTES_MS)), "multiple of the interval"),
        (HEADER, "expected 12 numbers"),
        (row(1) + ",0", "expected 12 columns, found 13"),
        (row(1).rsplit(",", 1)[0], "expected 12 columns, found 11"),
        ("", "expected 12 columns, found 0"),
        (row(-1), "before that of the row above"),
        (row(0, close="10.49"), "differs"),
    ],
)
def test_a_bad_row_is_named_by_file_line_and_reason(tmp_path: Path, bad_row: str, expected: str) -> None:
    write(tmp_path, "BTCUSDT-5m-1.csv", [row(0), bad_row, row(2)])
    with pytest.raises(CandleFileError, match=expected) as raised:
        load_candles(tmp_path)
    assert "BTCUSDT-5m-1.csv:2: " in str(raised.value)


def test_a_row_that_says_the_same_twice_counts_once(tmp_path: Path) -> None:
    write(tmp_path, "BTCUSDT-5m-1.csv", [row(0), row(0), row(1, close="10.5"), row(1)])
    assert len(load_candles(tmp_path).by_symbol["BTCUSDT"]) == 2


def test_files_that_contradict_each_other_are_both_named(tmp_path: Path) -> None:
    write(tmp_path, "BTCUSDT-5m-1.csv", [row(0), row(1)])
    write(tmp_path, "BTCUSDT-5m-2.csv", [HEADER, row(1, close="10.51"), row(2)])
    with pytest.raises(CandleFileError, match=r"BTCUSDT-5m-2\.csv:2: differs .* BTCUSDT-5m-1\.csv"):
        load_candles(tmp_path)


def test_the_data_must_be_of_the_interval_in_the_name(tmp_path: Path) -> None:
    write(tmp_path, "BTCUSDT-15m-1.csv", [row(0), row(1)])
    with pytest.raises(CandleFileError, match=r"BTCUSDT-15m-1\.csv:1: close time"):
        load_candles(tmp_path)


def test_a_folder_holds_one_interval(tmp_path: Path) -> None:
    write(tmp_path, "BTCUSDT-5m-1.csv", [row(0)])
    write(tmp_path, "ETHUSDT-1m-1.csv", [row(0)])
    with pytest.raises(CandleFileError, match="one interval"):
        load_candles(tmp_path)


@pytest.mark.parametrize("name", ["candles.csv", "btcusdt-5m-1.csv", "BTCUSDT-5m.csv", "BTCUSDT-7m-1.csv", "BTCUSDT-1M-2025.csv"])
def test_a_name_must_say_symbol_and_interval(tmp_path: Path, name: str) -> None:
    write(tmp_path, name, [row(0)])
    with pytest.raises(CandleFileError, match="name"):
        load_candles(tmp_path)


def test_other_files_beside_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "BTCUSDT-5m-1.csv", [row(0)])
    (tmp_path / "README.md").write_text("notes")
    (tmp_path / "BTCUSDT-5m-1.zip.CHECKSUM").write_text("0000")
    (tmp_path / "older.csv").mkdir()
    assert list(load_candles(tmp_path).by_symbol) == ["BTCUSDT"]


def test_nothing_to_read_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(CandleFileError, match="no candle files"):
        load_candles(tmp_path)
    with pytest.raises(CandleFileError, match="no such file"):
        load_candles(tmp_path / "missing")
    (tmp_path / "BTCUSDT-5m-1.csv").write_text(HEADER + "\n")
    with pytest.raises(CandleFileError, match="no candles"):
        load_candles(tmp_path)


def test_a_zip_must_be_whole_and_hold_one_csv(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-5m-1.zip"
    path.write_bytes(b"PK no zip at all")
    with pytest.raises(CandleFileError, match="not a readable zip"):
        load_candles(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", row(0))
        archive.writestr("b.csv", row(1))
    with pytest.raises(CandleFileError, match="found 2 files"):
        load_candles(path)
    whole = write(tmp_path, "ETHUSDT-5m-1.zip", [row(number) for number in range(500)]).read_bytes()
    middle = len(whole) // 3
    path.write_bytes(whole[:middle] + b"\x00\xff\x13\x37" + whole[middle + 4 :])
    with pytest.raises(CandleFileError, match="not a readable zip"):
        load_candles(path)


@pytest.mark.parametrize("suffix", ["csv", "zip"])
def test_what_is_unpacked_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    monkeypatch.setattr(candle_files, "MAX_FILE_BYTES", 10_000)
    path = write(tmp_path, f"BTCUSDT-5m-1.{suffix}", [row(number) for number in range(500)])
    with pytest.raises(CandleFileError, match="holds more than"):
        load_candles(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "BTCUSDT-5m-1.csv").write_bytes(row(0).encode() + b"\n\xff\xfe\x00\n")
    with pytest.raises(CandleFileError, match="UTF-8"):
        load_candles(tmp_path)
