"""The command line: which subjects are measured, and where the figures go."""

import argparse
import inspect
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import reduce
from importlib import import_module
from pathlib import Path

import uvloop

from benchmarks.measuring import Plan
from benchmarks.report import Report, machine, versions

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "performance.md"

# Modules by subject: some names of subjects are words of Python.
SUBJECTS = {
    "client": "client",
    "tick": "tick",
    "decode": "decode",
    "sign": "sign",
    "stream": "stream",
    "pass": "passes",
    "idle": "idle",
    "import": "imports",
    "exchange": "exchange",
    "recovery": "recovery",
    "watch": "watching",
    "optimise": "optimising",
    "backtest": "backtest",
}


def main() -> int:
    """Return 0 when everything could be measured, whether targets are met or not; 2 when something is missing."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure speed beside other libraries.")
    parser.add_argument("subjects", nargs="*", choices=[*SUBJECTS, "all", []], help="what is measured", metavar="SUBJECT")
    parser.add_argument("--rounds", type=int, default=Plan().rounds, help="turns each contender gets (default %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument(
        "--from",
        type=Path,
        nargs="+",
        metavar="FILE",
        dest="sources",
        help="take figures from files, later ones first, instead of measuring",
    )
    parser.add_argument("--page", action="store_true", help="write docs/performance.md")
    options = parser.parse_args()
    if bool(options.subjects) == bool(options.sources):
        parser.error(f"name subjects ({', '.join(SUBJECTS)}, all) or a file with --from")
    try:
        report = kept(options.sources) if options.sources else measured(options.subjects, Plan(rounds=options.rounds))
    except (FileNotFoundError, ImportError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        return error.returncode  # it has said why
    print(report.markdown)
    if options.json:
        report.save(options.json)
    if options.page:
        PAGE.write_text(page(report), encoding="utf-8")
    return 0


def kept(files: list[Path]) -> Report:
    """The report of the first file, with what was measured again for those after it."""
    return reduce(Report.with_later, map(Report.load, files))


def measured(subjects: list[str], plan: Plan) -> Report:
    """The report on the subjects; of several, each is measured in an interpreter of its own."""
    wanted = list(SUBJECTS) if "all" in subjects else list(dict.fromkeys(subjects))
    command = f"scripts/bench {'all' if 'all' in subjects else ' '.join(wanted)}"
    if len(wanted) == 1:
        measure: Callable[[Plan], object] = import_module(f"benchmarks.{SUBJECTS[wanted[0]]}").measure
        tables = uvloop.run(measure(plan)) if inspect.iscoroutinefunction(measure) else measure(plan)
    else:
        tables = [table for subject in wanted for table in apart(subject, plan).tables]
    return Report(command, machine(), versions(), tables)


def apart(subject: str, plan: Plan) -> Report:
    """The report on one subject, from another process."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "report.json"
        command = [sys.executable, "-m", "benchmarks", subject, "--rounds", str(plan.rounds), "--json", str(path)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return Report.load(path)


def page(report: Report) -> str:
    """docs/performance.md."""
    return f"# Performance\n\nWritten by `scripts/bench --page`; nothing here is typed by hand.\n\n{report.markdown}"


if __name__ == "__main__":
    sys.exit(main())
