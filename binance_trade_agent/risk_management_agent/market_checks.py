"""Market checks: whether the market data behind a signal may be believed, and whether the market is calm enough to buy in."""

import math

import numpy as np

from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.market import Column, MarketSnapshot
from binance_trade_agent.domain.risk import Refused, RiskRule
from binance_trade_agent.risk_management_agent.limits import RiskLimits

_INTERVALS_UNTIL_STALE = 3


def price_refusal(snapshot: MarketSnapshot) -> Refused | None:
    """Refuses a price that is none."""
    if snapshot.price.is_finite() and snapshot.price > 0:
        return None
    return Refused(RiskRule.STALE_DATA, f"there is no usable price of {snapshot.symbol}: {snapshot.price}")


def candle_age_limit_ms(limits: RiskLimits, interval_ms: int) -> int:
    """How long ago the newest closed candle may have ended for its signal to be believed."""
    return limits.max_candle_age_ms or _INTERVALS_UNTIL_STALE * interval_ms


def stale_refusal(limits: RiskLimits, snapshot: MarketSnapshot) -> Refused | None:
    """Refuses a signal read from candles that ended too long ago."""
    limit_ms = candle_age_limit_ms(limits, snapshot.candles.interval_ms)
    age_ms = snapshot.candle_age_ms
    if age_ms <= limit_ms:
        return None
    if not len(snapshot.candles):
        return Refused(RiskRule.STALE_DATA, f"there are no closed candles of {snapshot.symbol}")
    return Refused(RiskRule.STALE_DATA, f"the newest closed candle ended {age_ms} ms ago, and the limit is {limit_ms} ms")


def volatility_refusal(limits: RiskLimits, snapshot: MarketSnapshot) -> Refused | None:
    """Refuses to buy in a market that swings more than allowed, or whose swings cannot be measured."""
    if limits.volatility_threshold == 0:
        return None
    measured = volatility(snapshot.candles.closes, limits.volatility_candles)
    if measured is None:
        seen = counted(len(snapshot.candles), "candle")
        return Refused(RiskRule.VOLATILITY, f"the volatility of {snapshot.symbol} cannot be measured from {seen}")
    if measured <= float(limits.volatility_threshold):
        return None
    figures = f"{measured:.2%} a candle over {limits.volatility_candles} candles, and the limit is {float(limits.volatility_threshold):.2%}"
    return Refused(RiskRule.VOLATILITY, f"volatility is {figures}")


def volatility(closes: Column, returns: int) -> float | None:
    """Population standard deviation of the newest `returns` log returns, of those there are.

    None when there are fewer than two, or when a close is no price.
    """
    used = closes[-(returns + 1) :]
    if used.size < 3 or not (used.min() > 0 and used.max() < math.inf):  # nan compares with nothing
        return None
    logarithms = np.log(used)
    changes = logarithms[1:] - logarithms[:-1]
    changes -= changes.sum() / changes.size
    return math.sqrt(float(changes @ changes) / changes.size)
