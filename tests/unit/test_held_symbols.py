"""What counts as held where a book is read beside the daemon."""

from decimal import Decimal

import pytest
from risk_desk import rules_of

from binance_trade_agent.storage.held_symbols import Held


@pytest.mark.parametrize(
    ("quantity", "step", "is_held"), [("0.5", "1", False), ("-1", "1", False), ("1", "1", True), ("0.5", "0", True), ("0.5", None, True)]
)
def test_less_than_one_step_is_not_held_where_the_step_is_known(quantity, step, is_held):
    rules = {} if step is None else {"BTCUSDT": rules_of(market_step_size=Decimal(step), step_size=Decimal(0))}
    quantities = {"BTCUSDT": Decimal(quantity)}
    assert ("BTCUSDT" in Held(quantities).symbols(rules)) is is_held
    assert Held(quantities, frozenset({"BTCUSDT"})).symbols(rules) == {"BTCUSDT"}
