"""What was traded in the last minutes, hours or days of a symbol, as one candle put together of few."""

from binance_trade_agent.domain.candle_intervals import DAY_MS, HOUR_MS, MINUTE_MS
from binance_trade_agent.simulation.markets.candle_resampling import merged
from binance_trade_agent.simulation.markets.market import Market, MarketCandle

_LENGTHS_MS = (MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, DAY_MS)


def traded_window(market: Market, symbol: str, start_ms: int, now_ms: int) -> MarketCandle | None:
    """All from `start_ms` to `now_ms` as one candle that opens then; None where nothing was traded.

    Candles of growing length, each from the end of the shorter ones to where the next longer begin, of which the last is still open: a day
    takes about forty. `start_ms` is rounded down to the whole minute; where a market makes no candles of a minute, to its shortest.
    """
    parts: list[MarketCandle] = []
    position_ms = start_ms
    for length_ms, next_ms in zip(_LENGTHS_MS, (*_LENGTHS_MS[1:], None), strict=True):
        if position_ms > now_ms:
            break
        position_ms -= position_ms % length_ms
        end_ms = now_ms + 1 if next_ms is None else min(-(-position_ms // next_ms) * next_ms, now_ms + 1)
        if position_ms >= end_ms:
            continue
        try:
            parts += market.candles(
                symbol,
                length_ms,
                start_ms=position_ms,
                end_ms=end_ms - 1,
                limit=(end_ms - position_ms) // length_ms + 1,
                now_ms=now_ms,
            )
        except ValueError:
            continue  # what this market cannot make shorter, the longer ones cover from their own beginning
        position_ms = end_ms
    return merged(parts, parts[0].open_time_ms, now_ms + 1 - parts[0].open_time_ms) if parts else None
