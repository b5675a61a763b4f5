"""The command line: simulate seeds, in several processes when wanted, and tell what was found."""

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path

from simulating.drawing import drawn_plan, with_reset
from simulating.every_step import every_step
from simulating.plan import SeedPlan
from simulating.planted import PLANTED, hunt_all
from simulating.regressions import keep
from simulating.result import Result, Totals
from simulating.running import Runner, run_seed, run_seed_with_reset

DEFAULT_SEEDS = "1-200"


def main() -> int:
    """Return 0 when nothing was found, 1 when something was."""
    parser = argparse.ArgumentParser(prog="scripts/simulate", description="Run the daemon in virtual time, with faults from a seed.")
    parser.add_argument("--seeds", default=DEFAULT_SEEDS, metavar="A-B", help="which seeds (default %(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once (default: one a core)")
    parser.add_argument("--resets", action="store_true", help="have the exchange forget its accounts' history once in each seed")
    parser.add_argument("--log", action="store_true", help="show the plan of each seed, and what the daemon logged")
    parser.add_argument("--keep", metavar="LESSON", help="keep the plan of each seed as a regression, with what it taught")
    parser.add_argument(
        "--planted",
        nargs="*",
        choices=[fault.name for fault in PLANTED],
        metavar="NAME",
        help="put defects into the daemon, one at a time, and count the seeds to detection; those of these names, or all",
    )
    parser.add_argument("--every-step", action="store_true", help="strike one short run at each of its steps, with each kind of blow")
    options = parser.parse_args()
    if options.every_step:
        return _struck_everywhere(options.jobs)
    if options.planted is not None:
        return hunt_all(options.jobs, options.planted)
    seeds = _parsed(parser, options.seeds)
    plans = (with_reset(drawn_plan(seed)) if options.resets else drawn_plan(seed) for seed in seeds)
    if options.keep is not None:
        for plan in plans:
            print(keep(plan, options.keep))
        return 0
    run = run_seed_with_reset if options.resets else run_seed
    return _simulated(seeds, _shown(plans) if options.log else _results(run, seeds, options.jobs))


def _simulated(seeds: range, results: Iterable[Result]) -> int:
    """Cut short by SIGINT, it tells of the seeds until then, which are taken in their order."""
    began_s, last = time.monotonic(), seeds[0]
    totals = Totals()
    with suppress(KeyboardInterrupt):
        for result in results:
            last = result.seed
            totals.add(result)
            if result.findings:
                print(f"seed {result.seed}:", *result.findings, sep="\n    ", flush=True)
    print(*totals.lines(f"{seeds[0]:,} to {last:,}", _commit(), time.monotonic() - began_s), sep="\n")
    print(f"{len(totals.failed)} seeds with findings: {', '.join(map(str, totals.failed))}" if totals.failed else "nothing found")
    return 1 if totals.failed else 0


def _commit() -> str:
    """What is simulated; with a plus sign when files differ from it."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head}+" if changed else head


def _struck_everywhere(jobs: int) -> int:
    began_s = time.monotonic()
    runs, findings, cpu_s = Counter[str](), 0, 0.0
    for name, step, blow, result in every_step(jobs):
        runs[name] += 1
        cpu_s += result.cpu_s
        if result.findings:
            findings += 1
            print(f"{name}, {blow} at step {step}:", *result.findings, sep="\n    ", flush=True)
    each = ", ".join(f"{name} {count:,}" for name, count in runs.items())
    spent = f"{time.monotonic() - began_s:,.0f} s, {cpu_s:,.0f} s of processor time"
    print(f"{runs.total():,} runs ({each}) on {_commit()} in {spent}; {findings} with findings")
    return 1 if findings else 0


def _results(run: Callable[[int], Result], seeds: range, jobs: int) -> Iterator[Result]:
    if jobs <= 1:
        yield from map(run, seeds)
        return
    pool = ProcessPoolExecutor(jobs)
    try:
        yield from pool.map(run, seeds, chunksize=4)
    finally:
        pool.shutdown(cancel_futures=True)


def _shown(plans: Iterable[SeedPlan]) -> Iterator[Result]:
    runner = Runner()
    for plan in plans:
        print(plan)
        yield runner.run(plan)
        print(runner.log)


def _parsed(parser: argparse.ArgumentParser, text: str) -> range:
    first, _, last = text.partition("-")
    if not (first.isdigit() and (last or first).isdigit() and int(last or first) >= int(first)):
        parser.error(f"--seeds is a number or a range such as {DEFAULT_SEEDS}, not {text!r}")
    return range(int(first), int(last or first) + 1)


if __name__ == "__main__":
    sys.exit(main())
