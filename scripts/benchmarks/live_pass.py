"""A pass whose prices and candles streams have brought before: snapshots and decisions of many symbols, without a request."""

import statistics
import time
from collections.abc import Collection
from decimal import Decimal

from benchmarks import canned
from benchmarks.measuring import Plan, frozen_heap
from benchmarks.own_client import MAX_CONNECTIONS, open_client
from benchmarks.passes import RequestCount, symbols_of
from benchmarks.report import Table, Target
from benchmarks.web_server import WebServer
from binance_trade_agent.async_market_data_agent import AsyncMarketDataAgent
from binance_trade_agent.binance.streams.events import MiniTickerEvent
from binance_trade_agent.signal_agent import SignalAgent
from binance_trade_agent.strategies.catalogue import make_strategy

STRATEGY = "combined"
WINDOW = 150
"""Closed candles; the strategy needs 142 of them."""

LIMIT_MS = 50.0

_SERVER_MS = canned.START_MS + (WINDOW + 1) * canned.MINUTE_MS + 30_000
_NOTES = (
    f"The first pass has read {WINDOW} candles of every symbol by REST. Then a price of every symbol has come by its stream, no candle "
    f"has closed since, and each further pass makes a snapshot of every symbol and asks the strategy `{STRATEGY}` about it.",
)


class LiveStream:
    """A MarketStream that is live for whatever is asked of it."""

    async def subscribe(self, streams: Collection[str]) -> None:
        """Confirmed at once."""

    async def unsubscribe(self, streams: Collection[str]) -> None:
        """Confirmed at once."""

    def is_live(self, _stream: str) -> bool:
        """Always."""
        return True


async def live_pass_table(server: WebServer, count: int, plan: Plan) -> Table:
    """CPU time and requests of a pass over `count` symbols."""
    requests = RequestCount()
    symbols = symbols_of(count)
    signals = SignalAgent(make_strategy(STRATEGY))
    async with (
        open_client(server, requests) as client,
        AsyncMarketDataAgent(client, window=WINDOW, max_concurrency=MAX_CONNECTIONS, server_time_ms=lambda: _SERVER_MS) as agent,
    ):
        await agent.follow(LiveStream(), symbols)
        await agent.fetch_snapshots(symbols)
        for symbol in symbols:
            agent.listener.on_event(f"{symbol.lower()}@miniTicker", _price(symbol))
        before = requests.requests
        samples_s = []
        with frozen_heap():
            for _ in range(plan.rounds + 1):
                started_s = time.process_time()
                snapshots = await agent.fetch_snapshots(symbols)
                decided = [signals.decide(snapshot) for snapshot in snapshots.values()]
                samples_s.append(time.process_time() - started_s)
        reckoned = sum(bool(signal.indicators) for signal in decided)
        if reckoned != count:
            raise RuntimeError(f"{reckoned} of {count} symbols were decided on: {snapshots.errors}")
        asked = requests.requests - before
    cpu_ms = statistics.median(samples_s[1:]) * 1e3
    targets = [
        Target(f"pass over {count} symbols from streams: CPU, ms", cpu_ms, LIMIT_MS),
        Target(f"pass over {count} symbols from streams: requests", asked, 0),
    ]
    return Table("One pass from streams", ("", "CPU, ms", "requests"), [[f"{count} symbols", cpu_ms, asked]], targets, _NOTES)


def _price(symbol: str) -> MiniTickerEvent:
    prices = [Decimal("100.25")] * 4
    return MiniTickerEvent(_SERVER_MS, symbol, *prices, Decimal(1000), Decimal(100_000))
