"""Candle resampling: longer candles made of shorter ones, in exact decimals."""

from collections.abc import Sequence
from itertools import groupby

from binance_trade_agent.domain.candle_intervals import candle_open_ms
from binance_trade_agent.domain.money import total
from binance_trade_agent.simulation.markets.market import MarketCandle


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
