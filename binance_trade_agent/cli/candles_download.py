"""`candles download`: histories from Binance's public files or by REST into a candle store."""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import click

from binance_trade_agent.backtest.candles.download import Downloaded, download, wanted_files
from binance_trade_agent.backtest.candles.public_files import public_files
from binance_trade_agent.backtest.candles.rest_klines import fill_by_rest
from binance_trade_agent.cli.candle_options import with_store
from binance_trade_agent.cli.progress import counting_bar
from binance_trade_agent.domain.candle_intervals import DAY_MS, INTERVALS_MS
from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.errors import ExitCode
from binance_trade_agent.ports.observer import NullObserver
from binance_trade_agent.settings import load_settings
from binance_trade_agent.storage.candles.calendar import Span, date_text, missing_spans
from binance_trade_agent.storage.candles.store import CandleStore, SeriesName
from binance_trade_agent.wiring.public_market import public_client

PUBLIC_SERVER = "https://data.binance.vision"
SPANS_SHOWN = 10
"""Of one history, of those that have no candles."""


class Source(StrEnum):
    """Where candles come from."""

    FILES = "files"
    REST = "rest"
    BOTH = "both"


def _with_source(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say where candles come from."""
    text = "Public files, REST, or files and REST for what they lack."
    for option in (
        click.option("--parallel", type=click.IntRange(1, 16), default=4, show_default=True, help="Files fetched at once."),
        click.option("--url", default=PUBLIC_SERVER, show_default=True, help="Server of the public files."),
        click.option("--source", type=click.Choice(list(Source), case_sensitive=False), default=Source.FILES, show_default=True, help=text),
    ):
        command = option(command)
    return command


@click.command("download")
@click.argument("symbols", nargs=-1)
@click.option(
    "--interval",
    "intervals",
    multiple=True,
    type=click.Choice(list(INTERVALS_MS)),
    default=("1m",),
    show_default=True,
    help="May be given again.",
)
@click.option("--from", "start", required=True, type=click.DateTime(["%Y-%m-%d"]), help="First day, UTC.")
@click.option("--to", "end", type=click.DateTime(["%Y-%m-%d"]), help="The day, UTC, before which it ends; today by default.")
@_with_source
@with_store
def download_(
    symbols: Sequence[str],
    intervals: Sequence[str],
    start: datetime,
    end: datetime | None,
    folder: Path,
    source: Source,
    url: str,
    parallel: int,
) -> None:
    """Fetch candles of SYMBOLS (by default TRADING_SYMBOLS) that the store lacks.

    Each file is checked by the checksum that is published with it and kept at once: started again, a download goes on where it stood. By
    REST candles come from BINANCE_BASE_URL or, where that is not set, from Binance's server for public market data, within its limits.
    Ends with exit code 9 when a file cannot be trusted, or when nothing is there for a symbol.
    """
    names = _names(symbols or load_settings().trading_symbols, intervals)
    now_ms = time.time_ns() // 1_000_000
    span = _span(start, end, now_ms)
    if not re.fullmatch(r"https?://[^\s?#@]+", url):
        raise click.UsageError(f"--url {url!r}: expected an address such as {PUBLIC_SERVER}")
    store = CandleStore(folder)
    is_well = True
    with store.writing():
        if source is not Source.REST:
            is_well = _tell(asyncio.run(_by_files(store, names, span, now_ms, url, parallel)), folder)
        if source is not Source.FILES:
            click.echo(f"{counted(asyncio.run(_by_rest(store, names, span, now_ms)), 'candle')} added to {folder} by REST")
    has_each = [_tell_lacking(store, name, span) for name in names]
    if not (is_well and all(has_each)):
        raise SystemExit(ExitCode.MARKET_DATA)


async def _by_files(store: CandleStore, names: Sequence[SeriesName], span: Span, now_ms: int, url: str, parallel: int) -> Downloaded:
    files = [file for name in names for file in wanted_files(store, name, span, now_ms)]
    async with public_files(url, store.folder, parallel=parallel) as server:
        with counting_bar("candles", sum(file.most_candles for file in files)) as show:
            return await download(store, server, files, now_ms=now_ms, parallel=parallel, show=show)


async def _by_rest(store: CandleStore, names: Sequence[SeriesName], span: Span, now_ms: int) -> int:
    """With today's candles as far as they are closed, where `span` ends today."""
    if span.end_ms > now_ms - DAY_MS:
        span = Span(span.start_ms, now_ms)
    lacking = [
        (missing.end_ms - missing.start_ms) // INTERVALS_MS[name.interval]
        for name in names
        for missing in missing_spans(span, store.covered(name))
    ]
    async with public_client(load_settings(), NullObserver()) as client:
        with counting_bar("candles", sum(lacking)) as show:
            return sum([await fill_by_rest(store, client, name, span, show) for name in names])


def _names(symbols: Sequence[str], intervals: Sequence[str]) -> tuple[SeriesName, ...]:
    for symbol in symbols:
        if not re.fullmatch(r"[A-Za-z0-9]{2,30}", symbol):
            raise click.UsageError(f"{symbol!r} is no symbol; expected letters and digits, such as BTCUSDT")
    return tuple(SeriesName(symbol, interval) for symbol in dict.fromkeys(map(str.upper, symbols)) for interval in dict.fromkeys(intervals))


def _span(start: datetime, end: datetime | None, now_ms: int) -> Span:
    today_ms = now_ms - now_ms % DAY_MS
    first_ms = round(start.replace(tzinfo=UTC).timestamp()) * 1_000
    end_ms = today_ms if end is None else min(today_ms, round(end.replace(tzinfo=UTC).timestamp()) * 1_000)
    if first_ms >= end_ms:
        raise click.UsageError(f"--from {date_text(first_ms)} must be before --to {date_text(end_ms)}, which is today at the latest")
    return Span(first_ms, end_ms)


def _tell(done: Downloaded, folder: Path) -> bool:
    """Say what came of the files; True when nothing was wrong with any."""
    click.echo(f"{counted(done.candles, 'candle')} of {counted(done.files, 'file')} added to {folder}")
    for fault in done.faults:
        click.echo(f"fault: {fault}", err=True)
    return not done.faults


def _tell_lacking(store: CandleStore, name: SeriesName, span: Span) -> bool:
    """Say for which time there are no candles still; False when there are none at all."""
    lacking = missing_spans(span, store.covered(name))
    if lacking == (span,):
        click.echo(f"fault: {name}: there is nothing from {date_text(span.start_ms)} to {date_text(span.end_ms)}", err=True)
        return False
    for part in lacking[:SPANS_SHOWN]:
        click.echo(f"{name}: nothing from {date_text(part.start_ms)} to {date_text(part.end_ms)}")
    if len(lacking) > SPANS_SHOWN:
        click.echo(f"{name}: and {len(lacking) - SPANS_SHOWN} more stretches of time without candles")
    return True
