"""`backtest`: trade recorded candles by the fast path, and report what came of it."""

import gc
import time
from pathlib import Path

import click

from binance_trade_agent.backtest.fast.histories import Histories, load_histories
from binance_trade_agent.backtest.fast.plan import BacktestPlan
from binance_trade_agent.backtest.fast.result import BacktestResult
from binance_trade_agent.backtest.fast.run import run_backtest
from binance_trade_agent.backtest.report.fast_record import fast_record
from binance_trade_agent.backtest.report.report import report_of
from binance_trade_agent.cli.plan_options import plan_options, warn_of_idle_overrides
from binance_trade_agent.cli.progress import progress_bar
from binance_trade_agent.cli.report_files import ReportFiles
from binance_trade_agent.domain.counts import counted, named
from binance_trade_agent.domain.errors import ConfigurationError, ExitCode
from binance_trade_agent.domain.need import interval_name
from binance_trade_agent.domain.utc_text import utc_minute
from binance_trade_agent.wiring.recorded_settings import settings_for_candles
from binance_trade_agent.wiring.stations import signal_agent


@click.command()
@plan_options
@click.option("--report", "report_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write the report as JSON.")
@click.option("--html", "html_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write the report as a page.")
def backtest(plan: BacktestPlan, report_file: Path | None, html_file: Path | None) -> None:
    """Trade recorded candles as the daemon would, in a fraction of the time, and report what came of it.

    Strategy, risk, fees and filters are those of the settings. What it decides and books is, to the last digit, what `run --candles` does.
    Nothing is written but the files that are asked for.
    """
    raise SystemExit(_run(plan, ReportFiles(report_file, html_file)))


def _run(plan: BacktestPlan, files: ReportFiles) -> ExitCode:
    histories = load_histories(plan)
    warn_of_idle_overrides(plan, histories.columns)
    gc.freeze()  # what was imported and read stays; each collection would look at all of it
    began = time.perf_counter()
    with progress_bar(max(plan.start_ms or 0, histories.first_open_ms), histories.end_ms - 1) as show:
        result = run_backtest(plan, show, histories)
    _require_candles(plan, histories, result)
    report = report_of(fast_record(plan, histories, result))
    files.tell(report, _pace(result, histories, time.perf_counter() - began))
    return ExitCode.OK if report.holds else ExitCode.MISMATCH


def _require_candles(plan: BacktestPlan, histories: Histories, result: BacktestResult) -> None:
    """Raise ConfigurationError where no candle has closed from the first pass to the last, so that a strategy has seen nothing happen."""
    if any(result.candles.values()):
        return
    needed = signal_agent(settings_for_candles(plan.settings, histories.recorded())).required_candles
    raise ConfigurationError(
        f"no candle closes between the first pass and the last from {utc_minute(result.first_ms)} to "
        f"{utc_minute(result.last_ms + result.interval_ms)} UTC, so there is nothing to report; take a range of two candles of "
        f"{interval_name(result.interval_ms)} or more, beside the {needed} to warm up that the strategy reads from before it"
    )


def _pace(result: BacktestResult, histories: Histories, seconds: float) -> str:
    played = sum(result.candles.values())
    return f"{played:,} {named(played, 'candle')} of {counted(len(histories.columns), 'symbol')} played in {seconds:.1f} s."
