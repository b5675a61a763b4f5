"""Clients that want times in microseconds get them, from REST, streams and the WebSocket API."""

import asyncio
from typing import Any

from binance import AsyncClient
from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketAPI, ConfigurationWebSocketStreams
from binance_common.constants import TimeUnit
from binance_sdk_spot.spot import Spot
from exchange_program import RunningExchange
from features import Client, Feature, covers
from official_sdk import SYMBOL, streams, websocket_api
from python_binance import socket_manager
from waiting import within_patience

IN_MICROSECONDS = range(10**15, 10**17)
MICROSECONDS = TimeUnit.MICROSECOND


@covers(Feature.MICROSECONDS, client=Client.PYTHON_BINANCE)
async def test_python_binance(exchange: RunningExchange) -> None:
    addresses = {"API_URL": f"{exchange.http}/api", "WS_API_URL": f"{exchange.socket}/ws-api/v3"}
    client = type("Local", (AsyncClient,), addresses)(exchange.key, exchange.secret, time_unit="MICROSECOND")
    try:
        assert (await client.get_klines(symbol=SYMBOL, interval="1m", limit=1))[0][0] in IN_MICROSECONDS
        async with socket_manager(client, exchange).trade_socket(SYMBOL) as socket:
            assert (await within_patience(socket.recv()))["T"] in IN_MICROSECONDS
        assert (await client.ws_get_time())["serverTime"] in IN_MICROSECONDS
    finally:
        await client.close_connection()


@covers(Feature.MICROSECONDS, client=Client.SDK_REST)
def test_sdk_rest(exchange: RunningExchange) -> None:
    configuration = ConfigurationRestAPI(
        exchange.key, exchange.secret, base_path=exchange.http, timeout=10_000, time_unit=MICROSECONDS.value
    )
    rest = Spot(config_rest_api=configuration).rest_api
    assert rest.time().data().server_time in IN_MICROSECONDS
    assert rest.klines(symbol=SYMBOL, interval="1m", limit=1).data()[0][0] in IN_MICROSECONDS


@covers(Feature.MICROSECONDS, client=Client.SDK_API)
async def test_sdk_websocket_api(exchange: RunningExchange) -> None:
    configuration = ConfigurationWebSocketAPI(stream_url=f"{exchange.socket}/ws-api/v3", time_unit=MICROSECONDS)
    async with websocket_api(Spot(config_ws_api=configuration)) as api:
        assert (await api.time()).data().result.server_time in IN_MICROSECONDS


@covers(Feature.MICROSECONDS, client=Client.SDK_STREAMS)
async def test_sdk_streams(exchange: RunningExchange) -> None:
    configuration = ConfigurationWebSocketStreams(stream_url=exchange.socket, time_unit=MICROSECONDS)
    async with streams(Spot(config_ws_streams=configuration)) as connection:
        received: asyncio.Queue[Any] = asyncio.Queue()
        handle = await connection.trade(symbol=SYMBOL)
        handle.on("message", received.put_nowait)
        trade = await within_patience(received.get())
        assert trade.T in IN_MICROSECONDS
