"""`run`: the daemon, on whatever venue the settings name, or over recorded candles with a report at the end."""

import asyncio
import gc
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import click
import structlog
import uvloop

from binance_trade_agent.backtest.report.daemon_record import daemon_record
from binance_trade_agent.backtest.report.refusal_counts import RefusalCounts
from binance_trade_agent.backtest.report.report import report_of
from binance_trade_agent.cli.progress import progress_bar
from binance_trade_agent.cli.report_files import ReportFiles
from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.errors import AgentError, ExitCode
from binance_trade_agent.domain.notice import Notice, NoticeKind
from binance_trade_agent.ports.observer import Observer, Observers
from binance_trade_agent.service.agent_parts import daemon_parts
from binance_trade_agent.service.daemon import Daemon
from binance_trade_agent.service.signals import stop_on_signals
from binance_trade_agent.settings import LoadedSettings, Settings, load_with_sources
from binance_trade_agent.simulation.virtual_loop import run_virtual
from binance_trade_agent.storage.new_book import begin_anew
from binance_trade_agent.telemetry.logging import configure_logging
from binance_trade_agent.telemetry.metrics import MetricsObserver
from binance_trade_agent.telemetry.narration import LogObserver
from binance_trade_agent.telemetry.notifier import Notifier
from binance_trade_agent.telemetry.timing import use_observer
from binance_trade_agent.telemetry.trace_ids import TraceIds
from binance_trade_agent.telemetry.traces import TraceObserver
from binance_trade_agent.wiring import Components, open_components
from binance_trade_agent.wiring.notices import open_notifier
from binance_trade_agent.wiring.recorded_run import begin_recorded_run, mark_finished
from binance_trade_agent.wiring.stations import strategies_text
from binance_trade_agent.wiring.tracing import open_tracing

MOST_RESETS = 3
"""New books in one run; an exchange that forgets more often than this within it is not worth one."""


@click.command()
@click.option("--candles", type=click.Path(path_type=Path), help="Play the Binance kline files in this folder (CANDLES_DIR).")
@click.option("--speed", type=str, help="How many times faster than recorded the candles run, or max (CANDLES_SPEED).")
@click.option("--fresh", is_flag=True, help="With --candles: set an unfinished run aside and begin again.")
@click.option(
    "--report", "report_file", type=click.Path(dir_okay=False, path_type=Path), help="With candles: also write the report as JSON."
)
@click.option("--html", "html_file", type=click.Path(dir_okay=False, path_type=Path), help="With candles: also write the report as a page.")
def run(candles: Path | None, speed: str | None, fresh: bool, report_file: Path | None, html_file: Path | None) -> None:
    """Run the daemon until it is told to stop.

    Ctrl-C or SIGTERM lets the running pass finish and ends it; a second one ends it at once. Over recorded candles it ends by itself,
    with a report; cut off, it goes on from there when it is started again.
    """
    overrides: dict[str, Any] = {}
    if candles is not None:
        overrides["candles_dir"] = candles
    if speed is not None:
        overrides["candles_speed"] = speed
    loaded = load_with_sources(**overrides)
    if loaded.settings.candles_dir is None and (fresh or report_file or html_file or speed):
        raise click.UsageError("--speed, --fresh, --report and --html need --candles or CANDLES_DIR")
    sys.exit(int(_run(loaded, fresh, ReportFiles(report_file, html_file))))


def _run(loaded: LoadedSettings, fresh: bool, files: ReportFiles) -> ExitCode:
    settings = loaded.settings
    is_replay = settings.candles_dir is not None
    # A replay tells its story by its bar and its report; LOG_LEVEL brings the lines back.
    level = "WARNING" if is_replay and "log_level" not in settings.model_fields_set else settings.log_level
    ids = TraceIds() if settings.tracing_endpoint else None
    redactor = configure_logging(level, settings.log_format, secrets=settings.secret_values, trace_ids=ids)
    for warning in loaded.warnings:
        structlog.get_logger().warning(warning)
    if not is_replay:
        return uvloop.run(_trade(settings, redactor.text, ids or TraceIds()))
    begin_recorded_run(settings, fresh=fresh)
    gc.freeze()  # what was imported stays for good; a replay makes millions of objects, and each collection would look at all of it
    return run_virtual(_replay(settings, files), speed=settings.candles_speed_factor)


@dataclass(frozen=True, slots=True)
class _Onlookers:
    """Who is told what the daemon does, and what it is asked for; `traces` is None where none are made."""

    observer: Observer
    metrics: MetricsObserver
    notifier: Notifier
    traces: TraceObserver | None


async def _trade(settings: Settings, masked: Callable[[str], str], ids: TraceIds) -> ExitCode:
    metrics, measured = _observers(settings)
    async with open_tracing(settings, ids, masked, measured) as traces, open_notifier(settings, measured, masked) as notifier:
        observer = Observers([measured, notifier] if traces is None else [measured, notifier, traces])
        try:
            with use_observer(observer):
                code = await _trade_every_book(settings, _Onlookers(observer, metrics, notifier, traces))
        except AgentError as error:
            notifier.tell(Notice(NoticeKind.SERVICE, f"The daemon cannot go on: {error}"))
            raise
        said = f"The daemon ended with exit code {int(code)} ({code.name})"
        structlog.get_logger().info(said)
        notifier.tell(Notice(NoticeKind.SERVICE, said))
        return code


async def _trade_every_book(settings: Settings, onlookers: _Onlookers) -> ExitCode:
    """Run the daemon; where the exchange was reset, set the book aside and run it on a new one."""
    code = await _trade_one_book(settings, onlookers)
    for _ in range(MOST_RESETS):
        if code is not ExitCode.EXCHANGE_RESET:
            break
        kept = begin_anew(settings.book_path)
        structlog.get_logger().warning("the exchange was reset: a new book begins, and the old one is kept", kept=str(kept))
        text = f"The exchange was reset: a new book begins, and the old one is kept as {kept.name}"
        onlookers.notifier.tell(Notice(NoticeKind.SERVICE, text))
        code = await _trade_one_book(settings, onlookers)
    return code


async def _trade_one_book(settings: Settings, onlookers: _Onlookers) -> ExitCode:
    async with AsyncExitStack() as stack:
        components = await _unless_stopped(stack.enter_async_context(open_components(settings, onlookers.observer)))
        if components is None:
            return ExitCode.OK
        _announce(components, onlookers.notifier)
        if onlookers.traces is not None:
            onlookers.traces.begin_book(components.portfolio.epoch, components.venue.speed)
        embedded = components.venue.embedded
        on_slot = None if embedded is None else lambda _: embedded.exchange.checkpoint()
        return await Daemon(daemon_parts(components, metrics=onlookers.metrics.render, on_slot=on_slot)).run()


async def _unless_stopped(opening: Awaitable[Components]) -> Components | None:
    """The components, or None when a signal came first: an exchange that is away, or asks for silence, can be waited for long."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine is run by a task
    reasons: list[str] = []

    def stop(reason: str) -> None:
        if not reasons:
            task.cancel()
        reasons.append(reason)

    try:
        with stop_on_signals(stop):
            return await opening
    except asyncio.CancelledError:
        if not reasons or task.uncancel():
            raise
        structlog.get_logger().info("stopped while starting", reason=reasons[0])
        return None


async def _replay(settings: Settings, files: ReportFiles) -> ExitCode:
    metrics, measured = _observers(settings)
    refusals = RefusalCounts()
    began = time.perf_counter()
    async with open_components(settings, Observers([measured, refusals])) as components:
        recorded, embedded = components.venue.recorded, components.venue.embedded
        assert recorded is not None  # noqa: S101 - the candles venue was opened
        assert embedded is not None  # noqa: S101 - and it is embedded
        from_ms = components.clock.now_ms()
        with progress_bar(recorded.first_open_ms, recorded.last_close_ms) as show:

            def on_slot(slot_ms: int) -> None:
                embedded.exchange.checkpoint()
                show(slot_ms)

            parts = daemon_parts(components, metrics=metrics.render, on_slot=on_slot, stop_at_ms=recorded.last_close_ms)
            code = await Daemon(parts).run()
        if code is not ExitCode.OK or components.clock.now_ms() < recorded.last_close_ms - recorded.interval_ms:
            return code
        await components.reconciler.reconcile()
        is_whole = from_ms <= recorded.first_open_ms  # what was refused before a cut is not known
        report = report_of(await daemon_record(components, refusals.by_rule if is_whole else {}))
        mark_finished(components.venue)
        passes = (report.record.last_ms - from_ms) // report.record.interval_ms
        seconds = time.perf_counter() - began
        files.tell(report, f"{counted(passes, 'interval')} of {counted(len(report.symbols), 'symbol')} played in {seconds:.1f} s.")
        return ExitCode.OK if report.holds else ExitCode.MISMATCH


def _observers(settings: Settings) -> tuple[MetricsObserver, Observers]:
    metrics = MetricsObserver(version=metadata.version("binance-trade-agent"))
    return metrics, Observers([metrics, LogObserver(quote_asset=settings.accounting_asset)])


def _announce(components: Components, notifier: Notifier) -> None:
    settings, venue = components.settings, components.venue
    strategy = strategies_text(settings, components.symbols)
    speed = f", market time runs {venue.speed:g} times as fast as real time" if venue.speed != 1 else ""
    text = f"Trading {counted(len(components.symbols), 'symbol')} in {venue.name} mode by strategy {strategy}{speed}"
    notifier.tell(Notice(NoticeKind.SERVICE, text))
    components.log.info(
        text,
        symbols=list(components.symbols),
        book=str(settings.book_path),
    )
    unwatched = [symbol for symbol in components.portfolio.held_symbols if symbol not in components.symbols]
    if unwatched:
        components.log.warning(
            f"{', '.join(unwatched)} are held but not in TRADING_SYMBOLS: they are neither sold nor watched", symbols=unwatched
        )
