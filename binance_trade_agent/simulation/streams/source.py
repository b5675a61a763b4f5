"""What a source of stream events is, and the times at which streams with an update speed are due."""

from collections.abc import Iterable
from typing import Protocol

from binance_trade_agent.simulation.streams.event import StreamEvent

REAL_TIME_MS = 0
"""`due_ms` of a stream that is looked at on every tick."""


class StreamSource(Protocol):
    """The events of one stream, made once however many listen."""

    @property
    def due_ms(self) -> int:
        """The market time, ms UTC, before which there is nothing to ask for."""
        ...

    def events(self, now_ms: int) -> Iterable[StreamEvent]:
        """What has happened since it was last asked, or since it was made; `now_ms` never goes back."""
        ...

    def close(self) -> None:
        """Nobody listens any more."""
        ...


def next_due_ms(now_ms: int, speed_ms: int) -> int:
    """When a stream that is updated every `speed_ms` is due after `now_ms`: at whole multiples of its speed."""
    return now_ms - now_ms % speed_ms + speed_ms
