"""The command line: simulate seeds, in several processes when wanted, and tell what was found."""

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor

from simulating.every_step import every_step
from simulating.plan import drawn_plan
from simulating.planted import hunt_all
from simulating.running import Runner, run_seed
from simulating.world import Result

DEFAULT_SEEDS = "1-200"


def main() -> int:
    """Return 0 when nothing was found, 1 when something was."""
    parser = argparse.ArgumentParser(prog="scripts/simulate", description="Run the daemon in virtual time, with faults from a seed.")
    parser.add_argument("--seeds", default=DEFAULT_SEEDS, metavar="A-B", help="which seeds (default %(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once (default: one a core)")
    parser.add_argument("--log", action="store_true", help="show the plan of each seed, and what the daemon logged")
    parser.add_argument(
        "--planted", action="store_true", help="put defects into the daemon, one at a time, and count the seeds to detection"
    )
    parser.add_argument("--every-step", action="store_true", help="strike one short run at each of its steps, with each kind of blow")
    options = parser.parse_args()
    if options.every_step:
        return _struck_everywhere(options.jobs)
    if options.planted:
        return hunt_all(options.jobs)
    seeds = _parsed(parser, options.seeds)
    began_s = time.monotonic()
    found, totals = [], [0] * 6
    for result in _shown(seeds) if options.log else _results(seeds, options.jobs):
        totals = [total + more for total, more in zip(totals, _figures(result), strict=True)]
        if result.findings:
            found.append(result.seed)
            print(f"seed {result.seed}:", *result.findings, sep="\n    ", flush=True)
    print(
        "{:,} seeds, {:,} processes, {:,} steps, {:,} orders, {:,} trades, {:,} faults".format(*totals)
        + f" in {time.monotonic() - began_s:.0f} s; "
        + (f"{len(found)} seeds with findings: {', '.join(map(str, found))}" if found else "nothing found")
    )
    return 1 if found else 0


def _struck_everywhere(jobs: int) -> int:
    runs = findings = 0
    for step, blow, result in every_step(jobs):
        runs += 1
        if result.findings:
            findings += 1
            print(f"{blow} at step {step}:", *result.findings, sep="\n    ", flush=True)
    print(f"{runs:,} runs, {findings} with findings")
    return 1 if findings else 0


def _results(seeds: range, jobs: int) -> Iterator[Result]:
    if jobs <= 1:
        yield from map(run_seed, seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(run_seed, seeds, chunksize=4)


def _shown(seeds: Iterable[int]) -> Iterator[Result]:
    runner = Runner()
    for seed in seeds:
        plan = drawn_plan(seed)
        print(plan)
        yield runner.run(plan)
        print(runner.log)


def _figures(result: Result) -> tuple[int, ...]:
    return 1, result.lives, result.steps, result.orders, result.trades, result.struck


def _parsed(parser: argparse.ArgumentParser, text: str) -> range:
    first, _, last = text.partition("-")
    if not (first.isdigit() and (last or first).isdigit() and int(last or first) >= int(first)):
        parser.error(f"--seeds is a number or a range such as {DEFAULT_SEEDS}, not {text!r}")
    return range(int(first), int(last or first) + 1)


if __name__ == "__main__":
    sys.exit(main())
