"""The real daemon in virtual time through what seeds draw: nothing that must not happen does, and a seed is the same wherever it runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from simulating import planted
from simulating.checks import Check
from simulating.drawing import drawn_plan
from simulating.every_step import BLOWS, REFERENCES, struck_at
from simulating.plan import plan_from_json
from simulating.planted import PLANTED, hunt
from simulating.planting import Bed, Planted
from simulating.regressions import kept_regressions
from simulating.running import Runner, run_seed_with_reset

from binance_trade_agent.risk_management_agent.modes import Modes

ROOT = Path(__file__).parents[2]
SEEDS = (1, 2, 4, 5, 6, 7, 8)
RESET_SEEDS = (1, 12, 13)

pytestmark = pytest.mark.plans_limits  # some seeds have the exchange say that it is too much


REGRESSIONS = kept_regressions()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_shows_nothing_that_must_not_happen(seed):
    result = Runner().run(drawn_plan(seed))
    assert result.findings == ()
    assert result.lives >= 1


@pytest.mark.parametrize("kept", REGRESSIONS, ids=lambda kept: f"{kept.plan.seed}-{kept.digest}")
def test_a_plan_that_once_found_something_finds_it_no_more(kept):
    assert kept.plan.digest == kept.digest, "the file is not what was kept"
    assert Runner().run(kept.plan).findings == (), kept.taught


@pytest.mark.parametrize("seed", RESET_SEEDS)
def test_a_seed_with_a_reset_ends_with_a_book_of_the_new_history(seed):
    result = run_seed_with_reset(seed)
    assert result.findings == ()
    assert "a reset" in result.features


def test_what_is_kept_and_what_is_looked_for_stand_in_the_page_on_reliability():
    page = (ROOT / "docs/reliability.md").read_text()
    assert [check for check in Check if f"| {check} |" not in page] == []
    assert [kept.digest for kept in REGRESSIONS if f"| {kept.plan.seed} | `{kept.digest}` |" not in page] == []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_plan_can_be_kept_and_read_again(seed):
    plan = drawn_plan(seed)
    assert plan_from_json(plan.as_json()).digest == plan.digest


@pytest.mark.parametrize("blow", BLOWS)
@pytest.mark.parametrize(("name", "step"), [(name, step) for name in REFERENCES for step in range(3, 451, 41)])
def test_a_blow_at_a_step_of_a_reference_run_loses_and_doubles_nothing(name, step, blow):
    assert struck_at(name, step, blow).findings == ()


@pytest.mark.parametrize("name", ["resend_on_timeout", "commit_after_send", "secret_logged"])
def test_a_defect_that_is_put_into_the_daemon_on_purpose_is_found(name):
    found = hunt(name, trials=1, most_seeds=8)
    assert found.seeds[0] is not None


def test_planted_faults_have_names_of_their_own():
    assert len({fault.name for fault in PLANTED}) == len(PLANTED) >= 25


@pytest.mark.parametrize("fault", PLANTED, ids=lambda fault: fault.name)
def test_a_fault_can_be_planted_and_taken_away_again(fault):
    bed = Bed()
    fault.plant(bed)
    assert bed.is_planted
    bed.restore()
    assert not bed.is_planted


def test_what_cannot_be_called_as_the_real_one_is_not_planted():
    class Real:
        def restore(self, modes, *, armed_ms):
            return modes, armed_ms

        async def send(self, order):
            return order

    real, bed = Real.restore, Bed()
    with pytest.raises(TypeError, match="restore cannot be called"):
        bed.replace(Real, "restore", lambda self, modes: None)
    with pytest.raises(TypeError, match=r"send .* awaited"):
        bed.replace(Real, "send", lambda self, order: None)
    assert not bed.is_planted
    assert Real.restore is real


def test_a_hunt_ends_loudly_when_a_process_dies_of_what_is_planted(monkeypatch):
    def plant(bed):
        bed.replace(Modes, "restore", lambda self, modes, **more: len(None))

    monkeypatch.setattr(planted, "PLANTED", (Planted("broken", "nothing that a check finds", plant),))
    with pytest.raises(TypeError, match="planted as broken does not fit"):
        hunt("broken", trials=1, most_seeds=1)


def test_a_seed_comes_out_the_same_in_separate_processes():
    program = "from simulating.running import run_seed; print(run_seed(8).digest)"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT}"}
    digests = [
        subprocess.run(
            [sys.executable, "-c", program], env={**environment, "PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert len(digests[0].strip()) == 64
    assert digests[0] == digests[1]
