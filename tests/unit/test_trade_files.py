"""Trade files: every variant of Binance's public files is read exactly, and what cannot be trusted is refused by file and line."""

from pathlib import Path

import pytest
from recorded_trades import AGGREGATE_HEADER, SINGLE_HEADER, START_MS, Trade, aggregate_rows, single_rows, write_rows

from binance_trade_agent.domain.errors import TradeFileError
from binance_trade_agent.simulation.markets import trade_files
from binance_trade_agent.simulation.markets.trade_files import TradeKind, load_trades

TRADES = [Trade(7, 0, 10_050, 5), Trade(8, 0, 10_050, 7), Trade(9, 3, 10_049, 120, is_buyer_maker=True), Trade(10, 900, 10_051, 1)]


@pytest.mark.parametrize("suffix", ["csv", "zip"])
@pytest.mark.parametrize("scale", [1, 1000])
@pytest.mark.parametrize("with_header", [False, True])
def test_every_variant_of_single_trades_reads_the_same(tmp_path: Path, suffix: str, scale: int, with_header: bool) -> None:
    rows = ([SINGLE_HEADER] if with_header else []) + single_rows(TRADES, scale)
    write_rows(tmp_path, f"BTCUSDT-trades-2025-01-01.{suffix}", rows)
    found = load_trades(tmp_path)["BTCUSDT"]
    assert found.kind is TradeKind.SINGLE
    assert found.ids.tolist() == [7, 8, 9, 10]
    assert found.counts.tolist() == [1, 1, 1, 1]
    assert (found.times_ms - START_MS).tolist() == [0, 0, 3, 900]
    assert found.prices.tolist() == [10_050_000_000, 10_050_000_000, 10_049_000_000, 10_051_000_000]
    assert found.quantities.tolist() == [5_000_000, 7_000_000, 120_000_000, 1_000_000]
    assert found.is_buyer_maker.tolist() == [False, False, True, False]


@pytest.mark.parametrize("scale", [1, 1000])
def test_aggregate_trades_are_read_with_the_numbers_of_theirs(tmp_path: Path, scale: int) -> None:
    path = write_rows(tmp_path, "BTCUSDT-aggTrades-2025-01.zip", [AGGREGATE_HEADER, *aggregate_rows(TRADES, scale)])
    found = load_trades(path)["BTCUSDT"]
    assert found.kind is TradeKind.AGGREGATE
    assert (found.ids.tolist(), found.first_ids.tolist(), found.counts.tolist()) == ([0, 1, 2], [7, 9, 10], [2, 1, 1])
    assert found.quantities.tolist() == [12_000_000, 120_000_000, 1_000_000]
    assert (found.times_ms - START_MS).tolist() == [0, 3, 900]


def test_files_of_many_days_and_symbols_are_put_in_order_and_equal_rows_count_once(tmp_path: Path) -> None:
    rows = single_rows(TRADES)
    write_rows(tmp_path, "BTCUSDT-trades-b.csv", rows[:3])
    write_rows(tmp_path, "BTCUSDT-trades-a.csv", rows[2:])
    write_rows(tmp_path, "ETHBTC-aggTrades-a.csv", aggregate_rows(TRADES[:1]))
    found = load_trades(tmp_path)
    assert list(found) == ["BTCUSDT", "ETHBTC"]
    assert found["BTCUSDT"].ids.tolist() == [7, 8, 9, 10]


def broken(**cells: str) -> str:
    names = SINGLE_HEADER.split(",")
    changed = single_rows([Trade(8, 5, 10_050, 5)])[0].split(",")
    for name, value in cells.items():
        changed[names.index(name)] = value
    return ",".join(changed)


@pytest.mark.parametrize(
    ("bad_row", "expected"),
    [
        (broken(price="0"), "price above 0"),
        (broken(price="-1"), "price above 0"),
        (broken(price="NaN"), "expected id, price"),
        (broken(price="Infinity"), "expected id, price"),
        (broken(price="1e30"), "64-bit"),
        (broken(price="0.000000001"), "at most 8 decimals"),
        (broken(price="1e-9"), "at most 8 decimals"),
        (broken(qty="0.00000000"), "quantity above 0"),
        (broken(qty="ten"), "expected id, price"),
        (broken(id="-1"), "0 or more"),
        (broken(id="7"), "not after"),
        (broken(id="x"), "expected id, price"),
        (broken(time="-5"), "expected id, price"),
        (broken(time=str(START_MS - 1)), "not after"),
        (broken(is_buyer_maker="maybe"), "true or false"),
        (broken() + ",1", "found 8"),
        ("", "found 0"),
        (SINGLE_HEADER, "expected id, price"),
    ],
)
def test_a_bad_row_is_named_by_file_line_and_reason(tmp_path: Path, bad_row: str, expected: str) -> None:
    write_rows(tmp_path, "BTCUSDT-trades-1.csv", [single_rows(TRADES)[0], bad_row])
    with pytest.raises(TradeFileError, match=expected) as raised:
        load_trades(tmp_path)
    assert "BTCUSDT-trades-1.csv:2: " in str(raised.value)


def test_an_aggregate_ends_where_it_began_or_later(tmp_path: Path) -> None:
    write_rows(tmp_path, "BTCUSDT-aggTrades-1.csv", [f"1,100.5,2,9,8,{START_MS},True,True"])
    with pytest.raises(TradeFileError, match="not before the first, found 9 and 8"):
        load_trades(tmp_path)


def test_exponents_are_numbers_too(tmp_path: Path) -> None:
    write_rows(tmp_path, "PEPEUSDT-trades-1.csv", [f"1,1.234E-5,1E+3,0.01,{START_MS},true,true"])
    found = load_trades(tmp_path)["PEPEUSDT"]
    assert (found.prices.tolist(), found.quantities.tolist()) == ([1_234], [100_000_000_000])


def test_files_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    first = write_rows(tmp_path, "BTCUSDT-trades-1.csv", single_rows(TRADES))
    second = write_rows(tmp_path, "BTCUSDT-trades-2.csv", single_rows([Trade(10, 900, 10_051, 2)]))
    with pytest.raises(TradeFileError, match=r"BTCUSDT-trades-2\.csv: trade 10 differs"):
        load_trades(tmp_path)
    second.write_text(single_rows([Trade(11, 1, 10_051, 2)])[0])
    with pytest.raises(TradeFileError, match="by id, but not by time"):
        load_trades(tmp_path)
    second.unlink()
    write_rows(tmp_path, "BTCUSDT-aggTrades-2.csv", aggregate_rows(TRADES))
    with pytest.raises(TradeFileError, match="one kind"):
        load_trades(tmp_path)
    first.rename(tmp_path / "BTCUSDT-5m-1.csv")
    with pytest.raises(TradeFileError, match="the name must be"):
        load_trades(tmp_path)


def test_there_is_a_bound_to_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(tmp_path, "BTCUSDT-trades-1.csv", single_rows(TRADES))
    write_rows(tmp_path, "ETHUSDT-trades-1.csv", single_rows(TRADES))
    monkeypatch.setattr(trade_files, "MOST_ROWS", 8)
    assert sum(map(len, load_trades(tmp_path).values())) == 8
    monkeypatch.setattr(trade_files, "MOST_ROWS", 7)
    with pytest.raises(TradeFileError, match="more than 7 trades"):
        load_trades(tmp_path)
    monkeypatch.setattr(trade_files, "MAX_FILE_BYTES", 100)
    with pytest.raises(TradeFileError, match="holds more than"):
        load_trades(tmp_path)


def test_nothing_to_read_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(TradeFileError, match="no trade files"):
        load_trades(tmp_path)
    (tmp_path / "BTCUSDT-trades-1.csv").write_text(SINGLE_HEADER + "\n")
    with pytest.raises(TradeFileError, match="holds no trades"):
        load_trades(tmp_path)
