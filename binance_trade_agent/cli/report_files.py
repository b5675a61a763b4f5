"""The report of a run over candles, told on the terminal and written to the files that were asked for."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from binance_trade_agent.backtest.report.machine import report_json
from binance_trade_agent.backtest.report.report import Report
from binance_trade_agent.backtest.report.text import print_report
from binance_trade_agent.domain.errors import ConfigurationError

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

    def tell(self, report: Report, *more: str) -> None:
        """Print the report with lines of `more` below, and write the files."""
        console = Console()
        print_report(report, console if console.is_terminal else Console(width=max(console.width, LEAST_WIDTH)))
        for line in more:
            console.print(line, highlight=False)
        if self.json is not None:
            write_report(self.json, report_json(report))
        if self.html is not None:
            # Imported here, because the page is large and most runs want none.
            from binance_trade_agent.backtest.report.page import report_page

            write_report(self.html, report_page(report))


def require_folder(option: str, file: Path | None) -> None:
    """Raise ConfigurationError where there is no folder for the `file` that `option` names; None is no file.

    Folders that a user names for a file are never made: a mistyped one would be.
    """
    if file is not None and not file.absolute().parent.is_dir():
        raise ConfigurationError(f"{option} {file}: there is no folder {file.parent}; make it, or name a file in one that is there")


def write_report(file: Path, text: str) -> None:
    """Write a report; raises ConfigurationError where that cannot be."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"the report cannot be written to {file}: {error.strerror}") from None
