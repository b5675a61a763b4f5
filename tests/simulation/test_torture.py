"""Real processes killed and frozen: what the shipped daemon leaves behind agrees with the exchange, by code that is not its own."""

import pytest
from torturing.small_disk import SmallDisk
from torturing.strike import Strike
from torturing.world import Kind, World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # processes start several times, on whatever machine this is


def tortured(folder, seed: int, kind: Kind, *strikes: Strike):
    """What was counted in a world with exactly these strikes; nothing must have been found."""
    world = World(folder / "world", seed, kind, with_disk=kind is Kind.SMALL)
    world.torture(100, iter(strikes))
    assert world.figures.findings == []
    assert world.figures.calms >= 1
    return world.figures


def test_daemon_and_exchange_agree_after_kills_of_either(tmp_path):
    figures = tortured(tmp_path, 1, Kind.PLAIN, Strike.DAEMON_BEFORE_AN_ANSWER, Strike.BOTH, Strike.EXCHANGE_AT_ANY_TIME)
    assert figures.kills >= 3
    assert figures.trades > 0


def test_refused_writes_and_cut_connections_leave_nothing_wrong(tmp_path):
    strikes = [
        Strike.DAEMON_WITHOUT_WRITES,
        Strike.DAEMON_WITHOUT_LINE,
        Strike.DAEMON_WITH_HALF_AN_ANSWER,
        Strike.DAEMON_BEFORE_A_LATE_EXCHANGE,
    ]
    figures = tortured(tmp_path, 2, Kind.PLAIN, *strikes)
    assert figures.strikes[Strike.DAEMON_WITHOUT_WRITES] == 1
    assert figures.met[Strike.DAEMON_WITH_HALF_AN_ANSWER] == 1


def test_a_daemon_killed_while_it_starts_migrates_or_is_copied_leaves_nothing_wrong(tmp_path):
    tortured(tmp_path, 3, Kind.PLAIN, Strike.DAEMON_RECONCILING, Strike.DAEMON_MIGRATING, Strike.DAEMON_BACKING_UP)


def test_a_daemon_killed_while_it_protects_leaves_nothing_wrong(tmp_path):
    figures = tortured(tmp_path, 4, Kind.PROTECTED, Strike.DAEMON_PROTECTING, Strike.DAEMON_STOPPING)
    assert figures.orders > 0


def test_a_daemon_on_a_full_disk_ends_with_its_code_and_goes_on_when_there_is_room(tmp_path):
    if not SmallDisk.can_be(tmp_path / "probe"):
        pytest.skip("no file system can be mounted here")
    figures = tortured(tmp_path, 5, Kind.SMALL, Strike.DAEMON_ON_A_FULL_DISK, Strike.DAEMON_WHILE_SENDING)
    assert figures.met[Strike.DAEMON_ON_A_FULL_DISK] == 1
