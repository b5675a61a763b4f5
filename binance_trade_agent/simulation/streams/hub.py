"""StreamHub: who listens to which stream, and handing every event to all of them at once."""

from collections.abc import Callable, Iterable
from typing import Protocol

from binance_trade_agent.domain.candle_intervals import HOUR_MS
from binance_trade_agent.simulation.faults.kinds import FaultPoint
from binance_trade_agent.simulation.faults.plan import FaultPlan
from binance_trade_agent.simulation.sockets.event_faults import EventFaults
from binance_trade_agent.simulation.sockets.frames import damaged_frames
from binance_trade_agent.simulation.sockets.pulse import Pulse
from binance_trade_agent.simulation.streams.catalogue import StreamCatalogue
from binance_trade_agent.simulation.streams.event import StreamEvent
from binance_trade_agent.simulation.streams.source import StreamSource

LONGEST_LEAP_MS = 6 * HOUR_MS
"""When market time leaps by more in one tick (a machine that slept), connections are cut rather than flooded with what was missed."""


class Subscriber(Protocol):
    """A connection that listens."""

    def frame_of(self, event: StreamEvent) -> bytes:
        """The event as this connection wants it."""
        ...

    def send(self, frames: bytes) -> None:
        """Send whole frames."""
        ...

    def cut(self) -> None:
        """Break the connection off."""
        ...


class _Channel:
    """One stream: its source, None when the name means nothing, and its listeners in the order in which they came."""

    def __init__(self, source: StreamSource | None) -> None:
        self.source = source
        self.subscribers: dict[Subscriber, None] = {}


class StreamHub:
    """Streams are made when somebody subscribes and dropped when nobody is left; the pulse beats for the hub meanwhile."""

    def __init__(self, catalogue: StreamCatalogue, pulse: Pulse, faults: FaultPlan) -> None:
        self._catalogue = catalogue
        self._pulse = pulse
        self._faults = EventFaults(faults, FaultPoint.MARKET_EVENT, damaged_frames)
        self._channels: dict[str, _Channel] = {}
        self._ticked_ms = 0

    def subscribe(self, subscriber: Subscriber, stream: str, now_ms: int) -> None:
        """Let `subscriber` have the events of `stream` after `now_ms`, the exchange's present."""
        if not self._channels:
            self._ticked_ms = now_ms
            self._pulse.add(self.tick)
        channel = self._channels.get(stream)
        if channel is None:
            channel = self._channels[stream] = _Channel(self._catalogue.open(stream, now_ms))
        channel.subscribers[subscriber] = None

    def unsubscribe(self, subscriber: Subscriber, streams: Iterable[str]) -> None:
        """Let `subscriber` have these streams no more; names that it does not listen to are passed over."""
        for stream in streams:
            channel = self._channels.get(stream)
            if channel is None or subscriber not in channel.subscribers:
                continue
            del channel.subscribers[subscriber]
            if not channel.subscribers:
                del self._channels[stream]
                if channel.source is not None:
                    channel.source.close()
                if not self._channels:
                    self._pulse.remove(self.tick)

    def tick(self, now_ms: int) -> None:
        """Hand on what has happened in every stream that is due."""
        is_leap = now_ms - self._ticked_ms > LONGEST_LEAP_MS
        self._ticked_ms = now_ms
        if is_leap:
            self._cut_everybody()
            return
        outgoing: dict[Callable[[bytes], None], list[bytes]] = {}
        for stream, channel in self._channels.items():
            source = channel.source
            if source is None or source.due_ms > now_ms:
                continue
            for event in source.events(now_ms):
                event_to = [(subscriber.send, subscriber.frame_of(event)) for subscriber in channel.subscribers]
                for send, frames in event_to if self._faults.is_quiet else self._faults.passed(stream, event_to):
                    outgoing.setdefault(send, []).append(frames)
        for send, frames_of_tick in outgoing.items():
            send(b"".join(frames_of_tick))

    def _cut_everybody(self) -> None:
        for subscriber in {subscriber: None for channel in self._channels.values() for subscriber in channel.subscribers}:
            subscriber.cut()
