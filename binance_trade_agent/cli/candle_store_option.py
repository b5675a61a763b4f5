"""The option that names a candle store, the same for every command that reads or fills one."""

from collections.abc import Callable
from pathlib import Path

import click


def with_store(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option --store, as the argument `folder`."""
    kind = click.Path(file_okay=False, path_type=Path)
    text = "Folder of the store; made when it is missing."
    return click.option("--store", "folder", type=kind, default=Path("candles"), show_default=True, help=text)(command)
