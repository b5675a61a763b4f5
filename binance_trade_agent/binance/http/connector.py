"""Opens HTTP connections (DNS, TCP, TLS), and keeps account of every socket until it is gone."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final

from binance_trade_agent.binance.http.connection import HttpConnection
from binance_trade_agent.binance.http.response import ResponseLimits
from binance_trade_agent.binance.http.tls_layer import TlsLayer
from binance_trade_agent.binance.route import Origin
from binance_trade_agent.domain.errors import NotSentError

# Aborted sockets are gone after a turn of the loop; this only bounds the wait should one not be.
CLOSE_WAIT_S: Final = 2.0

READ_BUFFER_BYTES: Final = 256 * 1024
"""Most answers fit in at once; larger ones come in several pieces."""


class HttpConnector:
    """Opens connections; `on_end` is called once for each that will never be usable again.

    TLS uses `ssl_context`, or else the system's trusted authorities, loaded once when they are first needed.
    """

    def __init__(self, limits: ResponseLimits, ssl_context: ssl.SSLContext | None, on_end: Callable[[HttpConnection], None]) -> None:
        self._limits = limits
        self._buffer = memoryview(bytearray(READ_BUFFER_BYTES))
        self._encrypted = memoryview(bytearray(READ_BUFFER_BYTES))
        self._ssl_context = ssl_context
        self._on_end = on_end
        self._alive: dict[HttpConnection, None] = {}
        self._opened = 0
        self._closed = False

    @property
    def opened(self) -> int:
        """Connections that came up so far, TLS included."""
        return self._opened

    async def open(self, origin: Origin, timeout_s: float, deadline_s: float) -> HttpConnection:
        """A new connection, up within `timeout_s` and before `deadline_s` (loop time).

        Raises NotSentError whatever goes wrong: nothing of a request has been written. A cancelled caller leaves no socket.
        """
        loop = asyncio.get_running_loop()
        connection = HttpConnection(origin, self._limits, self._buffer, self)
        layer = TlsLayer(self._context(), origin.host, connection, self._encrypted) if origin.scheme == "https" else None
        try:
            async with asyncio.timeout_at(min(deadline_s, loop.time() + timeout_s)):
                await loop.create_connection(lambda: layer or connection, origin.host, origin.port)
                if layer is not None:
                    await layer.up
        except BaseException as error:
            connection.abort()  # a loop closes what it has begun; this holds should one not
            if layer is not None:
                layer.abort()
            if isinstance(error, TimeoutError):
                raise NotSentError("no connection came up in time") from None
            if isinstance(error, Exception):
                raise NotSentError(f"no connection came up: {type(error).__name__}: {error}") from error
            raise
        if self._closed:
            connection.abort()
            raise NotSentError("the transport was closed")
        self._opened += 1
        # Counted only now: uvloop never reports the end of a connection whose opening was cancelled in the moment it came up.
        if not connection.closed.done():
            self._alive[connection] = None
        return connection

    async def aclose(self) -> None:
        """Abort every connection and wait until the sockets are gone."""
        self._closed = True
        for connection in list(self._alive):
            connection.abort("the transport was closed")
        if self._alive:
            await asyncio.wait([connection.closed for connection in self._alive], timeout=CLOSE_WAIT_S)

    def connection_ended(self, connection: HttpConnection) -> None:
        """A connection will never be usable again."""
        self._on_end(connection)

    def connection_closed(self, connection: HttpConnection) -> None:
        """A connection's socket is gone."""
        self._alive.pop(connection, None)

    def _context(self) -> ssl.SSLContext:
        if self._ssl_context is None:
            self._ssl_context = ssl.create_default_context()
        return self._ssl_context
