"""`halt`, `reduce` and `resume`: an operator's word to the running daemon, with a reason that goes into its book."""

import click

from binance_trade_agent.domain.errors import ConfigurationError


def _verb(name: str, what: str) -> click.Command:
    @click.command(name, help=f"{what} Asked of the running daemon at HTTP_HOST and HTTP_PORT with CONTROL_TOKEN; refused when none runs.")
    @click.option("--reason", required=True, help="Why; it is written to the book and shown on the status page.")
    @click.option("--symbol", help="One symbol, such as BTCUSDT; the whole account when left out.")
    def verb(reason: str, symbol: str | None) -> None:
        _ask(name, reason, symbol)

    return verb


def _ask(action: str, reason: str, symbol: str | None) -> None:
    from binance_trade_agent.service.control_call import set_mode_by_call
    from binance_trade_agent.settings import load_settings

    settings = load_settings()
    if settings.control_token is None:
        raise ConfigurationError("CONTROL_TOKEN is not set, here or for the daemon: without it modes cannot be changed from outside")
    token = settings.control_token.get_secret_value()
    told = set_mode_by_call(settings.http_host, settings.http_port, token, action, reason, symbol)
    scope = "the account" if told.get("scope") == "*" else told.get("scope")
    click.echo(f"{scope} is {told.get('mode')}: {told.get('reason')}")


halt: click.Command = _verb("halt", "Send no more orders.")
reduce: click.Command = _verb("reduce", "Send only orders that take from a position.")
resume: click.Command = _verb("resume", "Send orders again, after a halt by hand or by a breaker.")
