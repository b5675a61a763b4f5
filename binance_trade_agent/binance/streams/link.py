"""Link: one WebSocket connection of market streams: decodes what comes, and knows which streams are confirmed and not silent."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final, Protocol

from binance_trade_agent.binance.streams.bounds import StreamBounds
from binance_trade_agent.binance.streams.control_messages import Answered, EventFrame, Foreign, ShutdownAnnounced, read_frame
from binance_trade_agent.binance.streams.event_routes import EventRoute, Gate
from binance_trade_agent.binance.streams.events import BookTickerEvent, MarketEvent
from binance_trade_agent.binance.streams.stream_names import StreamKind
from binance_trade_agent.binance.streams.subscription_talk import Refusal, SubscriptionTalk
from binance_trade_agent.binance.text_socket import Socket
from binance_trade_agent.binance.websocket import WebSocketListener
from binance_trade_agent.domain.errors import BadAnswerError, NotSentError
from binance_trade_agent.domain.stream_facts import StreamEnd

Opener = Callable[[WebSocketListener], Awaitable[Socket]]

# One event in so many of each stream is timed, beginning with the first. A power of two.
TIMED_EVERY: Final = 64
_TIMED_MASK: Final = TIMED_EVERY - 1
# A combined-stream message begins like this, and the stream's name follows.
_NAME_AT: Final = len(b'{"stream":"')
_STEADY_KINDS: Final = frozenset({StreamKind.KLINE, StreamKind.MINI_TICKER, StreamKind.AVERAGE_PRICE, StreamKind.DEPTH})


class Tally:
    """What links have counted since the last report."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Count from zero again."""
        self.messages: Counter[str] = Counter()
        self.faults = 0
        self.passed_over = 0
        self.listener_failures = 0


class LinkOwner(Protocol):
    """Who is told what happens on a link."""

    def on_timed_event(self, event_time_ms: int) -> None:
        """An event with this stamp has just come."""
        ...

    def on_route(self, link: "Link", route: EventRoute) -> None:
        """Events of this stream may come from now on."""
        ...

    def on_confirmed(self, link: "Link", streams: Collection[str]) -> None:
        """The exchange has confirmed these."""
        ...

    def on_refused(self, link: "Link", stream: str, refusal: Refusal) -> None:
        """The exchange will not have this one."""
        ...

    def on_settled(self, link: "Link") -> None:
        """All that is wanted has been asked for and answered."""
        ...

    def on_return(self, link: "Link", stream: str) -> None:
        """A stream that had been silent for too long is about to bring an event."""
        ...


class Link:
    """A connection that works towards `wanted`, which is the owner's. It ends once; `ended` then holds why, in words too.

    Events go straight to `on_event`, with as few calls between as can be: there may be thousands in a second.
    """

    def __init__(
        self, owner: LinkOwner, wanted: Collection[str], bounds: StreamBounds, tally: Tally, on_event: Callable[[str, MarketEvent], None]
    ) -> None:
        self._owner = owner
        self._on_event = on_event
        self._wanted = wanted
        self._bounds = bounds
        self._tally = tally
        self._loop = asyncio.get_running_loop()
        self.talk = SubscriptionTalk(wanted, bounds, self._send, self)
        self.ended: asyncio.Future[tuple[StreamEnd, str]] = self._loop.create_future()
        self.settled = asyncio.Event()
        self.settled_s: float | None = None
        self.shutdown_announced = asyncio.Event()
        self.opened_s = self._loop.time()
        self._confirmed: set[str] = set()
        self._routes: dict[bytes, EventRoute] = {}
        self._unconfirmed = _Unconfirmed()
        self._socket: Socket | None = None
        self._talking: asyncio.Task[None] | None = None
        self._checks = 0
        self._quiet_limit = max(1, round(bounds.silent_stream_s / bounds.check_interval_s))

    async def open(self, opener: Opener) -> None:
        """Connect and begin to ask; NotSentError when no connection came up."""
        self._socket = await opener(self)
        self.opened_s = self._loop.time()
        if not self.ended.done():
            self._talking = self._loop.create_task(self._talk())

    @property
    def is_up(self) -> bool:
        """Whether events can come."""
        return self._socket is not None and not self.ended.done()

    @property
    def received_s(self) -> float:
        """Loop time of the last sign of life."""
        return self._socket.received_s if self._socket is not None else self.opened_s

    @property
    def confirmed(self) -> Collection[str]:
        """The streams that the exchange has confirmed and that are still wanted."""
        return self._confirmed

    def is_live(self, stream: str) -> bool:
        """Whether `stream` is confirmed here, on a connection that is up, and not silent for too long."""
        if not self.is_up or stream not in self._confirmed:
            return False
        route = self.route_of(stream)
        return route is not None and route.quiet_checks < self._quiet_limit

    def route_of(self, stream: str) -> EventRoute | None:
        """The route of a stream that was asked for."""
        return self._routes.get(stream.encode())

    def want(self, streams: Collection[str]) -> None:
        """These are wanted from now on, perhaps again."""
        self.talk.renew([name for name in streams if self.route_of(name) is None])

    def forget(self, stream: str) -> None:
        """Deliver nothing more of `stream` from here, though it is wanted."""
        self._drop_route(stream)

    def drop(self, streams: Collection[str]) -> None:
        """These are not wanted any more; nothing of them is delivered from now on."""
        for name in streams:
            self._drop_route(name)
        self.talk.poke()

    def deliver(self, stream: str, events: Collection[MarketEvent]) -> None:
        """Deliver what was held back, unless the stream was dropped meanwhile."""
        route = self.route_of(stream)
        if route is not None:
            for event in events:
                self._deliver(route, event)

    def end(self, end: StreamEnd, detail: str) -> None:
        """Close the connection, for this reason when there was none before."""
        if not self.ended.done():
            self.ended.set_result((end, detail))
        if self._talking is not None:
            self._talking.cancel()
        if self._socket is not None:
            self._socket.close(detail)

    async def wait_closed(self) -> None:
        """Return when neither socket nor task is left."""
        if self._talking is not None:
            await asyncio.wait([self._talking])
        if self._socket is not None:
            await self._socket.wait_closed()

    def check(self) -> list[str]:
        """Count what came since the last check; return the streams that have just been silent for too long.

        Those are asked for once more, should the exchange have lost them. A connection on which nothing came at all is ended.
        """
        if self.is_up and self._loop.time() - self.received_s > self._bounds.silent_connection_s:
            self.end(StreamEnd.STALLED, f"nothing came for {self._bounds.silent_connection_s:g} s, not even a ping")
        silent = []
        for route in self._routes.values():
            fresh, route.checked = route.events - route.checked, route.events
            self._tally.messages[route.kind] += fresh
            if fresh or route.kind not in _STEADY_KINDS or route.name not in self._confirmed:
                route.quiet_checks = 0
                continue
            route.quiet_checks += 1
            if route.quiet_checks == self._quiet_limit:
                route.gate = _Silence(self, self._owner, route.gate)
                silent.append(route.name)
        self._checks += 1
        if self._checks % self._quiet_limit == 0:
            self.talk.renew(self.talk.refused)
        self.talk.renew(silent)
        return silent

    # What the WebSocket calls.

    def on_text(self, message: bytes) -> None:
        """A message; most are events, and those go the shortest way."""
        route = self._routes.get(message[_NAME_AT : message.find(b'"', _NAME_AT)])
        if route is None:
            self._take_other(message)
        else:
            self._take_event(route, message)

    def on_close(self, reason: str) -> None:
        """The connection has ended."""
        self.end(StreamEnd.LOST, reason)

    # What the talk calls.

    def on_asking(self, streams: Sequence[str]) -> None:
        """Events of these may come from now on."""
        for name in streams:
            if self.route_of(name) is None:
                route = self._routes[name.encode()] = EventRoute(name)
                route.gate = self._unconfirmed
                self._owner.on_route(self, route)

    def on_confirmed(self, streams: Sequence[str]) -> None:
        """The exchange has said yes."""
        heard = []
        for name in streams:
            route = self.route_of(name)
            if route is not None:
                heard.append(name)
                if route.gate is self._unconfirmed:
                    route.gate = None
        self._confirmed.update(heard)
        # Dropped and wanted again while the request was under way: it is asked for once more.
        self.talk.renew([name for name in streams if name not in self._confirmed and name in self._wanted])
        self._owner.on_confirmed(self, heard)

    def on_refused(self, streams: Sequence[str], refusal: Refusal) -> None:
        """The exchange has said no, to one or to some."""
        for name in streams:
            self._drop_route(name)
        if len(streams) == 1:
            self._owner.on_refused(self, streams[0], refusal)

    def on_settled(self) -> None:
        """All that is wanted has been answered."""
        if self.settled_s is None:
            self.settled_s = self._loop.time()
        self.settled.set()
        self._owner.on_settled(self)

    async def _talk(self) -> None:
        try:
            end, detail = await self.talk.run()
        except Exception as error:  # a defect: without the talk the connection would stay up and ask for nothing any more
            end, detail = StreamEnd.LOST, f"streams could not be asked for: {type(error).__name__}"
        self.end(end, detail)

    def _send(self, message: bytes) -> None:
        if self._socket is None:
            raise NotSentError("there is no connection")
        self._socket.send_text(message)

    def _drop_route(self, stream: str) -> None:
        self._confirmed.discard(stream)
        route = self._routes.pop(stream.encode(), None)
        if route is not None:
            self._tally.messages[route.kind] += route.events - route.checked

    def _take_event(self, route: EventRoute, message: bytes) -> None:
        try:
            event = route.decode(message)
        except BadAnswerError:
            self._take_misfit(route, message)
            return
        route.events = count = route.events + 1
        if count & _TIMED_MASK == 1 and not isinstance(event, BookTickerEvent):
            self._owner.on_timed_event(event.event_time_ms)
        if route.gate is None:
            self._deliver(route, event)
        else:
            for admitted in route.gate.admit(route, event):
                self._deliver(route, admitted)

    def _deliver(self, route: EventRoute, event: MarketEvent) -> None:
        route.last = event
        try:
            self._on_event(route.name, event)
        except Exception:  # a listener's defect is counted, and costs nobody the connection
            self._tally.listener_failures += 1

    def _take_misfit(self, route: EventRoute, message: bytes) -> None:
        """A frame of a known stream that is not the event it should be: an event of another type, or broken."""
        try:
            frame = read_frame(message)
        except BadAnswerError:
            self._tally.faults += 1
            return
        if isinstance(frame, EventFrame) and frame.event_type not in {route.event_type, None}:
            self._tally.passed_over += 1
        else:
            self._tally.faults += 1

    def _take_other(self, message: bytes) -> None:
        try:
            frame = read_frame(message)
        except BadAnswerError:
            self._tally.faults += 1
            return
        match frame:
            case Answered():
                self._tally.passed_over += not self.talk.take(frame)
            case ShutdownAnnounced():
                self.shutdown_announced.set()
            case EventFrame(stream):
                route = self.route_of(stream)
                if route is not None:  # spelt in another way, with blanks or escapes
                    self._take_event(route, message)
                else:
                    self._tally.passed_over += 1
            case Foreign():
                self._tally.passed_over += 1


class _Unconfirmed:
    """The gate of a stream that was asked for and not confirmed: what comes may be left over from an earlier subscription."""

    def admit(self, _route: EventRoute, _event: MarketEvent) -> Sequence[MarketEvent]:
        """Nothing."""
        return ()


class _Silence:
    """The gate of a stream that has been silent for too long; its next event opens it, and finds the gate that was there before."""

    def __init__(self, link: Link, owner: LinkOwner, inner: Gate | None) -> None:
        self._link = link
        self._owner = owner
        self._inner = inner

    def admit(self, route: EventRoute, event: MarketEvent) -> Sequence[MarketEvent]:
        """What the gate before would have let through, after the owner was told."""
        route.gate = self._inner
        route.quiet_checks = 0
        self._owner.on_return(self._link, route.name)
        return (event,) if self._inner is None else self._inner.admit(route, event)
