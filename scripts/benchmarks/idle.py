"""`bench idle`: memory before and after a day in which client and streams have little to do, with time made to run faster."""

import asyncio
import ctypes
import gc
import os
import sys
from collections.abc import Collection
from pathlib import Path
from random import Random

from benchmarks.canned import SYMBOL
from benchmarks.certificate import trusting
from benchmarks.fast_time import FastLoop
from benchmarks.measuring import Plan, on_core
from benchmarks.own_client import KEY, SECRET
from benchmarks.push_server import PushServer, push_server
from benchmarks.report import Table, Target
from benchmarks.web_server import WebServer, web_server
from binance_trade_agent.async_binance_client import AsyncBinanceClient, Connection
from binance_trade_agent.binance.http.transport import PooledTransport
from binance_trade_agent.binance.streams.bounds import StreamBounds
from binance_trade_agent.binance.streams.events import MarketEvent
from binance_trade_agent.binance.streams.market_streams import MarketStreams
from binance_trade_agent.simulation.clocks import WallClock

FACTOR = 1_440
HOURS = 24
WARM_HOURS = 6
PAUSE_S = 60.0
CLOCK_EVERY = 10
ACCOUNT_EVERY = 60
PATIENT_S = 3_600.0
BLOCKS, RESIDENT, HELD = "blocks allocated by Python", "resident memory, KiB", "the same without what is free in it, KiB"
MOST_BLOCKS = 1_000
MOST_HELD_KIB = 2_048.0

_NOTES = (
    f"The loop's time runs {FACTOR} times faster than the wall clock's (asyncio's loop with a divided select time-out, real sockets, TLS "
    "to nginx). Once a minute of that time there is a price, by then every connection has expired and another is opened; every ten minutes "
    "the clock is measured, every hour the account is read. Two streams are subscribed to a server that says nothing, so that every 45 "
    "seconds their connection is given up for dead and another takes its place. Memory is compared between the end of an hour, by which "
    "caches and allocators have settled, and the end of the last one, after garbage collection. What was freed and malloc keeps for later, "
    "some 10,000 KiB, moves the resident memory by thousands both ways, however long the day is. So it is given back to the system first "
    "(malloc_trim, with glibc) for the figure that is judged.",
)


def measure(plan: Plan) -> list[Table]:
    """One table."""
    with web_server() as server, push_server() as pusher, on_core(0), asyncio.Runner(loop_factory=lambda: FastLoop(FACTOR)) as runner:
        return [runner.run(idle_table(server, pusher, HOURS, WARM_HOURS))]


class Gaps:
    """A stream listener that counts interruptions."""

    def __init__(self) -> None:
        self.count = 0

    def on_event(self, _stream: str, _event: MarketEvent) -> None:
        """Nothing comes."""

    def on_gap(self, _streams: Collection[str]) -> None:
        """A connection has taken the place of another."""
        self.count += 1


async def idle_table(server: WebServer, pusher: PushServer, hours: int, warm_hours: int) -> Table:
    """Memory after `warm_hours` and after `hours`."""
    transport = PooledTransport(
        connect_timeout_s=PATIENT_S, pool_timeout_s=PATIENT_S, request_timeout_s=PATIENT_S, ssl_context=trusting(server.certificate)
    )
    connection = Connection(server.url, transport, WallClock(), KEY, SECRET, request_timeout_s=PATIENT_S, read_deadline_s=PATIENT_S)
    gaps = Gaps()
    bounds = StreamBounds(connect_timeout_s=PATIENT_S, answer_timeout_s=PATIENT_S)
    async with AsyncBinanceClient(connection) as client:
        streams = MarketStreams(pusher.stream_url, gaps, server_ms=client.server_time_ms, random=Random(1), bounds=bounds)  # noqa: S311 - it spreads retries
        await streams.subscribe(["btcusdt@miniTicker", "btcusdt@kline_1m"])
        for _ in range(warm_hours):
            await _hour(client)
        first = _memory()
        for _ in range(hours - warm_hours):
            await _hour(client)
        last = _memory()
        opened = transport.opened
        await streams.close()
    rows = [[name, first[name], last[name], last[name] - first[name]] for name in first]
    targets = [
        Target("growth in blocks that Python has allocated", last[BLOCKS] - first[BLOCKS], MOST_BLOCKS),
        Target("growth of resident memory without what is free in it, KiB", last[HELD] - first[HELD], MOST_HELD_KIB),
    ]
    title = f"{hours} idle hours, with {opened} connections for requests and {gaps.count} for streams"
    return Table(title, ("", f"after {warm_hours} hours", f"after {hours} hours", "growth"), rows, targets, _NOTES)


async def _hour(client: AsyncBinanceClient) -> None:
    for minute in range(60):
        await client.get_latest_price(SYMBOL)
        if minute % CLOCK_EVERY == 0:
            await client.sync_clock()
        if minute % ACCOUNT_EVERY == 0:
            await client.get_account()
        await asyncio.sleep(PAUSE_S)


def _memory() -> dict[str, float]:
    gc.collect()
    blocks, resident = sys.getallocatedblocks(), _resident_kib()
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back is not None:
        give_back(0)
    return {BLOCKS: blocks, RESIDENT: resident, HELD: _resident_kib()}


def _resident_kib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024
