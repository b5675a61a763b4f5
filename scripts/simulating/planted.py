"""The hunt for planted faults: how many seeds it takes until each defect that is put into the daemon on purpose is found."""

from collections.abc import Collection, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from statistics import median

from simulating.checks import Check, Finding
from simulating.planted_money import MONEY
from simulating.planted_orders import ORDERS
from simulating.planted_outside import OUTSIDE
from simulating.planted_upkeep import UPKEEP
from simulating.planting import Planted
from simulating.running import run_seed

PLANTED: tuple[Planted, ...] = ORDERS + MONEY + OUTSIDE + UPKEEP

TRIALS = 3
MOST_SEEDS = 100
"""A fault that so many seeds in a row do not show has survived."""

_APART = 10_000


@dataclass(frozen=True, slots=True)
class Hunt:
    """How many seeds each trial took, None where the fault survived; by which checks it was found, and what the first one said."""

    name: str
    seeds: tuple[int | None, ...]
    checks: frozenset[Check]
    finding: str

    @property
    def median(self) -> float:
        """Of the seeds to detection; infinite when most trials found nothing."""
        return median(float("inf") if taken is None else taken for taken in self.seeds)


def hunt(name: str, trials: int = TRIALS, most_seeds: int = MOST_SEEDS) -> Hunt:
    """Look for one planted fault, in each trial with other seeds.

    Raises TypeError when a process dies of one: what is planted does not fit the code any more, which is nothing that a check has found.
    """
    fault = next(each for each in PLANTED if each.name == name)
    taken: list[int | None] = []
    checks: set[Check] = set()
    first = ""
    with fault.in_place():
        for trial in range(trials):
            found = None
            for number in range(1, most_seeds + 1):
                findings = run_seed(trial * _APART + number).findings
                _require_fit(name, findings)
                if findings:
                    found, first = number, first or findings[0].what
                    checks.update(finding.check for finding in findings)
                    break
            taken.append(found)
    return Hunt(name, tuple(taken), frozenset(checks), first)


def _require_fit(name: str, findings: Iterable[Finding]) -> None:
    died = next((finding.what for finding in findings if finding.check is Check.ORDERLY and TypeError.__name__ in finding.what), None)
    if died is not None:
        raise TypeError(f"what is planted as {name} does not fit the code: {died}")


def hunt_all(jobs: int, names: Collection[str] = ()) -> int:
    """Look for the planted faults of these names, without any for all, and print what it took, as a table.

    Returns 1 when one survived or, of all, a check found none, else 0.
    """
    what = {fault.name: fault.what for fault in PLANTED if not names or fault.name in names}
    print("| planted fault | what is wrong then | seeds to detection | found by |", "|---|---|---|---|", sep="\n")
    hunts = []
    with ProcessPoolExecutor(jobs) as pool:
        for each in pool.map(hunt, what):
            hunts.append(each)
            seeds = ", ".join("survived" if taken is None else str(taken) for taken in each.seeds)
            print(f"| `{each.name}` | {what[each.name]} | {seeds} | {', '.join(sorted(each.checks))} |", flush=True)
    survivors = [each.name for each in hunts if None in each.seeds]
    idle = [] if names else sorted(set(Check) - {check for each in hunts for check in each.checks})
    print(f"\n{len(hunts)} faults, median {median(each.median for each in hunts):g} seeds to detection, {TRIALS} trials each")
    print(
        f"survivors: {', '.join(survivors) or 'none'}" + ("" if names else f"; checks that found none of them: {', '.join(idle) or 'none'}")
    )
    return 1 if survivors or idle else 0
