"""MarketStream: live market data as the stations see it, whatever carries it; and what a listener is told."""

from collections.abc import Collection
from typing import Protocol

from binance_trade_agent.binance.streams.events import MarketEvent


class StreamListener(Protocol):
    """Who is told of events. Calls come in the event loop's thread; they must be quick and must not raise."""

    def on_event(self, stream: str, event: MarketEvent) -> None:
        """An event of `stream`, such as `btcusdt@kline_1m`, in the order of the exchange."""
        ...

    def on_gap(self, streams: Collection[str]) -> None:
        """Events of these streams may have been missed: what was derived from them is filled by REST before it is trusted again.

        Comes once after every interruption (a lost, stalled or refused connection), when the streams are live again.
        """
        ...


class MarketStream(Protocol):
    """Live subscriptions by stream name."""

    async def subscribe(self, streams: Collection[str]) -> None:
        """Add streams and return when the exchange has confirmed them, or when connecting has failed and is being tried again.

        Names that are subscribed already are passed over.
        """
        ...

    async def unsubscribe(self, streams: Collection[str]) -> None:
        """Drop streams; unknown names are passed over."""
        ...

    def is_live(self, stream: str) -> bool:
        """Whether `stream` is confirmed on a connection that is up and has not stalled."""
        ...
