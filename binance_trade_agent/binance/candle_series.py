"""CandleSeries: the newest closed candles of one symbol, extended by what klines answers bring. Pure, no I/O.

Source: rest-api.md, "Kline/Candlestick data": candles are identified by their open time; the last one is usually still open.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from binance_trade_agent.domain.market import Candle, CandleWindow


@dataclass(frozen=True, slots=True)
class KlinesRequest:
    """What to ask for: `limit` candles from `start_time_ms` on, or the newest ones when that is None."""

    start_time_ms: int | None
    limit: int


def closed_candles(candles: Sequence[Candle], server_ms: int) -> tuple[Candle, ...]:
    """The candles that can change no more, when the request was sent at `server_ms`.

    A candle is closed when its last millisecond was past, or when the answer itself holds a later one.
    """
    if not candles or candles[-1].close_time_ms < server_ms:
        return tuple(candles)
    return tuple(candles[:-1])


class CandleSeries:
    """At most `length` closed candles, oldest first. Holes are reported once when they are found, and never filled."""

    def __init__(self, symbol: str, interval_ms: int, length: int) -> None:
        self._length = length
        self._window = CandleWindow(symbol, interval_ms, ())

    @property
    def window(self) -> CandleWindow:
        """What is held; the same object, with its columns, until a new candle comes."""
        return self._window

    def next_request(self, server_ms: int) -> KlinesRequest | None:
        """What is missing at `server_ms`, with room for the open candle; None when none can have closed since the newest one held."""
        held = self._window.candles
        if not held:
            return KlinesRequest(None, self._length + 1)
        next_open_ms = held[-1].open_time_ms + self._window.interval_ms
        closed_since = (server_ms - next_open_ms) // self._window.interval_ms
        if closed_since <= 0:
            return None
        if closed_since >= self._length:
            return KlinesRequest(None, self._length + 1)
        return KlinesRequest(next_open_ms, closed_since + 2)

    def extend(self, candles: Sequence[Candle], *, is_restart: bool) -> tuple[tuple[int, int], ...]:
        """Take closed candles, oldest first, and return the new holes as (after_open_time_ms, missing candles).

        With `is_restart` they replace what is held, because too much had passed to join on. Candles already held are passed over.
        """
        held = self._window.candles
        newest_open_ms = held[-1].open_time_ms if held else -1
        fresh = tuple(candle for candle in candles if is_restart or candle.open_time_ms > newest_open_ms)
        if not fresh:
            return ()
        symbol, interval_ms = self._window.symbol, self._window.interval_ms
        joined = fresh if is_restart else (*held, *fresh)
        self._window = CandleWindow(symbol, interval_ms, joined[-self._length :])
        new_part = fresh if is_restart else (*held[-1:], *fresh)
        gaps = CandleWindow(symbol, interval_ms, new_part).gaps()
        # After a restart the answer can reach back behind what was held; holes there have been reported before.
        return tuple(gap for gap in gaps if gap[0] >= newest_open_ms)
