"""PooledTransport for the httpx API: a thin layer that turns httpx requests into ours and our responses into those of httpx."""

from collections.abc import Mapping
from math import inf
from typing import Final

import httpx

from binance_trade_agent.binance.http.request import encode_headers, encode_request
from binance_trade_agent.binance.http.response import WireResponse
from binance_trade_agent.binance.http.transport import PooledTransport
from binance_trade_agent.binance.route import DEFAULT_PORTS, Origin
from binance_trade_agent.domain.errors import FateUnknownError, NotSentError
from binance_trade_agent.domain.lane import Lane

_FRAMING: Final = frozenset({b"transfer-encoding"})
_FRAMING_AND_CODING: Final = frozenset({b"transfer-encoding", b"content-encoding", b"content-length"})


class PooledHttpxTransport(PooledTransport, httpx.AsyncBaseTransport):
    """Our pool under `httpx.AsyncClient(transport=...)`, with the bounds and errors of PooledTransport.

    `request.extensions["timeout"]` may shorten the bounds: `pool`, `connect`, and `read` for the time from sending to the end of the
    response. All requests go in the lane of market data, as httpx knows of none. The headers of a response no longer name the transfer
    coding, nor a content coding that was undone.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` and return its whole response."""
        url = request.url
        try:
            origin = _origin(url)
            body = await request.aread()
            lines = encode_headers(url.netloc, request.headers.raw)
            wire = encode_request(request.method, url.raw_path.decode("ascii"), lines, body)
            timeouts: Mapping[str, float | None] = request.extensions.get("timeout") or {}
            response = await self._send(
                Lane.MARKET_DATA, origin, wire, inf, *(_wish(timeouts.get(name)) for name in ("pool", "connect", "read"))
            )
        except (NotSentError, FateUnknownError) as error:
            # The query is left out, because it carries signatures.
            place = f"{request.method} {url.host}{url.raw_path.partition(b'?')[0].decode('ascii')}"
            raise type(error)(f"{place}: {error}") from error.__cause__
        return _for_httpx(response)


def _for_httpx(response: WireResponse) -> httpx.Response:
    undone = _FRAMING_AND_CODING if response.was_coded else _FRAMING
    head = response.headers
    return httpx.Response(
        response.status,
        headers=[item for item in head.items() if item[0].lower() not in undone],
        content=response.body,
        extensions={"http_version": head.http_version, "reason_phrase": head.reason},
    )


def _origin(url: httpx.URL) -> Origin:
    default_port = DEFAULT_PORTS.get(url.scheme)
    if default_port is None or not url.host:
        raise NotSentError("only http and https URLs with a host can be requested")
    return Origin(url.scheme, url.raw_host.decode("ascii"), url.port or default_port)


def _wish(timeout_s: float | None) -> float:
    return inf if timeout_s is None else timeout_s
