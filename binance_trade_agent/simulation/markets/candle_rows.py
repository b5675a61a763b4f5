"""Columns of market data in whole ticks and steps, and the exact candles that they add up to."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from binance_trade_agent.simulation.markets.market import MarketCandle

Column = NDArray[np.int64]

_LOW_BITS = 20
_LOW_MASK = (1 << _LOW_BITS) - 1


@dataclass(frozen=True, slots=True)
class TradedColumns:
    """What was traded, oldest first: price in ticks, volume and what buyers took of it in steps, trades and the id of the first."""

    ticks: Column
    lots: Column
    bought: Column
    trades: Column
    trade_ids: Column

    def __len__(self) -> int:
        return len(self.ticks)

    def __getitem__(self, part: slice) -> "TradedColumns":
        return TradedColumns(self.ticks[part], self.lots[part], self.bought[part], self.trades[part], self.trade_ids[part])


@dataclass(frozen=True, slots=True)
class CandleRows:
    """Candles that follow each other, oldest first, as rows of `table`.

    A row: open, high, low, close in ticks, volume in steps, value in ticks times steps (high and low part), the same two of what buyers
    took, trades, id of the first. Products of a long candle can pass 63 bits, so high and low bits are summed apart.
    """

    table: Column

    def __len__(self) -> int:
        return len(self.table)

    def candles(self, open_times: Iterable[int], interval_ms: int, tick: Decimal, step: Decimal) -> list[MarketCandle]:
        """The candles that open at `open_times`, in exact decimals."""
        value = tick * step
        return [
            MarketCandle(
                open_time_ms=open_time_ms,
                open=opened * tick,
                high=high * tick,
                low=low * tick,
                close=close * tick,
                volume=lots * step,
                close_time_ms=open_time_ms + interval_ms - 1,
                quote_volume=((value_high << _LOW_BITS) + value_low) * value,
                trades=trades,
                first_trade_id=trade_id,
                taker_buy_volume=bought * step,
                taker_buy_quote_volume=((bought_high << _LOW_BITS) + bought_low) * value,
            )
            for open_time_ms, (
                opened,
                high,
                low,
                close,
                lots,
                value_high,
                value_low,
                bought,
                bought_high,
                bought_low,
                trades,
                trade_id,
            ) in zip(open_times, self.table.tolist(), strict=True)
        ]


def summed(columns: TradedColumns, starts: Column) -> CandleRows:
    """One candle for each stretch of `columns` that begins at one of `starts`, ascending, each up to the next; none may be empty."""
    ticks, lots, bought = columns.ticks, columns.lots, columns.bought
    ends = np.append(starts[1:], len(ticks)) - 1
    return CandleRows(
        np.column_stack(
            [
                ticks[starts],
                np.maximum.reduceat(ticks, starts),
                np.minimum.reduceat(ticks, starts),
                ticks[ends],
                np.add.reduceat(lots, starts),
                np.add.reduceat(ticks * (lots >> _LOW_BITS), starts),
                np.add.reduceat(ticks * (lots & _LOW_MASK), starts),
                np.add.reduceat(bought, starts),
                np.add.reduceat(ticks * (bought >> _LOW_BITS), starts),
                np.add.reduceat(ticks * (bought & _LOW_MASK), starts),
                np.add.reduceat(columns.trades, starts),
                columns.trade_ids[starts],
            ]
        )
    )
