"""The command line: torture as many worlds as the kills need, and report what was done and what was found."""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from shutil import rmtree

from torturing.strikes import Strike
from torturing.world import Figures, World

DEFAULT_KILLS = 25
KILLS_IN_A_WORLD = 25
"""A history is read whole at each comparison; a new world keeps it short."""


def main() -> int:
    """Return 0 when nothing was found, 1 when something was."""
    parser = argparse.ArgumentParser(prog="scripts/torture", description="Kill and freeze daemon and exchange, and compare them.")
    parser.add_argument("--kills", type=int, default=DEFAULT_KILLS, help="how many processes to kill (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the market and of which strikes come; their moments are the machine's")
    wanted = parser.parse_args()
    if wanted.kills < 1:
        parser.error("--kills is at least 1")
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    began, figures, number = time.monotonic(), Figures(), 0
    while figures.kills < wanted.kills and not figures.findings:
        here = folder / f"world-{wanted.seed + number}"
        if World(here, wanted.seed + number, figures).torture(min(KILLS_IN_A_WORLD, wanted.kills - figures.kills)):
            rmtree(here)
        number += 1
    print(report(figures, number, time.monotonic() - began))
    if figures.findings:
        print(f"Books, memories and logs are in {folder}")
        return 1
    rmtree(folder)
    return 0


def report(figures: Figures, worlds: int, seconds: float) -> str:
    """What was done and seen, as a text."""
    lines = [f"{figures.kills} processes killed in {worlds} worlds, {figures.calms} calms, in {seconds:.0f} s"]
    lines += [f"  {figures.strikes[strike]:5} x {strike}" for strike in Strike]
    lines.append(
        f"{figures.orders} orders and {figures.trades} trades in the books; {figures.trades_found_later} trades were booked after a death"
    )
    lines += [f"  {count:5} orders found open in a dead daemon's book: {fate}" for fate, count in sorted(figures.found_open.items())]
    lines.append(f"longest calm until all was settled: {figures.longest_calm_s:.1f} s")
    lines += [f"FOUND: {finding}" for finding in figures.findings] or ["Nothing was found that must not be."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
