"""The report of a run over candles, told on the terminal and written to the files that were asked for."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from binance_trade_agent.backtest.report.machine import report_json
from binance_trade_agent.backtest.report.report import Report
from binance_trade_agent.backtest.report.text import print_report

LEAST_WIDTH = 150
"""Columns that the tables have where the output is no terminal."""


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Where a report goes beside the terminal; None for nowhere."""

    json: Path | None = None
    html: Path | None = None

    def tell(self, report: Report, *more: str) -> None:
        """Print the report with lines of `more` below, and write the files."""
        console = Console()
        print_report(report, console if console.is_terminal else Console(width=max(console.width, LEAST_WIDTH)))
        for line in more:
            console.print(line, highlight=False)
        if self.json is not None:
            self.json.write_text(report_json(report), encoding="utf-8")
        if self.html is not None:
            # Imported here, because the page is large and most runs want none.
            from binance_trade_agent.backtest.report.page import report_page

            self.html.write_text(report_page(report), encoding="utf-8")
