"""ccxt as its documents say to use it, pointed at the simulated exchange by nothing but addresses, key and secret."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import ccxt.pro as ccxt
from exchange_program import RunningExchange

SYMBOL = "BTC/USDT"

# What belongs to Binance's wallet and margin is asked for at other addresses (/sapi) and switched off by ccxt's own options.
_OPTIONS = {"fetchCurrencies": False, "fetchMargins": False, "fetchMarkets": {"types": ["spot"]}}


@asynccontextmanager
async def ccxt_binance(exchange: RunningExchange) -> AsyncIterator[Any]:
    client = ccxt.binance({"apiKey": exchange.key, "secret": exchange.secret, "options": _OPTIONS})
    client.urls["api"] |= {"public": f"{exchange.http}/api/v3", "private": f"{exchange.http}/api/v3"}
    client.urls["api"]["ws"] |= {"spot": f"{exchange.socket}/ws", "ws-api": {"spot": f"{exchange.socket}/ws-api/v3"}}
    try:
        await client.load_markets()
        yield client
    finally:
        await client.close()


async def price_at(client: Any, factor: float, symbol: str = SYMBOL) -> float:
    """The last price times `factor`, as the symbol's rules allow it."""
    last = await client.fetch_last_prices([symbol])
    return float(client.price_to_precision(symbol, last[symbol]["price"] * factor))


async def best_price(client: Any, side: str) -> float:
    """What a market order of this side would trade at."""
    best = (await client.fetch_bids_asks([SYMBOL]))[SYMBOL]
    return float(best["ask"] if side == "buy" else best["bid"])


async def inside_price(client: Any) -> float:
    """A bid better than every other, and still no taker."""
    return float(client.price_to_precision(SYMBOL, await best_price(client, "sell") + client.market(SYMBOL)["precision"]["price"]))


async def nudge(client: Any, side: str) -> None:
    """A small trade, so that the last price is the best one of that side."""
    await client.create_order(SYMBOL, "market", side, 0.0002)


def cost_of(trades: list[Any]) -> float:
    return sum(trade["cost"] for trade in trades)
