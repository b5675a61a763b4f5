"""`bench recovery`: from starting the shipped daemon after a kill -9 to being ready, on a book of 100,000 fills and on a small one."""

import asyncio
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.exchange_server import process_cpu_s
from benchmarks.measuring import Plan
from benchmarks.report import Table, Target
from benchmarks.traded_book import make_book

ROOT = Path(__file__).parents[2]
KEY, SECRET = "bench-key", "bench-secret"  # of the simulated exchange alone
SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "DOGEUSDT", "TRXUSDT", "AVAXUSDT", "LINKUSDT")
BOOKS = (100_000, 20)
MOST_S = 2.0
TRADES_FOR_S = 3.0
START_S = 60.0
LOOK_S = 0.005

T = TypeVar("T")

_SETTINGS = {
    "TRADING_MODE": "testnet",
    "BINANCE_API_KEY": KEY,
    "BINANCE_API_SECRET": SECRET,
    "TRADING_SYMBOLS": ",".join(SYMBOLS),
    "TRADING_INTERVAL_SECONDS": "1",
    "CANDLE_INTERVAL": "1s",
    "CANDLE_WINDOW": "20",
    "RISK_COOLDOWN_SECONDS": "0",
    "RISK_MAX_ORDERS_PER_MINUTE": "6000",
    "RISK_MAX_LOSS_STREAK": "0",
    "STRATEGY_PATH": f"{ROOT / 'scripts/simulating/restless.py'}:Restless",
    "STRATEGY_PARAMETERS": '{"seed": 1, "appetite": 80}',
    "HTTP_PORT": "0",
    "LOG_FORMAT": "json",
}
_NOTES = (
    "The daemon is `run` in testnet mode against `exchange`, another process on the same machine; it trades ten symbols every second, is "
    f"killed with SIGKILL {TRADES_FOR_S:g} s after it was ready, and started again at once. Times are wall time from starting the process, "
    "Python and imports included: until the book is open (its log recovered, its state read, the exchange known), until it is compared "
    "with the exchange, and until /readyz says yes. CPU time is the daemon's own until then: what other work cannot falsify. "
    "The past is written by the book's own "
    "code, with a decision for every order. Books above 48 MiB are not read through at the start, but by each backup.",
)


@dataclass(frozen=True, slots=True)
class Recovery:
    """One start after a kill: seconds until the book was open, compared, and the daemon ready; its CPU time, and the log that was left."""

    opened_s: float
    compared_s: float
    ready_s: float
    cpu_s: float
    log_bytes: int


def measure(plan: Plan) -> list[Table]:
    """One table."""
    return [recovery_table(BOOKS, plan.rounds)]


def recovery_table(books: tuple[int, ...], rounds: int) -> Table:
    """Recoveries by the number of fills in the book."""
    found = {fills: recoveries(fills, rounds) for fills in books}
    rows = [
        (
            f"{fills:,} fills",
            statistics.median(each.log_bytes for each in some) / 2**10,
            statistics.median(each.opened_s for each in some),
            statistics.median(each.compared_s for each in some),
            statistics.median(each.ready_s for each in some),
            max(each.ready_s for each in some),
            statistics.median(each.cpu_s for each in some),
        )
        for fills, some in found.items()
    ]
    columns = ("book", "log, KiB", "book open, s", "compared, s", "ready, s", "ready, worst, s", "CPU, s")
    most = max(books)
    target = Target(f"ready after a kill, {most:,} fills, median, s", rows[books.index(most)][4], MOST_S)
    return Table(f"Start after kill -9, {rounds} kills each", columns, rows, [target], _NOTES)


def recoveries(fills: int, rounds: int) -> list[Recovery]:
    """Kill and start a daemon `rounds` times on a book with `fills` fills. Raises RuntimeError when it does not come up or end well."""
    with tempfile.TemporaryDirectory(prefix="bench-recovery-") as name:
        folder = Path(name)
        book = folder / "data" / "testnet" / "book.sqlite"
        balances = asyncio.run(make_book(book, SYMBOLS, fills))
        account = {"key": KEY, "secret": SECRET, "balances": {asset: str(amount) for asset, amount in balances.items()}}
        (folder / "accounts.json").write_text(json.dumps([account]))
        with _exchange(folder) as address:
            _start(folder, address).kill_after(TRADES_FOR_S)
            found = []
            for _ in range(rounds):
                log_bytes = book.with_name("book.sqlite-wal").stat().st_size
                life = _start(folder, address)
                found.append(Recovery(life.opened_s, life.compared_s, life.ready_s, life.cpu_s, log_bytes))
                life.kill_after(TRADES_FOR_S)
            _start(folder, address).end()
    return found


class _Life:
    """A daemon that was started at `began`, and what it has said since."""

    def __init__(self, folder: Path, address: str) -> None:
        self._log = folder / "daemon.log"
        self._begins_at = self._log.stat().st_size if self._log.exists() else 0
        environment = {**_environment(), **_SETTINGS, "BINANCE_BASE_URL": address, "DATA_DIR": str(folder / "data")}
        with self._log.open("ab") as log:
            self._began = time.monotonic()
            command = [sys.executable, "-m", "binance_trade_agent", "run"]
            self._process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
        self.opened_s, _ = self._when(lambda: re.search(r'"Trading \d+ symbols', self._said()))
        self.compared_s, match = self._when(lambda: re.search(r'"address":"(http://[^"]*?)/?"[^\n]*"event":"trading"', self._said()))
        self.ready_s, _ = self._when(lambda: _answers(f"{match.group(1)}/readyz"))
        self.cpu_s = process_cpu_s(self._process.pid)

    def kill_after(self, seconds: float) -> None:
        """Let it trade for so long, and kill it."""
        time.sleep(seconds)
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Ask it to end; RuntimeError when that does not go well."""
        self._process.send_signal(signal.SIGTERM)
        if self._process.wait(START_S) != 0:
            raise RuntimeError(f"the daemon ended with {self._process.returncode}: {self._said()[-2_000:]}")

    def _when(self, look: Callable[[], T | None]) -> tuple[float, T]:
        while time.monotonic() < self._began + START_S and self._process.poll() is None:
            if found := look():
                return time.monotonic() - self._began, found
            time.sleep(LOOK_S)
        self._process.kill()
        raise RuntimeError(f"the daemon did not become ready: {self._said()[-2_000:]}")

    def _said(self) -> str:
        with self._log.open("rb") as log:
            log.seek(self._begins_at)
            return log.read().decode(errors="replace")


def _start(folder: Path, address: str) -> _Life:
    return _Life(folder, address)


@contextmanager
def _exchange(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "binance_trade_agent", "exchange", "--port", "0", "--accounts", "accounts.json"]
    command += ["--seed", "3", "--symbols", ",".join(SYMBOLS)]
    with (folder / "exchange.log").open("ab") as log:
        process = subprocess.Popen(command, env=_environment(), cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True)
    with process:
        assert process.stdout is not None  # noqa: S101 - it was started with a pipe
        for line in process.stdout:
            if found := re.search(r"listens on.*?(http://[0-9.:]+[0-9])", line):
                yield found.group(1)
                process.terminate()
                return
        raise RuntimeError("the exchange did not start")


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), *sys.path])), "PYTHONUNBUFFERED": "1"}


def _answers(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - the daemon's own loopback address
        return bool(answer.status == 200)
    return False
