"""`bench tick`: from a market event on the wire to the bytes of an order on the wire, through the real parts, with a decision between."""

import asyncio
import re
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from decimal import Decimal
from pathlib import Path
from random import Random
from unittest.mock import patch

from picows import WSFrame, WSTransport

from benchmarks.certificate import trusting
from benchmarks.measuring import Plan, frozen_heap, on_core
from benchmarks.own_client import KEY, MAX_CONNECTIONS, SECRET
from benchmarks.push_server import SYMBOLS, PushServer, push_server
from benchmarks.report import Table, Target
from binance_trade_agent.async_binance_client import AsyncBinanceClient, Connection
from binance_trade_agent.binance.candle_series import CandleSeries
from binance_trade_agent.binance.http.connection import HttpConnection
from binance_trade_agent.binance.http.request import WireRequest
from binance_trade_agent.binance.http.response import WireResponse
from binance_trade_agent.binance.http.transport import PooledTransport
from binance_trade_agent.binance.streams.events import CandleEvent, MarketEvent
from binance_trade_agent.binance.streams.market_streams import MarketStreams
from binance_trade_agent.binance.websocket import WebSocket
from binance_trade_agent.domain.order import OrderIntent, OrderType, Purpose, Side
from binance_trade_agent.domain.risk import Approved, Reservation
from binance_trade_agent.domain.signal import Action, Opinion
from binance_trade_agent.portfolio_manager import PortfolioManager
from binance_trade_agent.ports.observer import NullObserver
from binance_trade_agent.sending_desk import SendingDesk
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
_ORDER_NUMBER = re.compile(rb"newClientOrderId=bench-(\d+)&")
_SEND_WITHIN_MS = 60_000
_NOTES = (
    "In process: the clock starts when the first frame of a read from a TLS WebSocket is handed over, a `kline` event that closes a"
    " candle, and stops when the order that it led to has been given to its TLS connection. Between them are MarketStreams, "
    f"CandleSeries ({WINDOW} candles), the strategy `{STRATEGY}`, an intent, and AsyncBinanceClient.place_order with its signature. "
    "Wire to wire: from a server's writing of the event to its reading of the order, in another process on another core, which "
    "spins and so is put aside now and then for some milliseconds by the system. Every event is decided on and answered by a MARKET"
    " order, whatever the opinion was, so that each can be timed. Connections are open before; the first second, in which the "
    "window fills, is not counted. The journal's rows commit intent and SEND with synchronous=FULL before it sends, on this "
    "machine's disk, at a pace that it can keep.",
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
                rows += [[f"{name}, {way}", per_second, *figures] for way, figures in await latencies(server, per_second * SECONDS, opened)]
    target = Target(f"p99 in process at {PER_SECOND:,} events a second, ms", rows[0][4], LIMIT_MS)
    columns = ("market event to order, ms", "events a second", "median", "p95", "p99", "p99.9", "orders", "CPU an event, us")
    return [Table("From tick to order", columns, rows, [target], _NOTES)]


async def latencies(
    server: PushServer, ticks: int, opened: Callable[[AsyncBinanceClient], AbstractAsyncContextManager[Place]]
) -> list[tuple[str, tuple[float, float, float, float, int, float]]]:
    """In process and wire to wire: median, p95, p99, p99.9 (ms) and number of orders after the first second, our CPU time an event (us)."""
    watch = Stopwatch()
    async with AsyncExitStack() as stack:
        stack.enter_context(watch.running())
        transport = PooledTransport(
            max_connections=MAX_CONNECTIONS, max_keepalive=MAX_CONNECTIONS, ssl_context=trusting(server.certificate)
        )
        connection = Connection(server.order_url, transport, WallClock(), KEY, SECRET)
        client = await stack.enter_async_context(AsyncBinanceClient(connection))
        await client.sync_clock()
        await client.get_exchange_info([_SYMBOL])
        await asyncio.gather(*(client.ping() for _ in range(MAX_CONNECTIONS)))
        place = await stack.enter_async_context(opened(client))
        trader = Trader(place, ticks, watch)
        streams = MarketStreams(server.stream_url, trader, server_ms=client.server_time_ms, random=Random(1))  # noqa: S311 - it spreads retries
        stack.push_async_callback(streams.close)
        with frozen_heap():
            await streams.subscribe([f"{_SYMBOL.lower()}@kline_1m"])
            started_s = time.process_time()
            async with asyncio.timeout(10 * SECONDS + 10):
                await trader.is_done.wait()
            cpu_us = (time.process_time() - started_s) / ticks * 1e6
    first = max(WINDOW, server.per_second)
    ways = {"in process": (watch.came, watch.left), "wire to wire": server.moments()}
    return [(way, (*_quantiles_ms(begun, ended, first), cpu_us)) for way, (begun, ended) in ways.items()]


def _quantiles_ms(begun: Mapping[int, int], ended: Mapping[int, int], first: int) -> tuple[float, float, float, float, int]:
    waits_ms = [(ended[number] - begun[number]) / 1e6 for number in ended if number >= first]
    cuts = statistics.quantiles(waits_ms, n=1_000, method="inclusive")
    return cuts[499], cuts[949], cuts[989], cuts[998], len(waits_ms)


class Stopwatch:
    """Notes when the event behind each order came into this process, and when the order was given to its connection (ns)."""

    def __init__(self) -> None:
        self.came: dict[int, int] = {}
        self.left: dict[int, int] = {}
        self._read_ns = 0
        self._is_new_read = True

    def note_event(self, number: int) -> None:
        """The event that is handed over just now leads to order `number`."""
        self.came[number] = self._read_ns

    @contextmanager
    def running(self) -> Iterator[None]:
        """Within it frames and requests are noted as they pass."""
        take_frame, send = WebSocket.on_ws_frame, HttpConnection.send

        def noted_frame(socket: WebSocket, transport: WSTransport, frame: WSFrame) -> None:
            if self._is_new_read:
                self._read_ns = time.monotonic_ns()
            self._is_new_read = frame.last_in_buffer
            take_frame(socket, transport, frame)

        def noted_send(connection: HttpConnection, request: WireRequest, deadline_s: float) -> asyncio.Future[WireResponse]:
            answer = send(connection, request, deadline_s)
            if (found := _ORDER_NUMBER.search(request.payload)) is not None:
                self.left[int(found[1])] = time.monotonic_ns()
            return answer

        with patch.object(WebSocket, "on_ws_frame", noted_frame), patch.object(HttpConnection, "send", noted_send):
            yield


class Trader:
    """A stream listener that keeps candles, asks the strategy at each closed one, and places an order."""

    def __init__(self, place: Place, ticks: int, watch: Stopwatch) -> None:
        self._watch = watch
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
            number, self._number = self._number, self._number + 1
            self._watch.note_event(number)
            task = asyncio.get_running_loop().create_task(self._order(number, opinion, event))
            self._orders.add(task)
            task.add_done_callback(self._orders.discard)

    def on_gap(self, _streams: Collection[str]) -> None:
        """Nothing is missed here."""

    async def _order(self, number: int, opinion: Opinion, event: CandleEvent) -> None:
        side = Side.SELL if opinion.action is Action.SELL else Side.BUY
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
            desk = SendingDesk(book, gate=lambda _intent: None, server_time_ms=client.server_time_ms, clock=WallClock())
            agent = TradeExecutionAgent(client, desk)

            async def place(intent: OrderIntent) -> object:
                reservation = Reservation(intent.client_order_id, intent.symbol, intent.reference_price)
                return await agent.execute(Approved(intent, reservation))

            yield place
