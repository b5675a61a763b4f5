"""TradeTape: one symbol's recorded trades, and the books that are made around them.

The books are made up: trades tell at what prices others were ready to trade, not how much they showed. A side's best price is that of the
last trade against it, never further from the last price than STALE_PRICE_SHARE; each side is as deep as a share of what was traded in the
minute before.
"""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.markets.candle_rows import Column, TradedColumns
from binance_trade_agent.simulation.markets.market import Ladder, Levels, Quote, TakerOrder
from binance_trade_agent.simulation.markets.symbol_catalogue import plausible_rules, split_symbol
from binance_trade_agent.simulation.markets.trade_files import UNIT, TradeKind, TradeRows

LADDER_LEVELS = 20
STALE_PRICE_SHARE = 5e-4
LEVEL_PRICE_SHARE = 2e-5
VOLUME_WINDOW_MS = 60_000

LEAST_ORDERS_PER_LEVEL = 4
"""Each level holds at least so many of the smallest orders allowed, also when hardly anything was traded."""

_EMPTY = Ladder((), ())


class TradeTape:
    """Taker orders by number, in time; `depth_share` is the share of the last minute's volume that rests on each side."""

    def __init__(self, symbol: str, rows: TradeRows, depth_share: float, rules: SymbolRules | None) -> None:
        tick_units, step_units = _grain(rows.prices), _grain(rows.quantities)
        self.rules = rules or _inferred_rules(symbol, float(rows.prices[0] * 1e-8), tick_units * UNIT, step_units * UNIT)
        self.tick, self.step = tick_units * UNIT, step_units * UNIT
        single_lots = rows.quantities // step_units
        starts = _taker_starts(rows)
        self._starts = starts
        self._single_lots = single_lots if rows.kind is TradeKind.SINGLE else None
        self.times_ms = rows.times_ms[starts]
        self._sold = rows.is_buyer_maker[starts]
        counts = np.add.reduceat(rows.counts, starts)
        first_ids = rows.first_ids[starts]
        self._aggregate_ids = np.arange(len(starts)) if rows.kind is TradeKind.SINGLE else rows.ids
        lots = np.add.reduceat(single_lots, starts)
        ticks = rows.prices[starts] // tick_units
        self.columns = TradedColumns(ticks, lots, np.where(self._sold, 0, lots), counts, first_ids)
        self._lots_until = np.cumsum(lots)
        self._bids, self._asks = _best_prices(ticks, self._sold)
        self._level_share = depth_share / LADDER_LEVELS
        self._gap = max(1, round(float(ticks[0]) * LEVEL_PRICE_SHARE))
        least = self.rules.min_notional * LEAST_ORDERS_PER_LEVEL / (self.tick * self.step)
        self._least_value = int(least)  # in ticks times steps
        self._newest: tuple[int, Quote] | None = None

    def __len__(self) -> int:
        return len(self.times_ms)

    def before(self, time_ms: int) -> int:
        """How many taker orders there were at or before `time_ms`."""
        return int(np.searchsorted(self.times_ms, time_ms, "right"))

    def quote(self, number: int) -> Quote:
        """The market right after taker order `number`."""
        if self._newest is None or self._newest[0] != number:
            self._newest = (number, self._made_quote(number))
        return self._newest[1]

    def last_quote(self, time_ms: int) -> Quote:
        """The end of the recording at `time_ms`: the last price, and nobody there any more."""
        return Quote(time_ms, int(self.columns.ticks[-1]) * self.tick, _EMPTY)

    def quotes(self, after_ms: int, until_ms: int) -> Iterator[Quote]:
        """The market after the last taker order of every millisecond with after_ms < time_ms <= until_ms that has one."""
        first, end = self.before(after_ms), self.before(until_ms)
        moments = self.times_ms[first:end]
        is_last = np.ones(end - first, np.bool_)
        is_last[:-1] = moments[1:] != moments[:-1]
        for number in (np.flatnonzero(is_last) + first).tolist():
            yield self.quote(number)

    def taker_orders(self, after_ms: int, until_ms: int) -> Iterator[TakerOrder]:
        """Those with after_ms < time_ms <= until_ms, oldest first."""
        for number in range(self.before(after_ms), self.before(until_ms)):
            yield TakerOrder(
                aggregate_id=int(self._aggregate_ids[number]),
                first_trade_id=int(self.columns.trade_ids[number]),
                time_ms=int(self.times_ms[number]),
                price=int(self.columns.ticks[number]) * self.tick,
                quantities=tuple([lots * self.step for lots in self._lots_of(number)]),
                is_buyer_maker=bool(self._sold[number]),
            )

    def _lots_of(self, number: int) -> list[int]:
        """What each trade of a taker order was; where only their sum is known, equal parts of it, the first with the rest."""
        if self._single_lots is not None:
            start = int(self._starts[number])
            single: list[int] = self._single_lots[start : start + int(self.columns.trades[number])].tolist()
            return single
        lots, count = int(self.columns.lots[number]), int(self.columns.trades[number])
        part = lots // count
        return [lots - part * (count - 1), *[part] * (count - 1)]

    def _made_quote(self, number: int) -> Quote:
        time_ms = int(self.times_ms[number])
        since = self.before(time_ms - VOLUME_WINDOW_MS)
        traded = int(self._lots_until[number]) - (int(self._lots_until[since - 1]) if since else 0)
        price = int(self.columns.ticks[number])
        lots = max(int(traded * self._level_share), self._least_value // price, 1)
        bid, ask, gap = int(self._bids[number]), int(self._asks[number]), self._gap
        bids = self._levels([bid - level * gap for level in range(LADDER_LEVELS) if bid > level * gap], lots)
        asks = self._levels([ask + level * gap for level in range(LADDER_LEVELS)], lots)
        return Quote(time_ms, price * self.tick, Ladder(bids, asks))

    def _levels(self, prices: list[int], lots: int) -> Levels:
        tick, quantity = self.tick, lots * self.step
        return tuple([(price * tick, quantity) for price in prices])


def _grain(units: Column) -> int:
    """The largest power of ten that divides all of `units`, at most one whole."""
    common = int(np.gcd.reduce(units))
    grain = 1
    while common % (grain * 10) == 0 and grain * UNIT < 1:
        grain *= 10
    return grain


def _taker_starts(rows: TradeRows) -> Column:
    """Where a new taker order begins: single trades belong to one when they follow each other at one time, price and side."""
    if rows.kind is TradeKind.AGGREGATE:
        return np.arange(len(rows))
    is_new = np.ones(len(rows), np.bool_)
    is_new[1:] = (
        (rows.times_ms[1:] != rows.times_ms[:-1])
        | (rows.prices[1:] != rows.prices[:-1])
        | (rows.is_buyer_maker[1:] != rows.is_buyer_maker[:-1])
        | (rows.ids[1:] != rows.ids[:-1] + 1)
    )
    return np.flatnonzero(is_new)


def _best_prices(ticks: Column, sold: NDArray[np.bool_]) -> tuple[Column, Column]:
    """Best bid and ask after each taker order, in ticks: one of them is its own price."""
    stale = np.maximum((ticks * STALE_PRICE_SHARE).astype(np.int64), 1)
    bids = np.where(sold, ticks, np.clip(_last_where(sold, ticks), ticks - stale, ticks - 1))
    asks = np.where(sold, np.clip(_last_where(~sold, ticks), ticks + 1, ticks + stale), ticks)
    return np.maximum(bids, 0), asks


def _last_where(chosen: NDArray[np.bool_], ticks: Column) -> Column:
    """For each entry the ticks of the newest chosen one up to it; its own where there is none yet."""
    numbers = np.arange(len(ticks))
    newest = np.maximum.accumulate(np.where(chosen, numbers, -1))
    return ticks[np.where(newest < 0, numbers, newest)]


def _inferred_rules(symbol: str, price: float, tick: Decimal, step: Decimal) -> SymbolRules:
    base_asset, quote_asset = split_symbol(symbol)
    rules = plausible_rules(symbol, base_asset, quote_asset, price=price, tick_size=tick)
    return replace(rules, step_size=step, min_quantity=step, market_step_size=step, market_min_quantity=step)
