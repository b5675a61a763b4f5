"""SocketDoors: the WebSocket addresses of the simulated exchange, whatever leads to them, and every connection that came in by one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from binance_trade_agent.domain.errors import BookError, ExchangeRefusedError, RateLimitedError
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.faults.kinds import FaultKind, FaultPoint, Garbage
from binance_trade_agent.simulation.faults.plan import Fault
from binance_trade_agent.simulation.rest.rate_limits import CONNECTIONS, WindowCounter
from binance_trade_agent.simulation.rest.time_units import is_in_microseconds
from binance_trade_agent.simulation.sockets.frames import CloseCode
from binance_trade_agent.simulation.sockets.pulse import Pulse
from binance_trade_agent.simulation.sockets.rules import ConnectionRules
from binance_trade_agent.simulation.sockets.session import SocketSession
from binance_trade_agent.simulation.sockets.wire import Wire
from binance_trade_agent.simulation.streams.catalogue import StreamCatalogue
from binance_trade_agent.simulation.streams.connection import MarketStreamConnection
from binance_trade_agent.simulation.streams.hub import StreamHub
from binance_trade_agent.simulation.websocket_api.connection import CONNECT_WEIGHT, ApiConnection
from binance_trade_agent.simulation.websocket_api.user_data import UserDataHub

COMBINED, RAW, API = "/stream", "/ws", "/ws-api/v3"

_BAD_REQUEST, _NOT_FOUND, _TOO_MANY_REQUESTS, _UNAVAILABLE = 400, 404, 429, 503


class DoorClosedError(Exception):
    """The upgrade is refused with an HTTP status, and Retry-After where there is something to wait for."""

    def __init__(self, status: int, retry_after_s: int | None = None) -> None:
        super().__init__(f"the upgrade is refused with HTTP {status}")
        self.status = status
        self.retry_after_s = retry_after_s


class Connection(Protocol):
    """What all faces' connections can be told."""

    def announce_shutdown(self, now_ms: int) -> None:
        """Tell the client that the server is about to go."""
        ...


@dataclass(frozen=True, slots=True)
class Admission:
    """Leave to upgrade; the connection is then served by `run`, on a session of its own."""

    path: str
    ip: str
    run: Callable[[SocketSession], Awaitable[None]]
    counts_messages: bool


class SocketDoors:
    """Routes, counts and keeps connections; must be made with a running loop. `latency_s` is that of a round trip."""

    def __init__(self, exchange: SimulatedExchange, rules: ConnectionRules, latency_s: float) -> None:
        self._exchange = exchange
        self.rules = rules
        self.latency_s = latency_s
        self._pulse = Pulse(exchange.clock, exchange.advance, self._cut_everybody, rules.tick_ms)
        self.faults = exchange.faults
        self._hub = StreamHub(StreamCatalogue(exchange.venue), self._pulse, self.faults)
        self._user_data = UserDataHub(exchange.venue.engine.feed, self._pulse, self.faults, exchange.venue.engine.is_waiting)
        self._connects = WindowCounter(CONNECTIONS)
        self._connections: dict[SocketSession, Connection] = {}
        self._is_closing = False
        exchange.acts.doors.append(self)

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    def announce_shutdown(self) -> None:
        """Send `serverShutdown` to everybody."""
        now_ms = self._exchange.clock.now_ms()
        for connection in tuple(self._connections.values()):
            connection.announce_shutdown(now_ms)

    def cut(self, path: str | None = None) -> None:
        """Break every connection off, or those that came in by `path` (`/stream`, `/ws`, `/ws-api/v3`), as a network does."""
        for session in self._struck(FaultKind.CUT, path):
            session.cut()

    def stall(self, path: str | None = None) -> None:
        """Send nothing more on these connections and keep them open; what they send is still heard."""
        for session in self._struck(FaultKind.STALL, path):
            session.stall(is_stalled=True)

    def resume(self) -> None:
        """End every stall; what was not sent meanwhile is lost."""
        for session in self._connections:
            session.stall(is_stalled=False)

    def send_garbage(self, garbage: Garbage, path: str | None = None) -> None:
        """Send what no client should trip over."""
        for session in self._struck(FaultKind.GARBAGE, path):
            session.send(garbage.value)

    def _struck(self, kind: FaultKind, path: str | None) -> list[SocketSession]:
        """The connections that came in by `path`, each counted as struck."""
        fault = Fault(kind, path)
        sessions = [session for session in self._connections if fault.matches(session.path)]
        self.faults.struck[kind] += len(sessions)
        return sessions

    def _cut_everybody(self) -> None:
        """Silence would look like a quiet market."""
        for session in tuple(self._connections):
            session.cut()

    async def close(self) -> None:
        """End every connection, let none in any more, and end the pulse."""
        if not self._is_closing:
            self._exchange.acts.doors.remove(self)
        self._is_closing = True
        sessions = tuple(self._connections)
        for session in sessions:
            session.close(CloseCode.GOING_AWAY, "the server is shutting down")
        await asyncio.gather(*(session.wait_closed() for session in sessions))
        await self._pulse.close()

    def admit(self, path: str, query: Mapping[str, str], ip: str) -> Admission:
        """Leave for a client at `ip` to come in by `path`: web-socket-streams.md and web-socket-api.md; raises DoorClosedError."""
        if path in {COMBINED, f"{COMBINED}/"}:
            admission = self._streams(COMBINED, _stream_names(query), query, ip)
        elif path == RAW or path.startswith(f"{RAW}/"):
            admission = self._streams(RAW, path.removeprefix(RAW), query, ip)
        elif path == API:
            admission = self._api(query, ip)
        else:
            raise DoorClosedError(_NOT_FOUND)
        if self._is_closing:
            raise DoorClosedError(_UNAVAILABLE)
        self._count(ip)
        fault = self.faults.take(FaultPoint.UPGRADE, admission.path)
        if fault is not None:
            raise DoorClosedError(fault.status)
        return admission

    async def serve(self, admission: Admission, wire: Wire) -> None:
        """Serve a connection until it is over."""
        if self._is_closing:
            wire.abort()  # it came in while the doors were being closed
            return
        session = SocketSession(
            wire,
            self.rules,
            self.faults,
            ip=admission.ip,
            path=admission.path,
            latency_s=self.latency_s,
            counts_messages=admission.counts_messages,
        )
        try:
            await admission.run(session)
        except BookError:
            session.cut()  # what cannot be made durable is not answered
        finally:
            self._connections.pop(session, None)

    def _streams(self, path: str, names: str, query: Mapping[str, str], ip: str) -> Admission:
        in_microseconds = _is_in_microseconds(query)
        streams = [name for name in names.split("/") if name]
        if len(set(streams)) > self.rules.most_streams:
            raise DoorClosedError(_BAD_REQUEST)

        async def run(session: SocketSession) -> None:
            connection = MarketStreamConnection(
                session,
                self._hub,
                self._exchange.advance,
                self.faults,
                is_combined=path == COMBINED,
                in_microseconds=in_microseconds,
                most_streams=self.rules.most_streams,
            )
            self._connections[session] = connection
            await connection.run(streams)

        return Admission(path, ip, run, counts_messages=True)

    def _api(self, query: Mapping[str, str], ip: str) -> Admission:
        in_microseconds = _is_in_microseconds(query)
        shows_limits = query.get("returnRateLimits", "true") == "true"
        try:
            self._exchange.venue.limits.charge(ip, CONNECT_WEIGHT, self._exchange.clock.now_ms())
        except RateLimitedError as limited:
            raise DoorClosedError(limited.status, int(limited.retry_after_s)) from None

        async def run(session: SocketSession) -> None:
            connection = ApiConnection(
                session, self._exchange, self._user_data, self.faults, shows_limits=shows_limits, in_microseconds=in_microseconds
            )
            self._connections[session] = connection
            await connection.run()

        return Admission(API, ip, run, counts_messages=False)

    def _count(self, ip: str) -> None:
        """One attempt to connect; 429 when the address has made too many in this window."""
        now_ms = self._exchange.clock.now_ms()
        if self._connects.add(ip, 1, now_ms) > CONNECTIONS.most:
            raise DoorClosedError(_TOO_MANY_REQUESTS, self._connects.seconds_left(now_ms))


def _stream_names(query: Mapping[str, str]) -> str:
    """A plus sign, which a query shows as a space, belongs to the name of a time zone."""
    return query.get("streams", "").replace(" ", "+")


def _is_in_microseconds(query: Mapping[str, str]) -> bool:
    try:
        return is_in_microseconds(query.get("timeUnit"))
    except ExchangeRefusedError:
        raise DoorClosedError(_BAD_REQUEST) from None
