"""Sending by apprise: Telegram, Discord, Slack, mail, webhooks and some hundred other services, each by one address.

Apprise works with blocking requests, so each message has a daemon thread of its own: neither the loop nor the end of the process
ever waits for a service that hangs.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import apprise

from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.telemetry.notice_lane import Send

SEND_TIMEOUT_S = 20.0
MOST_ADDRESSES = 10
_LONGEST_SCHEMA = 20


@dataclass(frozen=True, slots=True)
class Address:
    """One address that messages go to; `name` holds nothing secret."""

    name: str
    send: Send


def addresses(urls: Sequence[str], title: str) -> list[Address]:
    """What NOTIFY_URLS holds; ConfigurationError names one that apprise does not know."""
    # Its own lines name addresses, and with them tokens.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    if not 1 <= len(urls) <= MOST_ADDRESSES:
        raise ConfigurationError(f"NOTIFY_URLS holds {len(urls)} addresses; 1 to {MOST_ADDRESSES} are due, such as tgram://token/chat")
    return [_address(number, url, title) for number, url in enumerate(urls, start=1)]


def _address(number: int, url: str, title: str) -> Address:
    schema = url.partition("://")[0]
    service = apprise.Apprise.instantiate(url)
    if service is None:
        raise ConfigurationError(
            f"NOTIFY_URLS: apprise does not understand address {number}, of {schema[:_LONGEST_SCHEMA]!r}; "
            "see the form of that service in its documents"
        )

    async def send(body: str) -> bool:
        return await _in_thread(lambda: bool(service.notify(body=body, title=title)))

    return Address(f"{schema}-{number}", send)


async def _in_thread(work: Callable[[], bool]) -> bool:
    """What `work` says; False when it fails, or takes longer than SEND_TIMEOUT_S."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[bool] = loop.create_future()

    def finish(result: bool) -> None:
        if not done.done():
            done.set_result(result)

    def run() -> None:
        try:
            result = work()
        except Exception:  # whatever a plugin raises means that nothing was sent
            result = False
        try:
            loop.call_soon_threadsafe(finish, result)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more

    threading.Thread(target=run, name="notice", daemon=True).start()
    try:
        return await asyncio.wait_for(done, SEND_TIMEOUT_S)
    except TimeoutError:
        return False
