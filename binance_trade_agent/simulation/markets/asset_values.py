"""Asset values: what each asset of the synthetic market is worth in dollars, as a pure function of seed, asset and time step.

Prices of symbols are quotients of two values, so ETHBTC always fits ETHUSDT and BTCUSDT. A value moves with the whole market and by
itself, calmly and wildly by turns (volatility regimes of hours to days), and now and then jumps on news and drifts back.
"""

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from binance_trade_agent.simulation.markets.value_noise import (
    BLOCK_STEPS,
    BrownianPath,
    block_displacements,
    smooth_at,
    stream_key,
    uniform_at,
)

Key = TypeVar("Key")

BLOCKS_KEPT = 64
"""Finished blocks that are remembered, over all assets, and as many of the market that moves them all; 32 KiB each."""

_REGIME_STEPS = 1024  # a regime's volatility is constant for so many steps
_REGIME_PERIODS = (8192, 65536)
_REGIME_STRENGTH = 0.45  # the wildest stretches move e**(2 * 0.45) times as much as the average
_JUMP_CHANCE = 0.04  # per block
_JUMP_LEAST = 0.004
_JUMP_MOST = 0.015


@dataclass(frozen=True, slots=True)
class AssetProfile:
    """How an asset behaves: typical value in dollars, standard deviation of its logarithm over a minute, liquidity (1 is the deepest)."""

    dollars: float
    minute_volatility: float
    liquidity: float


_STABLE = 0.000005
_FIAT = 0.00004

KNOWN_ASSETS: Mapping[str, AssetProfile] = MappingProxyType(
    {
        "USDT": AssetProfile(1.0, 0.0, 1.0),
        "USD": AssetProfile(1.0, _STABLE, 1.0),
        "USDC": AssetProfile(1.0, _STABLE, 1.0),
        "FDUSD": AssetProfile(0.999, _STABLE, 1.0),
        "TUSD": AssetProfile(0.998, _STABLE, 0.4),
        "BUSD": AssetProfile(1.0, _STABLE, 0.4),
        "DAI": AssetProfile(1.0, _STABLE, 0.4),
        "EUR": AssetProfile(1.1, _FIAT, 0.6),
        "GBP": AssetProfile(1.28, _FIAT, 0.4),
        "AUD": AssetProfile(0.66, _FIAT, 0.4),
        "TRY": AssetProfile(0.03, _FIAT, 0.6),
        "BRL": AssetProfile(0.18, _FIAT, 0.4),
        "JPY": AssetProfile(0.0067, _FIAT, 0.4),
        "PLN": AssetProfile(0.25, _FIAT, 0.3),
        "BTC": AssetProfile(60_000.0, 0.0007, 1.0),
        "ETH": AssetProfile(3_000.0, 0.0009, 0.9),
        "BNB": AssetProfile(580.0, 0.0008, 0.6),
        "SOL": AssetProfile(150.0, 0.0012, 0.6),
        "XRP": AssetProfile(0.6, 0.0011, 0.6),
        "ADA": AssetProfile(0.45, 0.0012, 0.4),
        "DOGE": AssetProfile(0.15, 0.0014, 0.5),
        "TRX": AssetProfile(0.13, 0.0008, 0.4),
        "AVAX": AssetProfile(30.0, 0.0013, 0.35),
        "DOT": AssetProfile(6.0, 0.0011, 0.3),
        "LINK": AssetProfile(15.0, 0.0012, 0.35),
        "LTC": AssetProfile(80.0, 0.0010, 0.35),
        "BCH": AssetProfile(400.0, 0.0011, 0.3),
        "MATIC": AssetProfile(0.6, 0.0012, 0.3),
        "SHIB": AssetProfile(0.00002, 0.0014, 0.35),
        "PEPE": AssetProfile(0.00001, 0.0016, 0.35),
        "UNI": AssetProfile(8.0, 0.0013, 0.25),
        "ATOM": AssetProfile(7.0, 0.0012, 0.25),
        "XLM": AssetProfile(0.11, 0.0011, 0.25),
        "ETC": AssetProfile(22.0, 0.0011, 0.25),
        "NEAR": AssetProfile(5.0, 0.0014, 0.25),
        "FIL": AssetProfile(5.0, 0.0012, 0.25),
        "APT": AssetProfile(8.0, 0.0014, 0.25),
        "ARB": AssetProfile(0.8, 0.0014, 0.25),
        "OP": AssetProfile(1.8, 0.0014, 0.25),
        "XMR": AssetProfile(160.0, 0.0009, 0.2),
    }
)
"""Typical values; any other asset gets a profile by hash."""


def asset_profile(seed: int, asset: str) -> AssetProfile:
    """The profile of `asset`: known, or plausible by hash (some cents to some hundred dollars, volatile, thinly traded)."""
    known = KNOWN_ASSETS.get(asset)
    if known is not None:
        return known
    key = stream_key(seed, "profile", asset)
    return AssetProfile(
        dollars=round(10 ** (0.5 + 1.8 * uniform_at(key, 0)), 4),
        minute_volatility=0.0012 + 0.0003 * uniform_at(key, 1),
        liquidity=0.2 + 0.1 * uniform_at(key, 2),
    )


class _Mover:
    """One independent source of movement with its own regimes; standard deviation about 1 per step."""

    def __init__(self, seed: int, name: str, displacements: NDArray[np.float64]) -> None:
        self._path = BrownianPath(stream_key(seed, "path", name), displacements)
        self._regime_keys = tuple(stream_key(seed, "regime", name, period) for period in _REGIME_PERIODS)
        self._newest: tuple[int, NDArray[np.float64]] | None = None

    def block(self, index: int) -> NDArray[np.float64]:
        return self._path.block(index, self.volatility(index))

    def volatility(self, index: int) -> NDArray[np.float64]:
        """The regime's factor at every step of a block, around 1; not to be written to."""
        if self._newest is None or self._newest[0] != index:
            first = index * BLOCK_STEPS
            moods = [
                sum(smooth_at(key, step, period) for key, period in zip(self._regime_keys, _REGIME_PERIODS, strict=True))
                for step in range(first, first + BLOCK_STEPS, _REGIME_STEPS)
            ]
            self._newest = (index, np.repeat([math.exp(_REGIME_STRENGTH * mood) for mood in moods], _REGIME_STEPS))
        return self._newest[1]


class AssetValues:
    """Logarithms of asset values by block of time steps, with a bounded memory."""

    def __init__(self, seed: int, steps_per_minute: float) -> None:
        self._seed = seed
        self._minute_to_step = steps_per_minute**-0.5
        self._displacements = block_displacements()
        self._movers: dict[str, _Mover] = {}  # one for each asset of the symbols, and the market's
        self._blocks: OrderedDict[tuple[str, int], NDArray[np.float64]] = OrderedDict()
        self._market_blocks: OrderedDict[int, NDArray[np.float64]] = OrderedDict()

    def log_block(self, asset: str, index: int) -> NDArray[np.float64]:
        """ln(dollars) of `asset` at every step of block `index`, shape (BLOCK_STEPS,); not to be written to."""
        known = self._blocks.get((asset, index))
        return known if known is not None else _remembered(self._blocks, (asset, index), self._made(asset, index))

    def volatility(self, asset: str, index: int) -> NDArray[np.float64]:
        """The factor, around 1, by which `asset` is wilder than usual at every step of a block."""
        return self._mover(asset).volatility(index)

    def _made(self, asset: str, index: int) -> NDArray[np.float64]:
        profile = asset_profile(self._seed, asset)
        level = math.log(profile.dollars)
        if profile.minute_volatility == 0:
            return np.broadcast_to(np.float64(level), (BLOCK_STEPS,))
        step_volatility = profile.minute_volatility * self._minute_to_step
        own = self._mover(asset).block(index)
        if profile.minute_volatility <= _FIAT:
            return np.asarray(level + step_volatility * own)
        key = stream_key(self._seed, "market share", asset)
        share = 0.6 + 0.2 * uniform_at(key, 0)
        own *= step_volatility * math.sqrt(1 - share * share)
        own += self._market_block(index) * (step_volatility * share)
        own += level
        self._add_news(asset, index, own)
        return own

    def _market_block(self, index: int) -> NDArray[np.float64]:
        known = self._market_blocks.get(index)
        if known is not None:
            return known
        return _remembered(self._market_blocks, index, self._mover("\x00market").block(index))  # no asset is called that

    def _add_news(self, asset: str, index: int, logs: NDArray[np.float64]) -> None:
        """News of a block: a jump in its first half that has faded away at its end, so blocks join without a seam."""
        key = stream_key(self._seed, "jump", asset, index)
        if abs(uniform_at(key, 0)) >= _JUMP_CHANCE:
            return
        start = int(abs(uniform_at(key, 1)) * BLOCK_STEPS / 2)
        direction = uniform_at(key, 2)
        size = math.copysign(_JUMP_LEAST + abs(direction) * (_JUMP_MOST - _JUMP_LEAST), direction)
        logs[start:] += np.linspace(size, 0.0, BLOCK_STEPS - start)

    def _mover(self, name: str) -> _Mover:
        mover = self._movers.get(name)
        if mover is None:
            mover = self._movers[name] = _Mover(self._seed, name, self._displacements)
        return mover


def _remembered(memory: OrderedDict[Key, NDArray[np.float64]], key: Key, block: NDArray[np.float64]) -> NDArray[np.float64]:
    memory[key] = block
    if len(memory) > BLOCKS_KEPT:
        memory.popitem(last=False)
    return block
