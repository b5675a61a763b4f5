"""`bench import`: how long a new interpreter takes until the package, all stations or a peer are imported."""

import resource
import statistics
import subprocess
import sys
import time

from benchmarks.measuring import Plan, on_core
from benchmarks.report import Table, Target

LIMIT_S = 0.5
STATIONS = (
    "async_binance_client",
    "async_market_data_agent",
    "signal_agent",
    "risk_management_agent",
    "trade_execution_agent",
    "portfolio_manager",
    "async_orchestrator",
)
IMPORTS = {
    "nothing": "pass",
    "binance_trade_agent": "import binance_trade_agent",
    "all stations": "import " + ", ".join(f"binance_trade_agent.{name}" for name in STATIONS),
    "python-binance": "from binance import AsyncClient, BinanceSocketManager",
    "ccxt": "import ccxt.async_support",
    "official SDK": "from binance_sdk_spot.spot import Spot",
    "httpx": "import httpx",
}
OWN = ("binance_trade_agent", "all stations")
_NOTES = ("Median of new interpreters with warm files, each started and ended; the interpreter's own time (`nothing`) is contained.",)


def measure(plan: Plan) -> list[Table]:
    """One table."""
    return [import_table(IMPORTS, plan)]


def import_table(imports: dict[str, str], plan: Plan) -> Table:
    """Wall and CPU time by what is imported."""
    with on_core(0):
        samples = {name: [] for name in imports}
        for _ in range(plan.rounds + 1):
            for name, code in imports.items():
                samples[name].append(_start_s(code))
    medians = {name: [statistics.median(column) for column in zip(*found[1:], strict=True)] for name, found in samples.items()}
    rows = [[name, wall_s, cpu_s] for name, (wall_s, cpu_s) in medians.items()]
    targets = [Target(f"import of {name}, s", medians[name][0], LIMIT_S) for name in OWN]
    return Table("Import", ("", "wall, s", "CPU, s"), rows, targets, _NOTES)


def _start_s(code: str) -> tuple[float, float]:
    """Wall and CPU seconds of an interpreter that runs `code`."""
    before, started = _children_s(), time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started, _children_s() - before


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
