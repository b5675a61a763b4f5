"""Modes of the account and of symbols, as the whole agent keeps them: who changes them, what is written of it, and what follows."""

import pytest
from virtual_pilot import fly


@pytest.mark.parametrize(("settings", "rearms"), [({}, True), ({"risk_daily_drawdown_rearms": "off"}, False)])
def test_over_recorded_candles_a_new_day_resumes_where_nobody_said_otherwise(open_agent, settings, rearms):
    async def flight(pilot):
        assert (pilot.components.settings.risk_daily_drawdown_rearms == "on") is rearms

    fly(open_agent, flight, **settings)
