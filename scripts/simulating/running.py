"""Running seeds: each in a folder of its own, with its logs caught and looked through."""

import io
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from binance_trade_agent.simulation.virtual_loop import run_virtual
from binance_trade_agent.telemetry.logging import configure_logging
from simulating.checks import Check, Finding
from simulating.drawing import drawn_plan, with_reset
from simulating.plan import SeedPlan
from simulating.result import Result
from simulating.world import KEY, SECRET, World

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of this run's own is made in it
"""Where files cost no disk; only what is committed counts here, not when the disk has it."""


SHORT_CALM_S = 400.0
"""In nearly every plan all is settled by then, comparisons included; what is not gets its plan's whole calm before it is a finding."""


class Runner:
    """Runs one plan after the other in this process; all of them log into one stream, which is looked through after each."""

    def __init__(self) -> None:
        self._log = io.StringIO()
        configure_logging("INFO", "json", self._log)

    def run(self, plan: SeedPlan) -> Result:
        """Simulate one plan from beginning to end; when its calm is long and something was found, once more with all of it."""
        result = self._simulate(replace(plan, calm_s=min(plan.calm_s, SHORT_CALM_S)))
        if not result.findings or plan.calm_s <= SHORT_CALM_S:
            return result
        whole = self._simulate(plan)
        return replace(whole, cpu_s=result.cpu_s + whole.cpu_s)

    def _simulate(self, plan: SeedPlan) -> Result:
        self._log.seek(0)
        self._log.truncate()
        began_s = time.process_time()
        with tempfile.TemporaryDirectory(prefix="simulation-", dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
            result = run_virtual(_simulated(plan, Path(folder)))
        leaked = [name for name, secret in (("the secret", SECRET), ("the key", KEY)) if secret in self._log.getvalue()]
        findings = (*result.findings, *(Finding(Check.NO_LEAK, f"{name} stands in the log") for name in leaked))
        return replace(result, findings=findings, cpu_s=time.process_time() - began_s)

    @property
    def log(self) -> str:
        """What the last run logged, as lines of JSON."""
        return self._log.getvalue()


async def _simulated(plan: SeedPlan, folder: Path) -> Result:
    """The world is made within the loop, whose time its clocks show."""
    return await World(plan, folder).run()


def run_seed(seed: int) -> Result:
    """Simulate one seed."""
    return Runner().run(drawn_plan(seed))


def run_seed_with_reset(seed: int) -> Result:
    """The same with an exchange that is reset once."""
    return Runner().run(with_reset(drawn_plan(seed)))
