"""The command line: torture as many worlds as the kills need, several at once, and report what was done and what was found."""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path
from shutil import rmtree

from torturing.campaign import torture
from torturing.commit import commit
from torturing.small_disk import SmallDisk
from torturing.strike import Strike

DEFAULT_KILLS = 25
DEFAULT_JOBS = 4


def main() -> int:
    """Return 0 when nothing was found, 1 when something was."""
    parser = argparse.ArgumentParser(prog="scripts/torture", description="Kill and freeze daemon and exchange, and compare them.")
    parser.add_argument("--kills", type=int, default=DEFAULT_KILLS, help="how many processes to kill at least (%(default)s)")
    parser.add_argument(
        "--seed", type=int, default=1, help="seed of the first world: its market, and which strikes come; their moments are the machine's"
    )
    parser.add_argument("--jobs", type=int, default=DEFAULT_JOBS, help="how many worlds at once (%(default)s); most of the time they wait")
    parser.add_argument("--only", default="", help="only strikes with these words in their names, such as 'inside' or 'exchange killed'")
    wanted = parser.parse_args()
    if wanted.kills < 1 or wanted.jobs < 1:
        parser.error("--kills and --jobs are at least 1")
    only = tuple(strike for strike in Strike if wanted.only in strike)
    if not only:
        parser.error(f"no strike has {wanted.only!r} in its name")
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    with_disk = SmallDisk.can_be(folder / "probe")
    if not with_disk:
        print(f"No file system can be mounted here, so none can be full: not done is '{Strike.DAEMON_ON_A_FULL_DISK}'.", flush=True)
        only = tuple(strike for strike in only if strike is not Strike.DAEMON_ON_A_FULL_DISK)
    if not only:
        return 0
    began = time.monotonic()
    figures = torture(folder, wanted.kills, wanted.seed, wanted.jobs, only, with_disk=with_disk)
    print(figures.report(commit(), wanted.jobs, time.monotonic() - began, _cpu_s()))
    if figures.findings:
        print(f"Books, memories and logs are in {folder}")
        return 1
    rmtree(folder)
    return 0


def _cpu_s() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


if __name__ == "__main__":
    sys.exit(main())
