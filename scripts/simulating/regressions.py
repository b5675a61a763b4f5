"""Regressions: plans that once found something, kept whole, so that they are run again however seeds are drawn by then."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from simulating.plan import SeedPlan, plan_from_json

FOLDER = Path(__file__).parents[2] / "tests" / "simulation" / "regressions"


@dataclass(frozen=True, slots=True)
class Regression:
    """A kept plan, its digest when it was kept, and in one line what it taught."""

    taught: str
    digest: str
    plan: SeedPlan


class _Kept(msgspec.Struct):
    taught: str
    digest: str
    plan: msgspec.Raw


def keep(plan: SeedPlan, taught: str, folder: Path = FOLDER) -> Path:
    """Write a plan into the folder; returns its file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"seed-{plan.seed}-{plan.digest}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(_Kept(taught, plan.digest, msgspec.Raw(plan.as_json())))) + b"\n")
    return path


def kept_regressions(folder: Path = FOLDER) -> list[Regression]:
    """All of them, by file name."""
    found = []
    for path in sorted(folder.glob("*.json")):
        kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
        found.append(Regression(kept.taught, kept.digest, plan_from_json(bytes(kept.plan))))
    return found
