"""`bench tick`: from a market event on the wire to the bytes of an order on the wire, through the real parts, with a decision between."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from random import Random

from benchmarks.certificate import trusting
from benchmarks.measuring import Plan, frozen_heap, on_core
from benchmarks.own_client import KEY, MAX_CONNECTIONS, SECRET
from benchmarks.push_server import SYMBOLS, PushServer, push_server
from benchmarks.report import Table, Target
from binance_trade_agent.async_binance_client import AsyncBinanceClient, Connection
from binance_trade_agent.binance.candle_series import CandleSeries
from binance_trade_agent.binance.http.transport import PooledTransport
from binance_trade_agent.binance.streams.events import CandleEvent, MarketEvent
from binance_trade_agent.binance.streams.market_streams import MarketStreams
from binance_trade_agent.domain.order import OrderIntent, OrderType, Purpose, Side
from binance_trade_agent.domain.risk import Approved, Reservation
from binance_trade_agent.domain.signal import Action, Opinion
from binance_trade_agent.portfolio_manager import PortfolioManager
from binance_trade_agent.ports.observer import NullObserver
from binance_trade_agent.simulation.clocks import WallClock
from binance_trade_agent.storage.book_store import SqliteBookStore
from binance_trade_agent.storage.database import open_database
from binance_trade_agent.strategies.catalogue import make_strategy
from binance_trade_agent.trade_execution_agent import TradeExecutionAgent

PER_SECOND = 1_000
PER_SECOND_WITH_JOURNAL = 50
SECONDS = 5
LIMIT_MS = 2.0
STRATEGY = "combined"
WINDOW = 150
"""Closed candles; the strategy needs 142 of them."""

_SYMBOL = SYMBOLS[0]
_SEND_WITHIN_MS = 60_000
_NOTES = (
    "Wire to wire: the clock starts when a server writes a `kline` event that closes a candle to a TLS WebSocket, and stops when the same "
    "server, in another process on another core, reads the order that it led to from a TLS connection. Between them are both kernels' "
    f"sockets, MarketStreams, CandleSeries ({WINDOW} candles), the strategy `{STRATEGY}`, an intent, and AsyncBinanceClient.place_order "
    "with its signature. Every event is decided on and answered by a MARKET order, whatever the opinion was, so that each can be timed. "
    "Connections are open before; the first second, in which the window fills, is not counted. The journal's row commits intent and SEND "
    "with synchronous=FULL before it sends, on this machine's disk, at a pace that it can keep.",
)

Place = Callable[[OrderIntent], Awaitable[object]]


async def measure(plan: Plan) -> list[Table]:
    """One table."""
    rows = []
    with on_core(0):
        for name, per_second, opened in (
            ("decision and order", PER_SECOND, without_journal),
            ("with the journal", PER_SECOND_WITH_JOURNAL, with_journal),
        ):
            with push_server(ticks=per_second * SECONDS, per_second=per_second) as server:
                rows.append([name, per_second, *await latencies_ms(server, per_second * SECONDS, opened)])
    target = Target(f"p99 at {PER_SECOND:,} events a second, ms", rows[0][4], LIMIT_MS)
    columns = ("market event to order, ms", "events a second", "median", "p95", "p99", "p99.9", "orders", "CPU an event, us")
    return [Table("From tick to order", columns, rows, [target], _NOTES)]


async def latencies_ms(
    server: PushServer, ticks: int, opened: Callable[[AsyncBinanceClient], AbstractAsyncContextManager[Place]]
) -> tuple[float, float, float, float, int, float]:
    """Median, p95, p99, p99.9 and the number of orders, after the first second; and our CPU time an event in microseconds."""
    async with AsyncExitStack() as stack:
        transport = PooledTransport(
            max_connections=MAX_CONNECTIONS, max_keepalive=MAX_CONNECTIONS, ssl_context=trusting(server.certificate)
        )
        connection = Connection(server.order_url, transport, WallClock(), KEY, SECRET)
        client = await stack.enter_async_context(AsyncBinanceClient(connection))
        await client.sync_clock()
        await client.get_exchange_info([_SYMBOL])
        await asyncio.gather(*(client.ping() for _ in range(MAX_CONNECTIONS)))
        place = await stack.enter_async_context(opened(client))
        trader = Trader(place, ticks)
        streams = MarketStreams(server.stream_url, trader, server_ms=client.server_time_ms, random=Random(1))  # noqa: S311 - it spreads retries
        stack.push_async_callback(streams.close)
        with frozen_heap():
            await streams.subscribe([f"{_SYMBOL.lower()}@kline_1m"])
            started_s = time.process_time()
            async with asyncio.timeout(10 * SECONDS + 10):
                await trader.is_done.wait()
            cpu_us = (time.process_time() - started_s) / ticks * 1e6
    sent, arrived = server.moments()
    waits_ms = sorted((arrived[number] - sent[number]) / 1e6 for number in arrived if number >= max(WINDOW, server.per_second))
    cuts = statistics.quantiles(waits_ms, n=1_000, method="inclusive")
    return cuts[499], cuts[949], cuts[989], cuts[998], len(waits_ms), cpu_us


class Trader:
    """A stream listener that keeps candles, asks the strategy at each closed one, and places an order."""

    def __init__(self, place: Place, ticks: int) -> None:
        self.is_done = asyncio.Event()
        self._place = place
        self._left = ticks
        self._number = 0
        self._series = CandleSeries(_SYMBOL, 60_000, WINDOW)
        self._strategy = make_strategy(STRATEGY)
        self._orders: set[asyncio.Task[None]] = set()

    def on_event(self, _stream: str, event: MarketEvent) -> None:
        """A closed candle: decide, and act in a task of its own."""
        if isinstance(event, CandleEvent) and event.is_closed:
            self._series.extend((event.candle,), is_restart=False)
            opinion = self._strategy.evaluate(self._series.window)
            if len(self._series.window) == WINDOW and not opinion.indicators:
                raise RuntimeError(f"the strategy did not decide: {opinion.reason}")
            task = asyncio.get_running_loop().create_task(self._order(opinion, event))
            self._orders.add(task)
            task.add_done_callback(self._orders.discard)

    def on_gap(self, _streams: Collection[str]) -> None:
        """Nothing is missed here."""

    async def _order(self, opinion: Opinion, event: CandleEvent) -> None:
        side = Side.SELL if opinion.action is Action.SELL else Side.BUY
        number, self._number = self._number, self._number + 1
        intent = OrderIntent(
            client_order_id=f"bench-{number}",
            symbol=_SYMBOL,
            side=side,
            type=OrderType.MARKET,
            quantity=Decimal(1),
            reference_price=Decimal(str(event.candle.close)),
            purpose=Purpose.ENTRY,
            created_ms=event.event_time_ms,
            correlation_id="bench",
            reason=opinion.reason,
        )
        try:
            await self._place(intent)
        finally:
            self._left -= 1
            if self._left == 0:
                self.is_done.set()


@asynccontextmanager
async def without_journal(client: AsyncBinanceClient) -> AsyncIterator[Place]:
    """Orders straight to the client."""

    async def place(intent: OrderIntent) -> object:
        return await client.place_order(intent, send_deadline_ms=client.server_time_ms() + _SEND_WITHIN_MS)

    yield place


@asynccontextmanager
async def with_journal(client: AsyncBinanceClient) -> AsyncIterator[Place]:
    """Orders through the execution agent, journaled on disk first."""
    rules = await client.get_exchange_info([_SYMBOL])
    with tempfile.TemporaryDirectory(prefix="bench-", dir=Path.cwd()) as folder:
        async with open_database(f"{folder}/book.sqlite", inline=False, clock=WallClock()) as database:
            store = SqliteBookStore(database, new_epoch=lambda: "bench")
            book = PortfolioManager(store, quote_asset="USDT", rules=rules, observer=NullObserver(), clock=WallClock())
            await book.open()
            agent = TradeExecutionAgent(client, book, gate=lambda _intent: None, clock=WallClock())

            async def place(intent: OrderIntent) -> object:
                reservation = Reservation(intent.client_order_id, intent.symbol, intent.reference_price)
                return await agent.execute(Approved(intent, reservation))

            yield place
