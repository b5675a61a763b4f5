"""Weather: what a seed draws is the same each time, can all be put into an exchange, and is as bad as it was asked to be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seeded_trading import KEYS, SeededTrading

from binance_trade_agent.simulation.faults.incident import IncidentKind
from binance_trade_agent.simulation.faults.kinds import FaultKind
from binance_trade_agent.simulation.faults.weather import LIES, drawn_weather


@given(st.integers(), st.floats(0, 1))
def test_a_seed_draws_the_same_weather_each_time(seed, severity):
    weather = drawn_weather(seed, severity)
    assert weather == drawn_weather(seed, severity)
    assert all(fault.kind not in LIES for fault in weather.faults)


@given(st.integers())
def test_the_worst_weather_has_everything_and_the_best_nothing(seed):
    worst = drawn_weather(seed, 1.0, faults=frozenset(FaultKind))
    assert {fault.kind for fault in worst.faults} == set(FaultKind)
    assert {incident.kind for incident in worst.incidents} == set(IncidentKind)
    best = drawn_weather(seed, 0.0)
    assert (best.faults, best.incidents) == ((), ())


@given(st.integers(), st.sampled_from(FaultKind))
def test_a_kind_that_is_left_out_changes_nothing_about_the_others(seed, kind):
    everything, others = drawn_weather(seed, faults=frozenset(FaultKind)), drawn_weather(seed, faults=frozenset(FaultKind) - {kind})
    assert others.faults == tuple(fault for fault in everything.faults if fault.kind is not kind)
    assert others.incidents == everything.incidents


@pytest.mark.parametrize("severity", [-0.1, 1.1, float("nan")])
def test_a_severity_that_cannot_be_is_said(severity):
    with pytest.raises(ValueError, match="severity"):
        drawn_weather(1, severity)


@pytest.mark.parametrize("seed", range(3))
def test_trading_goes_on_in_any_weather(seed):
    trading = SeededTrading(seed)
    trading.exchange.let_break(drawn_weather(seed, 1.0))
    trading.run(200)
    assert trading.exchange.incidents.struck.total() > 0
    assert any(trading.exchange.trades(key) for key in KEYS)
    trading.exchange.close()
