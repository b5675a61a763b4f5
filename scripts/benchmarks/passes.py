"""`bench pass`: wall time of one pass over many symbols by REST, against the least that latency and pool allow, beside stock httpx."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence

import httpx

from benchmarks import canned
from benchmarks.certificate import trusting
from benchmarks.measuring import Plan, frozen_heap, on_core
from benchmarks.own_client import MAX_CONNECTIONS, open_client
from benchmarks.report import Table, Target
from benchmarks.web_server import WebServer, web_server
from binance_trade_agent.async_binance_client import AsyncBinanceClient
from binance_trade_agent.async_market_data_agent import AsyncMarketDataAgent
from binance_trade_agent.binance.symbol_lists import portions
from binance_trade_agent.domain.facts import RequestDone

LATENCY_MS = 50
CANDLES = 100
LIMITS = {5: 1.1, 50: 1.3, 500: 1.4}

_NOTES = (
    f"Prices and {CANDLES} candles of every symbol by REST, with nothing in memory, over TLS connections that are open already. The server "
    f"answers {LATENCY_MS} ms after it was asked. The limit is ceil(requests / {MAX_CONNECTIONS}) x {LATENCY_MS} ms, for the requests that "
    "we make; httpx asks for prices and candles one by one, all at once, and its first pass over 500 symbols is its only one.",
)


class RequestCount:
    """Counts the requests that a client reports."""

    def __init__(self) -> None:
        self.requests = 0

    def observe(self, fact: object) -> None:
        """Take note of one fact."""
        self.requests += isinstance(fact, RequestDone)


async def measure(plan: Plan) -> list[Table]:
    """By REST, and from streams."""
    from benchmarks.live_pass import live_pass_table

    with web_server(latency_ms=LATENCY_MS, answers=price_answers(max(LIMITS))) as server, on_core(0):
        return [await pass_table(server, LATENCY_MS, LIMITS, plan, with_httpx=True), await live_pass_table(server, max(LIMITS), plan)]


def symbols_of(count: int) -> list[str]:
    """Made-up symbols."""
    return [f"S{index:04}USDT" for index in range(count)]


def price_answers(most: int) -> dict[str, bytes]:
    """What the server says of every list of prices that may be asked for."""
    lists = [portion for count in (*LIMITS, most) for portion in portions(symbols_of(count))]
    answers = {f"price-{each[0]}.json": canned.prices(each) for each in sorted(lists, key=len)}
    return {**answers, "price-all.json": canned.prices(symbols_of(most))}


async def pass_table(server: WebServer, latency_ms: int, limits: dict[int, float], plan: Plan, *, with_httpx: bool) -> Table:
    """Wall times by the number of symbols, from a server with this latency."""
    rows, targets = [], []
    count = RequestCount()
    async with open_client(server, count) as client:
        await asyncio.gather(*(client.get_latest_price(canned.SYMBOL) for _ in range(MAX_CONNECTIONS)))  # opens the connections
        for symbols, limit in limits.items():
            wall_s, cpu_s, requests = await _own_pass(client, count, symbols_of(symbols), plan)
            least_s = -(-requests // MAX_CONNECTIONS) * latency_ms / 1000
            row = [f"{symbols} symbols", requests, least_s * 1e3, wall_s * 1e3, wall_s / least_s, cpu_s * 1e3]
            if with_httpx:
                httpx_s = await _httpx_pass(server, symbols_of(symbols), plan)
                row += [httpx_s * 1e3, httpx_s / least_s]
            rows.append(row)
            targets.append(Target(f"pass over {symbols} symbols: wall time / limit", wall_s / least_s, limit))
    columns = ("", "requests", "limit, ms", "ours, ms", "ours / limit", "ours, CPU ms", "stock httpx, ms", "httpx / limit")
    return Table("One pass by REST", columns if with_httpx else columns[:6], rows, targets, _NOTES)


async def _own_pass(client: AsyncBinanceClient, count: RequestCount, symbols: Sequence[str], plan: Plan) -> tuple[float, float, int]:
    """Median wall and CPU seconds, and the requests of one pass."""
    samples = []

    async def one() -> None:
        async with AsyncMarketDataAgent(
            client, window=CANDLES, max_concurrency=MAX_CONNECTIONS, server_time_ms=client.server_time_ms
        ) as agent:
            snapshots = await agent.fetch_snapshots(symbols)
            if len(snapshots) != len(symbols):
                raise RuntimeError(f"a pass brought {len(snapshots)} of {len(symbols)} snapshots: {snapshots.errors}")

    before = count.requests
    await one()
    requests = count.requests - before
    with frozen_heap():
        for _ in range(plan.rounds):
            samples.append(await _timed(one))
    wall_s, cpu_s = (statistics.median(column) for column in zip(*samples, strict=True))
    return wall_s, cpu_s, requests


async def _httpx_pass(server: WebServer, symbols: Sequence[str], plan: Plan) -> float:
    """Median wall seconds of stock httpx."""
    limits = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS)
    async with httpx.AsyncClient(base_url=server.url, verify=trusting(server.certificate), limits=limits, timeout=600) as client:

        async def get(path: str, params: dict[str, str]) -> object:
            response = await client.get(path, params=params)
            response.raise_for_status()
            return response.json()

        async def one() -> None:
            asked = [get("/api/v3/ticker/price", {"symbol": symbol}) for symbol in symbols]
            asked += [get("/api/v3/klines", {"symbol": symbol, "interval": "1m", "limit": "100"}) for symbol in symbols]
            await asyncio.gather(*asked)

        rounds = min(plan.rounds, max(1, 100 // len(symbols)))
        if rounds > 1:
            await one()
        return statistics.median([(await _timed(one))[0] for _ in range(rounds)])


async def _timed(action: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    await action()
    return time.perf_counter() - started_s, time.process_time() - started_cpu_s
