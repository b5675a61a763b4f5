"""Progress of what takes long: a bar on a terminal, and a plain line now and then elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from binance_trade_agent.domain.utc_text import utc_minute

LINES = 10
"""How many lines are written over a whole run where there is no terminal."""

DAY_MS = 86_400_000


@contextmanager
def progress_bar(first_ms: int, last_ms: int) -> Iterator[Callable[[int], None]]:
    """A function that shows how far market time has come between `first_ms` and `last_ms`; written to stderr."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(first_ms, last_ms)
        return
    columns = (
        TextColumn("{task.fields[moment]}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("day"),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, refresh_per_second=5) as progress:
        task = progress.add_task("", total=_days(first_ms, last_ms), moment=utc_minute(first_ms))
        yield lambda slot_ms: progress.update(task, completed=_days(first_ms, slot_ms), moment=utc_minute(slot_ms))


@contextmanager
def counting_bar(what: str, total: int) -> Iterator[Callable[[int, str], None]]:
    """A function that is told how many more of `total` are done, and the name of what was done last; written to stderr."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _count_lines(what, total)
        return
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(what),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[last]}", markup=False),  # a reason may have brackets
    )
    with Progress(*columns, console=console, refresh_per_second=5) as progress:
        task = progress.add_task("", total=total, last="")
        yield lambda count, last: progress.update(task, advance=count, last=last)


def _count_lines(what: str, total: int) -> Callable[[int, str], None]:
    step = max(1, total // LINES)
    done, next_line = 0, step

    def show(count: int, last: str) -> None:
        nonlocal done, next_line
        done += count
        if done >= next_line:
            click.echo(f"{done} of {total} {what}, {last}", err=True)
            next_line = done + step

    return show


def _lines(first_ms: int, last_ms: int) -> Callable[[int], None]:
    step_ms = max(1, (last_ms - first_ms) // LINES)
    next_ms = first_ms + step_ms

    def show(slot_ms: int) -> None:
        nonlocal next_ms
        if slot_ms >= next_ms:
            share = (slot_ms - first_ms) / (last_ms - first_ms)
            click.echo(f"{utc_minute(slot_ms)} UTC, {share:.0%} played", err=True)
            next_ms += step_ms * (1 + (slot_ms - next_ms) // step_ms)

    return show


def _days(first_ms: int, time_ms: int) -> int:
    return (time_ms - first_ms) // DAY_MS
