"""Amounts as the simulated exchange books them: eight decimals, with the direction of rounding named.

Balances, notional values and commissions all have eight decimals (rest-api.md, "Exchange information": baseAssetPrecision,
quoteAssetPrecision and the commission precisions are 8). Ticks and steps of real symbols never need rounding; where a made-up symbol
does, both sides of a trade are booked with the same rounded value, so nothing appears or vanishes.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, Inexact, InvalidOperation

QUANTUM = Decimal("1e-8")
LARGEST = Decimal("92233720368.54775807")
"""The largest price or quantity that a request may name: a signed 64-bit count of 1e-8."""

_WIDE = Context(prec=60)
_product = Context(prec=76, traps=[InvalidOperation, Inexact]).multiply


def floor_amount(value: Decimal) -> Decimal:
    """`value` rounded down to eight decimals."""
    return value.quantize(QUANTUM, ROUND_FLOOR, _WIDE)


def ceil_amount(value: Decimal) -> Decimal:
    """`value` rounded up to eight decimals."""
    return value.quantize(QUANTUM, ROUND_CEILING, _WIDE)


def notional(price: Decimal, quantity: Decimal) -> Decimal:
    """The quote amount that changes hands for `quantity` at `price`."""
    return _product(price, quantity).quantize(QUANTUM, ROUND_FLOOR, _WIDE)


def held_amount(price: Decimal, quantity: Decimal) -> Decimal:
    """The quote amount that is held for `quantity` at `price`, never less than what will be paid."""
    return _product(price, quantity).quantize(QUANTUM, ROUND_CEILING, _WIDE)


def commission(received: Decimal, rate: Decimal) -> Decimal:
    """The fee on `received`, rounded half up to eight decimals.

    faqs/commission_faq.md shows 17491.25 * 0.0000023 = 0.040229875 as 0.04022988.
    """
    return _product(received, rate).quantize(QUANTUM, ROUND_HALF_UP, _WIDE)
