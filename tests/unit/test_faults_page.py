"""The page of faults lists every fault, incident and point by its name, and none that there is not."""

import re
from pathlib import Path

import pytest

from binance_trade_agent.simulation.faults.incident import IncidentKind
from binance_trade_agent.simulation.faults.kinds import FaultKind, FaultPoint

PAGE = (Path(__file__).parents[2] / "docs/exchange-faults.md").read_text()


@pytest.mark.parametrize("name", [*FaultKind, *IncidentKind])
def test_the_page_of_faults_lists_it(name):
    assert f"| `{name}` |" in PAGE


def test_the_page_of_faults_lists_nothing_else():
    listed = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert listed == {*FaultKind, *IncidentKind, *FaultPoint}
