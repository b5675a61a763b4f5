"""A position after a fill, reckoned wide enough that no sum is ever rounded away.

Python's default of 28 digits is too narrow for a cost of ten thousand million quote units with 18 decimals.
"""

from decimal import ROUND_HALF_EVEN, Context, DivisionByZero, InvalidOperation, localcontext

from binance_trade_agent.domain.order import Fill
from binance_trade_agent.domain.position import Position

_WIDE = Context(prec=76, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero])


def position_after(position: Position, fill: Fill) -> Position:
    """`position` with `fill` applied; the caller sees to it that each fill is applied once."""
    with localcontext(_WIDE):
        return position.apply(fill)
