"""`run` as a user starts it, on the synthetic market: it serves its pages, trades, stops cleanly, and goes on from the same book."""

import json
import signal
import sqlite3
import subprocess
import urllib.request
from pathlib import Path

from command_line import COMMAND, environment
from running_daemon import Running, daemon


def compare_with_sql(folder: Path) -> int:
    """Hold the book's fills and balances against the exchange's by SQL alone; returns how many trades there were."""
    book, exchange = sqlite3.connect(folder / "book.sqlite"), sqlite3.connect(folder / "exchange.sqlite")
    try:
        ours = book.execute("SELECT symbol, trade_id, CAST(quantity AS REAL) FROM fills ORDER BY 1, 2").fetchall()
        theirs = exchange.execute("SELECT symbol, trade_id, CAST(quantity AS REAL) FROM trades ORDER BY 1, 2").fetchall()
        assert ours == theirs
        wallet = dict(book.execute("SELECT asset, CAST(amount AS REAL) FROM wallet_balances WHERE CAST(amount AS REAL) <> 0"))
        balances = dict(exchange.execute("SELECT asset, free + locked FROM balances WHERE free + locked <> 0"))
        assert wallet.keys() == balances.keys()
        assert all(abs(wallet[asset] - balances[asset]) < 1e-9 for asset in wallet)
        return len(ours)
    finally:
        book.close()
        exchange.close()


def explain_the_first_trade(running: Running, data_dir: Path) -> None:
    order = next(line["client_order_id"] for line in running.lines() if line["event"].startswith("Bought"))
    told = subprocess.run(
        [*COMMAND, "explain", order, "--log", str(running.log)],
        env=environment(data_dir),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    for word in ("signal: BUY", f"risk approved order {order}", "sent (INTENDED to SENT)", "bought", "info: Bought"):
        assert word in told


def test_the_daemon_trades_serves_stops_and_goes_on(tmp_path):
    data_dir = tmp_path / "data"
    with daemon(data_dir) as running:
        running.find_address()
        assert running.wait_for(lambda: running.get("/readyz")[0] == 200)
        bought = running.wait_for(lambda: [line["event"] for line in running.lines() if line["event"].startswith("Bought")])
        assert "USDT" in bought[0]
        assert running.get("/healthz")[0] == 200
        status = json.loads(running.get("/status")[1])
        assert status["portfolio"]["fills"] > 0
        metrics = running.get("/metrics")[1]
        for name in ("trade_agent_request_duration_seconds_count", "trade_agent_passes_total", "trade_agent_equity"):
            assert name in metrics
        assert "<html" in running.get("/")[1]
        assert len(json.loads(running.get("/equity?span=all")[1])["points"]) > 0
        with urllib.request.urlopen(f"{running.address}/events", timeout=30) as listening:
            first = next(line for line in listening if line.startswith(b"data: "))
            assert json.loads(first.removeprefix(b"data: ")).keys() == status.keys()
            explain_the_first_trade(running, data_dir)
            assert running.stop() == 0  # one who listens keeps nobody from stopping
    assert "Traceback" not in running.log.read_text()
    fills = compare_with_sql(data_dir / "demo")
    assert fills > 0
    with daemon(data_dir) as again:
        again.find_address(skip=1)
        assert json.loads(again.get("/status")[1])["portfolio"]["fills"] >= fills
        assert again.stop(signal.SIGTERM) == 0
    assert compare_with_sql(data_dir / "demo") >= fills


def test_a_second_daemon_on_the_same_folder_is_refused(tmp_path):
    with daemon(tmp_path / "data") as running:
        running.find_address()
        second = subprocess.run(
            [*COMMAND, "run"], env=environment(tmp_path / "data"), cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert second.returncode == 4
        assert str(running.process.pid) in second.stderr


def test_a_daemon_killed_while_trading_starts_again_with_a_book_that_equals_the_exchange(tmp_path):
    data_dir = tmp_path / "data"
    for round_number in range(3):
        with daemon(data_dir) as running:
            running.find_address(skip=round_number)
            running.wait_for(lambda wanted=round_number: len(running.trades()) > wanted)
            running.process.send_signal(signal.SIGKILL)
            running.process.wait()
    with daemon(data_dir) as last:
        last.find_address(skip=3)
        assert last.wait_for(lambda: last.get("/readyz")[0] == 200)
        assert last.stop() == 0
    assert compare_with_sql(data_dir / "demo") > 0
