"""RiskLimits: defaults hold together, and wrong values are named."""

from decimal import Decimal

import pytest

from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.risk_management_agent import RiskLimits


def test_defaults_are_valid_and_ordered():
    limits = RiskLimits()
    assert limits.max_single_trade_size <= limits.max_position_per_symbol <= limits.max_total_exposure
    assert limits.max_daily_drawdown <= limits.max_total_drawdown


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("max_position_per_symbol", Decimal(0), "above 0 to 1"),
        ("max_total_exposure", Decimal("1.01"), "above 0 to 1"),
        ("max_single_trade_size", Decimal("-0.1"), "above 0 to 1"),
        ("max_daily_drawdown", Decimal(0), "above 0"),
        ("stop_loss_pct", Decimal(1), "from 0 to below 1"),
        ("trailing_stop_pct", Decimal(1), "from 0 to below 1"),
        ("taker_rate", Decimal(1), "from 0 to below 1"),
        ("take_profit_pct", Decimal(-1), "from 0"),
        ("min_confidence", Decimal("1.5"), "from 0 to 1"),
        ("stop_loss_pct", Decimal("NaN"), "exact finite decimals"),
        ("stop_loss_pct", 0.05, "exact finite decimals"),
        ("cooldown_ms", -1, "whole numbers from 0"),
        ("cooldown_ms", 1.5, "whole numbers from 0"),
        ("max_loss_streak", True, "whole numbers from 0"),
        ("max_orders_per_minute", 0, "whole numbers from 1"),
        ("volatility_candles", 1, "whole numbers from 2"),
    ],
)
def test_a_wrong_limit_is_named_with_its_value_and_range(name, value, allowed):
    with pytest.raises(ConfigurationError) as caught:
        RiskLimits(**{name: value})
    assert name in str(caught.value)
    assert allowed in str(caught.value)
    assert str(value) in str(caught.value)


def test_what_is_switched_off_is_allowed():
    off = Decimal(0)
    RiskLimits(stop_loss_pct=off, take_profit_pct=off, trailing_stop_pct=off, volatility_threshold=off, cash_reserve=off, taker_rate=off)
    RiskLimits(take_profit_pct=Decimal(3), volatility_threshold=Decimal(2))
