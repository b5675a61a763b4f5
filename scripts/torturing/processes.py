"""The two processes that are tortured: the exchange with a memory on disk, and the daemon that trades on it as on a testnet."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar, cast

COMMAND = (sys.executable, "-m", "binance_trade_agent")
ROOT = Path(__file__).parents[2]
KEY, SECRET = "torture-key", "torture-secret"  # of the simulated exchange alone
SYMBOLS = "BTCUSDT,ETHUSDT,BNBUSDT,SOLUSDT,XRPUSDT,ADAUSDT"
START_S = 60.0
STOP_S = 40.0
LOOK_S = 0.02

Found = TypeVar("Found")

_LIMITS = {
    "RISK_COOLDOWN_SECONDS": "0",
    "RISK_MAX_ORDERS_PER_MINUTE": "6000",
    "RISK_MAX_LOSS_STREAK": "0",
    "RISK_MAX_DAILY_DRAWDOWN": "1",
    "RISK_MAX_TOTAL_DRAWDOWN": "1",
}
_TIMES = {
    "TRADING_INTERVAL_SECONDS": "1",
    "CANDLE_INTERVAL": "1s",
    "CANDLE_WINDOW": "20",
    "RECV_WINDOW_MS": "1000",
    "REQUEST_TIMEOUT_SECONDS": "2",
    "UNKNOWN_ORDER_GRACE_SECONDS": "1",
    "RECONCILE_INTERVAL_SECONDS": "2",
    "CLOCK_SYNC_INTERVAL_SECONDS": "5",
    "CIRCUIT_PAUSE_SECONDS": "0.5",
}


class NotAsExpectedError(Exception):
    """A process did not do what it had to, by its log."""


class Process:
    """One of the two, started again and again with the same log, which says what it did in all its lives."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self._log = log
        self._child: subprocess.Popen[bytes] | None = None
        self._writer: subprocess.Popen[bytes] | None = None
        self._begins_at = 0

    @property
    def exit_code(self) -> int | None:
        """None while it runs, and before it was started."""
        return None if self._child is None else self._child.poll()

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended, frozen or not."""
        return self._child is not None and self._child.poll() is None

    def said(self) -> str:
        """What its present life has said."""
        with self._log.open("rb") as log:
            log.seek(self._begins_at)
            return log.read().decode(errors="replace")

    def let_files_grow(self, most_bytes: int | None) -> None:
        """Writes beyond this length of any file are refused (EFBIG); None lifts that."""
        if self._child is not None and self.is_running:
            _, hardest = resource.prlimit(self._child.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(self._child.pid, resource.RLIMIT_FSIZE, (hardest if most_bytes is None else most_bytes, hardest))

    def signal(self, number: int) -> None:
        """Send a signal; nothing when it has ended."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)

    def kill(self) -> bool:
        """End it with SIGKILL; False when it had ended by itself."""
        was_running = self.is_running
        if self._child is not None and was_running:
            self._child.kill()
            self._child.wait(STOP_S)
        self._end_log()
        return was_running

    def stop(self) -> int:
        """Ask it to end, and give its exit code; it is killed when it does not."""
        self.signal(signal.SIGTERM)
        if self._child is None:
            return 0
        try:
            return self._child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise NotAsExpectedError(f"{self.name} did not end within {STOP_S:.0f} s of SIGTERM") from None

    def wait_for(self, what: Callable[[], Found | None], description: str) -> Found:
        """What `what` gives once it gives something; raises NotAsExpectedError when that takes too long, or the process ends."""
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            found = what()
            if found:
                return found
            if not self.is_running:
                raise NotAsExpectedError(f"{self.name} ended with code {self.exit_code} before {description}")
            time.sleep(LOOK_S)
        raise NotAsExpectedError(f"{self.name} did not get to {description} within {START_S:.0f} s")

    def _start(self, arguments: tuple[str, ...], settings: dict[str, str], folder: Path) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment = {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "BINANCE_API_KEY": KEY, "BINANCE_API_SECRET": SECRET}
        self._end_log()
        with self._log.open("ab") as log:
            self._begins_at = log.tell()
            self._writer = subprocess.Popen(("cat",), stdin=subprocess.PIPE, stdout=log)
        with cast(IO[bytes], self._writer.stdin) as pipe:
            self._child = subprocess.Popen(
                [*COMMAND, *arguments], env={**environment, **settings}, cwd=folder, stdout=pipe, stderr=pipe, stdin=subprocess.DEVNULL
            )

    def _end_log(self) -> None:
        """Wait until all that it said is in the log; it says it into a pipe, as in a container, which limits on its files spare."""
        if self._writer is not None:
            self._writer.wait(STOP_S)
            self._writer = None


class ExchangeProcess(Process):
    """`exchange --data`, which keeps its ports over all its lives."""

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__("the exchange", folder / "exchange.log")
        self._folder = folder
        self._seed = seed
        self._ports = ("0", "0")
        self.address = ""
        self._control = ""

    def start(self) -> None:
        """Start it, and wait until it listens. Raises NotAsExpectedError."""
        port, control_port = self._ports
        arguments = ("exchange", "--data", "memory", "--port", port, "--control-port", control_port)
        self._start((*arguments, "--seed", str(self._seed), "--symbols", SYMBOLS), {}, self._folder)
        self.address = self._listens_on("listens on")
        self._control = self._listens_on("Faults and control")
        self._ports = (self.address.rpartition(":")[2], self._control.rpartition(":")[2])

    def _listens_on(self, before: str) -> str:
        pattern = re.compile(rf"{before}.*?(http://[0-9.:]+[0-9])")
        return self.wait_for(lambda: pattern.search(self.said()), f"saying '{before}'").group(1)

    def let_break(self, **fault: object) -> None:
        """Plan a fault there; docs/exchange-faults.md lists them."""
        self._tell("POST", "faults", fault)

    def lift_faults(self) -> None:
        """Let nothing break any more."""
        self._tell("DELETE", "faults", {})

    def cut_sockets(self) -> None:
        """Break every WebSocket connection off."""
        self._tell("POST", "connections", {"action": "cut"})

    def _tell(self, method: str, path: str, body: dict[str, object]) -> None:
        request = urllib.request.Request(f"{self._control}/{path}", json.dumps(body).encode(), method=method)  # noqa: S310 - its own address
        urllib.request.urlopen(request, timeout=START_S).close()  # noqa: S310 - the same

    def history(self) -> list[str]:
        """The complete history, a JSON text a line."""
        with urllib.request.urlopen(f"{self._control}/history", timeout=START_S) as answer:  # noqa: S310 - its own loopback address
            return answer.read().decode().splitlines()


class DaemonProcess(Process):
    """`run` in testnet mode against the exchange's address; `appetite` is the percentage of opinions that are orders."""

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__("the daemon", folder / "daemon.log")
        self._folder = folder
        self._seed = seed
        self.book = folder / "data" / "testnet" / "book.sqlite"

    def start(self, address: str, appetite: int) -> None:
        """Start it, and do not wait."""
        settings = {
            **_LIMITS,
            **_TIMES,
            "TRADING_MODE": "testnet",
            "BINANCE_BASE_URL": address,
            "TRADING_SYMBOLS": SYMBOLS,
            "STRATEGY_PATH": f"{ROOT / 'scripts/simulating/restless.py'}:Restless",
            "STRATEGY_PARAMETERS": json.dumps({"seed": self._seed, "appetite": appetite}),
            "DATA_DIR": str(self._folder / "data"),
            "HTTP_PORT": "0",
            "LOG_FORMAT": "json",
        }
        self._start(("run",), settings, self._folder)

    def wait_until_ready(self) -> None:
        """Until it says by /readyz that it trades on a book that was compared with the exchange. Raises NotAsExpectedError."""
        address = self.wait_for(self._address, "trading")
        self.wait_for(lambda: _is_well(f"{address}/readyz"), "being ready")

    def _address(self) -> str | None:
        lines = (json.loads(line) for line in self.said().splitlines() if line.startswith("{") and line.endswith("}"))
        return next((line["address"].rstrip("/") for line in lines if line["event"] == "trading"), None)


def _is_well(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - the daemon's own loopback address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
