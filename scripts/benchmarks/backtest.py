"""`bench backtest`: candles a second of the fast path beside freqtrade and backtesting.py, on the same candles by the same rules."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.made_up_history import SYMBOLS, made_up_year
from benchmarks.measuring import Plan, on_core
from benchmarks.report import Cell, Table, Target

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".venv-freqtrade" / "bin" / "python"
FOLDER = Path(__file__).resolve().parent / "backtest_peers"
PORT = 8092
CASH, STAKE, FEE = 100_000.0, 50.0, 0.001
"""So much cash that no account is used up in a year: a stake stays a stake, and everybody trades to the end."""

LEAST_RATIO = 10
READY_S = 60

_NOTES = (
    "Made-up candles, the same for all (a seeded walk with volatility that comes and goes). RSI of 14 candles by Wilder: bought at 30 or "
    "less (20 where the title says so) when nothing of the symbol is held, sold at 70 (80) or more, at 5 % below or at 10 % above the "
    "price paid; 50 of 100,000 a trade, here as that share of the account, a commission of 0.1 % a side, no breakers. Each is a process "
    "of its own on one core; CPU time from candles in memory to trades, indicators included, reading and reports not. Memory is the most "
    "that the process ever held.",
    "What is not equal: this program walks a book with a spread and the exchange's filters, in exact decimals, asks every rule of risk, "
    "and writes a reason for each order; a stop or take-profit sells at the next candle's open. freqtrade fills at the open without a "
    "spread, and at the stop's own price within a candle. backtesting.py knows one symbol, so ten accounts of its own run one after the "
    "other. So the trades differ a little in number. This program's time goes by orders, freqtrade's by candles as well.",
)


@dataclass(frozen=True, slots=True)
class _Scenario:
    """So many days of candles of ten symbols, and the RSI that is bought and sold at."""

    title: str
    interval: str
    days: int
    oversold: int = 30
    overbought: int = 70


_SCENARIOS = (
    _Scenario("10 symbols, 20 days of 5 minutes", "5m", 20),
    _Scenario("10 symbols, a year of 1 minute", "1m", 365),
    _Scenario("10 symbols, a year of 1 minute, RSI of 20 and 80", "1m", 365, 20, 80),
)


def measure(_: Plan) -> list[Table]:
    """One table for each scenario, one run each; FileNotFoundError when the peers are not installed."""
    if not PEERS.exists():
        raise FileNotFoundError(f"{PEERS} is missing; scripts/freqtrade_environment makes it")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, _exchange() as address, on_core(0):
        return [_table(Path(folder) / str(number), scenario, address) for number, scenario in enumerate(_SCENARIOS)]


def _table(folder: Path, scenario: _Scenario, address: str) -> Table:
    terms, candles = _terms(folder, scenario, address)
    here = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    figures = {
        "this program": _run([sys.executable, "-m", "benchmarks.backtest_here", str(terms)], here),
        "freqtrade": _run([str(PEERS), str(FOLDER / "freqtrade_backtest.py"), str(terms)]),
        "backtesting.py": _run([str(PEERS), str(FOLDER / "backtesting_py.py"), str(terms)]),
    }
    ours = figures["this program"]["cpu_s"]
    rows: list[tuple[Cell, ...]] = [
        (name, each["cpu_s"], candles / each["cpu_s"], each["cpu_s"] / ours, each["trades"], each["peak_mib"])
        for name, each in figures.items()
    ]
    columns = (f"{candles:,} candles", "CPU, s", "candles a second", "times ours", "trades", "memory, MiB")
    target = Target("candles a second: ours / freqtrade", figures["freqtrade"]["cpu_s"] / ours, LEAST_RATIO, at_least=True)
    return Table(f"Backtest: {scenario.title}", columns, rows, (target,), _NOTES if scenario is _SCENARIOS[-1] else ())


def _terms(folder: Path, scenario: _Scenario, address: str) -> tuple[Path, int]:
    """A file that tells every contender the same, and how many candles there are."""
    folder.mkdir()
    count = 0
    for symbol, columns in made_up_year(scenario.interval, days=scenario.days).items():
        np.save(folder / f"{symbol}.npy", columns.window().table[:6])
        count += len(columns)
    terms = folder / "terms.json"
    named = {"folder": str(folder / "user"), "candles": str(folder), "interval": scenario.interval, "days": scenario.days}
    levels = {"oversold": scenario.oversold, "overbought": scenario.overbought}
    terms.write_text(json.dumps({**named, **levels, "symbols": SYMBOLS, "stake": STAKE, "cash": CASH, "fee": FEE, "exchange": address}))
    return terms, count


def _run(command: list[str], environment: Mapping[str, str] | None = None) -> dict[str, float]:
    """What a contender prints last."""
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def _exchange() -> Iterator[str]:
    """The address of an exchange that lists the symbols: freqtrade asks one for its markets, also for a backtest."""
    command = [sys.executable, "-m", "binance_trade_agent", "exchange", "--port", str(PORT), "--symbols", ",".join(SYMBOLS)]
    served = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await_port(served)
        yield f"http://127.0.0.1:{PORT}/api/v3"
    finally:
        served.terminate()
        served.wait()


def _await_port(served: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until and served.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", PORT)) == 0:
                return
        time.sleep(0.1)
    raise FileNotFoundError(f"the simulated exchange did not open port {PORT}")
