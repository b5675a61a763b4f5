"""RiskLimits: every limit that risk holds orders to, with its default and its range."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal

from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.risk_management_agent.lock_rules import LockRules
from binance_trade_agent.risk_management_agent.sizing_rules import SizingRules

_ONE = Decimal(1)

# Fields where 0 would stop all trading, and so is taken for a mistake.
_ABOVE_ZERO = frozenset(
    {
        "max_position_per_symbol",
        "max_total_exposure",
        "max_correlated_exposure",
        "max_single_trade_size",
        "max_daily_drawdown",
        "max_total_drawdown",
    }
)

# Fractions of which 1 or more makes no sense: a price cannot fall below 0, and a fee or reserve cannot take everything.
_BELOW_ONE = frozenset({"stop_loss_pct", "trailing_stop_pct", "stop_offset_pct", "taker_rate", "cash_reserve"})

_UNBOUNDED = frozenset({"take_profit_pct", "volatility_threshold"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLimits:
    """Limits of one account. Fractions are of equity unless said otherwise; 0.05 means 5 %; times are milliseconds of market time.

    Raises ConfigurationError naming the field, its value and what is allowed.
    """

    max_position_per_symbol: Decimal = Decimal("0.10")
    max_total_exposure: Decimal = Decimal("0.80")
    max_single_trade_size: Decimal = Decimal("0.05")
    max_correlated_exposure: Decimal = _ONE
    """Most that may be held of symbols that move together; 1 for no such limit."""
    correlation_threshold: Decimal = Decimal("0.7")
    """Correlation of returns from which on two symbols move together."""
    correlation_candles: int = 100
    """How many returns it is taken over."""
    stop_loss_pct: Decimal = Decimal("0.05")
    """Fall below the average price at which a position is sold; 0 for none."""
    take_profit_pct: Decimal = Decimal("0.10")
    """Rise above the average price at which a position is sold; 0 for none."""
    trailing_stop_pct: Decimal = Decimal(0)
    """Fall below the highest price since the purchase at which a position is sold; 0 for none."""
    stop_offset_pct: Decimal = Decimal(0)
    """How far below its stop price a stop on the exchange is offered; 0 for at any price."""
    max_daily_drawdown: Decimal = Decimal("0.05")
    daily_drawdown_rearms: bool = False
    """Whether the daily breaker ends by itself with its UTC day; otherwise somebody resumes."""
    max_total_drawdown: Decimal = Decimal("0.15")
    volatility_threshold: Decimal = Decimal("0.05")
    """Standard deviation of the log returns from candle to candle above which nothing is bought; 0 for no ceiling."""
    volatility_candles: int = 20
    """How many returns the volatility is taken over."""
    min_confidence: Decimal = Decimal(0)
    cooldown_ms: int = 60_000
    max_orders_per_minute: int = 30
    max_loss_streak: int = 5
    """Closing orders at a loss in a row that pause entries; 0 for no such pause."""
    loss_pause_ms: int = 3_600_000
    max_candle_age_ms: int = 0
    """Age of the newest closed candle above which its signal is not believed; 0 for three candle intervals."""
    taker_rate: Decimal = Decimal("0.001")
    """Fee that is allowed for, as a fraction of an order's value."""
    cash_reserve: Decimal = Decimal("0.005")
    """Cash that is never spent: room for the price to move between decision and fill."""
    sizing: SizingRules = field(default_factory=SizingRules)
    """How large an entry is meant to be."""
    locks: LockRules = field(default_factory=LockRules)
    """What makes entries rest for a while."""
    per_symbol: Mapping[str, "RiskLimits"] = field(default_factory=dict)
    """The whole limits of symbols that differ. What concerns the account as a whole is read from these limits alone."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if each.type is Decimal:
                _check_fraction(each.name, value)
            elif each.type is bool:
                _check_switch(each.name, value)
            elif each.type is int:
                _check_count(each.name, value)

    def of(self, symbol: str) -> "RiskLimits":
        """The limits that hold for `symbol`."""
        return self.per_symbol.get(symbol, self)


def _check_fraction(name: str, value: object) -> None:
    if not isinstance(value, Decimal) or not value.is_finite():
        raise ConfigurationError(f"risk limit {name} is {value!r}; allowed are exact finite decimals")
    least_ok = value > 0 if name in _ABOVE_ZERO else value >= 0
    most_ok = name in _UNBOUNDED or (value < _ONE if name in _BELOW_ONE else value <= _ONE)
    if not (least_ok and most_ok):
        least = "above 0" if name in _ABOVE_ZERO else "from 0"
        most = "" if name in _UNBOUNDED else " to below 1" if name in _BELOW_ONE else " to 1"
        raise ConfigurationError(f"risk limit {name} is {value}; allowed are fractions {least}{most}")


def _check_switch(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise ConfigurationError(f"risk limit {name} is {value!r}; allowed are True and False")


def _check_count(name: str, value: object) -> None:
    least = {"max_orders_per_minute": 1, "volatility_candles": 2, "correlation_candles": 4}.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigurationError(f"risk limit {name} is {value!r}; allowed are whole numbers from {least}")
