"""The report of a run over candles, told on the terminal and written to the files that were asked for."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from binance_trade_agent.backtest.report.machine import report_json
from binance_trade_agent.backtest.report.report import Report
from binance_trade_agent.backtest.report.text import print_report
from binance_trade_agent.domain.errors import NO_ROOM, ConfigurationError, DiskFullError

LEAST_WIDTH = 150
"""Columns that the tables have where the output is no terminal."""


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Where a report goes beside the terminal; None for nowhere.

    Raises ConfigurationError for a folder that does not exist, so that nothing is run whose report could not be kept.
    """

    json: Path | None = None
    html: Path | None = None

    def __post_init__(self) -> None:
        require_folder("--report", self.json)
        require_folder("--html", self.html)
        if self.json is not None and self.html is not None and self.json.absolute() == self.html.absolute():
            raise ConfigurationError(f"--report and --html are both {self.json}; name a file of its own for each")

    def tell(self, report: Report, *more: str) -> None:
        """Print the report with lines of `more` below, and write the files."""
        console = Console()
        print_report(report, console if console.is_terminal else Console(width=max(console.width, LEAST_WIDTH)))
        for line in more:
            console.print(line, highlight=False)
        if self.json is not None:
            write_report("--report", self.json, report_json(report))
        if self.html is not None:
            # Imported here, because the page is large and most runs want none.
            from binance_trade_agent.backtest.report.page import report_page

            write_report("--html", self.html, report_page(report))


def require_folder(option: str, file: Path | None) -> None:
    """Raise ConfigurationError where there is no folder for the `file` that `option` names; None is no file.

    Folders that a user names for a file are never made: a mistyped one would be.
    """
    if file is not None and not file.absolute().parent.is_dir():
        raise ConfigurationError(f"{option} {file}: there is no folder {file.parent}; make it, or name a file in one that is there")


def write_report(option: str, file: Path, text: str) -> None:
    """Write the `file` that `option` names, whole or not at all; raises ConfigurationError, or DiskFullError, where that cannot be."""
    part = file.with_name(f"{file.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    except OSError as error:
        kind = DiskFullError if error.errno in NO_ROOM else ConfigurationError
        raise kind(f"{option} {file} cannot be written: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
