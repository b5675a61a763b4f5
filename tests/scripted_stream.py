"""A MarketStream that a test speaks for: what is subscribed, what is live, what is told, and what is missed."""

from collections.abc import Collection
from decimal import Decimal

from binance_trade_agent.binance.streams.events import CandleEvent, MiniTickerEvent
from binance_trade_agent.binance.streams.market_stream import StreamListener
from binance_trade_agent.domain.market import Candle


class ScriptedStream:
    """Live while `is_up` for every stream that is subscribed; what is told while it is down is lost, and coming up again is a gap."""

    def __init__(self, listener: StreamListener) -> None:
        self._listener = listener
        self.subscribed: set[str] = set()
        self.changes: list[tuple[str, tuple[str, ...]]] = []
        self.is_up = True

    async def subscribe(self, streams: Collection[str]) -> None:
        new = [name for name in streams if name not in self.subscribed]
        if new:
            self.changes.append(("subscribe", tuple(sorted(new))))
        self.subscribed |= set(streams)

    async def unsubscribe(self, streams: Collection[str]) -> None:
        self.changes.append(("unsubscribe", tuple(sorted(streams))))
        self.subscribed -= set(streams)

    def is_live(self, stream: str) -> bool:
        return self.is_up and stream in self.subscribed

    def go_down(self) -> None:
        self.is_up = False

    def come_up(self) -> None:
        self.is_up = True
        self._listener.on_gap(sorted(self.subscribed))

    def tell_price(self, symbol: str, price: str | Decimal, time_ms: int) -> None:
        exact = Decimal(price)
        zero = Decimal(0)
        event = MiniTickerEvent(time_ms, symbol, exact, exact, exact, exact, zero, zero)
        self._tell(f"{symbol.lower()}@miniTicker", event)

    def tell_candle(self, symbol: str, candle: Candle, *, is_closed: bool, interval: str = "1m") -> None:
        event = CandleEvent(symbol, interval, candle, is_closed, candle.close_time_ms + 1 if is_closed else candle.open_time_ms)
        self._tell(f"{symbol.lower()}@kline_{interval}", event)

    def _tell(self, stream: str, event: CandleEvent | MiniTickerEvent) -> None:
        if self.is_live(stream):
            self._listener.on_event(stream, event)
