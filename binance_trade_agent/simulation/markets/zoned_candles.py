"""Candles of every documented interval, in any time zone: what a market gives directly, and what has to be put together.

Source: rest-api.md, "Kline/Candlestick data". A month has no fixed length, and a day that begins elsewhere than in UTC is none that a
market makes; both are merged from shorter candles, and seconds, where a market has none, from its trades.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from math import gcd

from binance_trade_agent.domain.candle_intervals import DAY_MS, HOUR_MS, INTERVALS_MS, MINUTE_MS, SECOND_MS, grid_offset_ms
from binance_trade_agent.domain.money import ZERO, times, total
from binance_trade_agent.simulation.markets.candle_resampling import merged
from binance_trade_agent.simulation.markets.market import Market, MarketCandle, TakerOrder
from binance_trade_agent.simulation.markets.newest_taker import newest_taker

MONTH = "1M"
MOST_PARTS = 20_000
"""Shorter candles that one question may be answered from; long candles in odd time zones come fewer at once."""

_ZONE = re.compile(r"(?P<sign>[+-]?)(?P<hours>[0-9]{1,2})(?::(?P<minutes>[0-5][0-9]))?")
_EARLIEST_ZONE_MS = -12 * HOUR_MS
_LATEST_ZONE_MS = 14 * HOUR_MS
_YEAR_MONTHS = 12


def zone_offset_ms(text: str) -> int:
    """How far ahead of UTC a time zone is, written `8`, `-1:00` or `05:45`; ValueError for one that there is not."""
    match = _ZONE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no time zone: hours, or hours and minutes, from -12:00 to +14:00")
    offset_ms = int(match["hours"]) * HOUR_MS + int(match["minutes"] or 0) * MINUTE_MS
    if match["sign"] == "-":
        offset_ms = -offset_ms
    if not _EARLIEST_ZONE_MS <= offset_ms <= _LATEST_ZONE_MS:
        raise ValueError(f"{text!r} is no time zone: the earliest is -12:00, the latest +14:00")
    return offset_ms


@dataclass(frozen=True, slots=True)
class CandleGrid:
    """Where candles of `interval` open in a zone that is `offset_ms` ahead of UTC."""

    interval: str
    offset_ms: int = 0

    def __post_init__(self) -> None:
        if self.interval != MONTH and self.interval not in INTERVALS_MS:
            raise ValueError(f"{self.interval!r} is no interval")

    def open_ms(self, time_ms: int) -> int:
        """When the candle opens that covers `time_ms`."""
        local_ms = time_ms + self.offset_ms
        if self.interval == MONTH:
            moment = datetime.fromtimestamp(local_ms // 1_000, UTC)
            return _month_ms(moment.year * _YEAR_MONTHS + moment.month - 1) - self.offset_ms
        length_ms = INTERVALS_MS[self.interval]
        return local_ms - (local_ms - grid_offset_ms(length_ms)) % length_ms - self.offset_ms

    def after(self, open_ms: int, count: int = 1) -> int:
        """When the candle opens that comes `count` after the one that opens at `open_ms`; before it when negative."""
        if self.interval == MONTH:
            moment = datetime.fromtimestamp((open_ms + self.offset_ms) // 1_000, UTC)
            return _month_ms(moment.year * _YEAR_MONTHS + moment.month - 1 + count) - self.offset_ms
        return open_ms + count * INTERVALS_MS[self.interval]

    @property
    def is_plain(self) -> bool:
        """True when these are the candles that UTC has, too, and of one length."""
        return self.interval != MONTH and self.offset_ms % INTERVALS_MS[self.interval] == 0

    @property
    def part_ms(self) -> int:
        """The longest interval whose candles, which open as UTC has them, never reach over the end of one of these."""
        length_ms = DAY_MS if self.interval == MONTH else INTERVALS_MS[self.interval]
        shared_ms = gcd(length_ms, self.offset_ms, DAY_MS)
        return max(part_ms for part_ms in INTERVALS_MS.values() if shared_ms % part_ms == 0 and part_ms <= DAY_MS)


def zoned_candles(
    market: Market, symbol: str, grid: CandleGrid, *, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
) -> Sequence[MarketCandle]:
    """As Market.candles, on `grid`; ValueError when the market has nothing that they could be made of."""
    if grid.is_plain:
        length_ms = INTERVALS_MS[grid.interval]
        try:
            return market.candles(symbol, length_ms, start_ms=start_ms, end_ms=end_ms, limit=limit, now_ms=now_ms)
        except ValueError:
            if length_ms != SECOND_MS:
                raise
    last_ms = now_ms if end_ms is None else min(end_ms, now_ms)
    if last_ms < 0 or (start_ms is not None and start_ms > last_ms):
        return ()
    part_ms = SECOND_MS if grid.is_plain else grid.part_ms
    opens_ms, end_open_ms = _range(grid, start_ms, last_ms, _fewer(grid, limit, part_ms))
    if opens_ms >= end_open_ms:
        return ()
    if grid.is_plain:
        return _seconds(market, symbol, opens_ms, min(end_open_ms - 1, now_ms))
    parts = market.candles(symbol, part_ms, start_ms=opens_ms, end_ms=min(end_open_ms - 1, now_ms), limit=MOST_PARTS, now_ms=now_ms)
    return [
        merged(tuple(of_one), open_ms, grid.after(open_ms) - open_ms)
        for open_ms, of_one in groupby(parts, key=lambda part: grid.open_ms(part.open_time_ms))
    ]


def _fewer(grid: CandleGrid, limit: int, part_ms: int) -> int:
    longest_ms = 31 * DAY_MS if grid.interval == MONTH else INTERVALS_MS[grid.interval]
    return max(min(limit, MOST_PARTS * part_ms // longest_ms), 1)


def _range(grid: CandleGrid, start_ms: int | None, last_ms: int, limit: int) -> tuple[int, int]:
    """When the first wanted candle opens, and the first that is wanted no more."""
    end_open_ms = grid.after(grid.open_ms(last_ms))
    earliest_ms = grid.open_ms(0)
    if start_ms is None:
        return max(grid.after(end_open_ms, -limit), earliest_ms), end_open_ms
    first_ms = grid.open_ms(start_ms)
    if first_ms < start_ms:
        first_ms = grid.after(first_ms)
    return max(first_ms, earliest_ms), min(grid.after(first_ms, limit), end_open_ms)


def _month_ms(number: int) -> int:
    """When the month opens in UTC that is the `number`-th since the year 0."""
    year, month = divmod(number, _YEAR_MONTHS)
    return int(datetime(year, month + 1, 1, tzinfo=UTC).timestamp()) * 1_000


def _seconds(market: Market, symbol: str, opens_ms: int, last_ms: int) -> list[MarketCandle]:
    """A candle for every second from `opens_ms` on, flat where nothing was traded; none before the first trade."""
    before = newest_taker(market, symbol, opens_ms - 1)
    close = None if before is None else before.price
    by_second: dict[int, list[TakerOrder]] = {}
    for order in market.taker_orders(symbol, opens_ms - 1, last_ms):
        by_second.setdefault(order.time_ms - order.time_ms % SECOND_MS, []).append(order)
    return list(_flowing(close, by_second, range(opens_ms, last_ms + 1, SECOND_MS)))


def _flowing(close: Decimal | None, by_second: dict[int, list[TakerOrder]], opens: range) -> Iterator[MarketCandle]:
    for open_ms in opens:
        orders = by_second.get(open_ms)
        if orders:
            candle = _second(orders, open_ms)
            close = candle.close
            yield candle
        elif close is not None:
            yield MarketCandle(open_ms, close, close, close, close, ZERO, open_ms + SECOND_MS - 1, ZERO, 0)


def _second(orders: Sequence[TakerOrder], open_ms: int) -> MarketCandle:
    sizes = [total(order.quantities) for order in orders]
    bought = [(order.price, size) for order, size in zip(orders, sizes, strict=True) if not order.is_buyer_maker]
    return MarketCandle(
        open_time_ms=open_ms,
        open=orders[0].price,
        high=max(order.price for order in orders),
        low=min(order.price for order in orders),
        close=orders[-1].price,
        volume=total(sizes),
        close_time_ms=open_ms + SECOND_MS - 1,
        quote_volume=total(times(order.price, size) for order, size in zip(orders, sizes, strict=True)),
        trades=sum(len(order.quantities) for order in orders),
        first_trade_id=orders[0].first_trade_id,
        taker_buy_volume=total(size for _, size in bought),
        taker_buy_quote_volume=total(times(price, size) for price, size in bought),
    )
