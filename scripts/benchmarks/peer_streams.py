"""The peers' own ways to follow best prices over a WebSocket, as their documents show them."""

from collections.abc import Mapping

import ccxt.pro as ccxt
from binance import AsyncClient, BinanceSocketManager

from benchmarks.own_client import KEY, SECRET
from benchmarks.push_server import LAST_UPDATE_ID, SYMBOLS, PushServer
from benchmarks.stream import STREAMS, Begin, Watch


async def python_binance(server: PushServer, begin: Begin) -> None:
    """python-binance's socket manager, with a queue that holds the whole flood, because it ends the connection when its queue is full."""
    client = AsyncClient(KEY, SECRET)
    try:
        manager = BinanceSocketManager(client, max_queue_size=2 * server.flood)
        manager.STREAM_URL = f"{server.stream_url}/"
        async with manager.multiplex_socket(list(STREAMS)) as socket:
            await begin()
            while (await socket.recv())["data"]["u"] != LAST_UPDATE_ID:
                pass
    finally:
        await client.close_connection()


async def ccxt_pro(server: PushServer, begin: Begin) -> None:
    """ccxt.pro's best prices of some symbols; between two of our turns it takes in all messages and shows the newest."""
    options = {"fetchCurrencies": False, "fetchMarkets": {"types": ["spot"]}, "fetchMargins": False}
    exchange = ccxt.binance({"enableRateLimit": False, "cafile": str(server.certificate), "options": options})
    exchange.urls["api"]["ws"]["spot"] = f"{server.stream_url}/ws"
    exchange.urls["api"]["public"] = f"{server.order_url}/api/v3"
    await exchange.load_markets()
    names = [f"{symbol.removesuffix('USDT')}/USDT" for symbol in SYMBOLS]
    try:
        is_first, is_over = True, False
        while not is_over:
            tickers = await exchange.watch_bids_asks(names)
            if is_first:
                is_first = False
                await begin()
            is_over = any(int(ticker["info"]["u"]) == LAST_UPDATE_ID for ticker in tickers.values())
    finally:
        await exchange.close()


PEERS: Mapping[str, Watch] = {"python-binance": python_binance, "ccxt.pro": ccxt_pro}
