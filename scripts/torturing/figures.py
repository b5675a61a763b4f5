"""Figures: what was done and seen, counted over worlds, and the report that docs/reliability.md can hold."""

import os
import platform
from collections import Counter
from dataclasses import dataclass, field, fields

from torturing.strike import Strike


@dataclass(slots=True)
class Figures:
    """Counts of one world, or of several together."""

    worlds: int = 0
    kills: int = 0
    calms: int = 0
    strikes: Counter[Strike] = field(default_factory=Counter)
    kills_by: Counter[Strike] = field(default_factory=Counter)
    met: Counter[Strike] = field(default_factory=Counter)
    found_open: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    trades_found_later: int = 0
    orders: int = 0
    trades: int = 0
    longest_calm_s: float = 0.0
    findings: list[str] = field(default_factory=list)

    def add(self, other: "Figures") -> None:
        """Take in what another world has counted."""
        for entry in fields(self):
            ours, theirs = getattr(self, entry.name), getattr(other, entry.name)
            setattr(self, entry.name, max(ours, theirs) if entry.name == "longest_calm_s" else ours + theirs)

    def report(self, commit: str, jobs: int, wall_s: float, cpu_s: float) -> str:
        """As Markdown; `cpu_s` is that of all processes, the driver's own included."""
        cost = f"{cpu_s / self.kills:.2f} s of CPU a kill" if self.kills else "no kills"
        lines = [
            f"{self.kills} kills in {self.worlds} worlds, {jobs} at a time: {wall_s:.0f} s, {cost} "
            f"(commit {commit}, {os.cpu_count()} CPUs, Python {platform.python_version()}).",
            "",
            "| Strike | Times | Kills | Moment met |",
            "|---|---|---|---|",
        ]
        for strike in Strike:
            if times := self.strikes[strike]:
                met = f"{self.met[strike]} ({self.met[strike] / times:.0%})" if strike.has_moment else ""
                lines.append(f"| {strike} | {times} | {self.kills_by[strike]} | {met} |")
        lines += [
            "",
            f"- {self.orders} orders and {self.trades} trades in the books; {self.trades_found_later} trades were booked after a death.",
        ]
        lines += [f"- {count} orders found open in a dead daemon's book: {fate}." for fate, count in sorted(self.found_open.items())]
        lines += [f"- {count} x {note}." for note, count in sorted(self.notes.items())]
        lines.append(f"- {self.calms} calms; the longest took {self.longest_calm_s:.1f} s until all was settled.")
        lines += [f"- FOUND: {finding}" for finding in self.findings] or ["- Nothing was found that must not be."]
        return "\n".join(lines)
