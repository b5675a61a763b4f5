"""SizingRules: how large an entry is meant to be before any limit, with the defaults and ranges of each way to say so."""

from dataclasses import dataclass
from decimal import Decimal

from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.risk import MOST_CLOSED_ORDERS, SizingMethod

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingRules:
    """Of one symbol. Fractions are of equity; amounts in the accounting asset.

    Raises ConfigurationError naming the field, its value and what is allowed.
    """

    method: SizingMethod = SizingMethod.FRACTION
    fraction: Decimal = Decimal(0)
    """What an entry buys for; 0 for as much as the limits allow."""
    amount: Decimal = Decimal(100)
    """What an entry of fixed size buys for."""
    atr_share: Decimal = Decimal("0.005")
    """What a move of one average true range may cost; entries are smaller in wilder markets."""
    atr_candles: int = 14
    kelly_factor: Decimal = Decimal("0.5")
    """The part of Kelly's share that is bought for."""
    kelly_orders: int = 30
    """Closing orders from which on Kelly's share is believed; until then entries are sized by `fraction`."""
    kelly_least: Decimal = Decimal("0.005")
    """What an entry buys for at least while there is no edge, so that there is something to learn from; 0 for nothing."""

    def __post_init__(self) -> None:
        if not isinstance(self.method, SizingMethod):
            raise _error("method", self.method, "one of " + ", ".join(SizingMethod))
        for name in ("fraction", "kelly_least"):
            _check(name, getattr(self, name), least_ok=getattr(self, name) >= 0, most=_ONE)
        for name in ("atr_share", "kelly_factor"):
            _check(name, getattr(self, name), least_ok=getattr(self, name) > 0, most=_ONE)
        _check("amount", self.amount, least_ok=self.amount > 0, most=None)
        for name, least, most in (("atr_candles", 2, 998), ("kelly_orders", 2, MOST_CLOSED_ORDERS)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                raise _error(name, value, f"whole numbers from {least} to {most}")

    @property
    def required_candles(self) -> int:
        """Closed candles that an entry is sized from."""
        return self.atr_candles + 1 if self.method is SizingMethod.VOLATILITY else 0


def _check(name: str, value: object, *, least_ok: bool, most: Decimal | None) -> None:
    if not isinstance(value, Decimal) or not value.is_finite() or not least_ok or (most is not None and value > most):
        raise _error(name, value, "exact decimals that are positive" + ("" if most is None else f", and at most {most}"))


def _error(name: str, value: object, allowed: str) -> ConfigurationError:
    return ConfigurationError(f"sizing rule {name} is {value!r}; allowed are {allowed}")
