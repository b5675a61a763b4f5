"""`optimise`: search the parameters of a strategy over recorded candles, window by window, with a holdout at the end."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from importlib import metadata
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console

from binance_trade_agent.cli.plan_options import plan_options, warn_of_idle_overrides
from binance_trade_agent.cli.progress import counting_bar
from binance_trade_agent.cli.report_files import require_folder, write_report
from binance_trade_agent.domain.errors import ConfigurationError, ExitCode
from binance_trade_agent.domain.money import plain
from binance_trade_agent.domain.need import interval_name
from binance_trade_agent.domain.utc_text import utc_minute
from binance_trade_agent.settings import Settings
from binance_trade_agent.wiring.candle_source import NEEDED

try:
    import optuna

    from binance_trade_agent.backtest.fast.plan import BacktestPlan
    from binance_trade_agent.backtest.search.evaluation import BacktestEvaluation, Bench, searched_strategy, settings_with
    from binance_trade_agent.backtest.search.found import Found, found, found_json
    from binance_trade_agent.backtest.search.found_text import print_found
    from binance_trade_agent.backtest.search.objectives import Aim, Objective
    from binance_trade_agent.backtest.search.proposals import Tried
    from binance_trade_agent.backtest.search.ranges import search_space
    from binance_trade_agent.backtest.search.splits import Walk, cut
    from binance_trade_agent.backtest.search.study_file import opened_study_file
    from binance_trade_agent.backtest.search.walk_forward import OnTrial, SearchPlan, walk_forward
    from binance_trade_agent.backtest.search.workers import MOST_WORKERS, Workers, local_workers
    from binance_trade_agent.cli.search_options import search_options
    from binance_trade_agent.storage.candles.calendar import Span
except ModuleNotFoundError as missing:
    raise ConfigurationError(f"{missing.name} is not installed; {NEEDED}") from None

LEAST_WIDTH = 180
"""Characters of a line where there is no terminal; the table of windows has up to 165 with the longest objective."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What was asked of the search on the command line."""

    ranges: Sequence[str]
    objective: Objective
    least_trades: int
    trials: int
    folds: int
    walk: Walk
    holdout: Decimal
    seed: int
    round_size: int


@click.command()
@plan_options
@search_options
@click.option("--workers", type=click.IntRange(1, MOST_WORKERS), help="Processes; as many as there are processors when not given.")
@click.option("--dask", help="Address of a Dask scheduler, which takes the place of --workers.")
@click.option(
    "--study", type=click.Path(dir_okay=False, path_type=Path), help="The study file (optuna, SQLite); gone on with when it exists."
)
@click.option("--report", "report_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write the report as JSON.")
def optimise(
    plan: BacktestPlan,
    workers: int | None,
    dask: str | None,
    study: Path | None,
    report_file: Path | None,
    **wish: Any,
) -> None:
    """Search for the parameters that would have done best, and see what they were worth on candles that the search did not see.

    The time is cut into windows. Each is searched, and its best values are tried on the piece that follows it. The newest part is
    shown to no search: the best values of the last window are tried on it once, at the end. Cut off, the same command goes on.
    """
    for option, file in (("--report", report_file), ("--study", study)):
        require_folder(option, file)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    settings = plan.settings
    name = settings.strategy_path.rpartition(":")[2] or settings.strategy_name
    path = study or settings.data_dir / "studies" / f"{name}.sqlite"
    try:
        result, interval_ms = _searched(plan, _wish(wish), path, _local(workers) if dask is None else _cluster(dask))
    except KeyboardInterrupt:
        raise click.ClickException(f"stopped; what was tried is kept in {path}, and the same command goes on from there") from None
    console = Console()
    print_found(result, console if console.is_terminal else Console(width=LEAST_WIDTH))
    click.echo(f"Everything that was tried is in {path}.")
    if report_file is not None:
        write_report("--report", report_file, found_json(result))
    if result.walked.final.best is None:
        raise SystemExit(ExitCode.FAILED)
    _tell_settings(settings, result, interval_ms)


def _wish(given: Mapping[str, Any]) -> _Wish:
    return _Wish(**{**given, "objective": Objective(given["objective"]), "walk": Walk(given["walk"])})


Opening = Callable[[Bench], AbstractContextManager[Workers]]


def _local(count: int | None) -> Opening:
    """Processes of this machine; one worker is this process with the candles that it has read already."""
    wanted = count or min(os.cpu_count() or 1, MOST_WORKERS)
    return lambda bench: local_workers(bench if wanted == 1 else bench.elsewhere(), wanted)


def _cluster(address: str) -> Opening:
    from binance_trade_agent.backtest.search.dask_workers import dask_workers  # the extra `cluster`, for who wants it

    return lambda bench: dask_workers(bench.elsewhere(), address)


def _searched(plan: BacktestPlan, wish: _Wish, path: Path, opening: Opening) -> tuple[Found, int]:
    """What was found, and how long the candles were that it was found on, in milliseconds."""
    bench = BacktestEvaluation(plan).bench()
    histories, interval_ms = bench.histories, bench.histories.interval_ms
    warn_of_idle_overrides(plan, histories.columns)
    whole = Span(max(plan.start_ms or 0, histories.first_open_ms), min(plan.end_ms or histories.end_ms, histories.end_ms))
    search = SearchPlan(
        space=search_space(searched_strategy(plan.settings), wish.ranges),
        aim=Aim(wish.objective, wish.least_trades),
        splits=cut(whole, folds=wish.folds, walk=wish.walk, holdout=wish.holdout, interval_ms=interval_ms),
        trials=wish.trials,
        round_size=wish.round_size,
        seed=wish.seed,
    )
    terms = _terms(plan.digest(histories.description), wish, search, whole)
    pool = opening(bench)
    del bench, histories  # workers elsewhere read the candles themselves
    with opened_study_file(path, search.space, terms) as file, pool as workers, _progress(search) as on_trial:
        return found(search, terms, walk_forward(search, workers, file, on_trial)), interval_ms


def _terms(digest: str, wish: _Wish, search: SearchPlan, whole: Span) -> dict[str, str]:
    """What must be the same for a study file to be gone on with; another version proposes and trades otherwise, and is not mixed in."""
    ranges = orjson.dumps({name: each.text for name, each in search.space.items()}).decode()
    cuts = f"{wish.folds} folds, {wish.walk}, holdout {plain(wish.holdout)}"
    aim = f"{wish.objective}, {wish.least_trades} trades or more"
    drawn = f"seed {wish.seed}, {wish.round_size} at once"
    return {
        "version": f"{metadata.version('binance-trade-agent')}, optuna {optuna.__version__}",
        "candles and settings": digest,
        "time": f"{utc_minute(whole.start_ms)} to {utc_minute(whole.end_ms)}",
        "windows": cuts,
        "objective": aim,
        "ranges": ranges,
        "trials": drawn,
    }


@contextmanager
def _progress(search: SearchPlan) -> Iterator[OnTrial]:
    best: dict[str, float] = {}
    with counting_bar("trials", search.trials * (len(search.splits.folds) + 1)) as show:

        def on_trial(window: str, tried: Tried) -> None:
            value = tried.judged.value
            if value is not None:
                best[window] = max(value, best.get(window, value))
            said = f"best {search.aim.objective} {best[window]:.4g}" if window in best else tried.judged.why
            show(1, f"{window}: {said}")

        yield on_trial


def _tell_settings(settings: Settings, result: Found, interval_ms: int) -> None:
    """The best values of the last window as settings, to copy; the length of the candles as well, where a daemon would read others."""
    best = result.walked.final.best
    assert best is not None  # noqa: S101 - asked before
    made = settings_with(settings, best.values, interval_ms)
    if interval_ms != settings.candle_interval_ms:
        made = made.model_copy(update={"candle_interval": interval_name(interval_ms)})
    searched = [name.lower() for name in best.values if name == name.upper()]
    following = [name for name in ("candle_interval", "strategy_parameters", "candle_window") if name not in searched]
    click.echo("Best values of the last window, as settings:")
    for name in (*following, *searched):
        value = getattr(made, name)
        # A value that was searched is told also where it is the default: that can mean something else when nobody has set it.
        if name in searched or value != getattr(settings, name):
            text = f"'{orjson.dumps(value).decode()}'" if name == "strategy_parameters" else str(value)
            click.echo(f"  {name.upper()}={text}")
