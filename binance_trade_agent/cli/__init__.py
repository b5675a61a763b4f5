"""The command line: one group, whose commands are imported only when they are used."""

from importlib import import_module, metadata
from typing import Any

import click

from binance_trade_agent.domain.errors import AgentError, ExitCode
from binance_trade_agent.telemetry.error_output import spare_standard_error

# Command -> (module:attribute, one line of help). Help texts stand here so that --help imports no command.
COMMANDS: dict[str, tuple[str, str]] = {
    "backup": ("binance_trade_agent.cli.backup_commands:backup", "Copy the book, also while the daemon runs, and check the copy."),
    "backtest": ("binance_trade_agent.cli.backtest_command:backtest", "Trade recorded candles, fast, and report what came of it."),
    "bottlenecks": ("binance_trade_agent.cli.bottlenecks_command:bottlenecks_command", "Say where a running daemon's time goes."),
    "candles": ("binance_trade_agent.cli.candles_commands:candles", "Get and keep histories of candles."),
    "check-history": (
        "binance_trade_agent.cli.check_history_command:check_history",
        "Hold what a client says against a history of the simulated exchange.",
    ),
    "config": ("binance_trade_agent.cli.config_commands:config", "Check and show the settings."),
    "exchange": ("binance_trade_agent.cli.exchange_command:exchange", "Serve the simulated exchange over HTTP."),
    "doctor": ("binance_trade_agent.cli.doctor_command:doctor", "Check settings, machine, book, keys and exchange."),
    "explain": ("binance_trade_agent.cli.explain_command:explain", "Tell everything that is known of one pass or one order."),
    "export": ("binance_trade_agent.cli.export_command:export", "Write a table of the book as JSON or CSV."),
    "notify-test": ("binance_trade_agent.cli.notify_command:notify_test", "Send a test message to each address of NOTIFY_URLS."),
    "optimise": ("binance_trade_agent.cli.optimise_command:optimise", "Search a strategy's parameters over recorded candles."),
    "restore": ("binance_trade_agent.cli.backup_commands:restore", "Put a backup in the place of the book."),
    "flatten": ("binance_trade_agent.cli.control_commands:flatten", "Have the running daemon sell what is held, and buy nothing."),
    "cancel": ("binance_trade_agent.cli.control_commands:cancel", "Have the running daemon take its open orders off the exchange."),
    "halt": ("binance_trade_agent.cli.control_commands:halt", "Have the running daemon send no more orders."),
    "reduce": ("binance_trade_agent.cli.control_commands:reduce", "Have the running daemon send only orders that take from a position."),
    "settle": ("binance_trade_agent.cli.control_commands:settle", "Have the running daemon end an order that the exchange has forgotten."),
    "refresh": ("binance_trade_agent.cli.control_commands:refresh", "Have the running daemon choose symbols anew."),
    "resume": ("binance_trade_agent.cli.control_commands:resume", "Have the running daemon send orders again."),
    "symbols": ("binance_trade_agent.cli.symbols_command:symbols", "Show which symbols would be chosen now, and why the others would not."),
    "run": ("binance_trade_agent.cli.run_command:run", "Run the daemon."),
    "healthcheck": ("binance_trade_agent.cli.healthcheck_command:healthcheck", "Ask a running daemon whether it is healthy."),
}


class LazyGroup(click.Group):
    """A group that imports a command when it is called, and turns our errors into one clear line and their exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command; None when there is none by that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name][0]} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an AgentError, and Ctrl-C, end with a text on stderr and an exit code, without a traceback."""
        try:
            return super().invoke(ctx)
        except AgentError as error:
            for line in str(error).splitlines() or [type(error).__name__]:
                click.echo(f"error: {line}", err=True)
            ctx.exit(int(error.exit_code))
        except KeyboardInterrupt:
            click.echo("error: stopped before it was done", err=True)
            ctx.exit(int(ExitCode.FAILED))


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    try:
        version = metadata.version("binance-trade-agent")
    except metadata.PackageNotFoundError:
        version = "(not installed)"
    click.echo(f"binance-trade-agent {version}")
    ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version and exit.")
def commands() -> None:
    """A trading daemon for Binance Spot.

    Exit codes: 0 well, 1 failed, 2 wrong usage, 3 wrong settings, 4 the book is in use, 5 the book failed, 6 the exchange cannot be
    reached, 7 book and exchange disagree, 8 a part died, 9 unusable market data,
    10 the book is damaged, 11 the disk is full, 12 the exchange was reset.
    """


def main() -> None:
    """Run the command line and end the process with its exit code, which does not depend on whether standard error takes what is said."""
    spare_standard_error()
    commands(prog_name="binance-trade-agent")
