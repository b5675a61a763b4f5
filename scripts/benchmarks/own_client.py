"""Our own client as the benchmarks call it: AsyncBinanceClient with exact or typed results, over the pool that the daemon uses."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from benchmarks.canned import BALANCES, HELD_BALANCES, SYMBOL
from benchmarks.certificate import trusting
from benchmarks.measuring import Call
from benchmarks.web_server import WebServer
from binance_trade_agent.async_binance_client import AsyncBinanceClient, Connection
from binance_trade_agent.binance import endpoints
from binance_trade_agent.binance.http.transport import PooledTransport
from binance_trade_agent.binance.rest import RestCaller
from binance_trade_agent.ports.observer import NullObserver, Observer
from binance_trade_agent.simulation.clocks import WallClock

MAX_CONNECTIONS = 100
KEY, SECRET = "k" * 64, "s" * 64

HELD, EVERYTHING = f"account, {HELD_BALANCES} held", f"account, all {BALANCES}"
CALLS = ("price", "100 candles", "500 candles", HELD, EVERYTHING)
"""What all clients are asked: the last price, candles, and the signed account information without zeros and with them."""


@asynccontextmanager
async def open_client(server: WebServer, observer: Observer | None = None) -> AsyncIterator[AsyncBinanceClient]:
    """A client on `server`, its clock measured and its weight limit known, as the daemon has them after its start."""
    async with _opened(_connection(server, observer)) as client:
        yield client


@asynccontextmanager
async def own_calls(server: WebServer, observer: Observer | None = None) -> AsyncIterator[Mapping[str, Call]]:
    """The calls by name. The client never asks for balances of zero, so those are asked for below it."""
    connection = _connection(server, observer)
    rest = RestCaller(connection)
    async with _opened(connection) as client:
        yield {
            "price": lambda: client.get_latest_price(SYMBOL),
            "100 candles": lambda: client.get_klines(SYMBOL, "1m", limit=100),
            "500 candles": lambda: client.get_klines(SYMBOL, "1m", limit=500),
            HELD: client.get_account,
            EVERYTHING: lambda: rest.read(endpoints.ACCOUNT, {}),
        }


def _connection(server: WebServer, observer: Observer | None) -> Connection:
    observer = observer or NullObserver()
    transport = PooledTransport(
        max_connections=MAX_CONNECTIONS,
        max_keepalive=MAX_CONNECTIONS,
        pool_timeout_s=60,
        ssl_context=trusting(server.certificate),
        observer=observer,
    )
    return Connection(server.url, transport, WallClock(), KEY, SECRET, observer=observer)


@asynccontextmanager
async def _opened(connection: Connection) -> AsyncIterator[AsyncBinanceClient]:
    async with AsyncBinanceClient(connection) as client:
        await client.sync_clock()
        await client.get_exchange_info([SYMBOL])
        yield client
