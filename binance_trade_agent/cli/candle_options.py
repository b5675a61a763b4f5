"""Candles on the command line: the store that is filled or listed, and what is played, from when to when, by which strategy."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from binance_trade_agent.backtest.fast.plan import BacktestPlan
from binance_trade_agent.settings import Settings, load_settings

Command = Callable[..., Any]


def candle_options(command: Command) -> Command:
    """What is played: which candles, from when to when, and by which strategy."""
    options = (
        click.option("--candles", type=click.Path(exists=True, path_type=Path), help="A candle store, or kline files (CANDLES_DIR)."),
        click.option("--symbols", help="Symbols to trade, comma separated; else TRADING_SYMBOLS of a store, where it is set, or all."),
        click.option("--interval", default="", help="Which candles of a store, such as 5m (CANDLE_INTERVAL)."),
        click.option("--from", "first", type=click.DateTime(), help="Begin here (UTC); candles before are read, not traded."),
        click.option("--to", "last", type=click.DateTime(), help="End before this (UTC)."),
        click.option("--strategy", help="Strategy by name, or file.py:Class (STRATEGY_NAME, STRATEGY_PATH)."),
    )
    return with_options(command, options)


def with_store(command: Command) -> Command:
    """The store that is filled, listed or checked, as the argument `folder`."""
    kind = click.Path(file_okay=False, path_type=Path)
    text = "Folder of the store; made when it is missing."
    return click.option("--store", "folder", type=kind, default=Path("candles"), show_default=True, help=text)(command)


def with_options(command: Command, options: Sequence[Callable[[Command], Command]]) -> Command:
    """`command` with `options`, which are shown in their order."""
    for option in reversed(options):
        command = option(command)
    return command


def chosen_settings(strategy: str | None, candles: Path | None, **more: Any) -> Settings:
    """The settings with what was said on the command line; `more` are others by their names in lower case."""
    overrides: dict[str, Any] = {**more, "candles_dir": candles}
    if strategy is not None:
        is_file = ".py:" in strategy
        overrides |= {"strategy_path": strategy} if is_file else {"strategy_path": "", "strategy_name": strategy}
    settings = load_settings(**overrides)
    if settings.candles_dir is None:
        raise click.UsageError("there are no candles; name some by --candles or CANDLES_DIR")
    return settings


def chosen_plan(
    settings: Settings, symbols: str | None, interval: str, span: tuple[datetime | None, datetime | None], **more: Any
) -> BacktestPlan:
    """The plan of what was said on the command line; `span` are --from and --to, `more` are other fields of the plan.

    Raises click.UsageError for dates that are reversed and for a list without a symbol.
    """
    assert settings.candles_dir is not None  # noqa: S101 - they were chosen
    first, last = span
    if first is not None and last is not None and first >= last:
        raise click.UsageError(f"--from {first} must be before --to {last}")
    names = tuple(name.strip().upper() for name in (symbols or "").split(",") if name.strip())
    if symbols is not None and not names:
        raise click.UsageError(f"--symbols {symbols!r} names no symbol; expected some such as BTCUSDT,ETHUSDT, or leave it out")
    return BacktestPlan(
        candles=settings.candles_dir,
        settings=settings,
        symbols=names,
        interval=interval,
        start_ms=_time_ms(first),
        end_ms=_time_ms(last),
        **more,
    )


def exact(_: click.Context, parameter: click.Parameter, text: str | None) -> Decimal | None:
    """A decimal number, exactly as it was written; a usage error for anything else, and for one below 0."""
    if text is None:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise click.BadParameter(f"{text!r} is no number", param=parameter) from None
    if not (number.is_finite() and number >= 0):
        raise click.BadParameter(f"{text} is not 0 or more", param=parameter)
    return number


def _time_ms(moment: datetime | None) -> int | None:
    """Milliseconds UTC of a moment of the command line, which is in UTC."""
    return None if moment is None else int(moment.replace(tzinfo=UTC).timestamp() * 1000)
