"""`backup` and `restore`: a checked copy of the book while the daemon runs, and the way back while it does not."""

import time
from pathlib import Path

import click

from binance_trade_agent.settings import load_settings
from binance_trade_agent.settings.catalogue import BACKUPS
from binance_trade_agent.storage.backup import back_up
from binance_trade_agent.storage.backup import restore as restore_book


@click.command()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write; by default one by time beside the book.")
def backup(output: Path | None) -> None:
    """Copy the book that TRADING_MODE and DATA_DIR name, also while the daemon runs, and check the copy.

    The copy is one file, and appears whole or not at all. Its folder is `backups` beside the book unless --output says otherwise.
    """
    book = load_settings().book_path
    target = output
    if target is None:
        target = book.parent / BACKUPS / time.strftime("book-%Y%m%dT%H%M%SZ.sqlite", time.gmtime())
        if book.is_file():
            target.parent.mkdir(mode=0o700, exist_ok=True)
    back_up(book, target)
    click.echo(f"checked and written: {target}")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Put the backup FILE in the place of the book that TRADING_MODE and DATA_DIR name; no daemon may run on it.

    FILE is checked first. What was in its place is kept beside it.
    """
    book = load_settings().book_path
    aside = restore_book(file, book)
    click.echo(f"restored {book}; " + (f"what was there is {aside}" if aside else "nothing was there"))
    click.echo("the next start compares it with the exchange and books what it has missed")
