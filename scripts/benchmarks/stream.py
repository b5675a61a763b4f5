"""`bench stream`: best prices that a stream floods us with, decoded to values, by processor time a message, ours beside the peers'."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from random import Random

from benchmarks.measuring import Plan, frozen_heap, medians, on_core
from benchmarks.push_server import LAST_UPDATE_ID, SYMBOLS, PushServer, push_server
from benchmarks.report import Table, Target
from binance_trade_agent.binance.streams.events import BookTickerEvent, MarketEvent
from binance_trade_agent.binance.streams.market_streams import MarketStreams
from binance_trade_agent.simulation.clocks import WallClock

FLOOD = 20_000
STREAMS = tuple(f"{symbol.lower()}@bookTicker" for symbol in SYMBOLS)
LEAST_RATIO = 2.0
OURS = "ours"

Begin = Callable[[], Awaitable[None]]
Watch = Callable[[PushServer, Begin], Awaitable[None]]

_NOTES = (
    f"A server in another process on another core floods one TLS connection with {FLOOD:,} `bookTicker` events of {len(SYMBOLS)} symbols; "
    "CPU time of the client process from the first to the last of them, uvloop. Ours come as BookTickerEvent with exact Decimals, "
    "python-binance's from its socket manager as dictionaries of text, ccxt.pro's as unified tickers in floats (on the path that it "
    "uses the exchange sends events without their envelope, so ccxt reads fewer bytes).",
)


async def measure(plan: Plan) -> list[Table]:
    """One table."""
    from benchmarks.peer_streams import PEERS

    with push_server(flood=FLOOD) as server, on_core(0):
        return [await stream_table(server, {OURS: watch_ours, **PEERS}, plan)]


async def stream_table(server: PushServer, watchers: Mapping[str, Watch], plan: Plan) -> Table:
    """Cost and speed of every watcher."""
    rounds = [{name: await _cost_us(server, watch) for name, watch in watchers.items()} for _ in range(plan.rounds + 1)]
    costs = medians(rounds[1:])
    rows = [[name, cost_us, 1e6 / cost_us, cost_us / costs[OURS]] for name, cost_us in costs.items()]
    targets = [
        Target(f"messages a second: ours / {name}", cost_us / costs[OURS], LEAST_RATIO, at_least=True)
        for name, cost_us in costs.items()
        if name != OURS
    ]
    return Table("Market streams", ("", "CPU a message, us", "messages a second and core", "ours is faster by"), rows, targets, _NOTES)


async def _cost_us(server: PushServer, watch: Watch) -> float:
    started_s = 0.0

    async def begin() -> None:
        nonlocal started_s
        started_s = time.process_time()

    with frozen_heap():
        async with asyncio.timeout(60):
            await watch(server, begin)
        return (time.process_time() - started_s) / server.flood * 1e6


class LastSeen:
    """A stream listener that counts events and knows the last one."""

    def __init__(self) -> None:
        self.events = 0
        self.is_over = asyncio.Event()

    def on_event(self, _stream: str, event: MarketEvent) -> None:
        """One event."""
        self.events += 1
        if isinstance(event, BookTickerEvent) and event.update_id == LAST_UPDATE_ID:
            self.is_over.set()

    def on_gap(self, _streams: Collection[str]) -> None:
        """Nothing is missed here."""


async def watch_ours(server: PushServer, begin: Begin) -> None:
    """MarketStreams, to its listener."""
    seen = LastSeen()
    streams = MarketStreams(server.stream_url, seen, server_ms=WallClock().now_ms, random=Random(1))  # noqa: S311 - it spreads retries
    try:
        await streams.subscribe(STREAMS)
        await begin()
        await seen.is_over.wait()
        if seen.events < server.flood:
            raise RuntimeError(f"only {seen.events} events came")
    finally:
        await streams.close()
