"""`config check` and `config show`: whether the settings hold together, and what holds and where it came from."""

import click

from binance_trade_agent.settings import LoadedSettings, load_with_sources


@click.group()
def config() -> None:
    """Check and show the settings."""


@config.command()
def check() -> None:
    """Check every setting, the strategy and the risk limits; end with 3 and one line for each problem."""
    # Imported here, so that `config show` works without the stations and starts fast.
    from binance_trade_agent.wiring.stations import risk_limits, signal_agent, strategies_text
    from binance_trade_agent.wiring.symbol_choice import symbols_text

    loaded = load_with_sources()
    settings = loaded.settings
    signal_agent(settings)
    risk_limits(settings, settings.demo_fee_rate)
    for warning in loaded.warnings:
        click.echo(f"warning: {warning}", err=True)
    strategies = strategies_text(settings, tuple(settings.symbol_overrides))
    click.echo(f"The settings are well: mode {settings.trading_mode}, strategy {strategies}, {symbols_text(settings)}.")


@config.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object for machines.")
def show(as_json: bool) -> None:
    """Show every setting, its value and where it came from; secrets are hidden."""
    rows = _rows(load_with_sources())
    if as_json:
        import orjson

        click.echo(orjson.dumps({name: {"value": value, "source": origin} for name, value, _, origin in rows}, option=orjson.OPT_INDENT_2))
    else:
        _print_table(rows)


def _rows(loaded: LoadedSettings) -> list[tuple[str, str, str, str]]:
    """Name, value, unit and source of every setting."""
    from binance_trade_agent.settings.fields import about
    from binance_trade_agent.settings.shown import shown

    settings = loaded.settings
    return [
        (name.upper(), shown(getattr(settings, name)), about(field).unit, loaded.origins[name])
        for name, field in type(settings).model_fields.items()
    ]


def _print_table(rows: list[tuple[str, str, str, str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Setting", "Value", "Unit", "From"):
        # Names stay whole, so that they can be searched for.
        table.add_column(heading, overflow="fold", no_wrap=heading == "Setting")
    for row in rows:
        # As Text, so that brackets in a value are not taken for markup.
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
