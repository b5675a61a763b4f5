"""The command line: fuzz all targets, or those whose names contain a word, for some minutes, and tell what was found."""

import argparse
import resource
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, given, seed, settings

from fuzzing.targets import Target, targets

EXAMPLES_A_TURN = 300
MOST_MEMORY_BYTES = 2 * 1024**3
"""Of address space: a decoder that wants more has no bound."""

SLOWEST_S = 1.0
"""Processor time for one input of at most 64 KB; more is a finding."""

SHOWN_CHARACTERS = 300

_SETTINGS = settings(
    max_examples=EXAMPLES_A_TURN,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)


@dataclass(slots=True)
class Tally:
    """What came of one target so far."""

    executions: int = 0
    slowest_s: float = 0.0
    finding: str = ""


def main() -> int:
    """Return 0 when nothing was found, 1 when something was."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description="Feed hostile answers to everything that reads the wire.")
    parser.add_argument("words", nargs="*", metavar="WORD", help="only targets whose name contains one of these")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long (default %(default)s)")
    options = parser.parse_args()
    chosen = {name: each for name, each in targets().items() if not options.words or any(word in name for word in options.words)}
    if not chosen:
        parser.error("no target has such a name")
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, resource.RLIM_INFINITY))
    tallies = fuzzed(chosen, options.minutes * 60)
    for name, tally in tallies.items():
        print(f"{name:40} {tally.executions:>9,} executions, slowest {tally.slowest_s * 1e3:7.2f} ms{'  FOUND' if tally.finding else ''}")
    found = {name: tally.finding for name, tally in tallies.items() if tally.finding}
    for name, finding in found.items():
        print(f"\n{name}:\n{finding}")
    total = sum(tally.executions for tally in tallies.values())
    print(f"\n{total:,} executions in {options.minutes:g} minutes, {len(found)} findings")
    return 1 if found else 0


def fuzzed(chosen: Mapping[str, Target], duration_s: float) -> dict[str, Tally]:
    """Take turns over the targets until the time is up; a target in which something was found is left alone."""
    tallies = {name: Tally() for name in chosen}
    ends_s = time.monotonic() + duration_s
    turn = 0
    while time.monotonic() < ends_s and not all(tally.finding for tally in tallies.values()):
        for name, target in chosen.items():
            if time.monotonic() < ends_s and not tallies[name].finding:
                _take_turn(target, tallies[name], time.time_ns() + turn)
                turn += 1
    return tallies


def _take_turn(target: Target, tally: Tally, number: int) -> None:
    @seed(number)
    @_SETTINGS
    @given(target.inputs)
    def attack(drawn: object) -> None:
        started_s = time.process_time()
        target.check(drawn)
        took_s = time.process_time() - started_s
        tally.executions += 1
        tally.slowest_s = max(tally.slowest_s, took_s)
        assert took_s <= SLOWEST_S, f"it took {took_s:.1f} s"

    try:
        attack()
    except Exception:
        tally.finding = "\n".join(_shown(line) for line in traceback.format_exc(limit=-3).splitlines())


def _shown(line: str) -> str:
    """A line that a terminal can take: of a long input only its beginning and its end."""
    cut = len(line) - 2 * SHOWN_CHARACTERS
    return line if cut <= 0 else f"{line[:SHOWN_CHARACTERS]} ... {cut} characters ... {line[-SHOWN_CHARACTERS:]}"


if __name__ == "__main__":
    sys.exit(main())
