"""Tables of a run: figures, targets met or not, and the machine they were measured on; as text, Markdown and JSON."""

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = (
    "binance-trade-agent",
    "python-binance",
    "ccxt",
    "binance-sdk-spot",
    "httpx",
    "httpx-aiohttp",
    "aiohttp",
    "websockets",
    "picows",
    "msgspec",
    "orjson",
    "uvloop",
    "cryptography",
)

Cell = str | float | None


@dataclass(frozen=True, slots=True)
class Target:
    """What the project promises of a figure: at most `limit`, or at least that with `at_least`."""

    what: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the figure keeps the promise."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @property
    def cells(self) -> tuple[Cell, ...]:
        """One line of the table of targets."""
        return self.what, self.value, f"{'>=' if self.at_least else '<='} {number(self.limit)}", "met" if self.met else "NOT MET"


@dataclass(frozen=True, slots=True)
class Table:
    """Figures of one subject, with the targets that hang on them and what a reader must know to judge them."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    targets: Sequence[Target] = ()
    notes: Sequence[str] = ()

    @property
    def markdown(self) -> str:
        """The table, its targets and its notes."""
        parts = [f"## {self.title}", aligned(self.columns, self.rows)]
        if self.targets:
            parts.append(aligned(("Target", "Measured", "Limit", ""), [target.cells for target in self.targets]))
        return "\n\n".join([*parts, *self.notes])


@dataclass(frozen=True, slots=True)
class Report:
    """All tables of a run."""

    command: str
    machine: str
    versions: dict[str, str]
    tables: Sequence[Table]

    @property
    def markdown(self) -> str:
        """Everything, as it is printed and as it stands in docs/performance.md."""
        libraries = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        about = f"Measured by `{self.command}` on {self.machine}.\n\nVersions: {libraries}."
        return "\n\n".join([about, *(table.markdown for table in self.tables)]) + "\n"

    def with_later(self, later: "Report") -> "Report":
        """The tables of both, where both have one that of `later`; ValueError when they were measured on different machines or versions."""
        if (self.machine, self.versions) != (later.machine, later.versions):
            raise ValueError(f"measured on {self.machine} and {later.machine}, or with different libraries: measure all of it on one")
        newer = {table.title: table for table in later.tables}
        tables = [newer.pop(table.title, table) for table in self.tables]
        return Report(f"{self.command}`, and later `{later.command}", self.machine, self.versions, [*tables, *newer.values()])

    def save(self, path: Path) -> None:
        """Write the figures as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Report":
        """Read what `save` wrote."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        tables = [Table(**{**each, "targets": [Target(**target) for target in each["targets"]]}) for each in raw["tables"]]
        return cls(raw["command"], raw["machine"], raw["versions"], tables)


def aligned(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A Markdown table whose columns line up in a terminal as well."""
    lines = [list(columns), *([number(cell) for cell in row] for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    padded = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines]
    return "\n".join([padded[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *padded[1:]])


def number(cell: Cell) -> str:
    """A figure with about three significant digits, or the text itself."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"


def machine() -> str:
    """Processor, cores, operating system and Python; nothing that names one machine or day."""
    processor = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        processor = names[0] if names else processor
    return f"{processor}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def versions() -> dict[str, str]:
    """The libraries that are there, by name."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
