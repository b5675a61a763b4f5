"""A server of Binance as a venue: test network, Demo Mode, or the real exchange."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from binance_trade_agent.binance.connection import Connection
from binance_trade_agent.binance.http.transport import PooledTransport
from binance_trade_agent.binance.limits.circuit import CircuitRules
from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.settings import Settings
from binance_trade_agent.settings.choices import MarketData
from binance_trade_agent.simulation.clocks import WallClock
from binance_trade_agent.storage.account_lock import account_lock
from binance_trade_agent.storage.ban_files import BanFiles
from binance_trade_agent.wiring.venue import Venue


@asynccontextmanager
async def remote_venue(settings: Settings, observer: Observer) -> AsyncIterator[Venue]:
    """The server of the trading mode, with the keys of the settings; the client closes the transport.

    Raises BookLockedError when another daemon of this machine trades with the same key.
    """
    connection = remote_connection(settings, observer)
    with account_lock(connection.base_url, connection.api_key):
        yield Venue(
            settings.trading_mode.value, settings, settings.book_path.parent, connection, connection.clock, wanted_streams(settings)
        )


def remote_connection(settings: Settings, observer: Observer) -> Connection:
    """A connection to the server of the settings, with their keys where there are any; no lock is taken for it.

    Raises ConfigurationError for a key or secret that cannot be one.
    """
    return Connection(
        base_url=settings.base_url,
        transport=pooled_transport(settings, observer),
        clock=WallClock(),
        api_key=_plain(settings.binance_api_key),
        api_secret=_plain(settings.binance_api_secret),
        api_key_passphrase=_plain(settings.binance_api_key_passphrase),
        observer=observer,
        recv_window_ms=settings.recv_window_ms,
        request_timeout_s=settings.request_timeout_seconds,
        websocket_api_url=settings.websocket_api_url,
        order_entry=settings.order_entry,
        max_clock_error_ms=settings.max_clock_error_ms,
        circuit_rules=circuit_rules(settings),
        ban_memory=BanFiles(settings.data_dir),
    )


def wanted_streams(settings: Settings) -> str:
    """The server of the market streams; empty when they are not wanted."""
    return settings.stream_url if settings.market_data is MarketData.STREAMS else ""


def circuit_rules(settings: Settings) -> CircuitRules:
    """When a group of endpoints gets a rest, by the settings."""
    return CircuitRules(settings.circuit_failures, pause_s=settings.circuit_pause_seconds)


def pooled_transport(settings: Settings, observer: Observer) -> PooledTransport:
    """Our pool with the bounds of the settings."""
    return PooledTransport(
        max_connections=settings.pool_max_connections,
        order_connections=settings.pool_order_connections,
        max_keepalive=settings.pool_max_keepalive,
        pool_timeout_s=settings.pool_timeout_seconds,
        request_timeout_s=settings.request_timeout_seconds,
        observer=observer,
    )


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
