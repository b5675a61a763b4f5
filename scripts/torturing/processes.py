"""The programs that are tortured: the exchange with a memory on disk, the daemon that trades on it as on a testnet, and a backup."""

import json
import re
import urllib.error
import urllib.request
from pathlib import Path

from torturing.process import ROOT, START_S, Process

SYMBOLS = "BTCUSDT,ETHUSDT,BNBUSDT,SOLUSDT,XRPUSDT,ADAUSDT"
CONTROL_TOKEN = "torture-control"  # noqa: S105 - of the tortured daemon alone

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
    "MAX_INTENT_AGE_SECONDS": "2",
    "REQUEST_TIMEOUT_SECONDS": "2",
    "UNKNOWN_ORDER_GRACE_SECONDS": "1",
    "RECONCILE_INTERVAL_SECONDS": "2",
    "CLOCK_SYNC_INTERVAL_SECONDS": "5",
    "CIRCUIT_PAUSE_SECONDS": "0.5",
}


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

    def struck(self, kind: str) -> int:
        """How often faults of this kind have struck in its present life."""
        with urllib.request.urlopen(f"{self._control}/faults", timeout=START_S) as answer:  # noqa: S310 - its own loopback address
            return int(json.load(answer)["struck"].get(kind, 0))

    def _tell(self, method: str, path: str, body: dict[str, object]) -> None:
        request = urllib.request.Request(f"{self._control}/{path}", json.dumps(body).encode(), method=method)  # noqa: S310 - its own address
        urllib.request.urlopen(request, timeout=START_S).close()  # noqa: S310 - the same

    def history(self) -> list[str]:
        """The complete history, a JSON text a line."""
        with urllib.request.urlopen(f"{self._control}/history", timeout=START_S) as answer:  # noqa: S310 - its own loopback address
            return answer.read().decode().splitlines()


class DaemonProcess(Process):
    """`run` in testnet mode; `settings` are those of its world beside the usual ones."""

    def __init__(self, folder: Path, seed: int, settings: dict[str, str]) -> None:
        super().__init__("the daemon", folder / "daemon.log")
        self._folder = folder
        self._seed = seed
        self._settings = settings
        self.book = folder / "data" / "testnet" / "book.sqlite"

    def start(self, address: str, appetite: int) -> None:
        """Start it to trade at `address`, and do not wait; `appetite` is the percentage of opinions that are orders."""
        settings = {
            **_LIMITS,
            **_TIMES,
            **self._settings,
            "TRADING_MODE": "testnet",
            "BINANCE_BASE_URL": address,
            "TRADING_SYMBOLS": SYMBOLS,
            "STRATEGY_PATH": f"{ROOT / 'scripts/simulating/restless.py'}:Restless",
            "STRATEGY_PARAMETERS": json.dumps({"seed": self._seed, "appetite": appetite}),
            "DATA_DIR": str(self._folder / "data"),
            "HTTP_PORT": "0",
            "CONTROL_TOKEN": CONTROL_TOKEN,
            "LOG_FORMAT": "json",
        }
        self._start(("run",), settings, self._folder)

    def wait_until_ready(self) -> None:
        """Until it says by /readyz that it trades on a book that was compared with the exchange. Raises NotAsExpectedError."""
        address = self.wait_for(self._address, "trading")
        self.wait_for(lambda: _is_well(f"{address}/readyz"), "being ready")

    def has_told(self, event: str) -> bool:
        """Whether its present life has logged this."""
        return any(line["event"] == event for line in self._lines())

    def resume(self, scope: str, reason: str) -> None:
        """Have it trade again where the book's failure stopped it, as an operator would who has mended the disk."""
        body = json.dumps({"reason": reason} if scope == "*" else {"reason": reason, "symbol": scope}).encode()
        headers = {"Authorization": f"Bearer {CONTROL_TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._address()}/control/resume", body, headers, method="POST")  # noqa: S310 - its own loopback address
        urllib.request.urlopen(request, timeout=START_S).close()  # noqa: S310 - the same

    def _address(self) -> str | None:
        return next((line["address"].rstrip("/") for line in self._lines() if line["event"] == "trading"), None)

    def _lines(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self.said().splitlines() if line.startswith("{") and line.endswith("}")]


class BackupProcess(Process):
    """`backup` of the daemon's book to one file, while the daemon trades."""

    def __init__(self, folder: Path) -> None:
        super().__init__("the backup", folder / "backup.log")
        self._folder = folder
        self.target = folder / "backup.sqlite"
        self.part = folder / "backup.sqlite.part"

    def start(self) -> None:
        """Start it, and do not wait."""
        settings = {"TRADING_MODE": "testnet", "TRADING_SYMBOLS": SYMBOLS, "DATA_DIR": str(self._folder / "data")}
        self._start(("backup", "--output", str(self.target)), settings, self._folder)


def _is_well(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - the daemon's own loopback address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
