"""MarketStreamConnection: one connection's subscriptions, its answers to control messages, and how it wants its events."""

from collections.abc import Callable, Collection
from typing import Any

import orjson

from binance_trade_agent.simulation.faults.kinds import FaultPoint
from binance_trade_agent.simulation.faults.passage import ErrorAnswer
from binance_trade_agent.simulation.faults.plan import FaultPlan
from binance_trade_agent.simulation.sockets.answering import Answering
from binance_trade_agent.simulation.sockets.frames import text_frame
from binance_trade_agent.simulation.sockets.session import SocketSession
from binance_trade_agent.simulation.streams.control import ControlError, ControlMethod, ControlRequest, parse_control, too_many_streams
from binance_trade_agent.simulation.streams.event import StreamEvent
from binance_trade_agent.simulation.streams.hub import StreamHub

SHUTDOWN_STREAM = "!serverShutdown"


class MarketStreamConnection:
    """Between one session and the hub. `advance` brings the exchange to the present and returns its time."""

    def __init__(
        self,
        session: SocketSession,
        hub: StreamHub,
        advance: Callable[[], int],
        faults: FaultPlan,
        *,
        is_combined: bool,
        in_microseconds: bool,
        most_streams: int,
    ) -> None:
        self._session = session
        self._hub = hub
        self._advance = advance
        self._answering = Answering(session, faults, FaultPoint.STREAM_CONTROL, lambda: 0, lambda: None)
        self._is_combined = is_combined
        self._in_microseconds = in_microseconds
        self._most_streams = most_streams
        self._streams: dict[str, None] = {}

    async def run(self, streams: Collection[str]) -> None:
        """Serve until the connection is over, beginning with the streams named in its address."""
        try:
            self._subscribe(streams)
            await self._session.run(self._receive)
        finally:
            self._hub.unsubscribe(self, self._streams)

    def frame_of(self, event: StreamEvent) -> bytes:
        """The event as this connection wants it."""
        return event.frame(is_combined=self._is_combined, in_microseconds=self._in_microseconds)

    def send(self, frames: bytes) -> None:
        """Send whole frames."""
        self._session.send(frames)

    def cut(self) -> None:
        """Break the connection off."""
        self._session.cut()

    def announce_shutdown(self, now_ms: int) -> None:
        """Tell the client that the server is about to go (web-socket-streams.md, "Server Shutdown")."""
        self.send(self.frame_of(StreamEvent(SHUTDOWN_STREAM, {"e": "serverShutdown", "E": now_ms})))

    def _receive(self, text: str) -> None:
        try:
            request = parse_control(text)
        except ControlError as error:
            self._session.send(text_frame(orjson.dumps(error.answer)))
            return

        def carry_out(_checked_ms: int | None) -> bytes:
            return self._answered(request) if self._session.is_open else b""

        self._answering.serve(request.method, carry_out, _not_answered)

    def _answered(self, request: ControlRequest) -> bytes:
        try:
            return orjson.dumps({"result": self._carry_out(request), "id": request.id})
        except ControlError as error:
            return orjson.dumps(error.answer)

    def _carry_out(self, request: ControlRequest) -> Any:
        match request.method:
            case ControlMethod.SUBSCRIBE:
                self._subscribe(request.streams)
            case ControlMethod.UNSUBSCRIBE:
                self._hub.unsubscribe(self, request.streams)
                for stream in request.streams:
                    self._streams.pop(stream, None)
            case ControlMethod.LIST_SUBSCRIPTIONS:
                return list(self._streams)
            case ControlMethod.GET_PROPERTY:
                return self._is_combined
            case ControlMethod.SET_PROPERTY:
                self._is_combined = request.combined
        return None

    def _subscribe(self, streams: Collection[str]) -> None:
        wanted = {stream: None for stream in streams if stream not in self._streams}
        if len(self._streams) + len(wanted) > self._most_streams:
            raise too_many_streams(self._most_streams)
        if not wanted:
            return
        now_ms = self._advance()
        for stream in wanted:
            self._hub.subscribe(self, stream, now_ms)
        self._streams.update(wanted)


def _not_answered(error: ErrorAnswer) -> bytes:
    raise AssertionError("no fault answers a control message in the exchange's name")
