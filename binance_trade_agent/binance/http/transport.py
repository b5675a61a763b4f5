"""HTTP/1.1 with a pool of our own, which loses no connection to cancelled requests and tells what was surely not sent."""

import asyncio
import ssl
from collections.abc import Callable
from functools import partial
from math import inf
from types import TracebackType
from typing import Final, Self

from binance_trade_agent.binance.http.connection import HttpConnection
from binance_trade_agent.binance.http.connector import HttpConnector
from binance_trade_agent.binance.http.pool import ConnectionPool, PoolBounds
from binance_trade_agent.binance.http.request import WireRequest, encode_request
from binance_trade_agent.binance.http.response import ResponseLimits, WireResponse
from binance_trade_agent.binance.rest_transport import RestRequest, RestResponse
from binance_trade_agent.binance.route import Origin
from binance_trade_agent.domain.errors import ConfigurationError, FateUnknownError, NotSentError
from binance_trade_agent.domain.lane import Lane
from binance_trade_agent.ports.observer import Observer

_RETRIED_METHODS: Final = frozenset({"GET"})


class PooledTransport:
    """RestTransport over pooled connections; `PooledHttpxTransport` is the same for `httpx.AsyncClient(transport=...)`.

    Three bounds hold for each request, measured by the running event loop's clock: `request_timeout_s`, or the request's own if that is
    shorter, for the whole, which a dripping body cannot stretch; within it `pool_timeout_s` for a connection of the pool to become free,
    and `connect_timeout_s` for opening one (DNS, TCP and TLS together). `order_connections` of the `max_connections` are kept for the
    lane of orders. `max_header_bytes` bounds headers, trailers and framing, `max_body_bytes` the body, encoded and decoded.

    A response is read and decoded (gzip, deflate) before it is returned, so it never holds a connection.

    Errors name method, host and path, never the query, headers or body:
    PoolTimeoutError: no connection became free in time.
    NotSentError: nothing of the request was written (no DNS, TCP or TLS, a refused header, a closed transport).
    FateUnknownError: the request was, or may have been, written, and no complete and well-formed response came.

    A server may close a kept connection in the very moment we use it. When that happens before a single byte of response, a GET is sent
    once more on a new connection, within the same deadline. Other methods never are: the exchange may have carried out what it did not
    answer. After any error or cancellation the connection is closed. HTTP proxies are not supported. The transport belongs to the event
    loop of its first request.
    """

    def __init__(
        self,
        *,
        max_connections: int = 100,
        order_connections: int = 0,
        max_keepalive: int = 20,
        keepalive_expiry_s: float = 25.0,
        pool_timeout_s: float = 5.0,
        connect_timeout_s: float = 5.0,
        request_timeout_s: float = 10.0,
        max_header_bytes: int = 64 * 1024,
        max_body_bytes: int = 32 * 1024 * 1024,
        ssl_context: ssl.SSLContext | None = None,
        observer: Observer | None = None,
    ) -> None:
        _require_positive(
            max_connections=max_connections,
            keepalive_expiry_s=keepalive_expiry_s,
            pool_timeout_s=pool_timeout_s,
            connect_timeout_s=connect_timeout_s,
            request_timeout_s=request_timeout_s,
            max_header_bytes=max_header_bytes,
            max_body_bytes=max_body_bytes,
        )
        if max_keepalive < 0:
            raise ConfigurationError(f"max_keepalive is {max_keepalive}; it must be 0 or more")
        if not 0 <= order_connections < max_connections:
            raise ConfigurationError(f"order_connections is {order_connections}; it must be 0 or more and below max_connections")
        self._pool: ConnectionPool[HttpConnection] = ConnectionPool(
            PoolBounds(max_connections, max_keepalive, keepalive_expiry_s, order_connections), observer
        )
        self._connector = HttpConnector(ResponseLimits(max_header_bytes, max_body_bytes), ssl_context, on_end=self._pool.discard)
        self._pool_timeout_s = pool_timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._request_timeout_s = request_timeout_s
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def in_use(self) -> int:
        """Connections that are serving a request or being opened for one."""
        return self._pool.in_use

    @property
    def idle(self) -> int:
        """Connections kept for later requests."""
        return self._pool.idle

    @property
    def waiting(self) -> int:
        """Requests that wait for a connection."""
        return self._pool.waiting

    @property
    def opened(self) -> int:
        """Connections opened so far."""
        return self._connector.opened

    @property
    def reused(self) -> int:
        """Requests so far that got a connection that had served before."""
        return self._pool.reused

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None = None,
        _error: BaseException | None = None,
        _traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()

    async def fetch(self, request: RestRequest) -> RestResponse:
        """Send `request` and return its whole response; errors as the class describes."""
        route = request.route
        try:
            wire = _encoded(request) if request.seal is None else partial(_encoded, request)
            return await self._send(request.lane, route.origin, wire, request.timeout_s, inf, inf, inf)
        except (NotSentError, FateUnknownError) as error:
            raise type(error)(f"{request.method} {route.origin.host}{route.base_path}{request.path}: {error}") from error.__cause__

    async def aclose(self) -> None:
        """Close all connections and wait until their sockets are gone; requests under way fail, those that wait are refused."""
        self._pool.close()
        await self._connector.aclose()

    async def _send(
        self,
        lane: Lane,
        origin: Origin,
        wire: WireRequest | Callable[[], WireRequest],
        timeout_s: float,
        pool_s: float,
        connect_s: float,
        answer_s: float,
    ) -> WireResponse:
        """The response to `wire`, or to what that makes once there is a connection.

        The four times shorten the transport's own bounds, `answer_s` from sending to the last byte.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._bind(loop)
        if timeout_s > self._request_timeout_s:
            timeout_s = self._request_timeout_s
        deadline_s = loop.time() + timeout_s
        pool = self._pool
        if pool.has_room(lane):
            connection = pool.take(lane, origin)
        else:
            connection = await pool.wait(lane, origin, min(timeout_s, self._pool_timeout_s, pool_s))
        is_new = connection is None
        try:
            if loop.time() >= deadline_s:
                raise NotSentError("no time was left to send anything")
            if connection is None:
                connection = await self._opened(origin, deadline_s, connect_s)
            ready = wire if isinstance(wire, WireRequest) else wire()  # nothing is awaited from here to the write
            try:
                response = await connection.send(ready, min(deadline_s, loop.time() + answer_s))
            except FateUnknownError as failure:
                if is_new or not connection.died_silently or ready.method not in _RETRIED_METHODS:
                    raise
                connection = await self._opened_again(failure, origin, deadline_s, connect_s)
                response = await connection.send(ready, min(deadline_s, loop.time() + answer_s))
        except BaseException:
            if connection is not None:
                connection.abort()
            pool.release(lane)
            raise
        pool.keep(lane, connection)
        return response

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not None:
            raise NotSentError("the transport belongs to another event loop")
        self._loop = loop

    async def _opened(self, origin: Origin, deadline_s: float, connect_s: float) -> HttpConnection:
        return await self._connector.open(origin, min(self._connect_timeout_s, connect_s), deadline_s)

    async def _opened_again(self, failure: FateUnknownError, origin: Origin, deadline_s: float, connect_s: float) -> HttpConnection:
        """A connection for the second try of a request whose first try failed with `failure`, which is raised when there is none."""
        try:
            return await self._opened(origin, deadline_s, connect_s)
        except NotSentError:
            raise failure from None  # the first try was sent all the same


def _encoded(request: RestRequest) -> WireRequest:
    """The request in bytes, its query completed now."""
    route, query = request.route, request.leaving_query()
    target = f"{route.base_path}{request.path}?{query}" if query else f"{route.base_path}{request.path}"
    return encode_request(request.method, target, route.lines, request.body)


def _require_positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise ConfigurationError(f"{name} is {value}; it must be greater than 0")
