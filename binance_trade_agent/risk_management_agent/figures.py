"""Figures: how amounts and fractions are written in the sentences that people read."""

from decimal import Decimal

from binance_trade_agent.domain.money import plain

_CENTS = Decimal("0.01")
_SATOSHIS = Decimal("0.00000001")


def amount(value: Decimal) -> str:
    """`value` to two decimals from 1 on, to eight below."""
    return plain(value.quantize(_CENTS if abs(value) >= 1 else _SATOSHIS))


def percent(fraction: Decimal) -> str:
    """`fraction` as a percentage to two decimals."""
    return f"{plain((fraction * 100).quantize(_CENTS))} %"
