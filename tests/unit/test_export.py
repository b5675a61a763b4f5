"""Exports hold every row once, exact amounts, and nothing that a spreadsheet would run."""

import csv
import io
import json
from decimal import Decimal

import pytest
from hand_clocks import StillClock

from binance_trade_agent.domain.decision import TradeDecision, Verdict
from binance_trade_agent.domain.order import Fill, OrderEvent, OrderIntent, OrderType, Purpose, Side
from binance_trade_agent.domain.portfolio import EquityPoint
from binance_trade_agent.domain.risk import Reservation, RiskState
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.storage import export as export_module
from binance_trade_agent.storage.book_store import SqliteBookStore
from binance_trade_agent.storage.database import open_database
from binance_trade_agent.storage.export import ExportFormat, ExportTable, export
from binance_trade_agent.storage.sqlite_file import MEMORY

ZERO = Decimal(0)
RULES = SymbolRules("BTCUSDT", "BTC", "USDT", SymbolStatus.TRADING, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO)
FORMULA = '=HYPERLINK("http://example.org")'


@pytest.fixture
async def database():
    async with open_database(MEMORY, inline=True, clock=StillClock()) as database:
        yield database


@pytest.fixture
async def store(database):
    store = SqliteBookStore(database, new_epoch=lambda: "e")
    await store.load()
    return store


async def equity(store, count):
    for time_ms in range(count):
        point = EquityPoint(time_ms, Decimal("-0.10"), ZERO, ZERO, ZERO, ZERO)
        await store.record_pass((), point, RiskState(ZERO, 0, ZERO))


async def exported(database, table, fmt, limit=None):
    out = io.StringIO()
    count = await export(database, ExportTable(table), ExportFormat(fmt), out, limit)
    return count, out.getvalue()


@pytest.mark.parametrize("fmt", list(ExportFormat))
@pytest.mark.parametrize("table", list(ExportTable))
async def test_an_empty_table_is_a_valid_empty_file(database, store, table, fmt):
    count, text = await exported(database, table, fmt)
    assert count == 0
    if fmt is ExportFormat.JSON:
        assert json.loads(text) == []
    elif fmt is ExportFormat.JSONL:
        assert text == ""
    else:
        assert len(text.splitlines()) == 1


@pytest.mark.parametrize(("limit", "times"), [(None, range(7)), (3, range(4, 7)), (99, range(7)), (0, range(0))])
@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 100])
async def test_chunks_of_any_size_give_every_row_once_oldest_first(database, store, monkeypatch, limit, times, chunk):
    monkeypatch.setattr(export_module, "ROWS_A_CHUNK", chunk)
    await equity(store, 7)
    count, text = await exported(database, "equity", "json", limit)
    assert [row["time_ms"] for row in json.loads(text)] == list(times)
    assert count == len(times)


async def test_the_three_formats_hold_the_same_rows(database, store):
    await equity(store, 3)
    array = json.loads((await exported(database, "equity", "json"))[1])
    lines = [json.loads(line) for line in (await exported(database, "equity", "jsonl"))[1].splitlines()]
    table = list(csv.DictReader(io.StringIO((await exported(database, "equity", "csv"))[1])))
    assert array == lines == [{**row, "time_ms": int(row["time_ms"])} for row in table]
    assert array[0]["equity"] == "-0.1"


async def trade(store):
    intent = OrderIntent("bta-e-1", "BTCUSDT", Side.BUY, OrderType.MARKET, Decimal("0.10"), Decimal(100), Purpose.ENTRY, 1, "c", "@SUM(A1)")
    await store.insert_intent(intent, Reservation("bta-e-1", "BTCUSDT", Decimal(10)), 5)
    await store.settle("bta-e-1", OrderEvent.SEND, 1, "", None, (), RULES)
    made = Fill("BTCUSDT", 1, 9, "", Side.BUY, Decimal(100), Decimal("0.1"), Decimal(10), Decimal("0.01"), "USDT", 2, True)
    await store.settle("bta-e-1", OrderEvent.FILL, 2, "", None, [made], RULES)


@pytest.mark.parametrize("table", list(ExportTable))
async def test_every_table_has_its_rows_and_every_text_is_known_to_be_text(database, store, table):
    await trade(store)
    decision = TradeDecision("BTCUSDT", "c", 1, Verdict.FAILED, 0.5, error=FORMULA)
    await store.record_pass([decision], EquityPoint(1, ZERO, ZERO, ZERO, ZERO, ZERO), RiskState(ZERO, 0, ZERO))
    count, text = await exported(database, table, "jsonl")
    assert count == {ExportTable.LEDGER: 6}.get(table, 1)
    numbers = {name: value for line in text.splitlines() for name, value in json.loads(line).items() if isinstance(value, str)}
    known = export_module._QUERIES[table].text
    assert all(Decimal(value).is_finite() for name, value in numbers.items() if name not in known)


async def test_text_that_looks_like_a_formula_is_disarmed_and_numbers_are_not(database, store):
    await trade(store)
    decision = TradeDecision("BTCUSDT", "c", 1, Verdict.FAILED, 0.5, error=FORMULA)
    await store.record_pass([decision], EquityPoint(1, ZERO, ZERO, ZERO, ZERO, ZERO), RiskState(ZERO, 0, ZERO))
    (decided,) = csv.DictReader(io.StringIO((await exported(database, "decisions", "csv"))[1]))
    assert decided["error"] == "'" + FORMULA
    (order,) = csv.DictReader(io.StringIO((await exported(database, "orders", "csv"))[1]))
    assert order["reason"] == "'@SUM(A1)"
    amounts = [row["amount"] for row in csv.DictReader(io.StringIO((await exported(database, "ledger", "csv"))[1]))]
    assert amounts == ["0.1", "-0.1", "-10", "10", "-0.01", "0.01"]
    assert json.loads((await exported(database, "decisions", "json"))[1])[0]["error"] == FORMULA


async def test_a_negative_limit_is_refused(database, store):
    with pytest.raises(ValueError, match="limit"):
        await exported(database, "equity", "json", -1)
