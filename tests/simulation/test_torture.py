"""Real processes killed and frozen: what the shipped daemon leaves behind agrees with the exchange, by code that is not its own."""

import pytest
from torturing.strikes import Strike
from torturing.world import Figures, World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # processes start several times, on whatever machine this is


def test_daemon_and_exchange_agree_after_kills_of_either(tmp_path):
    figures = Figures()
    strikes = iter([Strike.DAEMON_BEFORE_AN_ANSWER, Strike.BOTH, Strike.EXCHANGE_AT_ANY_TIME, Strike.DAEMON_AT_ANY_TIME])
    World(tmp_path / "world", 1, figures).torture(3, strikes)
    assert figures.findings == []
    assert figures.kills >= 3
    assert figures.calms >= 1
    assert figures.trades > 0


def test_refused_writes_and_cut_connections_leave_nothing_wrong(tmp_path):
    figures = Figures()
    strikes = iter([Strike.DAEMON_WITHOUT_DISK, Strike.DAEMON_WITHOUT_LINE, *[Strike.DAEMON_BEFORE_A_LATE_EXCHANGE] * 2])
    World(tmp_path / "world", 2, figures).torture(2, strikes)
    assert figures.findings == []
    assert figures.strikes[Strike.DAEMON_WITHOUT_DISK] == 1
    assert figures.calms >= 1
