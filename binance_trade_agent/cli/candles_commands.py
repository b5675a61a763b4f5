"""`candles`: histories of candles in a store: download, import, list and check."""

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from binance_trade_agent.domain.counts import counted, named
from binance_trade_agent.domain.errors import CandleFileError, ConfigurationError, ExitCode
from binance_trade_agent.domain.utc_text import utc_minute
from binance_trade_agent.wiring.candle_source import NEEDED

try:
    from binance_trade_agent.backtest.candles.checking import Holding, contents, faults_of
    from binance_trade_agent.backtest.candles.importing import files_in, import_files
    from binance_trade_agent.cli.candles_download import download_
    from binance_trade_agent.storage.candles.store import CandleStore
except ModuleNotFoundError as missing:
    raise ConfigurationError(f"{missing.name} is not installed; {NEEDED}") from None

from binance_trade_agent.cli.candle_options import with_store
from binance_trade_agent.cli.progress import counting_bar

HOLES_SHOWN = 10
"""Of one history; --all shows every one."""

LEAST_WIDTH = 120
"""Characters of a line where there is no terminal."""


@click.group()
def candles() -> None:
    """Get and keep histories of candles: a store is a folder of Parquet files that `run --candles` and `backtest` play."""


@candles.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@with_store
def import_(paths: Sequence[Path], folder: Path) -> None:
    """Import Binance's kline files (.csv, .zip) at PATHS, files or folders of whatever depth.

    Names begin with SYMBOL-INTERVAL-, such as BTCUSDT-1m-2025-01.zip. A .CHECKSUM file beside a file is checked. Files may be imported
    again; one that contradicts what is kept is refused.
    """
    files = files_in(paths)
    with counting_bar("files", len(files)) as show:
        done = import_files(CandleStore(folder), files, lambda file: show(1, file.path.name))
    verified = f", {done.verified} with {named(done.verified, 'its checksum', 'their checksums')}" if done.verified else ""
    click.echo(f"{counted(done.candles, 'candle')} of {counted(done.files, 'file')} imported into {folder}{verified}")


@candles.command("list")
@with_store
def list_(folder: Path) -> None:
    """Show which histories a store holds.

    Ends with exit code 9 when a file is damaged: its history is left out, and the others are shown.
    """
    held = contents(CandleStore(folder))
    if held.histories:
        _show(held.histories)
    elif not held.faults:
        click.echo(f"{folder}: nothing is kept there")
    _end_by(held.faults)


def _show(histories: Sequence[Holding]) -> None:
    table = Table()
    for title in ("symbol", "interval", "from", "to"):
        table.add_column(title, no_wrap=True)
    for title in ("candles", "missing", "files", "MiB"):
        table.add_column(title, justify="right")
    for each in histories:
        times = (_when(each.first_open_ms), _when(each.last_open_ms))
        figures = (f"{each.candles}", f"{each.missing}", f"{each.files}", f"{each.size_bytes / 1024 / 1024:.1f}")
        table.add_row(each.name.symbol, each.name.interval, *times, *figures)
    console = Console()
    (console if console.is_terminal else Console(width=LEAST_WIDTH)).print(table)


@candles.command()
@with_store
@click.option("--all", "shows_all", is_flag=True, help=f"Show every hole, not only the first {HOLES_SHOWN} of a history.")
def check(folder: Path, shows_all: bool) -> None:
    """Read every figure of a store, and list what is damaged and which candles are missing.

    Ends with exit code 9 when a file is damaged, and when there is none. Holes are no fault: the exchange was closed then, or nobody has
    fetched that time yet.
    """
    store = CandleStore(folder)
    names = store.series()
    if not names:
        raise CandleFileError(f"{folder}: nothing is kept there, so there is nothing to check")
    faults: list[str] = []
    with counting_bar("histories", len(names)) as show:
        for name in names:
            faults += faults_of(store, name)
            show(1, str(name))
    _end_by(faults)
    held = contents(store).histories
    for each in held:
        _tell_holes(each, shows_all=shows_all)
    found = sum(each.candles for each in held)
    click.echo(f"{counted(found, 'candle')} of {counted(len(held), 'history', 'histories')} {named(found, 'is', 'are')} sound")


candles.add_command(download_)


def _end_by(faults: Sequence[str]) -> None:
    """Name the files that are damaged and end, if there are any."""
    for fault in faults:
        click.echo(f"damaged: {fault}", err=True)
    if faults:
        raise SystemExit(ExitCode.MARKET_DATA)


def _tell_holes(holding: Holding, *, shows_all: bool) -> None:
    shown = holding.holes if shows_all else holding.holes[:HOLES_SHOWN]
    for hole in shown:
        why = "" if hole.was_fetched else ", never fetched"
        click.echo(f"{holding.name}: {hole.candles} missing after {_when(hole.after_open_ms)}{why}")
    left = len(holding.holes) - len(shown)
    if left:
        click.echo(f"{holding.name}: and {left} more holes; --all shows them")


def _when(time_ms: int | None) -> str:
    return "" if time_ms is None else utc_minute(time_ms)
