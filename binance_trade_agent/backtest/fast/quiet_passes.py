"""QuietPasses: the passes between those that are walked, in which only prices move: what risk must learn of them, and whether it is all.

Equity is reckoned in floats for many passes at once. Where a float is too near to a figure that decides, the pass is walked, or its equity
is reckoned again in decimals, so that no rounding ever decides.
"""

from collections.abc import Collection, Mapping
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from binance_trade_agent.backtest.fast.days import Days
from binance_trade_agent.backtest.fast.running_book import RunningBook
from binance_trade_agent.backtest.fast.tracks import Track
from binance_trade_agent.domain.money import times, total
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, TradingMode
from binance_trade_agent.risk_management_agent import RiskLimits, RiskManagementAgent

_SLACK = 1e-9
"""Fraction of equity within which a float may err; sums of a thousand positions err by less than a thousandth of it."""


class QuietPasses:
    """Looks after what is held between two walked passes."""

    def __init__(self, tracks: Mapping[str, Track], days: Days, limits: RiskLimits, risk: RiskManagementAgent) -> None:
        self._tracks = tracks
        self._days = days
        self._limits = limits
        self._risk = risk
        self._watches_equity = limits.max_daily_drawdown < 1 or limits.max_total_drawdown < 1
        self._trailing = frozenset(symbol for symbol in tracks if limits.of(symbol).trailing_stop_pct)
        self._held: dict[str, tuple[Track, Decimal, float]] = {}
        self._cash = 0.0
        self._exposures_of: tuple[int, float, float] | None = None

    def take(self, book: RunningBook, traded: Collection[str]) -> None:
        """The symbols in `traded` were bought or sold."""
        for symbol in traded:
            quantity = book.positions[symbol].quantity
            if quantity:
                self._held[symbol] = (self._tracks[symbol], quantity, float(quantity))
            else:
                self._held.pop(symbol, None)
        self._cash = float(book.cash)
        self._exposures_of = None

    def money_at(self, number: int) -> tuple[float, float]:
        """What is held, and cash, in pass `number`, as floats."""
        exposure = 0.0
        for track, _, quantity in self._held.values():
            exposure += track.price_floats.item(number) * quantity
        return exposure, self._cash

    def money_of_day(self, day: int) -> tuple[float, float, float]:
        """The least and the most that what is held now can be worth in a day, and cash, as floats."""
        known = self._exposures_of
        if known is None or known[0] != day:
            least = most = 0.0
            for track, _, quantity in self._held.values():
                low, high = self._days.prices(track.symbol, day)
                least += low * quantity
                most += high * quantity
            known = self._exposures_of = (day, least, most)
        return known[1], known[2], self._cash

    def first_loud(self, first: int, end: int, book: RunningBook) -> int:
        """The first pass from `first` on, and before `end`, in which a breaker may act, so that it has to be walked; else `end`.

        Risk is told of those before it.
        """
        if first >= end:
            return end
        equity = None
        if self._watches_equity and self._risk.mode_for(ACCOUNT_SCOPE) is not TradingMode.HALTED:
            column = self._equity(first, end)
            end = first + self._breakers_may_act(column)
            equity = self._highest(column[: end - first], first, book)
        if end > first and (equity is not None or self._trailing):
            self._risk.pass_over(self._risk.state.peak_equity if equity is None else equity, self._highest_prices(first, end))
        return end

    def _equity(self, first: int, end: int) -> NDArray[np.float64]:
        column = np.full(end - first, self._cash)
        for track, _, quantity in self._held.values():
            column += track.price_floats[first:end] * quantity
        return column

    def _breakers_may_act(self, equity: NDArray[np.float64]) -> int:
        """How many passes there are before one in which a breaker may act; all of them when none may."""
        state, limits = self._risk.state, self._limits
        floor = np.maximum.accumulate(np.maximum(equity, float(state.peak_equity))) * (1 - float(limits.max_total_drawdown) + _SLACK)
        loud = equity <= floor if limits.max_total_drawdown < 1 else np.zeros(len(equity), bool)
        if limits.max_daily_drawdown < 1 and self._risk.mode_for(ACCOUNT_SCOPE) is TradingMode.ACTIVE:
            loud |= equity <= float(state.day_start_equity) * (1 - float(limits.max_daily_drawdown) + _SLACK)
        at = int(loud.argmax())
        return at if loud[at] else len(equity)

    def _highest(self, equity: NDArray[np.float64], first: int, book: RunningBook) -> Decimal | None:
        """The highest equity, exact, where it is above all before; None where it cannot be."""
        if not len(equity):
            return None
        greatest, peak = float(equity.max()), self._risk.state.peak_equity
        if greatest < float(peak) * (1 - _SLACK):
            return None
        near = np.flatnonzero(equity >= greatest * (1 - _SLACK)) + first
        return max(peak, *(self._exact(int(number), book) for number in near))

    def _exact(self, number: int, book: RunningBook) -> Decimal:
        return total((book.cash, *(times(quantity, track.price(number)) for track, quantity, _ in self._held.values())))

    def _highest_prices(self, first: int, end: int) -> dict[str, Decimal]:
        return {
            track.symbol: Decimal(int(track.prices[first:end].max())) * track.unit
            for track, _, quantity in self._held.values()
            if quantity > 0 and track.symbol in self._trailing
        }
