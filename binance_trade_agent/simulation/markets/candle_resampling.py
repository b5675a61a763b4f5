"""Candle resampling: the grid that candles of an interval lie on, and making longer candles of shorter ones."""

from collections.abc import Sequence
from itertools import groupby

from binance_trade_agent.domain.candle_intervals import DAY_MS, WEEK_MS
from binance_trade_agent.domain.money import total
from binance_trade_agent.simulation.markets.market import MarketCandle

_FIRST_MONDAY_MS = 4 * DAY_MS
"""1970-01-05; weekly candles open on Mondays, and the epoch was a Thursday."""


def grid_offset_ms(interval_ms: int) -> int:
    """Where the first candle of the grid opens after the epoch: weeks on Monday, all else at 0."""
    return _FIRST_MONDAY_MS if interval_ms == WEEK_MS else 0


def candle_open_ms(time_ms: int, interval_ms: int) -> int:
    """When the candle that covers `time_ms` opens."""
    return time_ms - (time_ms - grid_offset_ms(interval_ms)) % interval_ms


def merged(parts: Sequence[MarketCandle], open_time_ms: int, interval_ms: int) -> MarketCandle:
    """One candle of `parts`, at least one, oldest first, all within it; parts that are missing add nothing."""
    return MarketCandle(
        open_time_ms=open_time_ms,
        open=parts[0].open,
        high=max(part.high for part in parts),
        low=min(part.low for part in parts),
        close=parts[-1].close,
        volume=total(part.volume for part in parts),
        close_time_ms=open_time_ms + interval_ms - 1,
        quote_volume=total(part.quote_volume for part in parts),
        trades=sum(part.trades for part in parts),
        first_trade_id=parts[0].first_trade_id,
        taker_buy_volume=total(part.taker_buy_volume for part in parts),
        taker_buy_quote_volume=total(part.taker_buy_quote_volume for part in parts),
    )


def resampled(candles: Sequence[MarketCandle], interval_ms: int) -> tuple[MarketCandle, ...]:
    """`candles`, oldest first, as candles of a longer interval; stretches without any data have no candle."""
    grouped = groupby(candles, key=lambda candle: candle_open_ms(candle.open_time_ms, interval_ms))
    return tuple(merged(tuple(parts), open_time_ms, interval_ms) for open_time_ms, parts in grouped)
