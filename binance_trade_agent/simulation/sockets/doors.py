"""SocketDoors: the WebSocket addresses of the simulated exchange on its HTTP server, and every connection that came in by them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import WSCloseCode, web

from binance_trade_agent.domain.errors import BookError, RateLimitedError
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.rest.rate_limits import WindowCounter
from binance_trade_agent.simulation.sockets.faults import Garbage, SocketFaultKind, SocketFaults
from binance_trade_agent.simulation.sockets.pulse import Pulse
from binance_trade_agent.simulation.sockets.rules import CONNECTIONS, ConnectionRules
from binance_trade_agent.simulation.sockets.session import SocketSession
from binance_trade_agent.simulation.streams.catalogue import StreamCatalogue
from binance_trade_agent.simulation.streams.connection import MarketStreamConnection
from binance_trade_agent.simulation.streams.hub import StreamHub
from binance_trade_agent.simulation.websocket_api.connection import CONNECT_WEIGHT, ApiConnection
from binance_trade_agent.simulation.websocket_api.user_data import UserDataHub

_TIME_UNITS = {"MILLISECOND": False, "millisecond": False, "MICROSECOND": True, "microsecond": True}


class Connection(Protocol):
    """What all faces' connections can be told."""

    def announce_shutdown(self, now_ms: int) -> None:
        """Tell the client that the server is about to go."""
        ...


class SocketDoors:
    """Routes, counts and keeps the connections of one server; must be made with a running loop."""

    def __init__(self, exchange: SimulatedExchange, rules: ConnectionRules, latency_s: float) -> None:
        self._exchange = exchange
        self._rules = rules
        self._latency_s = latency_s
        self._pulse = Pulse(exchange.clock, exchange.advance, self._cut_everybody)
        self.faults = SocketFaults()
        self._hub = StreamHub(StreamCatalogue(exchange.venue.engine, exchange.venue.market), self._pulse, self.faults)
        self._user_data = UserDataHub(exchange.venue.engine.feed, self._pulse, self.faults)
        self._connects = WindowCounter(CONNECTIONS)
        self._connections: dict[SocketSession, Connection] = {}
        self._is_closing = False

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    def add_to(self, application: web.Application) -> None:
        """Add the addresses of web-socket-streams.md and web-socket-api.md."""
        router = application.router
        router.add_get("/stream", self._combined)
        router.add_get("/stream/", self._combined)
        router.add_get("/ws", self._raw)
        router.add_get("/ws/{streams:.*}", self._raw)
        router.add_get("/ws-api/v3", self._api)

    def announce_shutdown(self) -> None:
        """Send `serverShutdown` to everybody."""
        now_ms = self._exchange.clock.now_ms()
        for connection in tuple(self._connections.values()):
            connection.announce_shutdown(now_ms)

    def cut(self, path: str | None = None) -> None:
        """Break every connection off, or those that came in by `path` (`/stream`, `/ws`, `/ws-api/v3`), as a network does."""
        for session in self._struck(SocketFaultKind.CUT, path):
            session.cut()

    def stall(self, path: str | None = None) -> None:
        """Send nothing more on these connections and keep them open; what they send is still heard."""
        for session in self._struck(SocketFaultKind.STALL, path):
            session.stall(is_stalled=True)

    def resume(self) -> None:
        """End every stall; what was not sent meanwhile is lost."""
        for session in self._connections:
            session.stall(is_stalled=False)

    def send_garbage(self, garbage: Garbage, path: str | None = None) -> None:
        """Send what no client should trip over."""
        for session in self._struck(SocketFaultKind.GARBAGE, path):
            session.send(garbage.value)

    def _struck(self, kind: SocketFaultKind, path: str | None) -> list[SocketSession]:
        """The connections that came in by `path`, each counted as struck."""
        sessions = [session for session in self._connections if path is None or session.path.startswith(path)]
        self.faults.struck[kind] += len(sessions)
        return sessions

    def _cut_everybody(self) -> None:
        """Silence would look like a quiet market."""
        for session in tuple(self._connections):
            session.cut()

    async def close(self) -> None:
        """End every connection, let none in any more, and end the pulse."""
        self._is_closing = True
        sessions = tuple(self._connections)
        for session in sessions:
            session.close(WSCloseCode.GOING_AWAY, "the server is shutting down")
        await asyncio.gather(*(session.wait_closed() for session in sessions))
        await self._pulse.close()

    async def _combined(self, request: web.Request) -> web.StreamResponse:
        return await self._serve_streams(request, request.query.get("streams", ""), is_combined=True)

    async def _raw(self, request: web.Request) -> web.StreamResponse:
        return await self._serve_streams(request, request.match_info.get("streams", ""), is_combined=False)

    async def _serve_streams(self, request: web.Request, names: str, *, is_combined: bool) -> web.StreamResponse:
        in_microseconds = _TIME_UNITS.get(request.query.get("timeUnit", "MILLISECOND"))
        streams = [name for name in names.split("/") if name]
        if in_microseconds is None or len(set(streams)) > self._rules.most_streams:
            raise web.HTTPBadRequest

        async def run(session: SocketSession) -> None:
            connection = MarketStreamConnection(
                session,
                self._hub,
                self._exchange.advance,
                self.faults,
                is_combined=is_combined,
                in_microseconds=in_microseconds,
                most_streams=self._rules.most_streams,
            )
            self._connections[session] = connection
            await connection.run(streams)

        return await self._serve(request, run, counts_messages=True)

    async def _api(self, request: web.Request) -> web.StreamResponse:
        if _TIME_UNITS.get(request.query.get("timeUnit", "MILLISECOND")) is not False:
            raise web.HTTPBadRequest  # answers are those of the REST face, which has milliseconds alone
        shows_limits = request.query.get("returnRateLimits", "true") == "true"
        ip, limits = request.remote or "", self._exchange.venue.limits
        try:
            limits.charge(ip, CONNECT_WEIGHT, self._exchange.clock.now_ms())
        except RateLimitedError as limited:
            raise web.HTTPTooManyRequests(headers={"Retry-After": str(int(limited.retry_after_s))}) from None

        async def run(session: SocketSession) -> None:
            connection = ApiConnection(session, self._exchange, self._user_data, self.faults, shows_limits=shows_limits)
            self._connections[session] = connection
            await connection.run()

        return await self._serve(request, run, counts_messages=False)

    async def _serve(
        self, request: web.Request, run: Callable[[SocketSession], Awaitable[None]], *, counts_messages: bool
    ) -> web.StreamResponse:
        if self._is_closing:
            raise web.HTTPServiceUnavailable
        self._count(request.remote or "")
        fault = self.faults.take({SocketFaultKind.REFUSE_UPGRADE}, request.path)
        if fault is not None:
            return web.Response(status=fault.status)
        await asyncio.sleep(self._latency_s)
        socket = web.WebSocketResponse(
            timeout=self._rules.close_timeout_s, autoping=False, compress=False, max_msg_size=self._rules.most_message_bytes
        )
        await socket.prepare(request)
        if request.transport is None:
            return socket  # gone already
        session = SocketSession(
            socket,
            request.transport,
            self._rules,
            ip=request.remote or "",
            path=request.path,
            latency_s=self._latency_s,
            counts_messages=counts_messages,
        )
        try:
            await run(session)
        except BookError:
            session.cut()  # what cannot be made durable is not answered
        finally:
            self._connections.pop(session, None)
        return socket

    def _count(self, ip: str) -> None:
        """One attempt to connect; 429 when the address has made too many in this window."""
        now_ms = self._exchange.clock.now_ms()
        if self._connects.add(ip, 1, now_ms) > CONNECTIONS.most:
            raise web.HTTPTooManyRequests(headers={"Retry-After": str(self._connects.seconds_left(now_ms))})
