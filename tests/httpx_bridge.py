"""Bridges between our transports and httpx: scripted httpx transports under our client, and our transports under httpx.AsyncClient."""

import asyncio

import httpx

from binance_trade_agent.binance.rest_transport import RestRequest, RestResponse, RestTransport
from binance_trade_agent.binance.route import Route
from binance_trade_agent.domain.errors import FateUnknownError
from binance_trade_agent.domain.lane import Lane

PATIENCE_S = 30.0


async def fetched(transport: httpx.AsyncBaseTransport, request: RestRequest) -> RestResponse:
    """The answer of an httpx transport to one of our requests, within its deadline."""
    route = request.route
    url = f"{route.origin.scheme}://{route.origin.host}:{route.origin.port}{route.base_path}{request.path}"
    query = request.leaving_query()
    sent = httpx.Request(request.method, f"{url}?{query}" if query else url, headers=dict(route.headers), content=request.body)
    try:
        async with asyncio.timeout(request.timeout_s):
            response = await transport.handle_async_request(sent)
            await response.aread()
    except TimeoutError:
        raise FateUnknownError("no answer in time") from None
    return RestResponse(response.status_code, response.headers, response.content)


class Scripted:
    """RestTransport over an httpx transport, usually a MockTransport."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def fetch(self, request: RestRequest) -> RestResponse:
        return await fetched(self._transport, request)

    async def aclose(self) -> None:
        await self._transport.aclose()


class UnderHttpx(httpx.AsyncBaseTransport):
    """One of our transports for httpx.AsyncClient."""

    def __init__(self, transport: RestTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        base = f"{request.url.scheme}://{request.url.netloc.decode('ascii')}"
        route = Route(base, dict(request.headers))
        answer = await self._transport.fetch(
            RestRequest(request.method, path, query, route, Lane.MARKET_DATA, PATIENCE_S, await request.aread())
        )
        return httpx.Response(answer.status, headers=dict(answer.headers.items()), content=answer.body, request=request)

    async def aclose(self) -> None:
        await self._transport.aclose()
