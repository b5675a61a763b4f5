"""`notify-test`: sends one message to each address of NOTIFY_URLS and says what became of it."""

import asyncio
import sys

import click

from binance_trade_agent.domain.errors import ConfigurationError, ExitCode
from binance_trade_agent.settings import load_settings
from binance_trade_agent.telemetry.apprise_sending import Address, addresses


@click.command("notify-test")
def notify_test() -> None:
    """Send a message to each address of NOTIFY_URLS, and say whether it went out."""
    settings = load_settings()
    if not settings.notice_addresses:
        raise ConfigurationError("NOTIFY_URLS is empty: there is no address to send a message to")
    found = addresses(settings.notice_addresses, f"Trade agent ({settings.trading_mode})")
    results = asyncio.run(_send(found))
    for address, was_sent in zip(found, results, strict=True):
        click.echo(f"{address.name}: {'sent' if was_sent else 'could not be sent'}")
    sys.exit(int(ExitCode.OK if all(results) else ExitCode.FAILED))


async def _send(found: list[Address]) -> list[bool]:
    return await asyncio.gather(*(address.send("A test: messages of the trade agent come here.") for address in found))
