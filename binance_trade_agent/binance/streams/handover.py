"""Handover: one stream goes from an old connection to a new one while both bring it, with no event lost, doubled or out of order.

Each connection brings a stream's events in order and without holes from the moment it was subscribed. What the new one brings is held
until the old one has reached the first of it. From then on the events of either continue what was delivered, and an event is taken from
whichever connection brings it first, when it comes after the last one delivered.

What orders a stream: trade ids, aggregate trade ids, update ids (bookTicker `u`, depth final `u`); for mini tickers and average prices,
which have no id, the event time; for candles event time, open time and whether the candle is closed.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final, assert_never

from binance_trade_agent.binance.streams.event_routes import EventRoute
from binance_trade_agent.binance.streams.events import (
    AggregateTradeEvent,
    AveragePriceEvent,
    BookTickerEvent,
    CandleEvent,
    DepthEvent,
    MarketEvent,
    MiniTickerEvent,
    TradeEvent,
)
from binance_trade_agent.binance.streams.stream_names import StreamKind

# Their newest event says all there is to know, so that skipping those before it loses nothing.
_WHOLE_STATES: Final = frozenset({StreamKind.BOOK_TICKER, StreamKind.MINI_TICKER, StreamKind.AVERAGE_PRICE})

# Events of one stream that are held for a connection that lags. When more come, the oldest are forgotten and a gap is told.
MOST_HELD: Final = 1_000

OrderKey = tuple[int, ...]


def order_key(event: MarketEvent) -> OrderKey:
    """Where an event stands among those of its stream: larger comes later, equal is the same event."""
    match event:
        case BookTickerEvent():
            return (event.update_id,)
        case TradeEvent():
            return (event.trade_id,)
        case AggregateTradeEvent():
            return (event.aggregate_trade_id,)
        case DepthEvent():
            return (event.final_update_id,)
        case MiniTickerEvent() | AveragePriceEvent():
            return (event.event_time_ms,)
        case CandleEvent():
            return (event.event_time_ms, event.candle.open_time_ms, int(event.is_closed))
        case _:
            assert_never(event)


class Handover:
    """The gate of one stream's two routes. `is_level` tells that the new connection's events continue what was delivered."""

    def __init__(self, old: EventRoute, new: EventRoute) -> None:
        self.old = old
        self.new = new
        self.is_level = False
        self._delivered = None if old.last is None else order_key(old.last)
        self._held: deque[MarketEvent] = deque(maxlen=MOST_HELD)
        self._survivor: EventRoute | None = None
        old.gate = new.gate = self

    def admit(self, route: EventRoute, event: MarketEvent) -> Sequence[MarketEvent]:
        """The events to deliver, now that `route` has brought `event`."""
        key = order_key(event)
        is_later = self._delivered is None or key > self._delivered
        if not self.is_level and route is self.new:
            if is_later:  # the old connection may still bring what lies between
                self._held.append(event)
                return ()
            self.is_level = True
            return self._release()
        if not is_later:
            return ()
        self._note(event, key)
        if route is self._survivor:
            route.gate = None  # what it brings from here on is later by itself
        if self._held and key >= order_key(self._held[0]):
            self.is_level = True
            return (event, *self._release())
        return (event,)

    def finish(self, *, is_certain: bool) -> tuple[Sequence[MarketEvent], bool]:
        """The old connection brings no more: (events to deliver now, whether some may have been missed).

        `is_certain` tells that it has brought all that happened before the new one was subscribed.
        """
        self._survivor = self.new
        was_level, self.is_level = self.is_level, True
        if was_level:
            return (), False
        if not self._held:
            return (), not is_certain
        return self._release(), self.new.kind not in _WHOLE_STATES

    def abandon(self) -> None:
        """The new connection brings no more: all is as it was before."""
        self._held.clear()
        self._survivor = self.old
        if not self.is_level and self.old.gate is self:
            self.old.gate = None

    def _release(self) -> Sequence[MarketEvent]:
        """What was held and comes after all that was delivered."""
        released = []
        for event in self._held:
            key = order_key(event)
            if self._delivered is None or key > self._delivered:
                self._note(event, key)
                released.append(event)
        self._held.clear()
        return released

    def _note(self, event: MarketEvent, key: OrderKey) -> None:
        self._delivered = key
        self.old.last = self.new.last = event
