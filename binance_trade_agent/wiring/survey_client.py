"""A client that only looks at the market of the settings: no key, no book, no lock, so that a daemon may run beside it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from binance_trade_agent.async_binance_client import AsyncBinanceClient
from binance_trade_agent.ports.observer import NullObserver
from binance_trade_agent.settings import Settings
from binance_trade_agent.settings.choices import Venue as Mode
from binance_trade_agent.wiring.public_market import public_client
from binance_trade_agent.wiring.venues import open_venue


@asynccontextmanager
async def survey_client(settings: Settings) -> AsyncIterator[AsyncBinanceClient]:
    """The client, its clock synchronised. The demo's market is made anew: seed and time make it what it is."""
    if settings.trading_mode is Mode.DEMO:
        async with open_venue(settings, NullObserver(), in_memory=True) as venue, AsyncBinanceClient(venue.connection) as client:
            await client.sync_clock()
            yield client
        return
    async with public_client(settings, NullObserver(), settings.base_url) as client:
        await client.sync_clock()
        yield client
