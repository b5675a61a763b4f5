"""`halt`, `reduce`, `resume`, `flatten`, `cancel`, `settle` and `refresh`: an operator's word to the running daemon, with a reason.

Where it could not be done as it was asked the daemon's own sentence is told: it may be in force although the book did not take it.
"""

from collections.abc import Mapping

import click

from binance_trade_agent.domain.errors import ConfigurationError


def _verb(name: str, what: str) -> click.Command:
    @click.command(name, help=f"{what} Asked of the running daemon at HTTP_HOST and HTTP_PORT with CONTROL_TOKEN; refused when none runs.")
    @click.option("--reason", required=True, help="Why; it is written to the book and shown on the status page.")
    @click.option("--symbol", help="One symbol, such as BTCUSDT; the whole account when left out.")
    def verb(reason: str, symbol: str | None) -> None:
        _ask(name, reason, {} if symbol is None else {"symbol": symbol})

    return verb


@click.command("settle")
@click.argument("order")
@click.option("--reason", required=True, help="Why; it is written to the book with the order's end.")
def settle(order: str, reason: str) -> None:
    """End ORDER (its client order id), which is open in the book and which the exchange does not show, so that its symbol is free again.

    The exchange is asked once more: an order that it shows is followed to where it stands there, the trades that it lists are booked, and
    an order that may still reach it is not ended. Asked of the running daemon with CONTROL_TOKEN; refused when none runs.
    """
    _ask("settle", reason, {"order": order})


@click.command("refresh")
@click.option("--reason", required=True, help="Why; it is written to the log.")
def refresh(reason: str) -> None:
    """Choose symbols anew now, where SYMBOL_SELECTION chooses them, and tell what is traded from now on.

    Asked of the running daemon with CONTROL_TOKEN; refused when none runs. When it cannot be done the present choice stays.
    """
    _ask("refresh", reason, {})


def _ask(action: str, reason: str, about: Mapping[str, str]) -> None:
    from binance_trade_agent.service.control_call import control_by_call
    from binance_trade_agent.settings import load_settings

    settings = load_settings()
    if settings.control_token is None:
        raise ConfigurationError("CONTROL_TOKEN is not set, here or for the daemon: without it nothing can be asked of it from outside")
    token = settings.control_token.get_secret_value()
    for line in _lines(control_by_call(settings.http_host, settings.http_port, token, action, reason, about)):
        click.echo(line)


def _lines(told: Mapping[str, object]) -> list[str]:
    """What the daemon answered, for people."""
    scope = "the account" if told.get("scope") == "*" else told.get("scope")
    lines = [f"{scope} is {told['mode']}: {told.get('reason')}"] if "mode" in told else []
    if "state" in told:
        lines.append(f"order {told.get('order')} is {told['state']}, with {told.get('executed')} executed")
    if "selling" in told:
        lines.append(f"being sold: {_listed(told['selling'])}")
    if told.get("halted"):
        lines.append(f"not sold, because they are halted by themselves: {_listed(told['halted'])}")
    if "ended" in told:
        lines.append(f"open orders of {scope} that are over: {_listed(told['ended'])}")
    if "chosen" in told:
        lines.append(f"chosen: {_listed(told['chosen'])}")
        lines += [
            f"{name.replace('_', ' ')}: {_listed(told[name])}" for name in ("joined", "left", "exits_only", "stranded") if told.get(name)
        ]
    if told.get("still_open"):
        lines.append(f"not known to be over, asked for again at each comparison: {_listed(told['still_open'])}")
    return lines


def _listed(names: object) -> str:
    return ", ".join(map(str, names)) if isinstance(names, list) and names else "none"


halt: click.Command = _verb("halt", "Send no more orders.")
reduce: click.Command = _verb("reduce", "Send only orders that take from a position.")
resume: click.Command = _verb("resume", "Send orders again, after a halt by hand or by a breaker.")
flatten: click.Command = _verb("flatten", "Sell what is held, at once and at the market's price, and buy nothing until it is resumed.")
cancel: click.Command = _verb("cancel", "Take our open orders off the exchange; protection is placed again, unless halted.")
