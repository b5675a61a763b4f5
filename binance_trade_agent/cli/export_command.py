"""`export`: writes a table of the book as JSON or CSV, also while the daemon runs."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.settings import load_settings
from binance_trade_agent.simulation.clocks import WallClock
from binance_trade_agent.storage.database import open_database
from binance_trade_agent.storage.export import ExportFormat, ExportTable
from binance_trade_agent.storage.export import export as export_table

_TABLES = [table.value for table in ExportTable]
_FORMATS = [form.value for form in ExportFormat]


@click.command()
@click.argument("table", type=click.Choice(_TABLES))
@click.option("--format", "form", type=click.Choice(_FORMATS), default="json", show_default=True, help="Form of the output.")
@click.option("--output", default="-", show_default=True, help="File to write; - is standard output.")
@click.option("--limit", type=click.IntRange(min=0), help="Only the newest rows, this many of them.")
def export(table: str, form: str, output: str, limit: int | None) -> None:
    """Write TABLE of the book that TRADING_MODE and DATA_DIR name, oldest row first.

    A file appears whole or not at all.
    """
    path = load_settings().book_path
    if not path.is_file():
        raise BookError(f"there is no book at {path}; DATA_DIR and TRADING_MODE say where it is")
    with _opened(output) as out:
        count = asyncio.run(_write(path, ExportTable(table), ExportFormat(form), out, limit))
    if output != "-":
        click.echo(f"wrote {counted(count, 'row')} to {output}", err=True)


async def _write(path: Path, table: ExportTable, form: ExportFormat, out: TextIO, limit: int | None) -> int:
    # Inline: the only work of this process is the export itself, so there is nobody to keep waiting.
    async with open_database(str(path), inline=True, clock=WallClock()) as database:
        return await export_table(database, table, form, out, limit)


@contextmanager
def _opened(output: str) -> Iterator[TextIO]:
    """The file to write to; it takes its name only when everything is in it."""
    if output == "-":
        yield sys.stdout
        return
    part = Path(f"{output}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as out:
            yield out
        part.replace(output)
    except OSError as error:
        raise click.FileError(output, error.strerror or type(error).__name__) from error
    finally:
        part.unlink(missing_ok=True)
