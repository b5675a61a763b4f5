"""Exact decimal money: parsing, stepping and printing without ever passing through a float."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, localcontext

from binance_trade_agent.domain.errors import MoneyError

ZERO = Decimal(0)

_EXACT = Context(prec=76, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Inexact])
_ROUNDED = Context(prec=76, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero])
_AVERAGE_QUANTUM = Decimal("1e-18")


def money(text: str | int | Decimal) -> Decimal:
    """A finite Decimal of `text`.

    Floats are refused on purpose: `0.1` as a float is not the price that the exchange sent.
    Raises MoneyError for floats, NaN, infinities and text that is no number.
    """
    if isinstance(text, float):
        raise MoneyError(f"money is never a float: {text!r}; pass a string or a Decimal")
    try:
        value = Decimal(text)
    except (InvalidOperation, ValueError, TypeError):
        raise MoneyError(f"not a decimal number: {str(text)[:40]!r}") from None
    if not value.is_finite():
        raise MoneyError(f"not a finite number: {str(text)[:40]!r}")
    return value


def times(left: Decimal, right: Decimal) -> Decimal:
    """The exact product; raises decimal.Inexact rather than round."""
    return _EXACT.multiply(left, right)


def plus(left: Decimal, right: Decimal) -> Decimal:
    """The exact sum of two; raises decimal.Inexact rather than round."""
    return _EXACT.add(left, right)


def total(values: Iterable[Decimal]) -> Decimal:
    """The exact sum; raises decimal.Inexact rather than round."""
    result = ZERO
    for value in values:
        result = _EXACT.add(result, value)
    return result


def ratio(part: Decimal, whole: Decimal) -> Decimal:
    """`part / whole` rounded to 18 decimals, half even; 0 when `whole` is 0. For averages and percentages only, never for balances."""
    if whole == 0:
        return ZERO
    return _ROUNDED.divide(part, whole).quantize(_AVERAGE_QUANTUM, context=_ROUNDED)


def wide() -> AbstractContextManager[Context]:
    """Within it the operators + - * reckon with 76 digits; Python's default of 28 rounds a large cost with 18 decimals."""
    return localcontext(_ROUNDED)


def floor_to_step(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` that is not above `value`; a step of 0 means that the rule is off."""
    if step == 0:
        return value
    whole = _whole_steps(value, step)
    return whole if whole <= value else _EXACT.subtract(whole, step)


def ceil_to_step(value: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of `step` that is not below `value`; a step of 0 means that the rule is off."""
    if step == 0:
        return value
    whole = _whole_steps(value, step)
    return whole if whole >= value else _EXACT.add(whole, step)


def _whole_steps(value: Decimal, step: Decimal) -> Decimal:
    """`value` cut towards 0 to a multiple of `step`."""
    return _EXACT.multiply(_ROUNDED.divide_int(value, step), step)


def plain(value: Decimal) -> str:
    """`value` as digits without an exponent or trailing zeros, the form that Binance accepts and people read."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text
