"""`explain` tells the whole story of a pass or an order from the book and from a log, and nothing of any other."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from hand_clocks import StillClock

from binance_trade_agent.cli import commands
from binance_trade_agent.cli.log_lines import LONGEST_LINE, MOST_LINES, lines_about
from binance_trade_agent.domain.decision import TradeDecision, Verdict
from binance_trade_agent.domain.order import (
    ExchangeStatus,
    Fill,
    OrderEvent,
    OrderIntent,
    OrderReport,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
)
from binance_trade_agent.domain.outcome import Unknown
from binance_trade_agent.domain.portfolio import EquityPoint
from binance_trade_agent.domain.risk import Approved, EntryLock, ModeChange, Refused, Reservation, RiskRule, RiskState, TradingMode
from binance_trade_agent.domain.signal import Action, Signal
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.storage.book_store import SqliteBookStore
from binance_trade_agent.storage.database import open_database
from binance_trade_agent.storage.migrations import APPLICATION_ID

ZERO = Decimal(0)
RULES = SymbolRules("BTCUSDT", "BTC", "USDT", SymbolStatus.TRADING, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO)
BEGAN_MS = 1_700_000_000_000


def intent(order_id: str, correlation_id: str, list_id: str | None = None) -> OrderIntent:
    return OrderIntent(
        order_id,
        "BTCUSDT",
        Side.BUY,
        OrderType.LIMIT,
        Decimal("0.5"),
        Decimal(60_000),
        Purpose.ENTRY,
        BEGAN_MS,
        correlation_id,
        f"reason of {order_id}",
        Decimal(59_990),
        TimeInForce.GTC,
        list_id=list_id,
    )


def decision(symbol: str, correlation_id: str, verdict: Verdict, **more: object) -> TradeDecision:
    signal = Signal(symbol, 1, "rsi", Action.BUY, 0.75, f"RSI of {symbol} is low", {"rsi": 25.0})
    return TradeDecision(symbol, correlation_id, BEGAN_MS, verdict, 12.5, price=Decimal(60_000), signal=signal, **more)


async def fill_book(store: SqliteBookStore) -> None:
    await store.load()
    changes = [
        ModeChange(BEGAN_MS - 900, "*", TradingMode.HALTED, "operator", "an old halt"),
        ModeChange(BEGAN_MS - 500, "*", TradingMode.ACTIVE, "operator", "understood"),
        ModeChange(BEGAN_MS - 400, "XRPUSDT", TradingMode.HALTED, "operator", "another symbol"),
        ModeChange(BEGAN_MS + 1_500, "BTCUSDT", TradingMode.REDUCING, "unsettled_order", "its fate is open"),
        ModeChange(BEGAN_MS + 60_000, "*", TradingMode.HALTED, "operator", "long after"),
    ]
    for change in changes:
        await store.insert_mode(change)
    reservation = Reservation("bta-e-1", "BTCUSDT", Decimal("30000.5"))
    await store.insert_intent(intent("bta-e-1", "18b-1"), reservation, BEGAN_MS + 5_000)
    await store.settle("bta-e-1", OrderEvent.SEND, BEGAN_MS + 10, "", None, (), RULES)
    await store.settle("bta-e-1", OrderEvent.LOSE_SIGHT, BEGAN_MS + 1_000, "TimeoutError", None, (), RULES)
    fill = Fill(
        "BTCUSDT",
        77,
        9,
        "bta-e-1",
        Side.BUY,
        Decimal(59_990),
        Decimal("0.5"),
        Decimal(29_995),
        Decimal("0.0005"),
        "BTC",
        BEGAN_MS + 20,
        False,
    )
    report = OrderReport(
        symbol="BTCUSDT",
        order_id=9,
        client_order_id="bta-e-1",
        side=Side.BUY,
        type="LIMIT",
        status=ExchangeStatus.FILLED,
        price=Decimal(59_990),
        original_quantity=Decimal("0.5"),
        executed_quantity=Decimal("0.5"),
        cumulative_quote_quantity=Decimal(29_995),
        time_ms=BEGAN_MS,
    )
    await store.settle("bta-e-1", OrderEvent.FILL, BEGAN_MS + 2_000, "found by its id", report, (fill,), RULES)
    for order_id in ("bta-e-4", "bta-e-5"):
        await store.insert_intent(intent(order_id, "bta-e-3", "bta-e-3"), Reservation(order_id, "BTCUSDT", ZERO), BEGAN_MS + 5_000)
    approved = Approved(intent("bta-e-1", "18b-1"), reservation)
    decisions = [
        decision("BTCUSDT", "18b-1", Verdict.UNKNOWN, risk=approved, outcome=Unknown("TimeoutError")),
        decision("ETHUSDT", "18b-1", Verdict.REFUSED, risk=Refused(RiskRule.CASH, "there are 5 USDT")),
        decision("BTCUSDT", "18b-2", Verdict.HELD),
    ]
    locks = [
        EntryLock(RiskRule.STOP_GUARD, "BTCUSDT", BEGAN_MS - 500, BEGAN_MS + 3_500, "stopped too often"),
        EntryLock(RiskRule.LOW_PROFIT, "BTCUSDT", BEGAN_MS - 500, BEGAN_MS - 400, "over before it began"),
        EntryLock(RiskRule.LOW_PROFIT, "LTCUSDT", BEGAN_MS - 500, BEGAN_MS + 3_500, "of another symbol"),
    ]
    await store.record_pass(decisions, EquityPoint(BEGAN_MS, ZERO, ZERO, ZERO, ZERO, ZERO), RiskState(ZERO, 0, ZERO, locks=tuple(locks)))


@pytest.fixture
async def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """A data folder whose book a daemon holds open."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("STRATEGY_NAME", "rsi")
    (tmp_path / "demo").mkdir()
    async with open_database(str(tmp_path / "demo" / "book.sqlite"), inline=False, clock=StillClock()) as database:
        await fill_book(SqliteBookStore(database, new_epoch=lambda: "e"))
        yield tmp_path


def told(*words: str, text: str | None = None, code: int = 0) -> str:
    result = CliRunner().invoke(commands, ["explain", *words], input=text)
    assert result.exit_code == code, result.output
    return result.output


LOG = "\n".join(
    [
        json.dumps({"timestamp": "2023-11-14T22:13:20.015Z", "level": "debug", "event": "Sent the order", "client_order_id": "bta-e-1"}),
        "trading-agent-1  | " + json.dumps({"event": "Pass 1: 2 symbols", "level": "info", "correlation_id": "18b-1", "part": 5}),
        json.dumps({"event": "ETHUSDT: refused", "level": "info", "correlation_id": "18b-1", "symbol": "ETHUSDT"}),
        json.dumps({"event": "of another pass, which says 18b-1", "correlation_id": "18b-2"}),
        "no JSON: 18b-1",
        '{"broken": "18b-1"',
        "[1, 2]",
    ]
)


def test_locks_of_entries_that_held_at_the_time_are_told(folder: Path) -> None:
    text = told("bta-e-1")
    assert "Entries of BTCUSDT rest for 4 s (stop_guard): stopped too often" in text
    assert "over before it began" not in text
    assert "of another symbol" not in text
    assert [lock["rule"] for lock in json.loads(told("bta-e-1", "--json"))["locks"]] == ["stop_guard"]


def test_an_order_is_told_from_the_decision_to_the_trade(folder: Path) -> None:
    text = told("bta-e-1")
    for wanted in (
        "BTCUSDT at 60000, pass 18b-1: unknown: reason of bta-e-1",
        "signal: BUY by rsi, confidence 0.75",
        "risk approved order bta-e-1",
        "outcome: unknown: TimeoutError",
        "order bta-e-1: buy 0.5 BTCUSDT at 59990 (LIMIT, ENTRY): reason of bta-e-1",
        "30000.5 reserved",
        "2023-11-14 22:13:20.010  sent (INTENDED to SENT)",
        "2023-11-14 22:13:21.000  its fate is not known (SENT to UNKNOWN): TimeoutError",
        "filled (UNKNOWN to FILLED); the exchange says FILLED, 0.5 executed for its order 9: found by its id",
        "trade 77: bought 0.5 at 59990 for 29995, fee 0.0005 BTC, as taker",
        "now FILLED, 0.5 of 0.5 executed",
        "Trading became ACTIVE (operator): understood",
        "Trading of BTCUSDT became REDUCING (unsettled_order): its fate is open",
    ):
        assert wanted in text
    for unwanted in ("an old halt", "another symbol", "long after", "ETHUSDT", "18b-2", "bta-e-4"):
        assert unwanted not in text


def test_a_pass_is_told_with_every_symbol_and_why_risk_refused(folder: Path) -> None:
    text = told("18b-1")
    assert "order bta-e-1" in text
    assert "ETHUSDT at 60000, pass 18b-1: refused: there are 5 USDT" in text
    assert "risk refused by the rule cash" in text
    assert "18b-2" not in text


def test_a_list_is_told_with_both_of_its_orders(folder: Path) -> None:
    text = told("bta-e-3")
    assert "order bta-e-4" in text
    assert "order bta-e-5" in text
    assert "of list bta-e-3" in text


async def test_a_book_without_a_change_of_mode_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    (tmp_path / "demo").mkdir()
    async with open_database(str(tmp_path / "demo" / "book.sqlite"), inline=True, clock=StillClock()) as database:
        store = SqliteBookStore(database, new_epoch=lambda: "e")
        await store.load()
        await store.insert_intent(intent("bta-e-1", "18b-1"), Reservation("bta-e-1", "BTCUSDT", ZERO), BEGAN_MS)
    assert told("bta-e-1").startswith("No mode of the account or the symbol had been changed: trading was ACTIVE.")


def test_a_book_of_an_older_version_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    (tmp_path / "demo").mkdir()
    with closing(sqlite3.connect(tmp_path / "demo" / "book.sqlite")) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 2")
    assert "schema version 2; the next start of the daemon brings it up to date" in told("bta-e-1", code=5)


def test_json_is_exact_and_whole(folder: Path) -> None:
    whole = json.loads(told("bta-e-1", "--json", "--log", "-", text=LOG))
    (order,) = whole["orders"]
    assert (order["order"]["intent"]["quantity"], order["reserved_quote"], order["order"]["state"]) == ("0.5", "30000.5", "FILLED")
    assert [step["event"] for step in order["steps"]] == ["SEND", "LOSE_SIGHT", "FILL"]
    assert [change["mode"] for change in whole["modes"]] == ["ACTIVE", "REDUCING"]
    assert [line["event"] for line in whole["log"]] == ["Sent the order", "Pass 1: 2 symbols"]


def test_log_lines_of_the_order_and_of_its_pass_are_told_and_no_others(folder: Path) -> None:
    (folder / "agent.log").write_text(LOG)
    text = told("bta-e-1", "--log", str(folder / "agent.log"))
    assert "2023-11-14 22:13:20.015  debug: Sent the order" in text
    assert "info: Pass 1: 2 symbols  (part=5)" in text
    assert "of another pass" not in text
    assert "ETHUSDT" not in text
    assert "info: ETHUSDT: refused" in told("18b-1", "--log", str(folder / "agent.log"))
    assert "no JSON" not in text


def test_a_log_alone_explains_where_there_is_no_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert "Sent the order" in told("bta-e-1", "--log", "-", text=LOG)
    assert "of another pass" in told("18b-2", "--log", "-", text=LOG)
    assert f"there is no book at {tmp_path}" in told("bta-e-1", code=1)


def test_what_is_not_known_is_said_to_be_unknown(folder: Path) -> None:
    assert "nothing is known of bta-e-9" in told("bta-e-9", "--log", "-", text=LOG, code=1)


def test_a_log_of_any_length_keeps_so_many_lines_at_most() -> None:
    line = json.dumps({"correlation_id": "c"})
    endless = (each for _ in range(3) for each in [line, "x" * (LONGEST_LINE + 1) + line, ""] * MOST_LINES)
    assert sum(1 for _ in lines_about({"c"}, endless)) == MOST_LINES
