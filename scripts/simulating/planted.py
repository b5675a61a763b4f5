"""The hunt for planted faults: how many seeds it takes until each defect that is put into the daemon on purpose is found."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import count
from statistics import median

from simulating.planted_money import MONEY
from simulating.planted_orders import ORDERS
from simulating.planted_outside import OUTSIDE
from simulating.planting import Planted
from simulating.running import run_seed

PLANTED: tuple[Planted, ...] = ORDERS + MONEY + OUTSIDE

TRIALS = 3
MOST_SEEDS = 100
"""A fault that so many seeds in a row do not show has survived."""

_APART = 10_000


@dataclass(frozen=True, slots=True)
class Hunt:
    """How many seeds each trial took, None where the fault survived, and what the first one found."""

    name: str
    seeds: tuple[int | None, ...]
    finding: str

    @property
    def median(self) -> float:
        """Of the seeds to detection; infinite when most trials found nothing."""
        return median(float("inf") if taken is None else taken for taken in self.seeds)


def hunt(name: str, trials: int = TRIALS, most_seeds: int = MOST_SEEDS) -> Hunt:
    """Look for one planted fault, in each trial with other seeds."""
    fault = next(each for each in PLANTED if each.name == name)
    taken: list[int | None] = []
    first = ""
    with fault.in_place():
        for trial in range(trials):
            found = None
            for number in count(1):
                if number > most_seeds:
                    break
                findings = run_seed(trial * _APART + number).findings
                if findings:
                    found, first = number, first or str(findings[0])
                    break
            taken.append(found)
    return Hunt(name, tuple(taken), first)


def hunt_all(jobs: int) -> int:
    """Look for every planted fault and print what it took; 1 when one survived, else 0."""
    what = {fault.name: fault.what for fault in PLANTED}
    with ProcessPoolExecutor(jobs) as pool:
        hunts = []
        for each in pool.map(hunt, what):
            hunts.append(each)
            seeds = " ".join("survived" if taken is None else str(taken) for taken in each.seeds)
            print(f"{each.name:28} {seeds:>16}   {what[each.name]}: {each.finding[:160]}", flush=True)
    survivors = [each.name for each in hunts if None in each.seeds]
    print(f"{len(hunts)} faults, median {median(each.median for each in hunts):g} seeds to detection; survivors: {survivors or 'none'}")
    return 1 if survivors else 0
