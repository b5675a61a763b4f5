"""The history of the simulated exchange: complete, the same bytes in every process, sound, and able to tell what a client has wrong."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from seeded_trading import KEYS, SYMBOLS, SeededTrading, troubled_day

from binance_trade_agent.cli import commands
from binance_trade_agent.domain.errors import BookError, ExitCode
from binance_trade_agent.simulation.faults.incident import Incident, IncidentKind
from binance_trade_agent.simulation.history.memory import MemoryHistory
from binance_trade_agent.simulation.history.reading import read_history
from binance_trade_agent.simulation.history.soundness import unsound
from binance_trade_agent.simulation.history.store import ExchangeStore

OWNER = next(iter(KEYS))
PROGRAM = Path(__file__).parents[1] / "seeded_trading.py"
MEMORIES = [MemoryHistory, ExchangeStore]


@pytest.fixture(scope="module")
def day():
    trading = SeededTrading(5)
    trading.run()
    trading.exchange.deposit(OWNER, "USDT", trading.exchange.balances(OWNER)["USDT"].free / -4 // 1)
    yield trading
    trading.exchange.close()


@pytest.fixture
def history(day, tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_bytes(b"".join(day.exchange.history()))
    return path


def in_a_process(seed: int) -> bytes:
    return subprocess.run([sys.executable, PROGRAM, str(seed)], capture_output=True, check=True, timeout=100).stdout


def test_one_seed_and_one_order_of_requests_give_the_same_bytes_in_separate_processes():
    first = in_a_process(11)
    assert first.count(b"\n") > 500
    assert first == in_a_process(11) == troubled_day(11)
    assert first != troubled_day(12)


def test_memory_and_disk_tell_the_same_history():
    told = []
    for memory in MEMORIES:
        trading = SeededTrading(3, memory())
        trading.run(100)
        told.append(b"".join(trading.exchange.history()))
        trading.exchange.close()
    assert told[0] == told[1]


def test_a_history_survives_its_process(tmp_path):
    trading = SeededTrading(3, ExchangeStore(tmp_path / "x.sqlite"))
    trading.run(50)
    trading.exchange.deposit(OWNER, "USDT", -100)
    before = b"".join(trading.exchange.history())
    trading.exchange.close()
    again = SeededTrading(3, ExchangeStore(tmp_path / "x.sqlite"))
    again.clock.time_ms = trading.clock.time_ms
    assert b"".join(again.exchange.history()) == before
    again.exchange.close()


def test_a_history_is_sound_and_holds_everything(day, history):
    read = read_history(history.read_bytes().splitlines(keepends=True))
    assert list(unsound(read)) == []
    assert len(read.orders) == sum(len(day.exchange.orders(key)) for key in KEYS) > 100
    assert len(read.trades) == sum(len(day.exchange.trades(key)) for key in KEYS) > 100
    assert history.read_bytes().count(b'{"record":"order_list"') > 20
    assert set(read.symbols) == set(SYMBOLS)
    assert [account.account_id for account in read.accounts] == [1, 2]
    assert read.movements[-1].amount > 0  # the other account's first
    assert sum(movement.amount < 0 for movement in read.movements) == 1


def altered(line: bytes, **changes: object) -> bytes:
    return json.dumps({**json.loads(line), **changes}).encode() + b"\n"


@pytest.mark.parametrize(
    ("record", "changes", "says"),
    [
        ("balance", {"free": "1"}, "the balance of"),
        ("balance", {"locked": "1"}, "locked 1, but"),
        ("trade", {"quantity": "7"}, "executed"),
        ("trade", {"account_id": 2}, "another account or side"),
        ("order", {"executed_quantity": "0.5"}, "executed 0.5, but"),
        ("order", {"locked_amount": "3"}, "the balance of"),
        ("movement", {"amount": "1"}, "the balance of"),
    ],
)
def test_every_contradiction_is_told(history, record, changes, says):
    lines = history.read_bytes().splitlines(keepends=True)
    position = next(n for n, line in enumerate(lines) if json.loads(line)["record"] == record)
    lines[position] = altered(lines[position], **changes)
    assert any(says in sentence for sentence in unsound(read_history(lines)))


def test_orders_and_trades_that_are_missing_or_doubled_are_told(history):
    lines = history.read_bytes().splitlines(keepends=True)
    orders = [line for line in lines if json.loads(line)["record"] == "order" and json.loads(line)["executed_quantity"] != "0"]
    without = [line for line in lines if line != orders[0]]
    without[-1] = altered(without[-1], lines=len(without))
    assert any("the order is not" in sentence for sentence in unsound(read_history(without)))
    doubled = [*lines[:-1], orders[0], altered(lines[-1], lines=len(lines) + 1)]
    assert any("there twice" in sentence for sentence in unsound(read_history(doubled)))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda lines: lines[:-1], "breaks off"),
        (lambda lines: [], "breaks off"),
        (lambda lines: lines[1:], "begins with one line"),
        (lambda lines: [*lines, lines[1]], "after its end"),
        (lambda lines: [*lines[:3], *lines[4:]], "says that it has"),
        (lambda lines: [altered(lines[0], format=2), *lines[1:]], "format 2"),
        (lambda lines: [lines[0], b"{\n"], "line 2 of the history cannot be read"),
        (lambda lines: [lines[0], b'{"record":"dream"}\n'], "dream"),
    ],
)
def test_what_is_no_whole_history_is_refused(history, spoil, says):
    with pytest.raises(BookError, match=says):
        read_history(spoil(history.read_bytes().splitlines(keepends=True)))


@pytest.fixture
def claims(day, tmp_path):
    """What the owner of the first account gets to know by REST, in files."""
    told = {
        "trades": [row for symbol in SYMBOLS for row in day.ask(OWNER, "GET", "myTrades", symbol=symbol, limit=1_000)],
        "orders": [row for symbol in SYMBOLS for row in day.ask(OWNER, "GET", "allOrders", symbol=symbol, limit=1_000)],
        "balances": day.ask(OWNER, "GET", "account")["balances"],
    }
    for name, rows in told.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(rows))
    return told


def checked(history, *names):
    arguments = [argument for name in names for argument in (f"--{name}", str(history.with_name(f"{name}.json")))]
    return CliRunner().invoke(commands, ["check-history", str(history), *arguments])


def test_what_the_exchange_has_told_is_true(history, claims):
    result = checked(history, *claims)
    assert result.exit_code == 0, result.output
    assert "no difference" in result.stderr


def lie(history, name, rows):
    history.with_name(f"{name}.json").write_text(json.dumps(rows))
    result = checked(history, name)
    assert result.exit_code == ExitCode.MISMATCH
    return result.stdout


def test_every_lie_of_a_client_is_told(history, claims):
    trades, orders, balances = claims.values()
    assert "is not claimed" in lie(history, "trades", trades[1:])
    assert "did not happen, or is claimed twice" in lie(history, "trades", [*trades, trades[0]])
    assert "price is claimed to be 1 and is" in lie(history, "trades", [{**trades[0], "price": "1"}, *trades[1:]])
    assert "isBuyer is claimed" in lie(history, "trades", [{**trades[0], "isBuyer": not trades[0]["isBuyer"]}, *trades[1:]])
    assert "exists, and is not claimed" in lie(history, "orders", orders[1:])
    assert "status is claimed to be LOST" in lie(history, "orders", [{**orders[0], "status": "LOST"}, *orders[1:]])
    held = next(row for row in balances if row["free"] != "0.00000000")
    assert f"the balance of {held['asset']}: free is claimed to be 0" in lie(history, "balances", [row for row in balances if row != held])


def test_claims_that_cannot_be_read_are_named(history, tmp_path):
    (tmp_path / "trades.json").write_text('[{"symbol": "BTCUSDT"}]')
    result = checked(history, "trades")
    assert result.exit_code == ExitCode.BOOK_FAILED
    assert "missing required field" in result.stderr
    result = CliRunner().invoke(commands, ["check-history", str(history), "--account", "3"])
    assert result.exit_code == ExitCode.BOOK_FAILED
    assert "no account 3; it has 1, 2" in result.stderr


@pytest.mark.parametrize("memory", MEMORIES)
def test_a_reset_leaves_what_was_given_first_and_nothing_else(memory, tmp_path):
    trading = SeededTrading(3, memory())
    trading.run(50)
    trading.exchange.deposit(OWNER, "USDT", 500)
    trading.exchange.let_happen(Incident(IncidentKind.RESET_ACCOUNTS))
    read = read_history(trading.exchange.history())
    assert (read.orders, read.trades) == ([], [])
    assert {(balance.account_id, balance.asset, str(balance.free), str(balance.locked)) for balance in read.balances} == {
        (account, *held, "0") for account in (1, 2) for held in (("USDT", "100000"), ("BTC", "3"), ("ETH", "40"))
    }
    order = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.01"}
    assert trading.ask(OWNER, "POST", "order", **order)["orderId"] == 1
    trading.run(50)
    assert list(unsound(read_history(trading.exchange.history()))) == []
    trading.exchange.close()
