"""Options of a search on the command line: what is searched and how long."""

import click

from binance_trade_agent.backtest.search.objectives import Objective
from binance_trade_agent.backtest.search.splits import Walk
from binance_trade_agent.cli.candle_options import Command, exact, with_options

MOST_TRIALS = 100_000
MOST_ROUND = 1_000


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
        click.option(
            "--holdout",
            callback=exact,
            metavar="NUMBER",
            default="0.2",
            show_default=True,
            help="Newest share of the time, kept from the search.",
        ),
        click.option("--seed", type=whole, default=1, show_default=True, help="One seed proposes the same trials."),
        click.option(
            "--round", "round_size", type=click.IntRange(1, MOST_ROUND), default=8, show_default=True, help="Trials of a window at once."
        ),
    )
    return with_options(command, options)
