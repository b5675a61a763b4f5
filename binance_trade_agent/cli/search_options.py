"""Options of a search on the command line: the candles, the strategy, what is searched and how long."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from binance_trade_agent.backtest.search.objectives import Objective
from binance_trade_agent.backtest.search.splits import Walk

MOST_TRIALS = 100_000
MOST_ROUND = 1_000

Command = Callable[..., Any]


def candle_options(command: Command) -> Command:
    """What is played: which candles, from when to when, and by which strategy."""
    options = (
        click.option("--candles", type=click.Path(exists=True, path_type=Path), help="A candle store, or kline files (CANDLES_DIR)."),
        click.option("--symbols", help="Symbols to trade, comma separated; all that there are candles of when not given."),
        click.option("--interval", default="", help="Which candles of a store, such as 5m."),
        click.option("--from", "first", type=click.DateTime(), help="Begin here (UTC); candles before are read, not traded."),
        click.option("--to", "last", type=click.DateTime(), help="End before this (UTC)."),
        click.option("--strategy", help="Strategy by name, or file.py:Class (STRATEGY_NAME, STRATEGY_PATH)."),
    )
    return _with(command, options)


def search_options(command: Command) -> Command:
    """What is searched, and how long."""
    ranges = "NAME, NAME=least:most, NAME=least:most:step or NAME=one,other; may be given several times. All that is declared otherwise."
    objectives, walks = (click.Choice([str(each) for each in kind]) for kind in (Objective, Walk))
    whole, trials = click.IntRange(0), click.IntRange(1, MOST_TRIALS)
    options = (
        click.option("--range", "ranges", multiple=True, help=ranges),
        click.option("--objective", type=objectives, default=Objective.SHARPE.value, show_default=True, help="What to maximise."),
        click.option(
            "--min-trades", "least_trades", type=whole, default=30, show_default=True, help="Closed trades a trial needs to count."
        ),
        click.option("--trials", type=trials, default=100, show_default=True, help="Trials of each window."),
        click.option("--folds", type=int, default=4, show_default=True, help="Windows that are tried on what follows them."),
        click.option("--walk", type=walks, default=Walk.ROLLING.value, show_default=True, help="Windows move along, or grow."),
        click.option("--holdout", type=float, default=0.2, show_default=True, help="Newest share of the time, kept from the search."),
        click.option("--seed", type=whole, default=1, show_default=True, help="One seed proposes the same trials."),
        click.option(
            "--round", "round_size", type=click.IntRange(1, MOST_ROUND), default=8, show_default=True, help="Trials of a window at once."
        ),
    )
    return _with(command, options)


def _with(command: Command, options: Sequence[Callable[[Command], Command]]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
