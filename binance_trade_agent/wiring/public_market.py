"""A client for public market data alone: no keys, on the real exchange unless BINANCE_BASE_URL names another server."""

from binance_trade_agent.async_binance_client import AsyncBinanceClient
from binance_trade_agent.binance.connection import Connection
from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.settings import Settings
from binance_trade_agent.settings.choices import Venue
from binance_trade_agent.simulation.clocks import WallClock
from binance_trade_agent.storage.ban_files import BanFiles
from binance_trade_agent.wiring.remote_venue import pooled_transport


def public_client(settings: Settings, observer: Observer, base_url: str = "") -> AsyncBinanceClient:
    """The client, to be entered, on `base_url` where one is named.

    It is bound by the limits and bans that other processes of this data folder met as well.
    """
    connection = Connection(
        base_url=base_url or settings.binance_base_url or Venue.PAPER.base_url,
        transport=pooled_transport(settings, observer),
        clock=WallClock(),
        observer=observer,
        request_timeout_s=settings.request_timeout_seconds,
        ban_memory=BanFiles(settings.data_dir),
    )
    return AsyncBinanceClient(connection)
