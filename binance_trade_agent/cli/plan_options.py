"""Options of everything that a backtest depends on, and so each trial of a search: candles, account, market and settings, as one plan."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import wraps
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from binance_trade_agent.backtest.fast.plan import BacktestPlan
from binance_trade_agent.cli.candle_options import Command, candle_options, chosen_plan, chosen_settings, exact, with_options
from binance_trade_agent.settings import Settings
from binance_trade_agent.simulation.markets.recorded import DEFAULT_DEPTH_SHARE, DEFAULT_SPREAD_BPS

_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "candles_dir": "--candles",
        "trading_symbols": "--symbols",
        "candle_interval": "--interval",
        "strategy_name": "--strategy",
        "strategy_path": "--strategy",
        "portfolio_initial_value": "--cash",
        "demo_fee_rate": "--fee",
    }
)
"""Settings that an option of their own names, which would overrule --set."""


def plan_options(command: Command) -> Command:
    """All of them; `command` is given what they say as `plan`, a BacktestPlan, beside its own options."""

    @wraps(command)
    def with_plan(
        *,
        candles: Path | None,
        symbols: str | None,
        interval: str,
        first: datetime | None,
        last: datetime | None,
        strategy: str | None,
        cash: Decimal | None,
        fee: Decimal | None,
        spread: Decimal,
        depth: Decimal,
        changes: Sequence[str],
        **own: Any,
    ) -> Any:
        settings = chosen_settings(strategy, candles, **_market_settings(cash, fee, changes))
        return command(plan=chosen_plan(settings, symbols, interval, (first, last), spread_bps=spread, depth_share=depth), **own)

    return candle_options(_market_options(with_plan))


def warn_of_idle_overrides(plan: BacktestPlan, played: Collection[str]) -> None:
    """Say which symbols of SYMBOL_OVERRIDES are not among `played`, those of the candles that are traded."""
    idle = [symbol for symbol in plan.settings.symbol_overrides if symbol not in played]
    if idle:
        click.echo(f"warning: SYMBOL_OVERRIDES names {', '.join(idle)}, but only {', '.join(played)} can be traded here", err=True)


def _market_options(command: Command) -> Command:
    """The account, the market that it meets, and any other setting."""
    spread, depth = str(DEFAULT_SPREAD_BPS), str(DEFAULT_DEPTH_SHARE)
    options = (
        click.option("--cash", callback=exact, metavar="NUMBER", help="What the account begins with (PORTFOLIO_INITIAL_VALUE)."),
        click.option("--fee", callback=exact, metavar="NUMBER", help="Commission as a fraction of value (DEMO_FEE_RATE)."),
        click.option(
            "--spread",
            callback=exact,
            metavar="NUMBER",
            default=spread,
            show_default=True,
            help="Best bid to best ask, in hundredths of a percent.",
        ),
        click.option(
            "--depth",
            callback=exact,
            metavar="NUMBER",
            default=depth,
            show_default=True,
            help="Share of a candle's volume in the next one's book.",
        ),
        click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Any other setting; may be given several times."),
    )
    return with_options(command, options)


def _market_settings(cash: Decimal | None, fee: Decimal | None, changes: Sequence[str]) -> dict[str, object]:
    """The settings that these options name, by their names in lower case; a usage error for a change of what is none."""
    given = {"portfolio_initial_value": cash, "demo_fee_rate": fee}
    return {**_named(changes), **{name: value for name, value in given.items() if value is not None}}


def _named(changes: Sequence[str]) -> dict[str, str]:
    """Settings by name as NAME=VALUE."""
    named: dict[str, str] = {}
    for change in changes:
        name, sign, value = change.partition("=")
        if not sign or name.lower() not in Settings.model_fields:
            raise click.UsageError(f"--set {change}: expected NAME=VALUE with the name of a setting, such as RISK_TRAILING_STOP_PCT=0.02")
        if name.lower() in _OPTIONS:
            raise click.UsageError(f"--set {change}: {name.upper()} has an option of its own, {_OPTIONS[name.lower()]}")
        named[name.lower()] = value
    return named
