"""`<symbol>@kline_<interval>`, in UTC or eight hours ahead: the candle as it grows, and once for all when it is closed."""

from collections.abc import Iterator, Sequence

from binance_trade_agent.simulation.markets.market import Market, MarketCandle
from binance_trade_agent.simulation.markets.zoned_candles import CandleGrid, zoned_candles
from binance_trade_agent.simulation.rest.json_shapes import digits
from binance_trade_agent.simulation.streams.event import Json, StreamEvent
from binance_trade_agent.simulation.streams.source import next_due_ms

CANDLES_AT_ONCE = 1_000

_FASTEST = "1s"
_FASTEST_MS = 1_000
_SPEED_MS = 2_000
_NO_TRADE = -1


class KlineSource:
    """However long it was not asked, every candle that was closed meanwhile comes, once and in order, before the one that is growing.

    Raises ValueError for an interval that the market cannot make.
    """

    def __init__(self, stream: str, market: Market, symbol: str, grid: CandleGrid, now_ms: int) -> None:
        self._stream = stream
        self._market = market
        self._symbol = symbol
        self._grid = grid
        self._speed_ms = _FASTEST_MS if grid.interval == _FASTEST else _SPEED_MS
        self._open_ms = grid.open_ms(now_ms)
        self._update_ms = next_due_ms(now_ms, self._speed_ms)
        self._from(self._open_ms, now_ms)

    @property
    def due_ms(self) -> int:
        """The next update, or the candle's end if that comes first."""
        return min(self._update_ms, self._grid.after(self._open_ms))

    def events(self, now_ms: int) -> Iterator[StreamEvent]:
        """See StreamSource."""
        is_update_due = now_ms >= self._update_ms
        while True:
            candles = self._from(self._open_ms, now_ms)
            for candle in candles:
                is_closed = candle.close_time_ms < now_ms
                if is_closed:
                    self._open_ms = self._grid.after(candle.open_time_ms)
                if is_closed or is_update_due:
                    shown = _candle_event(self._symbol, self._grid.interval, candle, now_ms, is_closed=is_closed)
                    yield StreamEvent(self._stream, shown)
            if len(candles) < CANDLES_AT_ONCE:
                break
        self._open_ms = max(self._open_ms, self._grid.open_ms(now_ms))  # past a hole in recorded candles
        if is_update_due:
            self._update_ms = next_due_ms(now_ms, self._speed_ms)

    def _from(self, start_ms: int, now_ms: int) -> Sequence[MarketCandle]:
        return zoned_candles(self._market, self._symbol, self._grid, start_ms=start_ms, end_ms=None, limit=CANDLES_AT_ONCE, now_ms=now_ms)

    def close(self) -> None:
        """Nothing is held."""


def _candle_event(symbol: str, interval: str, candle: MarketCandle, now_ms: int, *, is_closed: bool) -> Json:
    first = _NO_TRADE if candle.first_trade_id is None else candle.first_trade_id
    return {
        "e": "kline",
        "E": now_ms,
        "s": symbol,
        "k": {
            "t": candle.open_time_ms,
            "T": candle.close_time_ms,
            "s": symbol,
            "i": interval,
            "f": first,
            "L": _NO_TRADE if candle.first_trade_id is None else first + candle.trades - 1,
            "o": digits(candle.open),
            "c": digits(candle.close),
            "h": digits(candle.high),
            "l": digits(candle.low),
            "v": digits(candle.volume),
            "n": candle.trades,
            "x": is_closed,
            "q": digits(candle.quote_volume),
            "V": digits(candle.taker_buy_volume),
            "Q": digits(candle.taker_buy_quote_volume),
            "B": "0",
        },
    }
