"""RecordedMarket: recorded candles played back as a market, showing nothing before its time.

A candle does not say in which order its prices came, so a fixed path stands for it, one point at each quarter: open, the extreme that
its close turned away from (the low first when it closes up), the other extreme, close. Books are made around the price and are as
deep as a share of what the candle before traded. Where candles are missing there is no book, and the last price stays.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

import numpy as np

from binance_trade_agent.domain.money import ceil_to_step, floor_to_step
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.markets.candle_files import RecordedCandles
from binance_trade_agent.simulation.markets.candle_resampling import merged, resampled
from binance_trade_agent.simulation.markets.column_candles import finest_price_exponent, open_times, trade_counts, volume_of
from binance_trade_agent.simulation.markets.even_levels import EvenLevels
from binance_trade_agent.simulation.markets.even_trades import EvenTrades
from binance_trade_agent.simulation.markets.market import Ladder, MarketCandle, Quote, TakerOrder
from binance_trade_agent.simulation.markets.symbol_catalogue import plausible_rules, split_symbol

DEFAULT_SPREAD_BPS = Decimal(2)
DEFAULT_DEPTH_SHARE = Decimal("0.2")

POINTS_PER_CANDLE = 4
LADDER_LEVELS = 6
LEAST_ORDERS_PER_LEVEL = 4
"""Each level holds at least so many of the smallest orders allowed, also when nothing was traded."""

FEW_CANDLES = 4
"""Spans of so many candles are gone through one by one."""

INTERVALS_KEPT = 16
"""Longer intervals, made by aggregation, that are remembered per symbol."""

_EMPTY = Ladder((), ())
_BPS_PER_HALF = 20_000


class _SymbolTape:
    """One symbol's candles with what is needed to answer for any moment quickly."""

    def __init__(
        self, candles: Sequence[MarketCandle], interval_ms: int, rules: SymbolRules, spread_bps: Decimal, depth_share: Decimal
    ) -> None:
        self.rules = rules
        self._candles = candles
        self._interval_ms = interval_ms
        self._point_ms = interval_ms // POINTS_PER_CANDLE
        self._opens = open_times(candles)
        self._half_spread = spread_bps / _BPS_PER_HALF
        self._level_share = depth_share / LADDER_LEVELS
        self._least_value = rules.min_notional * LEAST_ORDERS_PER_LEVEL
        self._newest: tuple[int, int, Quote] | None = None
        self._depth: tuple[int, Decimal] | None = None
        self._newest_taker: tuple[int, int, TakerOrder] | None = None
        self._trades = self._trades_before = self._takers_before = np.zeros(0, np.int64)  # reckoned when first asked for
        self._longer: dict[int, tuple[Sequence[int], Sequence[MarketCandle]]] = {}

    def quote(self, time_ms: int) -> Quote | None:
        index = self._newest_at(time_ms)
        if index < 0:
            return None
        elapsed_ms = time_ms - self._opens[index]
        return self._quote_at(index, POINTS_PER_CANDLE if elapsed_ms >= self._interval_ms else self._point(elapsed_ms))

    def quotes(self, after_ms: int, until_ms: int) -> Iterator[Quote]:
        """Every point of the path, and the beginning of every hole, with after_ms < time_ms <= until_ms."""
        index = max(self._newest_at(after_ms), 0)
        while index < len(self._opens) and self._opens[index] <= until_ms:
            # One point more than the candle has: the hole after it, where there is one.
            points = POINTS_PER_CANDLE + (index + 1 == len(self._opens) or self._opens[index + 1] > self._opens[index] + self._interval_ms)
            for point in range(points):
                time_ms = self._point_time_ms(index, point)
                if time_ms > until_ms:
                    return
                if time_ms > after_ms:
                    yield self._quote_at(index, point)
            index += 1

    def _point(self, elapsed_ms: int) -> int:
        """Which point of its path a candle has reached; the last lasts longer where quarters do not divide the interval."""
        return min(elapsed_ms // self._point_ms, POINTS_PER_CANDLE - 1)

    def _point_time_ms(self, index: int, point: int) -> int:
        return self._opens[index] + (self._interval_ms if point == POINTS_PER_CANDLE else point * self._point_ms)

    def _quote_at(self, index: int, point: int) -> Quote:
        """The quote of one point of a candle; the point after the last is the hole after the candle."""
        if self._newest is not None and self._newest[0] == index and self._newest[1] == point:
            return self._newest[2]
        candle = self._candles[index]
        time_ms = self._point_time_ms(index, point)
        if point == POINTS_PER_CANDLE:
            quote = Quote(time_ms, candle.close, _EMPTY)
        else:
            price = _path(candle)[point]
            quote = Quote(time_ms, price, self._ladder(index, price))
        self._newest = (index, point, quote)
        return quote

    def _ladder(self, index: int, price: Decimal) -> Ladder:
        tick = self.rules.tick_size
        below = floor_to_step(price, tick)
        gap = max(ceil_to_step(price * self._half_spread, tick), tick)
        bid = below - gap
        ask = below + gap if price == below else below + tick + gap
        quantity = self._level_quantity(index)
        return Ladder(EvenLevels(bid, -gap, quantity, LADDER_LEVELS), EvenLevels(ask, gap, quantity, LADDER_LEVELS))

    def _level_quantity(self, index: int) -> Decimal:
        """What rests on each level all through candle `index`: a share of the candle before, because its own volume is not known yet."""
        if self._depth is None or self._depth[0] != index:
            known = volume_of(self._candles, index - 1) if index else Decimal(0)
            step = self.rules.step_size
            wanted = max(known * self._level_share, self._least_value / self._candles[index].open, self.rules.min_quantity, step)
            self._depth = (index, ceil_to_step(wanted, step))
        return self._depth[1]

    def taker_orders(self, after_ms: int, until_ms: int) -> Iterator[TakerOrder]:
        """A taker at each point of the path whose share of the candle's trades, which come evenly, is at least one."""
        if not len(self._trades):
            self._number_trades()
        first, end = max(self._newest_at(after_ms), 0), self._newest_at(until_ms) + 1
        for index in range(first, end) if end - first <= FEW_CANDLES else self._traded(first, end):
            opened_ms = self._opens[index]
            first_point = max((after_ms - opened_ms) // self._point_ms + 1, 0)
            for point in range(first_point, self._point(until_ms - opened_ms) + 1):
                taker = self._taker(index, point)
                if taker is not None:
                    yield taker

    def _traded(self, first: int, end: int) -> Iterable[int]:
        """The candles of that span that have trades at all; of many that is told at once."""
        return (first + self._trades[first:end].nonzero()[0]).tolist()

    def _taker(self, index: int, point: int) -> TakerOrder | None:
        """The taker at one point of a candle; None where its share of the trades is none."""
        newest = self._newest_taker
        if newest is not None and newest[0] == index and newest[1] == point:
            return newest[2]
        trades = self._trades.item(index)
        before, done = trades * point // POINTS_PER_CANDLE, trades * (point + 1) // POINTS_PER_CANDLE
        if done == before:
            return None
        candle = self._candles[index]
        taker = TakerOrder(
            # Of fewer trades than points each has a taker of its own, else each point has one.
            aggregate_id=self._takers_before.item(index) - 1 + min(point + 1, done),
            first_trade_id=self._trades_before.item(index) + before,
            time_ms=self._point_time_ms(index, point),
            price=_path(candle)[point],
            quantities=EvenTrades(candle.volume, trades, before, done),
            is_buyer_maker=candle.close < candle.open,
        )
        self._newest_taker = (index, point, taker)
        return taker

    def _newest_at(self, time_ms: int) -> int:
        """The number of the newest candle that has opened by `time_ms`; -1 when none has."""
        opens = self._opens
        # Where there are no holes it is the first guess.
        guess = min((time_ms - opens[0]) // self._interval_ms, len(opens) - 1)
        if guess < 0 or (opens[guess] <= time_ms and (guess + 1 == len(opens) or opens[guess + 1] > time_ms)):
            return max(guess, -1)
        return bisect_right(opens, time_ms) - 1

    def _number_trades(self) -> None:
        self._trades = trade_counts(self._candles)
        takers = np.minimum(self._trades, POINTS_PER_CANDLE)
        self._trades_before, self._takers_before = np.cumsum(self._trades) - self._trades, np.cumsum(takers) - takers

    def candles(self, interval_ms: int, start_ms: int | None, last_ms: int, limit: int, now_ms: int) -> list[MarketCandle]:
        """Candles that open at or before `last_ms`, as they stood at `now_ms`."""
        opens, candles = self._of_interval(interval_ms)
        end = bisect_right(opens, last_ms)
        newest = candles[end - 1] if end else None
        if newest is not None and newest.close_time_ms >= now_ms:
            newest = self._so_far(newest.open_time_ms, interval_ms, now_ms)
            if newest is None:
                end -= 1
        first = max(end - limit, 0) if start_ms is None else bisect_left(opens, start_ms)
        chosen = list(candles[first : min(end, first + limit)])
        if chosen and newest is not None and chosen[-1].open_time_ms == newest.open_time_ms:
            chosen[-1] = newest
        return chosen

    def _of_interval(self, interval_ms: int) -> tuple[Sequence[int], Sequence[MarketCandle]]:
        if interval_ms == self._interval_ms:
            return self._opens, self._candles
        known = self._longer.get(interval_ms)
        if known is None:
            candles = resampled(self._candles, interval_ms)
            if self._opens[0] != candles[0].open_time_ms:
                # The recording begins in the middle of it, so what it would tell is wrong.
                candles = candles[1:]
            known = self._longer[interval_ms] = ([candle.open_time_ms for candle in candles], candles)
            if len(self._longer) > INTERVALS_KEPT:
                del self._longer[next(iter(self._longer))]
        return known

    def _so_far(self, open_time_ms: int, interval_ms: int, now_ms: int) -> MarketCandle | None:
        """The candle that opened at `open_time_ms` with only what its path has shown by `now_ms`; None while that is nothing."""
        first = bisect_left(self._opens, open_time_ms)
        end = bisect_right(self._opens, now_ms)
        parts = list(self._candles[first:end])
        if not parts:
            return None
        if now_ms <= parts[-1].close_time_ms:
            parts[-1] = _beginning(parts[-1], self._point(now_ms - parts[-1].open_time_ms) + 1)
        return merged(parts, open_time_ms, interval_ms)


class RecordedMarket:
    """The Market of `candles`.

    `spread_bps` is the distance between best bid and ask (never under two ticks), `depth_share` the share of the last finished candle's
    volume that rests on each side of the book. Ticks are inferred from the decimals of the prices, steps and smallest values from the
    price and the quote asset; `rules` replaces them for the symbols it names. Raises ConfigurationError for a symbol that `rules` does not
    name and that ends in no known quote asset.
    """

    def __init__(
        self,
        candles: RecordedCandles,
        *,
        spread_bps: Decimal = DEFAULT_SPREAD_BPS,
        depth_share: Decimal = DEFAULT_DEPTH_SHARE,
        rules: Mapping[str, SymbolRules] = MappingProxyType({}),
    ) -> None:
        if not (spread_bps >= 0 and depth_share >= 0):
            raise ValueError(f"spread_bps and depth_share must be 0 or more, not {spread_bps} and {depth_share}")
        self._recorded = candles
        self._tapes = {
            symbol: _SymbolTape(own, candles.interval_ms, rules.get(symbol) or _inferred_rules(symbol, own), spread_bps, depth_share)
            for symbol, own in candles.by_symbol.items()
        }
        self._rules = MappingProxyType({symbol: tape.rules for symbol, tape in self._tapes.items()})

    @property
    def rules(self) -> Mapping[str, SymbolRules]:
        """The trading rules of every symbol there is."""
        return self._rules

    @property
    def has_queues(self) -> bool:
        """See Market."""
        return False

    @property
    def start_ms(self) -> int:
        """When the first candle of any symbol opens."""
        return self._recorded.first_open_ms

    @property
    def end_ms(self) -> int:
        """When the last candle of any symbol is over, the first millisecond after it."""
        return self._recorded.last_close_ms + 1

    def quote(self, symbol: str, time_ms: int) -> Quote | None:
        """The market at `time_ms`; None before the symbol's first candle and for an unknown symbol."""
        tape = self._tapes.get(symbol)
        return None if tape is None else tape.quote(time_ms)

    def quotes(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[Quote]:
        """Every quote with after_ms < time_ms <= until_ms, oldest first."""
        tape = self._tapes.get(symbol)
        return iter(()) if tape is None else tape.quotes(after_ms, until_ms)

    def taker_orders(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[TakerOrder]:
        """Made-up takers whose trades add up to what the candles say was traded; the prices are those of the path."""
        tape = self._tapes.get(symbol)
        return iter(()) if tape is None else tape.taker_orders(after_ms, until_ms)

    def candles(
        self, symbol: str, interval_ms: int, *, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> Sequence[MarketCandle]:
        """See Market.candles; the recorded interval and its multiples can be made, ValueError for others."""
        native_ms = self._recorded.interval_ms
        if interval_ms <= 0 or interval_ms % native_ms:
            raise ValueError(f"candles of {interval_ms} ms cannot be made of recorded candles of {native_ms} ms")
        tape = self._tapes.get(symbol)
        if tape is None:
            return ()
        return tape.candles(interval_ms, start_ms, now_ms if end_ms is None else min(end_ms, now_ms), limit, now_ms)


def _path(candle: MarketCandle) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    if candle.close >= candle.open:
        return candle.open, candle.low, candle.high, candle.close
    return candle.open, candle.high, candle.low, candle.close


def _beginning(candle: MarketCandle, points: int) -> MarketCandle:
    """The candle as it stood after so many points of its path; volume and trades come evenly."""
    prices = _path(candle)[:points]
    share = Decimal(points) / POINTS_PER_CANDLE  # quarters are exact decimals
    return MarketCandle(
        open_time_ms=candle.open_time_ms,
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=prices[-1],
        volume=candle.volume * share,
        close_time_ms=candle.close_time_ms,
        quote_volume=candle.quote_volume * share,
        trades=candle.trades * points // POINTS_PER_CANDLE,
        taker_buy_volume=candle.taker_buy_volume * share,
        taker_buy_quote_volume=candle.taker_buy_quote_volume * share,
    )


def _inferred_rules(symbol: str, candles: Sequence[MarketCandle]) -> SymbolRules:
    base_asset, quote_asset = split_symbol(symbol)
    finest = Decimal(1).scaleb(finest_price_exponent(candles))
    return plausible_rules(symbol, base_asset, quote_asset, price=float(candles[0].close), tick_size=finest)
