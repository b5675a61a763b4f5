"""python-binance's AsyncClient as its documents say to use it, pointed at the simulated exchange by nothing but addresses and key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from binance import AsyncClient, BinanceSocketManager
from exchange_program import RunningExchange

D = Decimal
SYMBOL = "BTCUSDT"
QUANTITY = "0.002"


@asynccontextmanager
async def python_binance(exchange: RunningExchange) -> AsyncIterator[AsyncClient]:
    addresses = {"API_URL": f"{exchange.http}/api", "WS_API_URL": f"{exchange.socket}/ws-api/v3"}
    client = await type("Local", (AsyncClient,), addresses).create(exchange.key, exchange.secret)
    try:
        yield client
        await client.cancel_all_open_orders(symbol=SYMBOL) if await client.get_open_orders(symbol=SYMBOL) else None
    finally:
        await client.close_connection()


def socket_manager(client: AsyncClient, exchange: RunningExchange) -> BinanceSocketManager:
    addresses = {"STREAM_URL": f"{exchange.socket}/"}
    return type("LocalSockets", (BinanceSocketManager,), addresses)(client)


async def price_at(client: AsyncClient, factor: str) -> str:
    """The last price times `factor`, in whole ticks."""
    last = D((await client.get_symbol_ticker(symbol=SYMBOL))["price"])
    tick = await _tick(client)
    return str(last * D(factor) // tick * tick)


async def _tick(client: AsyncClient) -> Decimal:
    info = await client.get_symbol_info(SYMBOL)
    assert info is not None
    return D(next(each["tickSize"] for each in info["filters"] if each["filterType"] == "PRICE_FILTER"))


async def best_price(client: AsyncClient, side: str) -> str:
    """What a market order of this side would trade at."""
    best = await client.get_orderbook_ticker(symbol=SYMBOL)
    return str(best["askPrice"] if side == "BUY" else best["bidPrice"])


async def inside_price(client: AsyncClient) -> str:
    """A bid better than every other, and still no taker."""
    return str(D(await best_price(client, "SELL")) + await _tick(client))


async def nudge(client: AsyncClient, side: str) -> None:
    """A small trade, so that the last price is the best one of that side."""
    await client.order_market(symbol=SYMBOL, side=side, quantity="0.0002")


async def buy(client: AsyncClient, quantity: str = "0.008") -> Any:
    """Something to sell."""
    return await client.order_market_buy(symbol=SYMBOL, quantity=quantity)
