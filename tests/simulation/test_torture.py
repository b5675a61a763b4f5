"""Real processes killed and frozen: what the shipped daemon leaves behind agrees with the exchange, by code that is not its own."""

import pytest
from torturing.strikes import Strike
from torturing.world import Figures, World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # processes start several times, on whatever machine this is


def test_daemon_and_exchange_agree_after_kills_of_either(tmp_path):
    figures = Figures()
    strikes = iter([Strike.DAEMON_WHILE_SENDING, Strike.DAEMON_BEFORE_A_LATE_EXCHANGE, Strike.EXCHANGE_AT_ANY_TIME, Strike.BOTH])
    World(tmp_path / "world", 1, figures).torture(3, strikes)
    assert figures.findings == []
    assert figures.kills >= 3
    assert figures.calms >= 1
    assert figures.trades > 0
