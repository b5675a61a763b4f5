"""Correlation: which symbols move together, by their closed candles, and how much of them all may be held."""

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import numpy as np

from binance_trade_agent.domain.market import CandleWindow, Column
from binance_trade_agent.domain.money import ZERO, times, total
from binance_trade_agent.domain.risk import RiskRule
from binance_trade_agent.risk_management_agent.figures import amount, percent
from binance_trade_agent.risk_management_agent.limits import RiskLimits
from binance_trade_agent.risk_management_agent.room import Room

CandlesOf = Callable[[str], CandleWindow | None]
"""The closed candles of a symbol as a pass saw them; None when it saw none."""

_SHOWN = 5


def correlation_room(
    limits: RiskLimits, candles: CandleWindow, candles_of: CandlesOf, *, equity: Decimal, held: Mapping[str, Decimal]
) -> Room:
    """What the limit on symbols that move together leaves for the symbol of `candles`; its `unit_cost` is 1.

    `held` are the values of all that is held and on order, by symbol. What cannot be measured counts as moving along.
    """
    symbol = candles.symbol
    together = [(symbol, "")] if held.get(symbol) else []
    for other in sorted(held):
        if other == symbol or not held[other]:
            continue
        own = candles_of(other)
        measured = None if own is None else correlation(candles, own, limits.correlation_candles)
        if measured is None or measured >= float(limits.correlation_threshold):
            together.append((other, " (not known)" if measured is None else f" ({measured:.2f})"))
    taken = total(held[each] for each, _ in together)
    limit = limits.max_correlated_exposure

    def text() -> str:
        share = f"symbols that move together may be {percent(limit)} of equity {amount(equity)}"
        whose = ", ".join(f"{each}{how}" for each, how in together[:_SHOWN]) + (" and more" if len(together) > _SHOWN else "")
        return f"{share}, and {amount(taken)} is held and on order{f' of {whose}' if whose else ''}"

    return Room(RiskRule.CORRELATION, times(limit, equity) - taken, Decimal(1), text)


def correlation(one: CandleWindow, other: CandleWindow, returns: int) -> float | None:
    """Pearson's coefficient of the newest `returns` returns from close to close, over the candles that both have; from -1 to 1.

    None when both have fewer than half as many in common, when closes are no prices, or when one of them has not moved. Sums are exact, so
    nothing depends on how columns lie in memory.
    """
    first, second = _common_closes(one.last(returns + 1), other.last(returns + 1))
    if len(first) - 1 < max(returns // 2, 2) or not (_are_prices(first) and _are_prices(second)):
        return None
    left, right = _deviations(first), _deviations(second)
    spread = math.sqrt(math.fsum(value * value for value in left) * math.fsum(value * value for value in right))
    return math.fsum(map(float.__mul__, left, right)) / spread if spread > 0 else None


def _common_closes(one: CandleWindow, other: CandleWindow) -> tuple[Column, Column]:
    mine, theirs = one.open_times_ms, other.open_times_ms
    if np.array_equal(mine, theirs):
        return one.closes, other.closes
    _, here, there = np.intersect1d(mine, theirs, assume_unique=True, return_indices=True)
    return one.closes[here], other.closes[there]


def _are_prices(closes: Column) -> bool:
    return bool((np.isfinite(closes) & (closes > 0)).all())


def _deviations(closes: Column) -> Sequence[float]:
    """Returns less their mean."""
    moves: list[float] = (closes[1:] / closes[:-1] - 1).tolist()
    mean = math.fsum(moves) / len(moves)
    return [move - mean for move in moves]


def values_held(values: Mapping[str, Decimal], on_order: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """What is held and what is on order together, by symbol; what is sold short counts as nothing."""
    symbols = dict.fromkeys((*values, *on_order))
    return {symbol: total((max(values.get(symbol, ZERO), ZERO), on_order.get(symbol, ZERO))) for symbol in symbols}
