"""Value noise: randomness as a pure function of a key and a position, and a bounded Brownian path made of it.

Nothing is drawn from a stream, so any stretch can be had at any time without what came before, and two processes agree to the last
bit. The path is Levy's construction: fixed points every TOP_STEPS, and between two neighbours always the mean of both plus a hashed
displacement that shrinks with the root of their distance. The sum of all displacements is bounded, so the path stays in a band for ever.
"""

import hashlib
import math
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

BLOCK_STEPS = 4096
"""Paths are reckoned in aligned blocks of so many steps, always whole: so each value is made by the same operations whoever asks."""

TOP_STEPS = 1 << 21
"""The distance of the fixed points of a path."""

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB
_TO_UNIT = 2.0**-52
_UNIFORM_STD = 1 / math.sqrt(3)
_COARSE_POINTS_KEPT = 128


def stream_key(*parts: str | int) -> int:
    """A 64-bit key for the stream of that name; the same in every process."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def hash_at(key: int, position: int) -> int:
    """64 hashed bits (the finaliser of splitmix64) of one position."""
    mixed = (key + position * _GOLDEN) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * _MIX_1) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * _MIX_2) & _MASK
    return mixed ^ (mixed >> 31)


def hashes_at(key: int, positions: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """hash_at for each of `positions`, of the same shape."""
    mixed = positions * np.uint64(_GOLDEN)
    mixed += np.uint64(key)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(_MIX_1)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(_MIX_2)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def hashes(key: int, first: int, count: int) -> NDArray[np.uint64]:
    """hash_at for `count` neighbouring positions from `first` on, shape (count,)."""
    return hashes_at(key, np.arange(first, first + count, dtype=np.uint64))


def uniform_at(key: int, position: int) -> float:
    """A number in [-1, 1) for one position."""
    return (hash_at(key, position) >> 11) * _TO_UNIT - 1.0


def uniforms(key: int, first: int, count: int) -> NDArray[np.float64]:
    """uniform_at for `count` neighbouring positions from `first` on, shape (count,)."""
    uniform = (hashes(key, first, count) >> np.uint64(11)).astype(np.float64)
    uniform *= _TO_UNIT
    uniform -= 1.0
    return uniform


def smooth_at(key: int, position: int, period: int) -> float:
    """Value noise in [-1, 1): hashed values every `period` positions, joined by straight lines."""
    cell, within = divmod(position, period)
    share = within / period
    return uniform_at(key, cell) * (1.0 - share) + uniform_at(key, cell + 1) * share


def _displacement(distance: int) -> float:
    """The factor that makes a uniform number the displacement between two points `distance` steps apart: std sqrt(distance) / 2."""
    return math.sqrt(distance) / 2 / _UNIFORM_STD


def block_displacements() -> NDArray[np.float64]:
    """The factor of every step within a block: step k is displaced between neighbours two lowest set bits of k apart."""
    steps = np.arange(BLOCK_STEPS, dtype=np.int64)
    factors: NDArray[np.float64] = np.sqrt(2.0 * (steps & -steps)) / 2 / _UNIFORM_STD
    return factors


class BrownianPath:
    """A path with a standard deviation of about 1 per step and sqrt(n) over n steps, up to TOP_STEPS; bounded beyond.

    `displacements` are those of `block_displacements`, made once for many paths.
    """

    def __init__(self, key: int, displacements: NDArray[np.float64]) -> None:
        self._key = key
        self._factors = displacements
        self._coarse: OrderedDict[int, float] = OrderedDict()

    def block(self, index: int, volatility: NDArray[np.float64]) -> NDArray[np.float64]:
        """The path at the BLOCK_STEPS steps from `index` * BLOCK_STEPS on; `volatility`, one factor per step, stretches its moves."""
        first = index * BLOCK_STEPS
        moves = uniforms(self._key, first, BLOCK_STEPS)
        moves *= self._factors
        moves *= volatility
        path = np.empty(BLOCK_STEPS + 1)
        path[0] = self._coarse_point(first)
        path[-1] = self._coarse_point(first + BLOCK_STEPS)
        distance = BLOCK_STEPS
        while distance > 1:
            half = distance // 2
            path[half::distance] = (path[:-1:distance] + path[distance::distance]) * 0.5 + moves[half::distance]
            distance = half
        return path[:-1]

    def _coarse_point(self, step: int) -> float:
        """The path at a multiple of BLOCK_STEPS."""
        known = self._coarse.get(step)
        if known is not None:
            return known
        if step % TOP_STEPS == 0:
            # Neighbouring fixed points then differ as much as a Brownian path does over TOP_STEPS.
            value = uniform_at(self._key, step) * math.sqrt(TOP_STEPS / 2) / _UNIFORM_STD
        else:
            half = step & -step
            middle = (self._coarse_point(step - half) + self._coarse_point(step + half)) * 0.5
            value = middle + uniform_at(self._key, step) * _displacement(2 * half)
        self._coarse[step] = value
        if len(self._coarse) > _COARSE_POINTS_KEPT:
            self._coarse.popitem(last=False)
        return value
