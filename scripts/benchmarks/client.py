"""`bench client`: CPU time a REST call costs, ours beside the peers', and how it changes with the requests in flight."""

from collections.abc import Mapping
from contextlib import AsyncExitStack

from benchmarks.measuring import Call, Plan, cost_us, on_core
from benchmarks.own_client import CALLS, EVERYTHING, HELD, own_calls
from benchmarks.report import Table, Target
from benchmarks.web_server import WebServer, web_server
from binance_trade_agent.telemetry.metrics import MetricsObserver

OURS, MEASURED = "ours", "ours, with metrics"
IN_FLIGHT = 10
QUEUES = (1, 10, 100, 500)
MOST_GROWTH = 1.2

_ACCOUNT = {"python-binance": 0.45, "ccxt": 0.14, "stock httpx + json": 0.06}
RATIOS = {
    "price": {"python-binance": 0.35, "ccxt": 0.3, "stock httpx + json": 0.04},
    "100 candles": {"python-binance": 0.5, "ccxt": 0.25, "stock httpx + json": 0.08},
    "500 candles": {"python-binance": 0.65, "ccxt": 0.22, "stock httpx + json": 0.25},
    HELD: _ACCOUNT,
    EVERYTHING: _ACCOUNT,
}

_NOTES = (
    f"CPU time of the client process, user and system, {IN_FLIGHT} requests in flight over TLS to nginx on another core, at most 100 "
    "connections each, uvloop, medians of rounds in which all take turns. Everybody gets the same bytes: one price, candles, and an "
    "account: what it holds (omitZeroBalances, as our client asks), or all of its 500 balances. Results are typed (Decimal, candles in "
    "floats) for us, and what each peer's documents promise for the others: ccxt's unified prices, candles and balances in floats, "
    "pydantic models from the official SDK, text from the rest.",
)


async def measure(plan: Plan) -> list[Table]:
    """The two tables."""
    from benchmarks.peers import PEERS

    with web_server() as server, on_core(0):
        async with AsyncExitStack() as stack:
            clients = {OURS: await stack.enter_async_context(own_calls(server))}
            clients[MEASURED] = await stack.enter_async_context(own_calls(server, MetricsObserver()))
            for name, peer in PEERS.items():
                clients[name] = await stack.enter_async_context(peer(server))
            return [await calls_table(clients, plan), await queue_table(clients[OURS], plan)]


async def calls_table(clients: Mapping[str, Mapping[str, Call]], plan: Plan) -> Table:
    """Every call of every client."""
    costs = {kind: await cost_us({name: calls[kind] for name, calls in clients.items()}, IN_FLIGHT, plan) for kind in CALLS}
    rows = []
    for name in clients:
        row: list[str | float] = [name]
        for kind in CALLS:
            row += [costs[kind][name], costs[kind][OURS] / costs[kind][name]]
        rows.append(row)
    columns = ["CPU a call, us", *(text for kind in CALLS for text in (kind, "ours / this"))]
    targets = [
        Target(f"{kind}: ours / {peer}", costs[kind][OURS] / costs[kind][peer], limit)
        for kind, limits in RATIOS.items()
        for peer, limit in limits.items()
        if peer in clients
    ]
    return Table("REST calls", columns, rows, targets, _NOTES)


async def queue_table(calls: Mapping[str, Call], plan: Plan) -> Table:
    """The price with more and more requests at once."""
    costs = [(await cost_us({OURS: calls["price"]}, in_flight, plan))[OURS] for in_flight in QUEUES]
    growth = max(later / earlier for index, earlier in enumerate(costs) for later in costs[index:])
    row = ["price, CPU a call, us", *costs]
    notes = ("On at most 100 connections, so that of 500 requests 400 wait. Growth is the largest step from fewer requests to more.",)
    target = Target("growth with requests in flight", growth, MOST_GROWTH)
    return Table("Requests in flight", ["", *(f"{count} in flight" for count in QUEUES)], [row], [target], notes)


async def measure_own(plan: Plan, server: WebServer) -> Table:
    """Our side alone."""
    async with own_calls(server) as calls:
        return await calls_table({OURS: calls}, plan)
