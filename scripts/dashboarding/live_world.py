"""The live world: a daemon that trades every second on the simulated exchange, through troubles of all kinds, and a Prometheus."""

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from torturing.process import ROOT, START_S
from torturing.processes import CONTROL_TOKEN, SYMBOLS, DaemonProcess, ExchangeProcess

SCRAPE_S = 1
APPETITE = 60
MINUTE_S = 60.0
CROWD_S = 5.0
CROWDED_WEIGHT = 5_950
SETTINGS = {
    "PROTECTION": "exchange",
    "BACKUP_INTERVAL_SECONDS": "20",
    "RISK_MAX_ORDERS_PER_MINUTE": "240",
    "NOTIFY_URLS": "json://localhost:9/nobody-listens-there",
    "NOTIFY_SPACING_SECONDS": "1",
}
_LOOK_S = 0.1
_SHORT = {"times": None, "delay": {"typical_ms": 40, "shape": "exponential"}}


class WatchedExchange(ExchangeProcess):
    """The exchange, with the incidents of its control address."""

    def let_happen(self, **incident: object) -> None:
        """Let something happen there; docs/exchange-faults.md lists it."""
        self._tell("POST", "incidents", incident)

    def crowd_the_limits(self) -> None:
        """Use up what an address may ask in a minute, as a neighbour on it would, a few seconds before the minute ends."""
        time.sleep((MINUTE_S - CROWD_S - time.time()) % MINUTE_S)
        used = 0
        while used < CROWDED_WEIGHT:
            levels = 5_000 if used < CROWDED_WEIGHT - 300 else 100  # those weigh 250, these 5
            try:
                with urllib.request.urlopen(f"{self.address}/api/v3/depth?symbol=BTCUSDT&limit={levels}", timeout=START_S) as answer:  # noqa: S310 - its own loopback address
                    used = int(answer.headers["X-MBX-USED-WEIGHT-1M"])
            except urllib.error.HTTPError as error:
                if error.code != HTTPStatus.TOO_MANY_REQUESTS:
                    raise
                return  # the daemon took what was left

    def announce_shutdown(self) -> None:
        """Have it say on every connection that it goes away, so that clients change over."""
        self._tell("POST", "connections", {"action": "shutdown"})


class WatchedDaemon(DaemonProcess):
    """The daemon, with its HTTP face."""

    @property
    def address(self) -> str:
        """Where it listens, with http://."""
        found = self._address()
        if found is None:
            raise RuntimeError("the daemon is not trading yet")
        return found

    def wait_until_shown(self, metric: str) -> None:
        """Until a series of this metric is above zero. Raises NotAsExpectedError."""
        above_zero = re.compile(rf"^trade_agent_{metric}(?:{{.*}})? (?!0\.0$|NaN$)", re.MULTILINE)
        self.wait_for(lambda: above_zero.search(self._metrics()), f"showing {metric}")

    def _metrics(self) -> str:
        with urllib.request.urlopen(f"{self.address}/metrics", timeout=START_S) as answer:  # noqa: S310 - its own loopback address
            return str(answer.read().decode())

    def control(self, action: str, **body: str) -> None:
        """Ask it for a change of mode."""
        headers = {"Authorization": f"Bearer {CONTROL_TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.address}/control/{action}", json.dumps(body).encode(), headers, method="POST")  # noqa: S310 - its own loopback address
        urllib.request.urlopen(request, timeout=START_S).close()  # noqa: S310 - the same


class Program:
    """Another program on a free port of loopback: Prometheus, or Redis."""

    def __init__(self, name: str, folder: Path, arguments: Callable[[int], list[str]], well: str = "") -> None:
        self._name = name
        self._folder = folder
        self._arguments = arguments
        self._well = well
        self._child: subprocess.Popen[bytes] | None = None
        self.port = _free_port()

    def start(self) -> None:
        """Start it on its port, and wait until it answers."""
        with (self._folder / f"{self._name}.log").open("ab") as log:
            self._child = subprocess.Popen([self._name, *self._arguments(self.port)], cwd=self._folder, stdout=log, stderr=log)
        until = time.monotonic() + START_S
        while not self._answers():
            if self._child.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{self._name} did not start: see {self._folder / self._name}.log")
            time.sleep(_LOOK_S)

    def kill(self) -> None:
        """End it at once."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None

    def _answers(self) -> bool:
        try:
            if self._well:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}{self._well}", timeout=1).close()
            else:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except (urllib.error.URLError, OSError):
            return False
        return True


class LiveWorld:
    """Everything together while it is entered; lives in `folder`, which must not exist yet. Redis takes part where it is installed."""

    def __init__(self, folder: Path, seed: int = 7) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self.exchange = WatchedExchange(folder, seed)
        redis = shutil.which("redis-server")
        self.redis = None if redis is None else Program("redis-server", folder, _redis_arguments)
        cache = {} if self.redis is None else {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self.redis.port)}
        self.daemon = WatchedDaemon(folder, seed, {**SETTINGS, **cache})
        self.prometheus = Program("prometheus", folder, self._prometheus_arguments, well="/-/ready")
        self.began_s = time.time()

    def __enter__(self) -> Self:
        try:
            self.exchange.start()
            if self.redis is not None:
                self.redis.start()
            self.daemon.start(self.exchange.address, APPETITE)
            self.daemon.wait_until_ready()
            self.prometheus.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.prometheus.kill()
        self.daemon.kill()
        self.exchange.kill()
        if self.redis is not None:
            self.redis.kill()

    @property
    def instance(self) -> str:
        """The daemon as Prometheus names it."""
        return self.daemon.address.removeprefix("http://")

    def live(self, seconds: float) -> None:
        """Let one trouble after the other happen, evenly over `seconds`, each once at least."""
        troubles = list(self.troubles())
        pause_s = seconds / len(troubles)
        for trouble in troubles:
            trouble()
            time.sleep(pause_s)

    def troubles(self) -> Iterator[Callable[[], Any]]:
        """What goes wrong, one after the other; at the end all is well again."""
        exchange, daemon = self.exchange, self.daemon
        yield self._change_over
        if self.redis is not None:
            yield partial(self._miss_the_cache, self.redis)
        yield lambda: exchange.let_break(kind="latency", **_SHORT)
        yield lambda: exchange.let_break(kind="lose_answer", target="POST /api/v3/order", times=3)
        yield exchange.cut_sockets
        yield lambda: exchange.let_break(kind="refuse_upgrade", times=4)
        yield lambda: exchange.let_happen(kind="cut_connections")
        for symbol in SYMBOLS.split(",")[:4]:
            yield partial(exchange.let_happen, kind="symbol_status", target=symbol, lasts_ms=12_000)
        yield lambda: daemon.control("halt", reason="to see it", symbol="XRPUSDT")
        yield lambda: exchange.let_happen(kind="move_funds", target="1", value="1000 USDT")
        yield lambda: exchange.let_break(kind="too_many_requests", target="GET /api/v3/account", times=1, delay={"typical_ms": 2_000})
        yield lambda: daemon.control("halt", reason="to see it")
        yield lambda: daemon.control("resume", reason="seen")
        yield exchange.crowd_the_limits
        yield lambda: exchange.let_break(kind="unavailable", target="GET /api/v3/account", times=8)
        yield lambda: exchange.let_break(kind="cut_executed", target="GET /api/v3/account", times=2)
        yield lambda: daemon.control("resume", reason="seen", symbol="XRPUSDT")
        yield exchange.lift_faults

    def _change_over(self) -> None:
        """Streams that are up are told to go elsewhere, and do."""
        self.daemon.wait_until_shown("stream_connections")
        self.exchange.announce_shutdown()
        self.daemon.wait_until_shown("stream_rotations_total")

    def _miss_the_cache(self, redis: Program) -> None:
        """The cache is away while there are no streams, so that it is asked; then all is let be well again."""
        redis.kill()
        self.exchange.let_break(kind="refuse_upgrade", times=None)
        self.exchange.cut_sockets()
        self.daemon.wait_until_shown("cache_failures_total")
        self.exchange.lift_faults()
        redis.start()

    def _prometheus_arguments(self, port: int) -> list[str]:
        target = self.daemon.address.removeprefix("http://")
        configuration = {
            "global": {"scrape_interval": f"{SCRAPE_S}s", "scrape_timeout": f"{SCRAPE_S}s", "evaluation_interval": "2s"},
            "rule_files": [str(ROOT / "config/alerts/*.yml")],
            "scrape_configs": [{"job_name": "trade-agent", "static_configs": [{"targets": [target]}]}],
        }
        file = self._folder / "prometheus.json"
        file.write_text(json.dumps(configuration), encoding="utf-8")  # JSON is YAML
        data = str(self._folder / "prometheus")
        return [f"--config.file={file}", f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]


def _redis_arguments(port: int) -> list[str]:
    return ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
