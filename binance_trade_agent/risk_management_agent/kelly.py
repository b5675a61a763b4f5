"""Kelly's share: the part of equity that the results of closing orders speak for.

With W for the share of those that won, and R for the mean gain of these over the mean loss of the others, it is W - (1 - W) / R
(J. L. Kelly, "A New Interpretation of Information Rate", 1956, for bets that win R or lose one).
"""

from collections.abc import Sequence
from decimal import Decimal

from binance_trade_agent.domain.money import ZERO, ratio, total
from binance_trade_agent.domain.risk import ClosedOrder

_ONE = Decimal(1)


def kelly_share(closed: Sequence[ClosedOrder]) -> Decimal:
    """From -infinity to 1, to 18 decimals; below 0 where there is no edge. 1 when none lost, and -1 when none won."""
    gains = [each.gain for each in closed if each.gain > 0]
    losses = [-each.gain for each in closed if each.gain < 0]
    if not gains or not losses:
        return -_ONE if losses else _ONE if gains else ZERO
    won = ratio(Decimal(len(gains)), Decimal(len(gains) + len(losses)))
    odds = ratio(ratio(total(gains), Decimal(len(gains))), ratio(total(losses), Decimal(len(losses))))
    return _ONE if odds == 0 else won - ratio(_ONE - won, odds)
