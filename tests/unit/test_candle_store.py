"""The candle store: what is added is read back exactly, files are plain Parquet, and damage or contradiction is refused by name."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from benchmarks.made_up_history import YEAR_2025_MS, made_up_history
from hypothesis import given
from hypothesis import strategies as st

from binance_trade_agent.domain.candle_columns import CandleColumns, Decimals, Row
from binance_trade_agent.domain.errors import CandleFileError
from binance_trade_agent.storage.candles.calendar import Month, Span, merged_spans, missing_spans, months_of
from binance_trade_agent.storage.candles.parquet_file import StoredMonth, read_month, write_month
from binance_trade_agent.storage.candles.store import CandleStore, SeriesName

DAY_MS = 86_400_000
NAME = SeriesName("BTCUSDT", "1m")


def whole(columns: CandleColumns) -> Span:
    return Span(int(columns.open_times[0]), int(columns.open_times[-1]) + columns.interval_ms)


def same(one: CandleColumns, other: CandleColumns) -> bool:
    return one.decimals == other.decimals and np.array_equal(one.table, other.table)


def test_what_was_added_is_read_back_over_the_ends_of_months(tmp_path: Path) -> None:
    store = CandleStore(tmp_path / "candles")
    assert store.series() == ()
    columns = made_up_history("BTCUSDT", days=65, gap_share=0.01)
    store.add(columns, whole(columns))
    assert same(store.read("BTCUSDT", "1m"), columns)
    assert [path.name for path in store.files(NAME)] == ["2025-01.parquet", "2025-02.parquet", "2025-03.parquet"]
    assert store.covered(NAME) == (whole(columns),)
    start_ms, end_ms = YEAR_2025_MS + 30 * DAY_MS, YEAR_2025_MS + 33 * DAY_MS
    assert same(store.read("BTCUSDT", "1m", start_ms, end_ms), columns.between(start_ms, end_ms))
    store.add(made_up_history("BTCUSDT", "1h", days=2), Span(YEAR_2025_MS, YEAR_2025_MS + 2 * DAY_MS))
    assert store.series() == (NAME, SeriesName("BTCUSDT", "1h"))


def test_candles_may_come_in_any_order_and_twice(tmp_path: Path) -> None:
    store = CandleStore(tmp_path)
    columns = made_up_history("BTCUSDT", days=3)
    days = [Span(YEAR_2025_MS + day * DAY_MS, YEAR_2025_MS + (day + 1) * DAY_MS) for day in range(3)]
    for day in (days[2], days[0], days[0]):
        store.add(columns.between(day.start_ms, day.end_ms), day)
    assert store.covered(NAME) == (days[0], days[2])
    assert len(store.read("BTCUSDT", "1m").gaps()) == 1
    store.add(columns.between(days[1].start_ms - DAY_MS // 2, days[1].end_ms + DAY_MS // 2), days[1])
    assert same(store.read("BTCUSDT", "1m"), columns)


pieces = st.lists(st.tuples(st.integers(0, 60 * 24), st.integers(0, 60 * 24)), min_size=1, max_size=6)


@given(pieces)
def test_whatever_the_pieces_the_store_holds_just_them(tmp_path_factory: pytest.TempPathFactory, ends: list[tuple[int, int]]) -> None:
    """Of 60 days of hours, over two ends of months, with holes."""
    history = made_up_history("BTCUSDT", "1h", days=60, gap_share=0.05)
    name, hour = SeriesName("BTCUSDT", "1h"), 3_600_000
    store = CandleStore(tmp_path_factory.mktemp("pieces"))
    spans = [Span(YEAR_2025_MS + min(pair) * hour, YEAR_2025_MS + max(pair) * hour) for pair in ends]
    for span in spans:
        store.add(history, span)
    assert store.covered(name) == merged_spans(spans)
    times = history.open_times
    inside = np.any([(times >= span.start_ms) & (times < span.end_ms) for span in spans], axis=0)
    if inside.any():
        assert np.array_equal(store.read("BTCUSDT", "1h").table, history.table[:, inside])
    assert np.array_equal(store.open_times(name), times[inside])


def test_a_stretch_without_candles_is_remembered(tmp_path: Path) -> None:
    store = CandleStore(tmp_path)
    columns = made_up_history("BTCUSDT", days=1)
    store.add(columns[:0], Span(YEAR_2025_MS, YEAR_2025_MS + DAY_MS))
    assert store.covered(NAME) == (Span(YEAR_2025_MS, YEAR_2025_MS + DAY_MS),)
    with pytest.raises(CandleFileError, match="no BTCUSDT 1m candles from 1970-01-01; there are some from 2025-01-01"):
        store.read("BTCUSDT", "1m")


def test_a_candle_that_differs_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    store = CandleStore(tmp_path)
    columns = made_up_history("BTCUSDT", days=1)
    store.add(columns, whole(columns))
    other = columns.table.copy()
    other[Row.CLOSE, 7] += 1
    with pytest.raises(CandleFileError, match=f"1 candle differs.*the first opens at {columns.open_times[7]}"):
        store.add(CandleColumns("BTCUSDT", 60_000, columns.decimals, other), whole(columns))
    assert same(store.read("BTCUSDT", "1m"), columns)


def test_what_is_missing_is_said_with_what_there_is(tmp_path: Path) -> None:
    store = CandleStore(tmp_path)
    with pytest.raises(CandleFileError, match="no BTCUSDT 1m candles; nothing is kept there"):
        store.read("BTCUSDT", "1m")
    columns = made_up_history("ETHUSDT", "1h", days=1)
    store.add(columns, whole(columns))
    with pytest.raises(CandleFileError, match="no BTCUSDT 1m candles; there are ETHUSDT 1h"):
        store.read("BTCUSDT", "1m")
    with pytest.raises(CandleFileError, match="no ETHUSDT 1h candles from 2025-01-02; there are some from 2025-01-01 to 2025-01-02"):
        store.read("ETHUSDT", "1h", YEAR_2025_MS + DAY_MS)


figures = st.lists(st.integers(0, 2**63 - 1), min_size=len(Row) - 1, max_size=len(Row) - 1)


@given(st.lists(figures, max_size=20), st.tuples(*[st.integers(0, 18)] * 3))
def test_every_figure_of_63_bits_is_kept(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[int]], places: tuple[int, int, int]
) -> None:
    table = np.array([[YEAR_2025_MS + 60_000 * place, *row] for place, row in enumerate(rows)], dtype=np.int64)
    columns = CandleColumns("BTCUSDT", 60_000, Decimals(*places), table.reshape(len(rows), len(Row)).T.copy())
    path = tmp_path_factory.mktemp("month") / "2025-01.parquet"
    write_month(path, StoredMonth(columns, ()))
    assert same(read_month(path, check_digest=True).columns, columns)


def test_other_programs_read_exact_decimals(tmp_path: Path) -> None:
    store = CandleStore(tmp_path)
    columns = made_up_history("BTCUSDT", days=0.1)
    store.add(columns, whole(columns))
    (path,) = store.files(NAME)
    first = pq.read_table(path).slice(0, 1).to_pylist()[0]
    assert first["open_time"].isoformat() == "2025-01-01T00:00:00+00:00"
    assert first["close"] == int(columns.closes[0]) * columns.price_unit
    assert isinstance(first["close"], Decimal)
    assert pq.ParquetFile(path).schema.column(1).physical_type == "INT64"


@pytest.mark.parametrize("place", [0.001, 0.3, 0.7, 0.999])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, place: float) -> None:
    store = CandleStore(tmp_path)
    columns = made_up_history("BTCUSDT", days=2)
    store.add(columns, whole(columns))
    (path,) = store.files(NAME)
    raw = bytearray(path.read_bytes())
    raw[int(len(raw) * place)] ^= 0x10
    path.write_bytes(raw)
    with pytest.raises(CandleFileError, match=r"2025-01\.parquet: "):
        store.read("BTCUSDT", "1m")


def test_files_that_are_not_of_the_store_are_refused_by_name(tmp_path: Path) -> None:
    store = CandleStore(tmp_path)
    columns = made_up_history("BTCUSDT", days=1)
    store.add(columns, whole(columns))
    (path,) = store.files(NAME)
    moved = store.path(SeriesName("ETHUSDT", "1m"), Month(2025, 1))
    moved.parent.mkdir()
    moved.write_bytes(path.read_bytes())
    with pytest.raises(CandleFileError, match=r"holds candles of BTCUSDT.*moved here"):
        store.read("ETHUSDT", "1m")
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), moved)
    with pytest.raises(CandleFileError, match="not one of a candle store"):
        store.read("ETHUSDT", "1m")
    moved.rename(moved.with_name("january.parquet"))
    with pytest.raises(CandleFileError, match=r"expected a name such as 2025-01\.parquet"):
        store.read("ETHUSDT", "1m")
    assert store.series() == (NAME, SeriesName("ETHUSDT", "1m"))


def test_months_and_stretches_of_time() -> None:
    assert list(months_of(Span(Month(2024, 12).span.start_ms, Month(2025, 2).span.end_ms))) == [
        Month(2024, 12),
        Month(2025, 1),
        Month(2025, 2),
    ]
    assert Month.of(YEAR_2025_MS - 1) == Month.named("2024-12")
    assert merged_spans([Span(5, 9), Span(1, 3), Span(3, 4), Span(6, 7), Span(8, 8)]) == (Span(1, 4), Span(5, 9))
    assert missing_spans(Span(0, 10), [Span(2, 3), Span(5, 20)]) == (Span(0, 2), Span(3, 5))
    assert missing_spans(Span(0, 10), [Span(0, 10)]) == ()
