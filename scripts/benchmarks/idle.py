"""`bench idle`: the memory of a client before and after a day in which it has little to do, with time made to run faster."""

import asyncio
import gc
import os
import tracemalloc
from pathlib import Path

from benchmarks.canned import SYMBOL
from benchmarks.certificate import trusting
from benchmarks.fast_time import FastLoop
from benchmarks.measuring import Plan, on_core
from benchmarks.own_client import KEY, SECRET
from benchmarks.report import Table, Target
from benchmarks.web_server import WebServer, web_server
from binance_trade_agent.async_binance_client import AsyncBinanceClient, Connection
from binance_trade_agent.binance.transport import PooledTransport
from binance_trade_agent.simulation.clocks import WallClock

FACTOR = 1_440
HOURS = 24
PAUSE_S = 60.0
CLOCK_EVERY = 10
ACCOUNT_EVERY = 60
PATIENT_S = 3_600.0
MOST_TRACED_KIB = 64.0
MOST_RESIDENT_KIB = 2_048.0

_NOTES = (
    f"The loop's time runs {FACTOR} times faster than the wall clock's (asyncio's loop with a divided select time-out, real sockets, TLS "
    "to nginx). Once a minute of that time there is a price, by then every connection has expired and another is opened; every ten minutes "
    "the clock is measured, every hour the account is read. Memory is compared between the end of the first hour and the end of the "
    "last, after garbage collection; `traced` is what Python allocated, and to trace it costs resident memory as well.",
)


def measure(plan: Plan) -> list[Table]:
    """One table."""
    with web_server() as server, on_core(0), asyncio.Runner(loop_factory=lambda: FastLoop(FACTOR)) as runner:
        return [runner.run(idle_table(server, HOURS))]


async def idle_table(server: WebServer, hours: int) -> Table:
    """Memory after one hour and after `hours`."""
    transport = PooledTransport(
        connect_timeout_s=PATIENT_S, pool_timeout_s=PATIENT_S, request_timeout_s=PATIENT_S, ssl_context=trusting(server.certificate)
    )
    connection = Connection(server.url, transport, WallClock(), KEY, SECRET, request_timeout_s=PATIENT_S, read_deadline_s=PATIENT_S)
    tracemalloc.start()
    try:
        async with AsyncBinanceClient(connection) as client:
            await _hour(client)
            first = _memory_kib()
            for _ in range(hours - 1):
                await _hour(client)
            last = _memory_kib()
            opened = transport.opened
    finally:
        tracemalloc.stop()
    rows = [[name, first[name], last[name], last[name] - first[name]] for name in first]
    targets = [
        Target("growth of traced memory, KiB", last["traced"] - first["traced"], MOST_TRACED_KIB),
        Target("growth of resident memory, KiB", last["resident"] - first["resident"], MOST_RESIDENT_KIB),
    ]
    title = f"An idle client for {hours} hours, {opened} connections opened and let go"
    return Table(title, ("memory, KiB", "after 1 hour", f"after {hours} hours", "growth"), rows, targets, _NOTES)


async def _hour(client: AsyncBinanceClient) -> None:
    for minute in range(60):
        await client.get_latest_price(SYMBOL)
        if minute % CLOCK_EVERY == 0:
            await client.sync_clock()
        if minute % ACCOUNT_EVERY == 0:
            await client.get_account()
        await asyncio.sleep(PAUSE_S)


def _memory_kib() -> dict[str, float]:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {"traced": tracemalloc.get_traced_memory()[0] / 1024, "resident": pages * os.sysconf("SC_PAGE_SIZE") / 1024}
