"""Hopeless entries: what floats find to be refused is refused in decimals, by the same rule, however much money there is."""

from decimal import Decimal
from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from risk_desk import rules_of

from binance_trade_agent.backtest.fast.hopeless_entries import HopelessEntries
from binance_trade_agent.domain.risk import Refused, RiskRule
from binance_trade_agent.risk_management_agent import RiskLimits
from binance_trade_agent.risk_management_agent.sizing import Money, Sizing

D = Decimal


def found(limits: RiskLimits, rules, price: Decimal, held: Decimal, cash: Decimal) -> tuple[RiskRule | None, RiskRule | None]:
    """The rule by floats, None where they prove nothing, and that by decimals, None where a purchase is allowed."""
    track = SimpleNamespace(symbol="BTCUSDT", price_floats=np.array([float(price)]), times_ms=[0])
    by_floats = HopelessEntries(track, limits, rules).rule(0, float(held), float(price) * float(held), float(cash))
    value = price * held
    money = Money(equity=cash + value, cash=cash, exposure=value, committed=D(0), held_value=value)
    decided = Sizing(limits, rules, price).entry(money, None)
    return by_floats, decided.rule if isinstance(decided, Refused) else None


@given(
    magnitude=st.integers(0, 16),
    digits=st.integers(10_000, 99_999),
    price=st.decimals("0.01", "99999", places=2),
    step=st.sampled_from([D("0.00001"), D("0.001"), D(1)]),
    steps=st.integers(-3, 400),
    near=st.sampled_from([D(0), D("1e-9"), D("-1e-9"), D("1e-4"), D("-1e-4")]),
)
def test_what_floats_refuse_decimals_refuse_by_the_same_rule(magnitude, digits, price, step, steps, near):
    limits = RiskLimits(max_position_per_symbol=D("0.5"), max_single_trade_size=D("0.25"), max_correlated_exposure=D("0.5"))
    rules = rules_of(step_size=step, min_quantity=step, max_quantity=D(0))
    # So that the position leaves room for so many steps, and something near to a whole number of them.
    held = max(D(digits) * 10**magnitude - (steps + near) * step, D(0))
    cash = D(digits) * 10**magnitude * price
    by_floats, by_decimals = found(limits, rules, price, held, cash)
    assert by_floats in {None, by_decimals}


def test_money_that_is_not_much_is_decided_by_floats():
    limits, rules = RiskLimits(max_position_per_symbol=D("0.5"), max_correlated_exposure=D("0.5")), rules_of()
    assert found(limits, rules, D(100), D(60), D(4_000)) == (RiskRule.POSITION_LIMIT,) * 2
