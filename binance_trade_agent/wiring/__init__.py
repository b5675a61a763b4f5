"""Wiring: the only place where ports meet adapters."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from binance_trade_agent.binance.connection import Connection
from binance_trade_agent.ports.observer import NullObserver
from binance_trade_agent.settings import load_settings
from binance_trade_agent.wiring.components import Components, open_components
from binance_trade_agent.wiring.venues import open_venue

__all__ = ["Components", "open_components", "open_connection"]


@asynccontextmanager
async def open_connection() -> AsyncIterator[Connection]:
    """A connection by the settings for market data and direct calls; the embedded exchange is then in memory and forgotten after."""
    async with open_venue(load_settings(), NullObserver(), in_memory=True) as venue:
        yield venue.connection
