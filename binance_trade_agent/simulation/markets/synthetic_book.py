"""The books of the synthetic market: levels at fixed places of the price axis, whose quantities come and go as the market is calm or wild.

A level keeps its price and, for a while, its quantity: what stands at a price now mostly stood there a moment ago, so that there is
something to queue behind. Levels are reckoned only as far as somebody reads them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from binance_trade_agent.simulation.markets.market import Levels
from binance_trade_agent.simulation.markets.value_noise import hash_at, hashes_at, stream_key

CELL_PRICE_SHARE = 2e-5
"""The usual distance of two levels, as a share of the asset's typical price; never under a tick."""

WINDOW_STEPS = 16
"""Depth follows the market's mood in steps of so many quotes."""

DEPTH_PARTS = 8
"""The mood's factors are given in so many parts of 1."""

_PLACES = 256  # where in its cell a level stands repeats after so many cells
_GROWTH_CELLS = 8  # a level is deeper by a quarter of the best one for every so many cells from the price
_GROWTH_PARTS = 4
_SIZE_PARTS = 1024
_WALL_PARTS = 4 * _SIZE_PARTS
_LIFE_SHIFTS = 3  # a level's quantity lasts 8, 16, 32 or 64 steps
_EPOCH_BITS = 34  # more than there are steps
_FIRST_READ = 16
_MASK_63 = (1 << 63) - 1

Whole = Any
"""An int, or an array of them: the reckoning of a level is written once for both."""


@dataclass(frozen=True, slots=True)
class Mood:
    """What the quantities of one side are made for: the time step, and the depth's factor in DEPTH_PARTS with the cell of the price.

    Both stood at the beginning of the step's window, and those before at the beginning of the window before it.
    """

    step: int
    depth: int
    middle_cell: int
    depth_before: int
    middle_cell_before: int


class BookGrid:
    """One symbol's places for levels. `cell_ticks` is the height of a cell, `best_lots` the usual quantity at the price."""

    def __init__(self, seed: int, symbol: str, *, cell_ticks: int, best_lots: int, least_lots: int, tick: Decimal, step: Decimal) -> None:
        self.cell_ticks = cell_ticks
        self._ticks_to_cells = 1 / cell_ticks
        self._tick, self._step = tick, step
        self._best_lots, self._least_lots = max(best_lots, 1), least_lots
        self._places_key = stream_key(seed, "places", symbol)
        self._size_keys = (stream_key(seed, "bids", symbol), stream_key(seed, "asks", symbol))
        positions = np.arange(_PLACES, dtype=np.uint64)
        places = (hashes_at(self._places_key, positions) >> np.uint64(1)).astype(np.int64) % cell_ticks
        self._places: NDArray[np.int64] = places
        self._places_list: list[int] = places.tolist()

    def ticks_at(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """The prices of the levels in `cells`, in ticks."""
        ticks: NDArray[np.int64] = self._places[cells & (_PLACES - 1)]
        ticks += cells * self.cell_ticks
        return ticks

    def at_most(self, ticks: NDArray[np.float64]) -> NDArray[np.int64]:
        """The cells of the highest levels that are not above `ticks`."""
        cells = (ticks * self._ticks_to_cells).astype(np.int64)
        cells -= self.ticks_at(cells) > ticks
        return cells

    def at_least(self, ticks: NDArray[np.float64]) -> NDArray[np.int64]:
        """The cells of the lowest levels that are not below `ticks`."""
        cells = (ticks * self._ticks_to_cells).astype(np.int64)
        cells += self.ticks_at(cells) < ticks
        return cells

    def price(self, cell: int) -> Decimal:
        """The price of the level in `cell`."""
        return (cell * self.cell_ticks + self._places_list[cell & (_PLACES - 1)]) * self._tick

    def level(self, cell: int, *, is_ask: bool, mood: Mood) -> tuple[Decimal, Decimal]:
        """Price and quantity of one level."""
        lots = self._lots(cell, lambda position: hash_at(self._size_keys[is_ask], position) & _MASK_63, mood)
        return self.price(cell), max(lots, self._least_lots) * self._step

    def levels(self, cells: NDArray[np.int64], *, is_ask: bool, mood: Mood) -> list[tuple[Decimal, Decimal]]:
        """Price and quantity of many levels."""
        key = self._size_keys[is_ask]
        mask = np.uint64(_MASK_63)
        lots = self._lots(cells, lambda positions: (hashes_at(key, positions.astype(np.uint64)) & mask).astype(np.int64), mood)
        tick, step = self._tick, self._step
        rows = zip(self.ticks_at(cells).tolist(), np.maximum(lots, self._least_lots).tolist(), strict=True)
        return [(ticks * tick, quantity * step) for ticks, quantity in rows]

    def _lots(self, cell: Whole, drawn: Callable[[Whole], Whole], mood: Mood) -> Whole:
        """The quantity in `cell`: drawn anew at the end of each of the level's lives, deeper away from the price and in calm times."""
        character = drawn(cell)
        epoch = (mood.step + (character & 63)) >> (_LIFE_SHIFTS + ((character >> 6) & 3))
        chance = drawn((cell << _EPOCH_BITS) + epoch + 1)
        size = _SIZE_PARTS // 4 + chance % (_SIZE_PARTS * 3 // 2) + ((chance >> 32) % 64 == 0) * _WALL_PARTS
        # Levels take up a new mood one by one, in the course of its window.
        is_late = mood.step % WINDOW_STEPS < (character >> 8) % WINDOW_STEPS
        depth = mood.depth + is_late * (mood.depth_before - mood.depth)
        middle_cell = mood.middle_cell + is_late * (mood.middle_cell_before - mood.middle_cell)
        usual = self._best_lots * (_GROWTH_PARTS + abs(cell - middle_cell) // _GROWTH_CELLS) * depth
        return usual * size // (_GROWTH_PARTS * DEPTH_PARTS * _SIZE_PARTS)


class GridLevels(Sequence[tuple[Decimal, Decimal]]):
    """One side of a book: `count` levels from the cell of the best one on, downwards for bids and upwards for asks."""

    __slots__ = ("_best_cell", "_count", "_grid", "_is_ask", "_mood")

    def __init__(self, grid: BookGrid, best_cell: int, count: int, *, is_ask: bool, mood: Mood) -> None:
        self._grid = grid
        self._best_cell = best_cell
        self._count = count
        self._is_ask = is_ask
        self._mood = mood

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> tuple[Decimal, Decimal]: ...

    @overload
    def __getitem__(self, index: slice) -> Levels: ...

    def __getitem__(self, index: int | slice) -> tuple[Decimal, Decimal] | Levels:
        places = range(self._count)[index]
        if isinstance(places, range):
            return self._made(places.start, places.stop) if places.step == 1 else tuple(self)[index]
        return self._grid.level(self._cell(places), is_ask=self._is_ask, mood=self._mood)

    def __iter__(self) -> Iterator[tuple[Decimal, Decimal]]:
        start, length = 0, _FIRST_READ
        while start < self._count:
            yield from self._made(start, min(start + length, self._count))
            start, length = start + length, length * 4

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(islice(self, 1)))

    def __repr__(self) -> str:
        return repr(tuple(self))

    def _cell(self, place: int) -> int:
        return self._best_cell + place if self._is_ask else self._best_cell - place

    def _made(self, start: int, end: int) -> list[tuple[Decimal, Decimal]]:
        cells = np.arange(self._cell(start), self._cell(end), 1 if self._is_ask else -1, dtype=np.int64)
        return self._grid.levels(cells, is_ask=self._is_ask, mood=self._mood)
