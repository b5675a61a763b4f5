"""Other libraries as their documents say to use them, pointed at the local server: the same calls, results in their own form."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp
import ccxt.async_support as ccxt
import httpx
from binance import AsyncClient
from binance_common.configuration import ConfigurationRestAPI
from binance_sdk_spot.spot import Spot
from httpx_aiohttp import HttpxAiohttpClient

from benchmarks.canned import SYMBOL
from benchmarks.certificate import trusting
from benchmarks.measuring import Call
from benchmarks.own_client import EVERYTHING, HELD, KEY, MAX_CONNECTIONS, SECRET
from benchmarks.web_server import WebServer
from binance_trade_agent.binance.signing import HmacSigner

Peer = Callable[[WebServer], AbstractAsyncContextManager[Mapping[str, Call]]]

_SDK_THREADS = 10
_CCXT_SYMBOL = "BTC/USDT"


@asynccontextmanager
async def python_binance(server: WebServer) -> AsyncIterator[Mapping[str, Call]]:
    """python-binance's AsyncClient: dictionaries of text."""
    local = type("Local", (AsyncClient,), {"API_URL": f"{server.url}/api"})
    connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS, ssl=trusting(server.certificate))
    client = await local.create(KEY, SECRET, session_params={"connector": connector})
    try:
        yield {
            "price": lambda: client.get_symbol_ticker(symbol=SYMBOL),
            "100 candles": lambda: client.get_klines(symbol=SYMBOL, interval="1m", limit=100),
            "500 candles": lambda: client.get_klines(symbol=SYMBOL, interval="1m", limit=500),
            HELD: lambda: client.get_account(omitZeroBalances="true"),
            EVERYTHING: client.get_account,
        }
    finally:
        await client.close_connection()


@asynccontextmanager
async def ccxt_binance(server: WebServer) -> AsyncIterator[Mapping[str, Call]]:
    """ccxt: prices, candles and balances in floats, by its unified methods."""
    options = {"fetchCurrencies": False, "fetchMarkets": {"types": ["spot"]}, "fetchMargins": False}
    config = {"apiKey": KEY, "secret": SECRET, "enableRateLimit": False, "cafile": str(server.certificate), "options": options}
    async with ccxt.binance(config) as exchange:
        exchange.urls["api"] |= {"public": f"{server.url}/api/v3", "private": f"{server.url}/api/v3"}
        await exchange.load_markets()
        yield {
            "price": lambda: exchange.fetch_last_prices([_CCXT_SYMBOL], {"symbols": f'["{SYMBOL}"]'}),
            "100 candles": lambda: exchange.fetch_ohlcv(_CCXT_SYMBOL, "1m", limit=100),
            "500 candles": lambda: exchange.fetch_ohlcv(_CCXT_SYMBOL, "1m", limit=500),
            HELD: lambda: exchange.fetch_balance({"omitZeroBalances": "true"}),
            EVERYTHING: exchange.fetch_balance,
        }


@asynccontextmanager
async def official_sdk(server: WebServer) -> AsyncIterator[Mapping[str, Call]]:
    """The official SDK in threads, because it has no asynchronous REST client: pydantic models."""
    config = ConfigurationRestAPI(api_key=KEY, api_secret=SECRET, base_path=server.url, timeout=10_000)
    rest = Spot(config_rest_api=config).rest_api
    os.environ["REQUESTS_CA_BUNDLE"] = str(server.certificate)  # requests reads it again for every request
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(_SDK_THREADS) as threads:

        def in_thread(ask: Callable[[], Any]) -> Call:
            return lambda: loop.run_in_executor(threads, lambda: ask().data())

        yield {
            "price": in_thread(lambda: rest.ticker_price(symbol=SYMBOL)),
            "100 candles": in_thread(lambda: rest.klines(symbol=SYMBOL, interval="1m", limit=100)),
            "500 candles": in_thread(lambda: rest.klines(symbol=SYMBOL, interval="1m", limit=500)),
            HELD: in_thread(lambda: rest.get_account(omit_zero_balances=True)),
            EVERYTHING: in_thread(rest.get_account),
        }


@asynccontextmanager
async def stock_httpx(server: WebServer) -> AsyncIterator[Mapping[str, Call]]:
    """httpx.AsyncClient as it comes, with its own JSON: dictionaries of text."""
    limits = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS)
    context = trusting(server.certificate)
    async with httpx.AsyncClient(base_url=server.url, verify=context, limits=limits, timeout=60) as client:
        yield httpx_calls(client)


@asynccontextmanager
async def httpx_over_aiohttp(server: WebServer) -> AsyncIterator[Mapping[str, Call]]:
    """The httpx API over aiohttp's connections."""
    limits = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS)
    context = trusting(server.certificate)
    async with HttpxAiohttpClient(base_url=server.url, verify=context, limits=limits, timeout=60) as client:
        yield httpx_calls(client)


def httpx_calls(client: httpx.AsyncClient) -> Mapping[str, Call]:
    """The calls by hand on an httpx client, signed as Binance's documents show it."""
    signer = HmacSigner(SECRET)

    async def get(path: str, params: dict[str, str], headers: dict[str, str] | None = None) -> object:
        response = await client.get(path, params=params, headers=headers)
        response.raise_for_status()
        return response.json()

    async def account(**wishes: str) -> object:
        query = urlencode({**wishes, "recvWindow": "5000", "timestamp": "1780000000000"})
        url = f"/api/v3/account?{query}&signature={signer.sign(query.encode())}"
        response = await client.get(url, headers={"X-MBX-APIKEY": KEY})
        response.raise_for_status()
        return response.json()

    return {
        "price": lambda: get("/api/v3/ticker/price", {"symbol": SYMBOL}),
        "100 candles": lambda: get("/api/v3/klines", {"symbol": SYMBOL, "interval": "1m", "limit": "100"}),
        "500 candles": lambda: get("/api/v3/klines", {"symbol": SYMBOL, "interval": "1m", "limit": "500"}),
        HELD: lambda: account(omitZeroBalances="true"),
        EVERYTHING: account,
    }


PEERS: Mapping[str, Peer] = {
    "python-binance": python_binance,
    "ccxt": ccxt_binance,
    "stock httpx + json": stock_httpx,
    "httpx-aiohttp + json": httpx_over_aiohttp,
    "official SDK": official_sdk,
}
