"""Frozen views of the book: what risk reads during a pass, and what users see as a snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from binance_trade_agent.domain.money import ZERO, total
from binance_trade_agent.domain.order import JournaledOrder
from binance_trade_agent.domain.position import Position


@dataclass(frozen=True)
class PortfolioView:
    """The book as of the previous pass, frozen: the only thing that flows back into a pass.

    Amounts are in `quote_asset` (the accounting asset). `cash` is what the ledger holds of it; `marks` are the prices that
    positions were valued at; `open_orders` are the orders whose fate is not settled, so both outcomes can be reckoned with.
    """

    time_ms: int
    quote_asset: str
    cash: Decimal
    positions: Mapping[str, Position]
    marks: Mapping[str, Decimal]
    open_orders: tuple[JournaledOrder, ...] = ()

    def position_value(self, symbol: str) -> Decimal:
        """Quote value of what is held of `symbol`; 0 for a symbol without a position."""
        return self.values.get(symbol, ZERO)

    @cached_property
    def values(self) -> Mapping[str, Decimal]:
        """Quote value of each position, at its mark; at cost when there is no mark."""
        marks = self.marks
        return {
            symbol: position.cost if (mark := marks.get(symbol)) is None else position.value(mark)
            for symbol, position in self.positions.items()
        }

    @cached_property
    def exposure(self) -> Decimal:
        """Quote value of all positions."""
        return total(self.values.values())

    @cached_property
    def equity(self) -> Decimal:
        """Cash and positions at their marks, unrealised profit included."""
        return self.cash + self.exposure


@dataclass(frozen=True, slots=True)
class PositionSnapshot:
    """One position for people and exports; amounts in quote."""

    symbol: str
    quantity: Decimal
    average_price: Decimal
    mark_price: Decimal
    value: Decimal
    unrealized: Decimal
    realized: Decimal


@dataclass(frozen=True, slots=True)
class PortfolioSnapshot:
    """The whole book at a moment; amounts in `quote_asset`, fees per asset they were charged in.

    `unknown_orders` are those whose fate is not known, each with when it was decided (ms UTC, market time).
    """

    time_ms: int
    quote_asset: str
    initial_value: Decimal
    cash: Decimal
    equity: Decimal
    realized: Decimal
    unrealized: Decimal
    balances: Mapping[str, Decimal]
    fees: Mapping[str, Decimal]
    positions: tuple[PositionSnapshot, ...]
    orders: int
    fills: int
    open_orders: int
    modes: Mapping[str, str] = field(default_factory=dict)
    unknown_orders: Mapping[str, int] = field(default_factory=dict)

    @property
    def profit(self) -> Decimal:
        """Equity less what was put in."""
        return self.equity - self.initial_value


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """One row of the equity history, amounts in the accounting asset."""

    time_ms: int
    equity: Decimal
    cash: Decimal
    exposure: Decimal
    realized: Decimal
    unrealized: Decimal
