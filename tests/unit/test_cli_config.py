"""The command line: settings shown without secrets, errors as one line with their code, health for the container, export of the book."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner
from recorded_trades import Trade, aggregate_rows, write_rows

from binance_trade_agent.cli import COMMANDS, commands
from binance_trade_agent.settings import Settings, sources
from binance_trade_agent.storage.sqlite_file import open_writer

ROOT = Path(__file__).resolve().parents[2]
SECRET = "key-0123456789abcdef"


@pytest.fixture(autouse=True)
def outside(tmp_path, monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sources, "SECRETS_FOLDER", tmp_path / "run-secrets")
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(commands, arguments, prog_name="binance-trade-agent")


def test_config_check_says_that_all_is_well():
    result = run("config", "check")
    assert result.exit_code == 0
    assert "mode demo, strategy combined" in result.stdout


def test_config_check_tells_warnings_on_stderr(monkeypatch):
    monkeypatch.setenv("DEMO_MODE", "false")
    result = run("config", "check")
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: DEMO_MODE=false chooses no mode")


def test_each_wrong_setting_is_one_line_and_the_code_is_3(monkeypatch):
    monkeypatch.setenv("RECV_WINDOW_MS", "70000")
    monkeypatch.setenv("HTTP_PORT", "x")
    result = run("config", "check")
    assert result.exit_code == 3
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "error: RECV_WINDOW_MS is '70000'; allowed: a whole number from 1 to 60000 (ms)",
        "error: HTTP_PORT is 'x'; allowed: a whole number from 0 to 65535",
    ]


def test_an_unknown_strategy_is_found_by_the_check(monkeypatch):
    monkeypatch.setenv("STRATEGY_NAME", "crystal_ball")
    result = run("config", "check")
    assert result.exit_code == 3
    assert "crystal_ball" in result.stderr


@pytest.mark.parametrize("arguments", [("config", "show"), ("config", "show", "--json")])
def test_show_hides_secrets(monkeypatch, arguments):
    monkeypatch.setenv("BINANCE_API_KEY", SECRET)
    result = run(*arguments)
    assert result.exit_code == 0
    assert "hidden" in result.stdout
    assert SECRET not in result.output


def test_show_tells_values_and_where_they_came_from(monkeypatch, outside):
    monkeypatch.setenv("TRADING_SYMBOLS", "LTCUSDT")
    (outside / ".env").write_text("DEMO_SEED=7\n")
    shown = json.loads(run("config", "show", "--json").stdout)
    assert set(shown) == {name.upper() for name in Settings.model_fields}
    assert shown["TRADING_SYMBOLS"] == {"value": "LTCUSDT", "source": "environment"}
    assert shown["DEMO_SEED"] == {"value": "7", "source": ".env"}
    assert shown["HTTP_PORT"] == {"value": "8080", "source": "default"}


def test_every_name_is_shown_whole():
    shown = run("config", "show").stdout.split()
    assert {name.upper() for name in Settings.model_fields} <= set(shown)


@pytest.mark.parametrize("arguments", [("bogus",), ("config", "bogus"), ("export",), ("config", "show", "--bogus"), ("export", "bogus")])
def test_wrong_usage_ends_with_2(arguments):
    assert run(*arguments).exit_code == 2


def test_help_lists_every_command():
    result = run("--help")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_can_be_imported(name):
    assert run(name, "--help").exit_code == 0


def test_the_command_line_starts_without_the_heavy_libraries():
    code = "import sys, binance_trade_agent.cli; print([m for m in ('numpy', 'aiohttp', 'pydantic', 'structlog') if m in sys.modules])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_package_runs_as_a_module():
    command = [sys.executable, "-m", "binance_trade_agent", "--version"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("binance-trade-agent ")


def serving(*arguments, **environment):
    """A running `exchange` command and the base URL that it told."""
    command = [sys.executable, "-m", "binance_trade_agent", "exchange", "--port", "0", *arguments]
    process = subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environment}, stdout=subprocess.PIPE, text=True
    )
    url = re.search(r"http://[0-9.:]+", process.stdout.readline())
    return process, url.group()


def stopped(process):
    """The rest of its output, once it has ended well."""
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    return rest


def answered(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def test_exchange_serves_the_symbols_that_it_is_told_and_ends_on_a_signal():
    process, url = serving("--symbols", "BTCUSDT,ETHUSDT", "--seed", "3", BINANCE_API_KEY=SECRET, BINANCE_API_SECRET=SECRET + "2")
    try:
        info = answered(f"{url}/api/v3/exchangeInfo")
    finally:
        rest = stopped(process)
    assert {entry["symbol"] for entry in info["symbols"]} == {"BTCUSDT", "ETHUSDT"}
    assert SECRET not in rest


def test_exchange_plays_recorded_candles_whatever_mode_the_env_file_is_for(outside):
    (outside / ".env").write_text("TRADING_MODE=testnet\nBINANCE_TESTNET=true\n")
    (outside / "klines").mkdir()
    rows = (f"{1_600_000_200_000 + 60_000 * n},1.0,1.2,0.9,1.1,50,{1_600_000_259_999 + 60_000 * n},55,0,0,0,0" for n in range(30))
    (outside / "klines/ADAUSDT-1m-2020-09.csv").write_text("\n".join(rows) + "\n")
    process, url = serving("--candles", "klines")
    try:
        time_ms = answered(f"{url}/api/v3/time")["serverTime"]
        info = answered(f"{url}/api/v3/exchangeInfo")
    finally:
        stopped(process)
    assert 1_600_000_200_000 <= time_ms < 1_600_000_200_000 + 600_000
    assert [entry["symbol"] for entry in info["symbols"]] == ["ADAUSDT"]


def test_exchange_plays_recorded_trades_at_any_speed(tmp_path):
    trades = [Trade(number, number * 500, 10_000 + number, 20) for number in range(1_000)]
    write_rows(tmp_path, "BTCEUR-aggTrades-2025-01-01.zip", aggregate_rows(trades))
    process, url = serving("--trades", str(tmp_path), "--speed", "10000")
    try:
        while answered(f"{url}/api/v3/ticker/price?symbol=BTCEUR")["price"] != "109.99000000":
            pass  # 500 seconds of market
        shown = answered(f"{url}/api/v3/historicalTrades?symbol=BTCEUR&fromId=0&limit=5")
        candles = answered(f"{url}/api/v3/klines?symbol=BTCEUR&interval=1m")
    finally:
        stopped(process)
    assert [(row["id"], row["price"], row["qty"]) for row in shown[:2]] == [
        (0, "100.00000000", "0.20000000"),
        (1, "100.01000000", "0.20000000"),
    ]
    assert [row[8] for row in candles] == [120] * 8 + [40]
    assert candles[-1][4] == "109.99000000"


def test_exchange_says_which_recorded_file_it_cannot_use(tmp_path):
    (tmp_path / "BTCUSDT-trades-1.csv").write_text("1,0,1,1,1735689600000,true,true")
    result = run("exchange", "--trades", str(tmp_path))
    assert result.exit_code not in {0, 1}
    assert "BTCUSDT-trades-1.csv:1: expected a price above 0" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--speed", "max"),
        ("--speed", "0"),
        ("--speed", "nan"),
        ("--port", "65536"),
        ("--candles", ".", "--seed", "1"),
        ("--trades", ".", "--candles", "."),
    ],
)
def test_exchange_refuses_what_cannot_be(arguments):
    assert run("exchange", *arguments).exit_code == 2


def test_exchange_names_wrong_symbols_like_any_setting():
    result = run("exchange", "--symbols", "btcusdt")
    assert result.exit_code == 3
    assert "TRADING_SYMBOLS" in result.stderr


class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def daemon_port():
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_healthcheck_is_0_for_a_healthy_daemon_and_1_for_any_other(daemon_port, monkeypatch):
    monkeypatch.setenv("HTTP_HOST", "0.0.0.0")
    monkeypatch.setenv("HTTP_PORT", str(daemon_port))
    assert run("healthcheck").exit_code == 0
    result = run("healthcheck", "--url", f"http://127.0.0.1:{daemon_port}/ill")
    assert (result.exit_code, "answers 503" in result.stderr) == (1, True)


def test_healthcheck_is_1_when_nobody_answers_or_settings_are_wrong(daemon_port, monkeypatch):
    assert run("healthcheck", "--url", "http://127.0.0.1:1/healthz").exit_code == 1
    assert run("healthcheck", "--url", "file:///etc/passwd").exit_code == 1
    monkeypatch.setenv("HTTP_PORT", "x")
    assert run("healthcheck").exit_code == 1


@pytest.fixture
def book(outside):
    path = outside / "data/demo/book.sqlite"
    path.parent.mkdir(parents=True)
    connection = open_writer(str(path))
    connection.execute("INSERT INTO equity_points VALUES (1, '10', '10', '0', '0', '0')")
    connection.execute("INSERT INTO equity_points VALUES (2, '11.50', '11.50', '0', '0', '0')")
    connection.close()
    return path


def test_export_writes_a_table_to_standard_output_and_to_a_file(book, outside):
    rows = json.loads(run("export", "equity").stdout)
    assert [row["equity"] for row in rows] == ["10", "11.50"]
    result = run("export", "equity", "--format", "csv", "--output", "equity.csv", "--limit", "1")
    assert result.exit_code == 0
    assert (outside / "equity.csv").read_text().splitlines()[1:] == ["2,11.50,11.50,0,0,0"]
    assert not (outside / "equity.csv.part").exists()


def test_export_without_a_book_says_where_it_looked():
    result = run("export", "fills")
    assert result.exit_code == 5
    assert "data/demo/book.sqlite" in result.stderr


def test_export_leaves_an_old_file_alone_when_it_fails(book, outside):
    (outside / "fills.json").write_text("old")
    book.write_bytes(b"no database" * 1000)
    result = run("export", "fills", "--output", "fills.json")
    assert result.exit_code == 10
    assert (outside / "fills.json").read_text() == "old"
    assert run("export", "fills", "--output", "no/such/folder.json").exit_code == 1
