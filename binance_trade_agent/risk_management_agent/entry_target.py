"""Entry target: how much an entry is meant to buy, before any limit has its say."""

import math
from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from binance_trade_agent.domain.market import CandleWindow, MarketSnapshot
from binance_trade_agent.domain.money import plain, times
from binance_trade_agent.domain.risk import ClosedOrder, Refused, RiskRule, SizingMethod
from binance_trade_agent.risk_management_agent.figures import amount, percent
from binance_trade_agent.risk_management_agent.kelly import kelly_share
from binance_trade_agent.risk_management_agent.limits import RiskLimits
from binance_trade_agent.risk_management_agent.room import Room


def entry_target(limits: RiskLimits, snapshot: MarketSnapshot, equity: Decimal, closed: Sequence[ClosedOrder]) -> Room | Refused | None:
    """What the limits' sizing means for an entry at the snapshot's price; None for as much as the limits allow.

    `closed` are the closing orders that are remembered, of all symbols. Refused when the sizing cannot say.
    """
    match limits.sizing.method:
        case SizingMethod.FRACTION:
            return _fraction(limits, snapshot.price, equity)
        case SizingMethod.FIXED:
            fixed = limits.sizing.amount
            return Room(RiskRule.SIZING, fixed, snapshot.price, lambda: f"an entry is meant to be {plain(fixed)}")
        case SizingMethod.VOLATILITY:
            return _by_range(limits, snapshot, equity)
        case SizingMethod.KELLY:
            return _kelly(limits, snapshot.price, equity, closed)


def average_true_range(window: CandleWindow, candles: int) -> float | None:
    """The mean of the newest `candles` true ranges (Wilder: the widest of high, low and the close before), in price units.

    None when there are too few candles, or figures that are no prices. The sum is exact, so nothing depends on how columns lie in memory.
    """
    if len(window) < candles + 1:
        return None
    highs, lows, before = window.highs[-candles:], window.lows[-candles:], window.closes[-candles - 1 : -1]
    ranges = np.maximum(highs, before) - np.minimum(lows, before)
    if not (np.isfinite(ranges) & (ranges >= 0) & (before > 0)).all():
        return None
    return math.fsum(ranges.tolist()) / candles


def _fraction(limits: RiskLimits, price: Decimal, equity: Decimal) -> Room | None:
    fraction = limits.sizing.fraction
    return _share_of_equity(fraction, price, equity, "an entry is meant to be") if fraction else None


def _by_range(limits: RiskLimits, snapshot: MarketSnapshot, equity: Decimal) -> Room | Refused | None:
    rules = limits.sizing
    measured = average_true_range(snapshot.candles, rules.atr_candles)
    if measured is None:
        candles = f"of {rules.atr_candles} candles cannot be measured from {len(snapshot.candles)}"
        return Refused(RiskRule.SIZING, f"the average true range of {snapshot.symbol} {candles}")
    true_range = Decimal(repr(measured))
    if times(rules.atr_share, snapshot.price) >= times(limits.max_single_trade_size, true_range):
        return None  # the market is so calm that the largest trade costs less, or has not moved at all
    cost = times(rules.atr_share, equity)

    def text() -> str:
        return f"a move of one average true range, {amount(true_range)}, may cost {percent(rules.atr_share)} of equity {amount(equity)}"

    return Room(RiskRule.SIZING, cost, true_range, text)


def _kelly(limits: RiskLimits, price: Decimal, equity: Decimal, closed: Sequence[ClosedOrder]) -> Room | Refused | None:
    rules = limits.sizing
    if len(closed) < rules.kelly_orders:
        return _fraction(limits, price, equity)
    share = times(kelly_share(closed), rules.kelly_factor)
    meant = max(share, rules.kelly_least)
    what = f"{percent(rules.kelly_factor)} of Kelly's share by {len(closed)} closing orders"
    if meant <= 0:
        return Refused(RiskRule.SIZING, f"{what} is {percent(share)}, which speaks for no entry")
    least = "" if share >= rules.kelly_least else f" is {percent(share)}, and an entry at least"
    return _share_of_equity(meant, price, equity, f"{what}{least} is")


def _share_of_equity(fraction: Decimal, price: Decimal, equity: Decimal, what: str) -> Room:
    return Room(RiskRule.SIZING, times(fraction, equity), price, lambda: f"{what} {percent(fraction)} of equity {amount(equity)}")
