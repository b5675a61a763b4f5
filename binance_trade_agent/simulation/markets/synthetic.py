"""SyntheticMarket: a seeded market whose every price, book and candle is a pure function of seed, symbol and time.

There is no state to keep: a restart goes on with the same market, and any history can be asked for. Candles are made of the very
quotes that resting orders are checked against, so a candle's low is a price that was there.
"""

import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.quote_assets import QUOTE_ASSETS
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.markets.asset_values import AssetValues, asset_profile
from binance_trade_agent.simulation.markets.candle_resampling import candle_open_ms, grid_offset_ms
from binance_trade_agent.simulation.markets.market import Ladder, MarketCandle, Quote, TakerOrder
from binance_trade_agent.simulation.markets.symbol_catalogue import plausible_rules, split_symbol, tick_for
from binance_trade_agent.simulation.markets.value_noise import BLOCK_STEPS, hash_at, hashes, stream_key

QUOTE_STEP_MS = 5_000
"""The market changes once in so many milliseconds of market time."""

SHARED_TRADES_PER_STEP = 7
"""Trades per quote on average, on top of the one that every quote has; busy quotes have more of them than quiet ones."""

LADDER_LEVELS = 24
HALF_SPREAD_PRICE_SHARE = 1e-4  # 1 bp from the price to the best level, and between levels
BEST_LEVEL_DOLLARS = 2_000.0  # on the best level of the most liquid asset; levels grow with their distance
STEP_TURNOVER_DOLLARS = 20_000.0  # traded per quote in the most liquid asset, on average

BLOCKS_KEPT_PER_SYMBOL = 4
CANDLES_KEPT = 50_000
"""Finished candles that are remembered, over all symbols and intervals; about 1 KiB each."""

_CHUNK_STEPS = 1 << 17  # steps that are reckoned with at once when many long candles are asked for
_JITTERS = 64
_JITTER_SCALE = 1024
_LOW_BITS = 20
_WEIGHT_MASK = 0xFF


@dataclass(frozen=True, slots=True)
class _Steps:
    """Consecutive quotes as columns: price in ticks, volume in steps of quantity, number of trades and id of the first."""

    ticks: NDArray[np.int64]
    lots: NDArray[np.int64]
    trades: NDArray[np.int64]
    trade_ids: NDArray[np.int64]

    def __getitem__(self, part: slice) -> "_Steps":
        return _Steps(self.ticks[part], self.lots[part], self.trades[part], self.trade_ids[part])


class _SymbolPath:
    """One symbol: its rules, its price path in whole ticks, its volumes and its ladder."""

    def __init__(self, symbol: str, seed: int, values: AssetValues, quote_assets: Sequence[str]) -> None:
        self._values = values
        self._base, self._quote = split_symbol(symbol, quote_assets)
        profile = asset_profile(seed, self._base)
        quote_dollars = asset_profile(seed, self._quote).dollars
        price = profile.dollars / quote_dollars
        self.rules: SymbolRules = plausible_rules(symbol, self._base, self._quote, price=price, tick_size=tick_for(price))
        self._tick = self.rules.tick_size
        self._step = self.rules.step_size
        self._tick_float = float(self._tick)
        self._volume_key = stream_key(seed, "volume", symbol)
        self._ladder_key = stream_key(seed, "ladder", symbol)
        lot_dollars = float(self._step) * profile.dollars
        self._lots_per_step = STEP_TURNOVER_DOLLARS * profile.liquidity / lot_dollars
        self._usual_move = max(profile.minute_volatility * math.sqrt(QUOTE_STEP_MS / 60_000), 1e-7)
        self._level_lots = self._typical_levels(BEST_LEVEL_DOLLARS * profile.liquidity / lot_dollars)
        self._jitters = [(_JITTER_SCALE // 2) + hash_at(self._ladder_key, ~number) % _JITTER_SCALE for number in range(_JITTERS)]
        self._blocks: OrderedDict[int, _Steps] = OrderedDict()
        self._newest: tuple[int, Quote] | None = None

    def _typical_levels(self, best_lots: float) -> list[int]:
        least = int(self.rules.min_quantity / self._step)
        return [max(least * 2, round(best_lots * (1 + level * 0.15))) for level in range(LADDER_LEVELS)]

    def quote(self, step: int) -> Quote:
        """The quote of one time step."""
        if self._newest is not None and self._newest[0] == step:
            return self._newest[1]
        index, within = divmod(step, BLOCK_STEPS)
        ticks = int(self._block(index).ticks[within])
        quote = Quote(step * QUOTE_STEP_MS, ticks * self._tick, self._ladder(step, ticks))
        self._newest = (step, quote)
        return quote

    def _ladder(self, step: int, ticks: int) -> Ladder:
        gap = max(1, round(ticks * HALF_SPREAD_PRICE_SHARE))
        tick, lot, levels = self._tick, self._step, self._level_lots
        turn = hash_at(self._ladder_key, step)
        below = self._jitters[turn % _JITTERS :] + self._jitters[: turn % _JITTERS]
        turn >>= 32
        above = self._jitters[turn % _JITTERS :] + self._jitters[: turn % _JITTERS]
        deepest = min(LADDER_LEVELS, (ticks - 1) // gap)  # no level at or below 0
        bids = tuple(
            [((ticks - (level + 1) * gap) * tick, (levels[level] * below[level] // _JITTER_SCALE) * lot) for level in range(deepest)]
        )
        asks = tuple(
            [((ticks + (level + 1) * gap) * tick, (levels[level] * above[level] // _JITTER_SCALE) * lot) for level in range(LADDER_LEVELS)]
        )
        return Ladder(bids, asks)

    def steps(self, first: int, end: int) -> _Steps:
        """The quotes of the steps from `first` up to, not including, `end`."""
        parts = []
        for index in range(first // BLOCK_STEPS, (end - 1) // BLOCK_STEPS + 1):
            start = index * BLOCK_STEPS
            parts.append(self._block(index)[max(first - start, 0) : min(end - start, BLOCK_STEPS)])
        if len(parts) == 1:
            return parts[0]
        return _Steps(
            np.concatenate([part.ticks for part in parts]),
            np.concatenate([part.lots for part in parts]),
            np.concatenate([part.trades for part in parts]),
            np.concatenate([part.trade_ids for part in parts]),
        )

    def _block(self, index: int) -> _Steps:
        block = self._blocks.get(index)
        if block is None:
            block = self._blocks[index] = self._made_block(index)
            if len(self._blocks) > BLOCKS_KEPT_PER_SYMBOL:
                self._blocks.popitem(last=False)
        return block

    def _made_block(self, index: int) -> _Steps:
        logs = self._values.log_block(self._base, index) - self._values.log_block(self._quote, index)
        ticks = np.maximum(np.rint(np.exp(logs) / self._tick_float), 1.0).astype(np.int64)
        bits = hashes(self._volume_key, index * BLOCK_STEPS, BLOCK_STEPS)
        chance = (bits >> np.uint64(32)).astype(np.float64) * 2.0**-32
        liveliness = 0.4 + 0.6 * np.abs(np.diff(logs, prepend=logs[:1])) / self._usual_move
        activity = liveliness * self._values.volatility(self._base, index) * chance * chance * 3.0
        # Every block has the same number of trades, so that trade ids count through without having to be summed from the beginning.
        shares = np.cumsum(activity)
        trades = 1 + np.diff((shares / shares[-1] * (BLOCK_STEPS * SHARED_TRADES_PER_STEP)).astype(np.int64), prepend=0)
        trade_ids = index * BLOCK_STEPS * (1 + SHARED_TRADES_PER_STEP) + np.cumsum(trades) - trades
        lots = np.maximum(1 + (activity * self._lots_per_step).astype(np.int64), trades)
        return _Steps(ticks, lots, trades, trade_ids)

    def taker_order(self, step: int) -> TakerOrder:
        """What was traded in one time step: all of it by one taker, at the step's price and time, as its candle shows it."""
        index, within = divmod(step, BLOCK_STEPS)
        block = self._block(index)
        lots = _split(int(block.lots[within]), int(block.trades[within]), stream_key(self._volume_key, step))
        return TakerOrder(
            aggregate_id=step,
            first_trade_id=int(block.trade_ids[within]),
            time_ms=step * QUOTE_STEP_MS,
            price=int(block.ticks[within]) * self._tick,
            quantities=tuple([part * self._step for part in lots]),
            is_buyer_maker=bool(hash_at(self._volume_key, step) & 1),
        )

    def candles(self, first_step: int, steps_per_candle: int, columns: _Steps) -> list[MarketCandle]:
        """Candles of equal length of `columns`, whose first quote is that of `first_step`; only one may be cut short."""
        length = min(steps_per_candle, len(columns.ticks))
        ticks = columns.ticks.reshape(-1, length)
        lots = columns.lots.reshape(-1, length)
        # Products of a long candle can pass 63 bits in sum, so high and low bits are summed apart.
        values_high = (ticks * (lots >> _LOW_BITS)).sum(axis=1).tolist()
        values_low = (ticks * (lots & ((1 << _LOW_BITS) - 1))).sum(axis=1).tolist()
        rows = zip(
            ticks[:, 0].tolist(),
            ticks.max(axis=1).tolist(),
            ticks.min(axis=1).tolist(),
            ticks[:, -1].tolist(),
            lots.sum(axis=1).tolist(),
            values_high,
            values_low,
            columns.trades.reshape(-1, length).sum(axis=1).tolist(),
            columns.trade_ids.reshape(-1, length)[:, 0].tolist(),
            strict=True,
        )
        tick, lot, value = self._tick, self._step, self._tick * self._step
        interval_ms = steps_per_candle * QUOTE_STEP_MS
        open_times = range(first_step * QUOTE_STEP_MS, first_step * QUOTE_STEP_MS + len(ticks) * interval_ms, interval_ms)
        return [
            MarketCandle(
                open_time_ms=open_time_ms,
                open=first * tick,
                high=high * tick,
                low=low * tick,
                close=last * tick,
                volume=volume * lot,
                close_time_ms=open_time_ms + interval_ms - 1,
                quote_volume=((value_high << _LOW_BITS) + value_low) * value,
                trades=trades,
                first_trade_id=trade_id,
            )
            for open_time_ms, (first, high, low, last, volume, value_high, value_low, trades, trade_id) in zip(
                open_times, rows, strict=True
            )
        ]


class SyntheticMarket:
    """A Market of `symbols` that is wholly determined by `seed`; it has been there since the epoch and never ends.

    Raises ConfigurationError for a symbol that ends in none of `quote_assets`, or for no symbol at all.
    """

    def __init__(self, symbols: Sequence[str], seed: int, *, quote_assets: Sequence[str] = QUOTE_ASSETS) -> None:
        if not symbols:
            raise ConfigurationError("a synthetic market needs at least one symbol")
        values = AssetValues(seed, 60_000 / QUOTE_STEP_MS)
        self._paths = {symbol: _SymbolPath(symbol, seed, values, quote_assets) for symbol in symbols}
        self._rules = MappingProxyType({symbol: path.rules for symbol, path in self._paths.items()})
        self._candles: OrderedDict[tuple[str, int, int], MarketCandle] = OrderedDict()

    @property
    def rules(self) -> Mapping[str, SymbolRules]:
        """The trading rules of every symbol there is."""
        return self._rules

    @property
    def has_queues(self) -> bool:
        """See Market."""
        return False

    def quote(self, symbol: str, time_ms: int) -> Quote | None:
        """The market at `time_ms`; None before 1970 and for an unknown symbol."""
        path = self._paths.get(symbol)
        return path.quote(time_ms // QUOTE_STEP_MS) if path is not None and time_ms >= 0 else None

    def quotes(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[Quote]:
        """Every quote with after_ms < time_ms <= until_ms, oldest first."""
        path = self._paths.get(symbol)
        if path is not None:
            for step in range(max(after_ms // QUOTE_STEP_MS + 1, 0), until_ms // QUOTE_STEP_MS + 1):
                yield path.quote(step)

    def taker_orders(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[TakerOrder]:
        """One for each quote with after_ms < time_ms <= until_ms: together they are what the candles show as traded."""
        path = self._paths.get(symbol)
        if path is not None:
            for step in range(max(after_ms // QUOTE_STEP_MS + 1, 0), until_ms // QUOTE_STEP_MS + 1):
                yield path.taker_order(step)

    def candles(
        self, symbol: str, interval_ms: int, *, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> Sequence[MarketCandle]:
        """See Market.candles; any interval that is a multiple of QUOTE_STEP_MS can be made, ValueError for others."""
        if interval_ms <= 0 or interval_ms % QUOTE_STEP_MS:
            raise ValueError(f"candles of {interval_ms} ms cannot be made of quotes every {QUOTE_STEP_MS} ms")
        path = self._paths.get(symbol)
        if path is None:
            return ()
        opens = _open_times(interval_ms, start_ms, now_ms if end_ms is None else min(end_ms, now_ms), limit)
        current_ms = candle_open_ms(now_ms, interval_ms)
        finished = opens[:-1] if opens and opens[-1] == current_ms else opens
        found = self._finished(symbol, path, interval_ms, finished)
        if len(finished) < len(opens):
            first = current_ms // QUOTE_STEP_MS
            columns = path.steps(first, now_ms // QUOTE_STEP_MS + 1)
            found += path.candles(first, interval_ms // QUOTE_STEP_MS, columns)
        return found

    def _finished(self, symbol: str, path: _SymbolPath, interval_ms: int, opens: range) -> list[MarketCandle]:
        """The candles that open at `opens`, all of them over: from memory, and the stretches that are not there made anew."""
        memory = self._candles
        found: list[MarketCandle] = []
        position = 0
        while position < len(opens):
            candle = memory.get((symbol, interval_ms, opens[position]))
            if candle is not None:
                found.append(candle)
                position += 1
                continue
            missing = self._missing(symbol, interval_ms, opens[position:])
            steps_each = interval_ms // QUOTE_STEP_MS
            first = missing[0] // QUOTE_STEP_MS
            made = path.candles(first, steps_each, path.steps(first, first + len(missing) * steps_each))
            memory.update(((symbol, interval_ms, candle.open_time_ms), candle) for candle in made)
            while len(memory) > CANDLES_KEPT:
                memory.popitem(last=False)
            found += made
            position += len(made)
        return found

    def _missing(self, symbol: str, interval_ms: int, opens: range) -> range:
        """The head of `opens` that is not in memory, as long as can be reckoned with at once."""
        most = max(1, _CHUNK_STEPS * QUOTE_STEP_MS // interval_ms)
        length = 1
        while length < min(most, len(opens)) and (symbol, interval_ms, opens[length]) not in self._candles:
            length += 1
        return opens[:length]


def _split(lots: int, parts: int, key: int) -> list[int]:
    """`lots` in `parts` uneven whole parts, none of them 0."""
    weights = [(hash_at(key, part) & _WEIGHT_MASK) + 1 for part in range(parts)]
    spare, whole = lots - parts, sum(weights)
    given = [1 + spare * weight // whole for weight in weights]
    given[0] += lots - sum(given)
    return given


def _open_times(interval_ms: int, start_ms: int | None, last_ms: int, limit: int) -> range:
    """When the candles open that Market.candles owes: none before the epoch, none after `last_ms`."""
    earliest = grid_offset_ms(interval_ms)
    end = candle_open_ms(last_ms, interval_ms) + interval_ms
    if start_ms is None:
        first = end - limit * interval_ms
    else:
        first = max(candle_open_ms(start_ms + interval_ms - 1, interval_ms), earliest)
        end = min(end, first + limit * interval_ms)
    return range(max(first, earliest), max(end, 0), interval_ms)
