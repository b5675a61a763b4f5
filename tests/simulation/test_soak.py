"""Some hours of the soak: the daemon trades, ends well and holds nothing more at the end; one that keeps what it is told is found out."""

import pytest
from soaking.days import Days
from soaking.slopes import Held, trends

from binance_trade_agent.domain.errors import ExitCode
from binance_trade_agent.simulation.virtual_loop import run_virtual

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
DAYS, SYMBOLS = 0.3, 3
ALWAYS_FLAT = {Held.FILES, Held.TASKS, Held.THREADS}


def test_hours_of_trading_leave_files_tasks_and_threads_as_they_were(tmp_path):
    soaked = run_virtual(Days(tmp_path, DAYS, SYMBOLS, with_streams=False).run())
    assert soaked.code is ExitCode.OK
    assert soaked.orders > 0
    assert soaked.struck > 0
    assert soaked.passes["finished"] > 0.9 * DAYS * 1_440
    found = [trend for trend in trends(soaked.samples, soaked.pace) if trend.is_too_steep]
    assert [trend for trend in found if trend.held in ALWAYS_FLAT] == []


class _Hoarder:
    """Observer that forgets nothing."""

    def __init__(self) -> None:
        self.facts = []

    def observe(self, fact) -> None:
        self.facts.append((fact, [str(fact)] * 1_000))


def test_a_daemon_that_keeps_what_it_is_told_is_found(tmp_path):
    soaked = run_virtual(Days(tmp_path, DAYS, SYMBOLS, with_streams=False, besides=_Hoarder()).run())
    assert Held.RESIDENT in {trend.held for trend in trends(soaked.samples, soaked.pace) if trend.is_too_steep}
