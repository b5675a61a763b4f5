"""HeldIntervals: the candles that are held of each interval that is read: that of the snapshots, and those that strategies need besides."""

from collections.abc import Callable, Collection, Mapping, Sequence

from binance_trade_agent.async_market_data_agent.held_candles import HeldCandles
from binance_trade_agent.domain.market import Candle, CandleWindow
from binance_trade_agent.domain.need import Frame


class HeldIntervals:
    """Held candles by interval; `make` makes one from its interval in milliseconds and how many candles a window of it holds.

    `lengths` are those of the intervals besides `interval_ms`, whose windows hold `length`.
    """

    def __init__(self, make: Callable[[int, int], HeldCandles], interval_ms: int, length: int, lengths: Mapping[int, int]) -> None:
        self.interval_ms = interval_ms
        self.own = make(interval_ms, length)
        self._by_interval = {interval_ms: self.own} | {other_ms: make(other_ms, count) for other_ms, count in lengths.items()}

    @property
    def candles_held(self) -> int:
        """How many candles are held of all symbols and intervals."""
        return sum(held.candles_held for held in self._by_interval.values())

    def own_frame(self, symbol: str) -> Frame:
        """The candles of `symbol` that its snapshot holds."""
        return Frame(symbol, self.interval_ms)

    def knows(self, frame: Frame) -> bool:
        """Whether any candle of `frame` is held."""
        return self._by_interval[frame.interval_ms].knows(frame.symbol)

    def current(self, frame: Frame, server_ms: int) -> CandleWindow | None:
        """The window of `frame` when no candle can be missing from it at `server_ms`, else None."""
        return self._by_interval[frame.interval_ms].current(frame.symbol, server_ms)

    def only_missing(self, frame: Frame, server_ms: int) -> int | None:
        """When the one candle opened that is missing at `server_ms`; None when it is not just one."""
        return self._by_interval[frame.interval_ms].only_missing(frame.symbol, server_ms)

    def take(self, frame: Frame, candle: Candle) -> bool:
        """Take a closed candle from a stream; see HeldCandles.take."""
        return self._by_interval[frame.interval_ms].take(frame.symbol, candle)

    def forget(self, frame: Frame) -> None:
        """Hold nothing of `frame` any more."""
        self._by_interval[frame.interval_ms].forget(frame.symbol)

    def keep_only(self, frames: Collection[Frame]) -> None:
        """Hold nothing but what shows one of `frames`."""
        for interval_ms, store in self._by_interval.items():
            store.keep_only({frame.symbol for frame in frames if frame.interval_ms == interval_ms})

    async def update(self, frame: Frame) -> CandleWindow:
        """The window of `frame`, after asking for what can have closed since the last time."""
        return await self._by_interval[frame.interval_ms].update(frame.symbol)


FramesOf = Callable[[str], Sequence[Frame]]
"""What the strategy of a symbol reads beside the candles of its snapshot."""
