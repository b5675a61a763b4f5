"""What a search came to as tables for people: every window inside and outside, how stable its values are, and the warnings."""

from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from binance_trade_agent.backtest.search.found import Found, best_of
from binance_trade_agent.backtest.search.jobs import Outcome, Value
from binance_trade_agent.backtest.search.monte_carlo import LEAST_TRADES, PERCENTILES, MonteCarlo
from binance_trade_agent.backtest.search.overfitting import monthly, walk_forward_growth
from binance_trade_agent.domain.counts import counted
from binance_trade_agent.storage.candles.calendar import Span

_NONE = "-"


def print_found(found: Found, console: Console) -> None:
    """Print the tables."""
    console.print(_tables(found))


def _tables(found: Found) -> RenderableType:
    parts: list[RenderableType] = [_windows(found), *(Text(line) for line in _summary(found)), _ranking(found), _stability(found)]
    if found.trades is not None:
        parts.append(_monte_carlo(found.trades))
    return Group(*parts, *(Text(f"WARNING: {line}.", style="bold yellow") for line in found.warnings))


def _windows(found: Found) -> Table:
    objective = found.plan.aim.objective
    table = _table(f"Best of {counted(found.plan.trials, 'trial')} a window by {objective}, in sample and on what follows")
    _columns(table, "window", "searched")
    _columns(table, objective, "return", "drawdown", "trades", right=True)
    _columns(table, "then")
    _columns(table, objective, "return", "drawdown", "trades", right=True)
    for window in found.windows:
        is_last = window is found.walked.final
        if is_last:
            table.add_section()
        then = "no holdout" if window.outside_span is None else f"{_span(window.outside_span)}{' (holdout)' if is_last else ''}"
        inside = _cells(window.inside, objective) if window.best is not None else ["nothing counts", *[_NONE] * 3]
        outside = _cells(window.outside, objective)
        _row(table, window.name, _span(window.span), *inside, then, *outside)
    return table


def _cells(outcome: Outcome | None, objective: str) -> list[str]:
    if outcome is None:
        return [_NONE] * 4
    figure = outcome.figures.get(objective)
    return [
        _NONE if figure is None else f"{figure:,.4g}",
        f"{outcome.total_return:+.2%}",
        f"{outcome.max_drawdown:.2%}",
        f"{outcome.trades:,}",
    ]


def _summary(found: Found) -> list[str]:
    growth = walk_forward_growth(found.walked)
    lines = []
    if growth is not None:
        inside, outside = (f"{monthly(each):+,.1%}" for each in growth)
        lines.append(f"Walk forward: {inside} a month in sample, {outside} out of sample, all folds together.")
    final = found.walked.final
    if final.outside is not None:
        lines.append("The holdout was shown to no search. It has been seen now: whatever is chosen by it needs another.")
    return lines


def _ranking(found: Found) -> Table:
    table = _table("Best values of the last window")
    _columns(table, *found.plan.space)
    _columns(table, found.plan.aim.objective, "trades", right=True)
    for tried in best_of(found.walked.final):
        _row(table, *(_value(tried.values[name]) for name in found.plan.space), f"{tried.judged.value:,.4g}", f"{tried.trades:,}")
    return table


def _stability(found: Found) -> Table:
    table = _table("Best value of each window, their spread as a share of the range, and the range of good values")
    _columns(table, "parameter", "range")
    _columns(table, *(window.name for window in found.windows), "spread", "good", right=True)
    for row in found.stability:
        good = " / ".join(_value(value) for value in row.good) or _NONE
        spread = _NONE if row.spread is None else f"{row.spread:.0%}"
        _row(table, row.name, found.plan.space[row.name].text, *(_value(value) for value in row.best), spread, good)
    return table


def _monte_carlo(trades: MonteCarlo) -> Table:
    few = f" (too few to say much: {LEAST_TRADES} are needed)" if trades.trades < LEAST_TRADES else ""
    title = f"{counted(trades.trades, 'trade')} outside of the windows{few}, {trades.runs} times over: what else could have come of them"
    table = _table(title)
    _columns(table, "")
    _columns(table, *(f"{percentile} %" for percentile in PERCENTILES), "lose", right=True)
    for name, spread in (("drawn anew", trades.bootstrap), ("in another order", trades.shuffled)):
        if spread is trades.bootstrap:
            _row(table, f"return, {name}", *(f"{value:+.2%}" for value in spread.returns), f"{spread.losing:.0%}")
        _row(table, f"drawdown, {name}", *(f"{value:.2%}" for value in spread.drawdowns), "")
    return table


# All as Text: of a plain string rich would make an emoji of `:100:`, which ranges have, and markup of what stands in brackets.


def _table(title: str) -> Table:
    return Table(title=Text(title, style="table.title"))


def _columns(table: Table, *titles: str, right: bool = False) -> None:
    for title in titles:
        table.add_column(Text(title), justify="right" if right else "left", no_wrap=True)


def _row(table: Table, *cells: str) -> None:
    table.add_row(*(Text(cell) for cell in cells))


def _span(span: Span) -> str:
    return f"{_day(span.start_ms)} to {_day(span.end_ms)}"


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d")


def _value(value: Value | None) -> str:
    return _NONE if value is None else value if isinstance(value, str) else f"{value:g}"
