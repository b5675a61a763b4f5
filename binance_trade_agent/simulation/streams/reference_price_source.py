"""`<symbol>@referencePrice`: what price filters and execution rules measure orders by."""

from collections.abc import Iterator

from binance_trade_agent.domain.candle_intervals import SECOND_MS
from binance_trade_agent.simulation.engine.listing import External
from binance_trade_agent.simulation.rest.endpoint import Venue
from binance_trade_agent.simulation.rest.json_shapes import digits
from binance_trade_agent.simulation.streams.event import StreamEvent
from binance_trade_agent.simulation.streams.source import next_due_ms


class ReferencePriceSource:
    """Once a second, null while there is no price; nothing at all for a symbol that never has one."""

    def __init__(self, stream: str, venue: Venue, symbol: str, now_ms: int) -> None:
        self._stream = stream
        self._venue = venue
        self._symbol = symbol
        self.due_ms = next_due_ms(now_ms, SECOND_MS)

    def events(self, now_ms: int) -> Iterator[StreamEvent]:
        """See StreamSource."""
        self.due_ms = next_due_ms(now_ms, SECOND_MS)
        listing = self._venue.listings.listing(self._symbol)
        if listing.reference is None:
            return
        price = self._venue.engine.rulebook.prices.reference(listing, now_ms)
        valid_ms = listing.reference.time_ms if isinstance(listing.reference, External) else now_ms
        told = {"e": "referencePrice", "s": self._symbol, "r": None if price is None else digits(price), "t": valid_ms}
        yield StreamEvent(self._stream, told)

    def close(self) -> None:
        """Nothing is held."""
