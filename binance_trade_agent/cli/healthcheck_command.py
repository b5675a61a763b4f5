"""`healthcheck`: asks a running daemon whether it is healthy, for the container's health check."""

from http.client import HTTPConnection, HTTPException
from typing import NoReturn
from urllib.parse import urlsplit

import click

from binance_trade_agent.domain.errors import ConfigurationError

TIMEOUT_SECONDS = 5.0
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # nothing is bound here: these are turned into loopback


@click.command()
@click.option("--url", default="", help="What to ask, plain http; by default /healthz at HTTP_HOST and HTTP_PORT.")
def healthcheck(url: str) -> None:
    """End with 0 when the daemon says that it is healthy, else with 1."""
    target = url or _default_url()
    parts = urlsplit(target)
    if parts.scheme != "http" or not parts.hostname:
        _fail(f"{target} is no http URL")
    connection = HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", parts.path or "/healthz")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        _fail(f"{target} does not answer: {type(error).__name__}")
    finally:
        connection.close()
    if status != 200:
        _fail(f"{target} answers {status}")


def _default_url() -> str:
    from binance_trade_agent.settings import load_settings

    try:
        settings = load_settings()
    except ConfigurationError as error:
        _fail(str(error))
    host = _EVERY_ADDRESS.get(settings.http_host, settings.http_host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.http_port}/healthz"


def _fail(reason: str) -> NoReturn:
    click.echo(f"unhealthy: {reason}", err=True)
    # Docker knows 0 and 1 for a health check; every other code is reserved.
    raise click.exceptions.Exit(1)
