"""LockRules: what makes entries rest for a while after losses, with its defaults (all of it off) and its ranges."""

from dataclasses import dataclass
from decimal import Decimal

from binance_trade_agent.domain.errors import ConfigurationError

_DAY_MS = 86_400_000
_LEAST_PROFIT = Decimal(-1)
_MOST_PROFIT = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRules:
    """Rules of one account; times are milliseconds of market time, and a window ends with the order that is looked at.

    Raises ConfigurationError naming the field, its value and what is allowed.
    """

    stop_guard_stops: int = 0
    """Stop-losses within the window that lock entries; 0 for no such lock."""
    stop_guard_window_ms: int = _DAY_MS
    stop_guard_pause_ms: int = _DAY_MS
    stop_guard_of_account: bool = False
    """Whether the stop-losses of all symbols count together and lock them all; otherwise each symbol is by itself."""
    low_profit_orders: int = 0
    """Closing orders of a symbol within the window from which on its profit is looked at; 0 for no such lock."""
    low_profit_least: Decimal = Decimal(0)
    """The least that they must have gained together, as the sum of their shares of cost."""
    low_profit_window_ms: int = 7 * _DAY_MS
    low_profit_pause_ms: int = _DAY_MS
    drawdown: Decimal = Decimal(0)
    """Fall of what all closing orders within the window realised, from its highest, as a fraction of the day's first equity; 0 for none."""
    drawdown_window_ms: int = _DAY_MS
    drawdown_pause_ms: int = _DAY_MS

    def __post_init__(self) -> None:
        for name in ("stop_guard_stops", "stop_guard_pause_ms", "low_profit_orders", "low_profit_pause_ms", "drawdown_pause_ms"):
            _check_count(name, getattr(self, name), 0)
        for name in ("stop_guard_window_ms", "low_profit_window_ms", "drawdown_window_ms"):
            _check_count(name, getattr(self, name), 1)
        _check_decimal("low_profit_least", self.low_profit_least, _LEAST_PROFIT, _MOST_PROFIT)
        _check_decimal("drawdown", self.drawdown, Decimal(0), Decimal(1))


def _check_count(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigurationError(f"lock rule {name} is {value!r}; allowed are whole numbers from {least}")


def _check_decimal(name: str, value: object, least: Decimal, most: Decimal) -> None:
    if not isinstance(value, Decimal) or not value.is_finite() or not least <= value <= most:
        raise ConfigurationError(f"lock rule {name} is {value!r}; allowed are exact decimals from {least} to {most}")
