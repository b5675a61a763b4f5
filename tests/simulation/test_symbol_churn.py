"""Symbols come and go every forty seconds while the exchange fails and the daemon is killed at any step: no position is lost."""

import asyncio
import zlib
from dataclasses import replace
from decimal import Decimal

import pytest
from simulating.drawing import drawn_plan
from simulating.plan import SYMBOLS
from simulating.running import Runner

from binance_trade_agent.service import agent_parts
from binance_trade_agent.service.symbol_refresh import SymbolRefresh
from binance_trade_agent.simulation.faults.incident import IncidentKind
from binance_trade_agent.wiring import symbol_choice

PERIOD_S = 40
CHOSEN = {"symbol_selection": "top-volume", "symbol_count": 2, "symbol_slack": 0, "symbol_min_age_days": 0, "symbol_max_spread": "1"}

pytestmark = pytest.mark.plans_limits  # some seeds have the exchange say that it is too much


@pytest.fixture(autouse=True)
def restless_volumes(monkeypatch):
    """What is traded most is another thing in each period, and the daemon looks in each."""
    real = symbol_choice._candidate

    def candidate(rules, day):
        turn = int(asyncio.get_running_loop().time()) // PERIOD_S
        return replace(real(rules, day), quote_volume=Decimal(1 + zlib.crc32(f"{rules.symbol} {turn}".encode()) % 1_000))

    def refresh(components, orchestrator):
        return SymbolRefresh(components, orchestrator.choose_symbols, PERIOD_S * 1_000)

    monkeypatch.setattr(symbol_choice, "_candidate", candidate)
    monkeypatch.setattr(agent_parts, "_symbol_refresh", refresh)


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_a_seed_with_symbols_that_come_and_go_shows_nothing_that_must_not_happen(seed):
    plan = drawn_plan(seed)
    # What others trade where the daemon does not look is a deposit or withdrawal for it, which the reckoning does not know.
    incidents = tuple(incident for incident in plan.incidents if incident.kind is not IncidentKind.FOREIGN_ORDER)
    runner = Runner()
    result = runner.run(replace(plan, symbols=SYMBOLS, settings={**plan.settings, **CHOSEN}, incidents=incidents))
    assert result.findings == ()
    assert result.lives >= 2
    assert result.trades > 10
    for told in ("only sold, until nothing is held", "not traded any more", "is not chosen any more; what is held of it is only sold"):
        assert told in runner.log
