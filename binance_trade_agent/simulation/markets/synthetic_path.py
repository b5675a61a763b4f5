"""SymbolPath: one symbol of the synthetic market, its price, spread, volumes and books at any time step."""

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.markets.asset_values import AssetValues, asset_profile
from binance_trade_agent.simulation.markets.candle_rows import Column, TradedColumns
from binance_trade_agent.simulation.markets.market import Ladder, Quote, TakerOrder
from binance_trade_agent.simulation.markets.symbol_catalogue import plausible_rules, split_symbol, tick_for
from binance_trade_agent.simulation.markets.synthetic_book import CELL_PRICE_SHARE, DEPTH_PARTS, WINDOW_STEPS, BookGrid, GridLevels, Mood
from binance_trade_agent.simulation.markets.value_noise import BLOCK_STEPS, hash_at, hashes, stream_key

QUOTE_STEP_MS = 1_000
"""The market changes once in so many milliseconds of market time."""

LISTED_MS = 1_736_294_400_000
"""When all symbols began to trade, 2025-01-08: a market without a beginning would take minutes to add up its monthly candles.

A block of steps begins then, so that trades are numbered from 0.
"""

LISTED_STEP = LISTED_MS // QUOTE_STEP_MS

SHARED_TRADES_PER_STEP = 2
"""Trades per quote on average, on top of the one that every quote has; busy quotes have more of them than quiet ones."""

LADDER_LEVELS = 500
"""Levels on each side of a book, where the price is high enough."""

HALF_SPREAD_PRICE_SHARE = 4e-5
"""Usual distance from the middle to the best level of the most liquid asset; it grows as the market gets wild."""

BEST_LEVEL_DOLLARS = 3_000.0
"""Usual value on the best level of the most liquid asset; it shrinks as the market gets wild."""

STEP_TURNOVER_DOLLARS = 4_000.0
"""Traded per quote in the most liquid asset, on average."""

BLOCKS_KEPT_PER_SYMBOL = 2

_CALMEST, _WILDEST = 0.4, 6.0
_MOST_DEPTH = 3 * DEPTH_PARTS
_LEAN_SHARE = 0.4  # by how much a strong move thins the side that it goes to
_USUAL_STEP_SHARE = 0.8  # mean size of a move, of its standard deviation
_WEIGHT_MASK = 0xFF


@dataclass(frozen=True, slots=True)
class _Block:
    """Consecutive quotes as columns, and how wild and where (in logarithms) the market is when each window of them begins.

    A quote has the cells of its best levels, the side that was traded, the volume in steps, the trades, and their id after `first_id`.
    """

    bid_cells: NDArray[np.int32]
    ask_cells: NDArray[np.int32]
    is_buyer_maker: NDArray[np.bool_]
    lots: Column
    trades: NDArray[np.int32]
    id_offsets: NDArray[np.int32]
    first_id: int
    wildness: NDArray[np.float64]
    logs: NDArray[np.float64]


class SymbolPath:
    """What one symbol shows at any step; a step is QUOTE_STEP_MS long, and they count from the beginning of 1970."""

    def __init__(self, symbol: str, seed: int, values: AssetValues, quote_assets: Sequence[str]) -> None:
        self._values = values
        self._base, self._quote = split_symbol(symbol, quote_assets)
        profile = asset_profile(seed, self._base)
        price = profile.dollars / asset_profile(seed, self._quote).dollars
        self.rules: SymbolRules = plausible_rules(symbol, self._base, self._quote, price=price, tick_size=tick_for(price))
        self._tick, self._step = self.rules.tick_size, self.rules.step_size
        self._log_tick = math.log(float(self._tick))
        self._volume_key = stream_key(seed, "volume", symbol)
        lot_dollars = float(self._step) * profile.dollars
        self._lots_per_step = STEP_TURNOVER_DOLLARS * profile.liquidity / lot_dollars
        self._usual_move = max(profile.minute_volatility * math.sqrt(QUOTE_STEP_MS / 60_000), 1e-8) * _USUAL_STEP_SHARE
        self._half_spread_share = HALF_SPREAD_PRICE_SHARE / profile.liquidity
        self.grid = BookGrid(
            seed,
            symbol,
            cell_ticks=max(1, round(price / float(self._tick) * CELL_PRICE_SHARE)),
            best_lots=round(BEST_LEVEL_DOLLARS * profile.liquidity / lot_dollars),
            least_lots=2 * int(self.rules.min_quantity / self._step),
            tick=self._tick,
            step=self._step,
        )
        self._blocks: OrderedDict[int, _Block] = OrderedDict()
        self._newest: tuple[int, Quote] | None = None

    def quote(self, step: int) -> Quote:
        """The quote of one time step: the price of its last trade, and the book right then."""
        if self._newest is not None and self._newest[0] == step:
            return self._newest[1]
        index, within = divmod(step, BLOCK_STEPS)
        block = self._block(index)
        bid, ask = int(block.bid_cells[within]), int(block.ask_cells[within])
        bid_mood, ask_mood = self._moods(block, step, within // WINDOW_STEPS)
        bids = GridLevels(self.grid, bid, min(LADDER_LEVELS, bid), is_ask=False, mood=bid_mood)
        asks = GridLevels(self.grid, ask, LADDER_LEVELS, is_ask=True, mood=ask_mood)
        price = self.grid.price(bid if block.is_buyer_maker[within] else ask)
        quote = Quote(step * QUOTE_STEP_MS, price, Ladder(bids, asks))
        self._newest = (step, quote)
        return quote

    def _moods(self, block: _Block, step: int, window: int) -> tuple[Mood, Mood]:
        """What the quantities of bids and of asks are made for."""
        before = max(window - 1, 0)
        cell, cell_before = (int(block.bid_cells[one * WINDOW_STEPS]) for one in (window, before))
        sides = zip(self._depths(block, window), self._depths(block, before), strict=True)
        bids, asks = (Mood(step, depth, cell, depth_before, cell_before) for depth, depth_before in sides)
        return bids, asks

    def _depths(self, block: _Block, window: int) -> tuple[int, int]:
        """The depth of bids and asks in DEPTH_PARTS: thin in wild times, and thinner on the side that the price has just moved to."""
        moved = float(block.logs[window] - block.logs[window - 1]) if window else 0.0
        lean = math.tanh(moved / (self._usual_move * 2 * math.sqrt(WINDOW_STEPS))) * _LEAN_SHARE
        depth = DEPTH_PARTS / float(block.wildness[window])
        bids, asks = (min(max(round(depth * factor), 1), _MOST_DEPTH) for factor in (1 + lean, 1 - lean))
        return bids, asks

    def taker_order(self, step: int) -> TakerOrder:
        """What was traded in one time step: all of it by one taker, at the best price of the side it met, as its candle shows it."""
        index, within = divmod(step, BLOCK_STEPS)
        block = self._block(index)
        lots = _split(int(block.lots[within]), int(block.trades[within]), stream_key(self._volume_key, step))
        is_buyer_maker = bool(block.is_buyer_maker[within])
        return TakerOrder(
            aggregate_id=step - LISTED_STEP,
            first_trade_id=block.first_id + int(block.id_offsets[within]),
            time_ms=step * QUOTE_STEP_MS,
            price=self.grid.price(int((block.bid_cells if is_buyer_maker else block.ask_cells)[within])),
            quantities=tuple([part * self._step for part in lots]),
            is_buyer_maker=is_buyer_maker,
        )

    def traded(self, first: int, end: int) -> TradedColumns:
        """What was traded in the steps from `first` up to, not including, `end`."""
        parts = []
        for index in range(first // BLOCK_STEPS, (end - 1) // BLOCK_STEPS + 1):
            start = index * BLOCK_STEPS
            parts.append(self._traded(self._block(index), slice(max(first - start, 0), min(end - start, BLOCK_STEPS))))
        if len(parts) == 1:
            return parts[0]
        return TradedColumns(
            np.concatenate([part.ticks for part in parts]),
            np.concatenate([part.lots for part in parts]),
            np.concatenate([part.bought for part in parts]),
            np.concatenate([part.trades for part in parts]),
            np.concatenate([part.trade_ids for part in parts]),
        )

    def _traded(self, block: _Block, part: slice) -> TradedColumns:
        sold = block.is_buyer_maker[part]
        cells = np.where(sold, block.bid_cells[part], block.ask_cells[part]).astype(np.int64)
        lots = block.lots[part]
        return TradedColumns(
            ticks=self.grid.ticks_at(cells),
            lots=lots,
            bought=np.where(sold, 0, lots),
            trades=block.trades[part].astype(np.int64),
            trade_ids=block.id_offsets[part].astype(np.int64) + block.first_id,
        )

    def _block(self, index: int) -> _Block:
        block = self._blocks.get(index)
        if block is None:
            block = self._blocks[index] = self._made_block(index)
            if len(self._blocks) > BLOCKS_KEPT_PER_SYMBOL:
                self._blocks.popitem(last=False)
        return block

    def _made_block(self, index: int) -> _Block:
        logs = self._values.log_block(self._base, index) - self._values.log_block(self._quote, index)
        volatility = self._values.volatility(self._base, index)
        sizes = np.empty(BLOCK_STEPS)
        sizes[0] = 0.0
        np.subtract(logs[1:], logs[:-1], out=sizes[1:])
        np.abs(sizes, out=sizes)
        wildness = _wildness(sizes, volatility, self._usual_move)
        bid_cells, ask_cells = self._best_cells(logs, wildness)
        bits = hashes(self._volume_key, index * BLOCK_STEPS, BLOCK_STEPS)
        chance = (bits >> np.uint64(32)).astype(np.float64) * 2.0**-32
        sizes *= 0.6 / self._usual_move
        sizes += 0.4
        chance *= chance
        activity = sizes * volatility
        activity *= chance
        # Every block has the same number of trades, so that trade ids count through without having to be summed from the beginning.
        shares = np.cumsum(activity)
        shares *= BLOCK_STEPS * SHARED_TRADES_PER_STEP / shares[-1]
        further = shares.astype(np.int32)
        trades = further + np.int32(1)
        trades[1:] -= further[:-1]
        activity *= self._lots_per_step * 3.0
        lots = activity.astype(np.int64)
        lots += 1
        return _Block(
            bid_cells=bid_cells,
            ask_cells=ask_cells,
            is_buyer_maker=(bits & np.uint64(1)).astype(np.bool_),
            lots=np.maximum(lots, trades),
            trades=trades,
            id_offsets=np.cumsum(trades, dtype=np.int32) - trades,
            first_id=(index * BLOCK_STEPS - LISTED_STEP) * (1 + SHARED_TRADES_PER_STEP),
            wildness=wildness[::WINDOW_STEPS].copy(),
            logs=logs[::WINDOW_STEPS].copy(),
        )

    def _best_cells(self, logs: NDArray[np.float64], wildness: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Where the best levels stand: half a spread away from the price, further away as the market is wilder."""
        middle = np.exp(logs - self._log_tick)
        half = wildness * middle
        half *= self._half_spread_share
        np.maximum(middle, half + 1.0, out=middle)
        return self.grid.at_most(middle - half).astype(np.int32), self.grid.at_least(middle + half).astype(np.int32)


def _wildness(sizes: NDArray[np.float64], volatility: NDArray[np.float64], usual: float) -> NDArray[np.float64]:
    """How much wilder than usual the market has just been, around 1: its regime, and the size of its last moves."""
    travelled = np.cumsum(sizes)
    recent = travelled.copy()
    recent[WINDOW_STEPS:] -= travelled[:-WINDOW_STEPS]
    recent *= 0.6 / (usual * WINDOW_STEPS)
    recent += volatility * 0.4
    np.maximum(recent, _CALMEST, out=recent)
    return np.minimum(recent, _WILDEST, out=recent)


def _split(lots: int, parts: int, key: int) -> list[int]:
    """`lots` in `parts` uneven whole parts, none of them 0."""
    weights = [(hash_at(key, part) & _WEIGHT_MASK) + 1 for part in range(parts)]
    spare, whole = lots - parts, sum(weights)
    given = [1 + spare * weight // whole for weight in weights]
    given[0] += lots - sum(given)
    return given
