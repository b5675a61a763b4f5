"""Try the dashboards and alerts for real: a trading daemon with troubles, a Prometheus, and every query asked of it."""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from dashboarding.live_queries import Prometheus, of_alerts, of_dashboards
from dashboarding.live_world import LiveWorld


def main() -> int:
    """Return 0 when every query has an answer, 1 when one has none or Prometheus does not take it, 2 without Prometheus."""
    parser = argparse.ArgumentParser(prog="scripts/try_dashboards", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long the daemon trades before it is asked")
    parser.add_argument("--hold", action="store_true", help="let all of it run on until Ctrl-C, to look at it")
    arguments = parser.parse_args()
    if shutil.which("prometheus") is None:
        print("prometheus is not installed; on Debian and Ubuntu: apt-get install prometheus", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="dashboards-") as folder, LiveWorld(Path(folder) / "world") as world:
        print(f"daemon {world.daemon.address}, Prometheus http://127.0.0.1:{world.prometheus.port}: {arguments.seconds:.0f} s of troubles")
        world.live(arguments.seconds)
        questions = [*of_dashboards(), *of_alerts()]
        asked = Prometheus(world.prometheus.port, world.instance)
        unanswered = asked.unanswered(iter(questions), world.began_s, time.time())
        for question in unanswered:
            print(f"no data: {question.asker}: {question.expression}", file=sys.stderr)
        excused = sum(bool(question.excuse) for question in questions)
        print(f"{len(questions) - excused - len(unanswered)} of {len(questions)} queries have data; {excused} cannot have any here")
        _hold(arguments.hold)
    return 1 if unanswered else 0


def _hold(wanted: bool) -> None:
    try:
        while wanted:
            time.sleep(1)
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    sys.exit(main())
