"""CandleSeries: the newest closed candles of one symbol, extended by klines answers and by the stream. Pure, no I/O.

Source: rest-api.md, "Kline/Candlestick data": candles are identified by their open time; the last one is usually still open.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import sub

from binance_trade_agent.domain.candle_buffer import CandleBuffer
from binance_trade_agent.domain.candle_intervals import candle_open_ms
from binance_trade_agent.domain.market import Candle, CandleWindow

_NOTHING = -1  # the open time of no candle; all that there are lie after 1970


@dataclass(frozen=True, slots=True)
class KlinesRequest:
    """What to ask for: `limit` candles from `start_time_ms` on, or the newest ones when that is None."""

    start_time_ms: int | None
    limit: int

    def newest_open_ms(self, server_ms: int, interval_ms: int) -> int:
        """When the newest closed candle of a full answer opens, one open candle being asked for as well; without a start by the time."""
        if self.start_time_ms is not None:
            return self.start_time_ms + (self.limit - 3) * interval_ms
        return candle_open_ms(server_ms, interval_ms) - interval_ms


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
        self._interval_ms = interval_ms
        self._length = length
        self._buffer = CandleBuffer(symbol, interval_ms, length)
        self._newest_open_ms = _NOTHING

    @property
    def window(self) -> CandleWindow:
        """What is held; the same object, with its columns, until a new candle comes."""
        return self._buffer.window

    @property
    def next_open_ms(self) -> int | None:
        """When the candle after the newest one held opens; None when nothing is held."""
        return None if self._newest_open_ms == _NOTHING else self._newest_open_ms + self._interval_ms

    def follow(self, candle: Candle) -> bool:
        """Take a closed candle if it is the very next one, and say whether it was; anything else says nothing of what lies between."""
        if candle.open_time_ms != self.next_open_ms:
            return False
        self._buffer.append((candle,))
        self._newest_open_ms = candle.open_time_ms
        return True

    def next_request(self, server_ms: int) -> KlinesRequest | None:
        """What is missing at `server_ms`, with room for the open candle; None when none can have closed since the newest one held."""
        if self._newest_open_ms == _NOTHING:
            return KlinesRequest(None, self._length + 1)
        next_open_ms = self._newest_open_ms + self._interval_ms
        closed_since = (server_ms - next_open_ms) // self._interval_ms
        if closed_since <= 0:
            return None
        if closed_since >= self._length:
            return KlinesRequest(None, self._length + 1)
        return KlinesRequest(next_open_ms, closed_since + 2)

    def extend(self, candles: Sequence[Candle], *, is_restart: bool) -> tuple[tuple[int, int], ...]:
        """Take closed candles, oldest first, and return the new holes as (after_open_time_ms, missing candles).

        With `is_restart` they replace what is held, because too much had passed to join on. Candles already held are passed over.
        """
        newest_open_ms = self._newest_open_ms
        opens = [candle.open_time_ms for candle in candles]
        known = 0 if is_restart else bisect_right(opens, newest_open_ms)
        fresh = candles[known:]
        if not fresh:
            return ()
        if is_restart:
            self._buffer.replace(fresh)
        else:
            self._buffer.append(fresh)
        self._newest_open_ms = opens[-1]
        opens = opens[known:]
        if not is_restart and newest_open_ms != _NOTHING:
            opens.insert(0, newest_open_ms)
        # After a restart the answer can reach back behind what was held; holes there have been reported before.
        return tuple(gap for gap in _gaps(opens, self._interval_ms) if gap[0] >= newest_open_ms)


def _gaps(opens: Sequence[int], interval_ms: int) -> list[tuple[int, int]]:
    if max(map(sub, opens[1:], opens), default=0) < 2 * interval_ms:
        return []
    return [(before, (after - before) // interval_ms - 1) for before, after in pairwise(opens) if after - before >= 2 * interval_ms]
