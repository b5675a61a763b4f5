"""`healthcheck`: asks a running daemon whether it is healthy, for the container's health check."""

from typing import NoReturn
from urllib.parse import urlsplit

import click

from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.service.health_probe import probe

HEALTH_PATH = "/healthz"
_HTTP_PORT = 80


@click.command()
@click.option("--url", default="", help="What to ask, plain http; by default /healthz at HTTP_HOST and HTTP_PORT.")
def healthcheck(url: str) -> None:
    """End with 0 when the daemon says that it is healthy, else with 1."""
    alive, answer = probe(*_target(url))
    if not alive:
        _fail(answer)


def _target(url: str) -> tuple[str, int, str]:
    """Host, port and path to ask."""
    if not url:
        return _face_of_the_settings()
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        _fail(f"{url} is no http URL")
    return parts.hostname, parts.port or _HTTP_PORT, parts.path or HEALTH_PATH


def _face_of_the_settings() -> tuple[str, int, str]:
    from binance_trade_agent.settings import load_settings

    try:
        settings = load_settings()
    except ConfigurationError as error:
        _fail(str(error))
    return settings.http_host, settings.http_port, HEALTH_PATH


def _fail(reason: str) -> NoReturn:
    click.echo(f"unhealthy: {reason}", err=True)
    # Docker knows 0 and 1 for a health check; every other code is reserved.
    raise click.exceptions.Exit(1)
