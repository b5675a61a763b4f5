"""Candles in exact decimals made of a history's columns, and columns made of candles, without the loss of a digit."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import numpy as np

from binance_trade_agent.domain.candle_columns import MOST_DECIMALS, CandleColumns, Decimals, Row
from binance_trade_agent.domain.errors import CandleFileError
from binance_trade_agent.simulation.markets.market import MarketCandle

_LARGEST = 2**63 - 1


def market_candles(columns: CandleColumns) -> tuple[MarketCandle, ...]:
    """Every candle of `columns` as the exchange's markets show them, oldest first."""
    price, volume, quote = columns.price_unit, columns.volume_unit, columns.quote_unit
    length_ms = columns.interval_ms - 1
    return tuple(
        MarketCandle(
            open_time_ms=open_ms,
            open=opened * price,
            high=high * price,
            low=low * price,
            close=close * price,
            volume=lots * volume,
            close_time_ms=open_ms + length_ms,
            quote_volume=value * quote,
            trades=trades,
            taker_buy_volume=bought * volume,
            taker_buy_quote_volume=bought_value * quote,
        )
        for open_ms, opened, high, low, close, lots, value, trades, bought, bought_value in columns.table.T.tolist()
    )


def columns_of(symbol: str, interval_ms: int, candles: Sequence[MarketCandle]) -> CandleColumns:
    """A history of `candles`, which are in order, in as few decimals as they need.

    Raises CandleFileError for a figure with more decimals, or larger, than 63 bits can hold.
    """
    decimals = Decimals(
        price=_decimals(price for candle in candles for price in (candle.open, candle.high, candle.low, candle.close)),
        volume=_decimals(volume for candle in candles for volume in (candle.volume, candle.taker_buy_volume)),
        quote=_decimals(value for candle in candles for value in (candle.quote_volume, candle.taker_buy_quote_volume)),
    )
    table = np.empty((len(candles), len(Row)), dtype=np.int64)
    for place, candle in enumerate(candles):
        figures = (
            (Row.OPEN, candle.open),
            (Row.HIGH, candle.high),
            (Row.LOW, candle.low),
            (Row.CLOSE, candle.close),
            (Row.VOLUME, candle.volume),
            (Row.QUOTE_VOLUME, candle.quote_volume),
            (Row.TAKER_BUY_VOLUME, candle.taker_buy_volume),
            (Row.TAKER_BUY_QUOTE_VOLUME, candle.taker_buy_quote_volume),
        )
        table[place, Row.OPEN_TIME], table[place, Row.TRADES] = candle.open_time_ms, candle.trades
        for row, figure in figures:
            table[place, row] = _whole(symbol, candle, figure, decimals.of(row))
    return CandleColumns(symbol, interval_ms, decimals, table.T.copy())


def _decimals(figures: Iterable[Decimal]) -> int:
    most = 0
    for figure in figures:
        exponent = figure.normalize().as_tuple().exponent
        most = max(most, -exponent if isinstance(exponent, int) else 0)
    return min(most, MOST_DECIMALS)


def _whole(symbol: str, candle: MarketCandle, figure: Decimal, decimals: int) -> int:
    scaled = figure.scaleb(decimals)
    whole = int(scaled)
    if whole != scaled or whole > _LARGEST:
        raise CandleFileError(
            f"{symbol}: the candle that opens at {candle.open_time_ms} has {figure}, which {decimals} decimals in 63 bits cannot hold"
        )
    return whole
