"""The simulated exchange as a far side, on a core of its own: it prints its port, ends when its input does, and tells its CPU time.

Started by `exchange_server()`. Limits of requests by address are switched off there: what is measured is the work, not the rules.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import uvloop

from benchmarks.measuring import on_core
from binance_trade_agent.simulation.clocks import WallClock
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket
from binance_trade_agent.simulation.rest.http_server import serve
from binance_trade_agent.simulation.rest.rate_limits import RateLimits

KEY, SECRET = "key-of-the-benchmarks-0123456789", "secret-of-the-benchmarks-9876543210"
HELD = {"USDT": Decimal(10) ** 9, "BTC": Decimal(10) ** 4, "BNB": Decimal(10) ** 4}

_SERVER_CORE = 1
_USER_TIME, _SYSTEM_TIME = 13, 14  # columns of /proc/PID/stat


@dataclass(frozen=True, slots=True)
class ExchangeServer:
    """Where it listens, and the process it is."""

    port: int
    pid: int

    @property
    def cpu_s(self) -> float:
        """CPU time that it has used so far, in steps of the system's clock (usually 10 ms)."""
        return process_cpu_s(self.pid)


def process_cpu_s(pid: int) -> float:
    """CPU time that a process has used so far, in steps of the system's clock (usually 10 ms)."""
    columns = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(columns[_USER_TIME - 2]) + int(columns[_SYSTEM_TIME - 2])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def exchange_server(symbols: tuple[str, ...]) -> Iterator[ExchangeServer]:
    """The server with these symbols, running within."""
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "benchmarks.exchange_server", *symbols]
    with on_core(_SERVER_CORE):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=paths)
    with process:
        if process.stdout is None or process.stdin is None:
            raise RuntimeError("the server was started without pipes")
        yield ExchangeServer(int(process.stdout.readline()), process.pid)
        process.stdin.close()


def opened_exchange(symbols: tuple[str, ...]) -> SimulatedExchange:
    """An exchange in memory with one account that holds plenty."""
    exchange = SimulatedExchange(SyntheticMarket(symbols, 7), WallClock())
    exchange.open_account(KEY, SECRET, HELD)
    return exchange


@contextmanager
def without_limits() -> Iterator[None]:
    """Within it no address and no account asks too much."""
    with patch.object(RateLimits, "charge", _allow), patch.object(RateLimits, "require_order_room", _allow):
        yield


def _allow(limits: RateLimits, *request: object) -> None:
    """Whatever is asked."""


async def _serve(symbols: tuple[str, ...]) -> None:
    exchange = opened_exchange(symbols)
    server = await serve(exchange)
    print(server.port, flush=True)
    with suppress(EOFError):
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.close()
    exchange.close()


if __name__ == "__main__":
    with without_limits():
        uvloop.run(_serve(tuple(sys.argv[1:])))
