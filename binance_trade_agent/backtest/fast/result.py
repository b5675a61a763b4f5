"""BacktestResult: what a backtest came to, in exact amounts, with the equity curve as columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from binance_trade_agent.domain.money import ZERO, total
from binance_trade_agent.domain.order import Fill, JournaledOrder
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.risk import ModeChange, RiskRule
from binance_trade_agent.domain.symbol_rules import SymbolRules


@dataclass(frozen=True, slots=True)
class EquityCurve:
    """The account after each pass, one pass a candle, shape (n,) each: market time (ms UTC), equity and exposure in quote as floats.

    Equity is cash and positions at their marks; exposure is the positions alone. The curve is for figures and pictures: what decides
    is reckoned in decimals.
    """

    times_ms: NDArray[np.int64]
    equity: NDArray[np.float64]
    exposure: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestResult:
    """What a backtest came to. It can be pickled.

    The passes are at `first_ms` (the first) to `last_ms` (the last). `orders` are in the order in which they were decided, `fills` in that
    in which they were booked. `refusals` counts what risk refused by rule, HOLD not among them. `balances`, `positions`, `marks` and
    `modes` (scope to the change that it stands at) are those at the end; `mode_changes` are all. `candles` are those that had closed by
    the last pass, `gaps` are (open time before the hole, missing candles) within the run. `digest` names the plan with its candles.
    """

    digest: str
    strategy: str
    symbols: tuple[str, ...]
    interval_ms: int
    first_ms: int
    last_ms: int
    passes: int
    quote_asset: str
    initial_value: Decimal
    fills: tuple[Fill, ...]
    orders: tuple[JournaledOrder, ...]
    refusals: Mapping[RiskRule, int]
    balances: Mapping[str, Decimal]
    commissions: Mapping[str, Decimal]
    positions: Mapping[str, Position]
    marks: Mapping[str, Decimal]
    modes: Mapping[str, ModeChange]
    mode_changes: tuple[ModeChange, ...]
    rules: Mapping[str, SymbolRules]
    curve: EquityCurve
    candles: Mapping[str, int]
    gaps: Mapping[str, tuple[tuple[int, int], ...]]

    @property
    def equity(self) -> Decimal:
        """What the account was worth at the end, exact: cash and positions at their marks."""
        held = (position.value(self.marks[symbol]) for symbol, position in self.positions.items() if symbol in self.marks)
        return total((self.balances.get(self.quote_asset, ZERO), *held))

    @property
    def profit(self) -> Decimal:
        """Equity at the end less what was put in."""
        return self.equity - self.initial_value
