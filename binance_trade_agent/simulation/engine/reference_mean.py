"""The reference price that the matching engine reckons: a moving mean of trade prices, kept in buckets and cut off in whole numbers.

Source: faqs/price_range_execution_rules.md, "How does the Matching Engine calculate the reference price?".
"""

from collections.abc import Iterable
from decimal import Decimal

from binance_trade_agent.domain.money import times
from binance_trade_agent.simulation.engine.listing import ArithmeticMean

_COUNT_UNITS = 10_000
"""A trade count has four decimals."""

_SUM_UNITS = Decimal(10) ** 12
"""A sum of prices has four decimals more than the eight of a quote asset: divided by a count it has eight again."""

_PRICE_QUANTUM = Decimal("1e-8")


def reference_mean(calculation: ArithmeticMean, trades: Iterable[tuple[int, Decimal, int]], now_ms: int) -> Decimal | None:
    """The mean of `trades` (time, price, how many of them) in the window that ends at `now_ms`; None when there was no trade in it."""
    width = calculation.bucket_width_ms
    cutoff_ms = now_ms - width * calculation.bucket_count
    counts: dict[int, int] = {}
    sums: dict[int, int] = {}
    for time_ms, price, number in trades:
        opened_ms = time_ms - time_ms % width
        if opened_ms + width > cutoff_ms:
            counts[opened_ms] = counts.get(opened_ms, 0) + number * _COUNT_UNITS
            sums[opened_ms] = sums.get(opened_ms, 0) + number * int(times(price, _SUM_UNITS))
    count = total = 0
    for opened_ms, of_bucket in counts.items():
        # Of a bucket that lies half outside of the window that part counts no longer.
        expired_ms = max(cutoff_ms - opened_ms, 0)
        count += of_bucket - of_bucket * expired_ms // width
        total += sums[opened_ms] - sums[opened_ms] * expired_ms // width
    if count <= 0:
        return None
    return total // count * _PRICE_QUANTUM
