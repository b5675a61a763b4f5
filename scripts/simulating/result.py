"""Result: what came of a seed, and the sums over many of them as they are told."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from simulating.checks import Check, Finding


@dataclass(frozen=True, slots=True)
class Result:
    """One seed; `digest` is the same whenever it is run again. `struck` are faults and incidents by kind, `blows` those that struck."""

    seed: int
    findings: tuple[Finding, ...]
    digest: str
    lives: int
    steps: int
    orders: int
    trades: int
    struck: Mapping[str, int]
    blows: Mapping[str, int]
    features: tuple[str, ...]
    most_weight: int
    cpu_s: float = 0.0


@dataclass(slots=True)
class Totals:
    """Sums over many seeds; `add` each result once."""

    seeds: int = 0
    lives: int = 0
    steps: int = 0
    orders: int = 0
    trades: int = 0
    cpu_s: float = 0.0
    most_weight: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    blows: Counter[str] = field(default_factory=Counter)
    features: Counter[str] = field(default_factory=Counter)
    findings: Counter[Check] = field(default_factory=Counter)
    failed: list[int] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """Count one more seed."""
        self.seeds += 1
        self.lives += result.lives
        self.steps += result.steps
        self.orders += result.orders
        self.trades += result.trades
        self.cpu_s += result.cpu_s
        self.most_weight = max(self.most_weight, result.most_weight)
        self.struck.update(result.struck)
        self.blows.update(result.blows)
        self.features.update(result.features)
        self.findings.update(finding.check for finding in result.findings)
        if result.findings:
            self.failed.append(result.seed)

    def lines(self, what: str, commit: str, wall_s: float) -> list[str]:
        """A Markdown table that can stand in docs/reliability.md as it is."""
        rows = {
            "Seeds": what,
            "Commit": commit,
            "Processes": f"{self.lives:,}",
            "Steps": f"{self.steps:,}",
            "Orders on the exchange": f"{self.orders:,}",
            "Trades": f"{self.trades:,}",
            "Faults and incidents that struck": _listed(self.struck),
            "Blows to the process": _listed(self.blows),
            "Seeds with": _listed(self.features),
            "Highest weight used of one minute": f"{self.most_weight:,} of 6,000",
            "Time": f"{wall_s:,.0f} s, {self.cpu_s:,.0f} s of processor time ({self.cpu_s / max(self.seeds, 1):.2f} s a seed)",
            "Findings": _listed(Counter({str(check): count for check, count in self.findings.items()})) if self.findings else "none",
        }
        return ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]


def _listed(counts: Mapping[str, int]) -> str:
    """The sum, and the parts by name."""
    if not counts:
        return "0"
    return f"{sum(counts.values()):,}: " + ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
