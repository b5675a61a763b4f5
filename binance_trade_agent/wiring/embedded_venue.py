"""The embedded exchange as a venue: demo on a synthetic market, recorded candles, and paper on a mirror of the real market.

Its account opens nothing outside this process, so its key and secret are no secrets; signing and checking are done all the same.
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal

import structlog

from binance_trade_agent.async_binance_client import AsyncBinanceClient
from binance_trade_agent.binance.connection import Connection
from binance_trade_agent.binance.rest_transport import RestTransport
from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.quote_assets import QUOTE_ASSETS
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.settings import Settings
from binance_trade_agent.settings.choices import MarketData, SymbolSelection
from binance_trade_agent.simulation.clocks import ScaledClock, ShiftedClock, VirtualClock, WallClock
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.history.store import ExchangeStore
from binance_trade_agent.simulation.in_process import InProcessTransport
from binance_trade_agent.simulation.markets.market import Market
from binance_trade_agent.simulation.markets.mirror import MirrorMarket
from binance_trade_agent.simulation.markets.paper_transport import PaperTransport
from binance_trade_agent.simulation.markets.recorded import RecordedMarket
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket
from binance_trade_agent.simulation.rest.http_server import LOOPBACK, serve
from binance_trade_agent.storage.ban_files import BanFiles
from binance_trade_agent.wiring.candle_source import recorded_candles
from binance_trade_agent.wiring.exchange_memory import description_of, opened_memory, require_same_market
from binance_trade_agent.wiring.patience import patiently
from binance_trade_agent.wiring.recorded_settings import settings_for_candles
from binance_trade_agent.wiring.remote_venue import circuit_rules, pooled_transport, wanted_streams
from binance_trade_agent.wiring.venue import Embedded, Venue

API_KEY = "embedded-exchange-account-1"
API_SECRET = "embedded-exchange-secret-1"  # noqa: S105 - the account lives in this process and opens nothing else
LONGEST_RECV_WINDOW_MS = 60_000
STARTING_CASH = {"BTC": Decimal(1), "ETH": Decimal(10), "BNB": Decimal(20)}


def starting_cash(settings: Settings) -> Decimal:
    """What a simulated account begins with: PORTFOLIO_INITIAL_VALUE when it is set, else an amount that fits the accounting asset."""
    if "portfolio_initial_value" in settings.model_fields_set:
        return settings.portfolio_initial_value
    return STARTING_CASH.get(settings.accounting_asset, settings.portfolio_initial_value)


def synthetic_market(settings: Settings, read_symbols: Sequence[str] = ()) -> SyntheticMarket:
    """The made-up market of the settings' symbols and of those that are read besides; QUOTE_ASSET may be one that no table knows."""
    symbols = tuple(dict.fromkeys((*settings.trading_symbols, *read_symbols)))
    return SyntheticMarket(symbols, settings.demo_seed, quote_assets=(settings.accounting_asset, *QUOTE_ASSETS))


@asynccontextmanager
async def demo_venue(settings: Settings, observer: Observer, *, in_memory: bool, read_symbols: Sequence[str]) -> AsyncIterator[Venue]:
    """The synthetic market at DEMO_SPEED, behind HTTP on loopback, so that pool, sockets and parser work as in earnest.

    Its clock goes on where it stood when the process ended.
    """
    folder = settings.book_path.parent
    with opened_memory(None if in_memory else folder) as store:
        require_same_market(store, "DEMO_SEED", str(settings.demo_seed))
        clock = ScaledClock(settings.demo_speed, max(time.time_ns() // 1_000_000, store.last_time_ms))
        embedded = _embedded(settings, synthetic_market(settings, read_symbols), clock, store)
        server = await serve(embedded.exchange, latency_ms=settings.demo_latency_ms)
        try:
            transport = pooled_transport(settings, observer)
            connection = _connection(settings, observer, transport, clock, settings.demo_speed)
            here = replace(
                connection,
                base_url=f"http://{LOOPBACK}:{server.port}",
                websocket_api_url=f"ws://{LOOPBACK}:{server.port}/ws-api/v3",
                order_entry=settings.order_entry,
            )
            streams = f"ws://{LOOPBACK}:{server.port}" if settings.market_data is MarketData.STREAMS else ""
            yield Venue(folder.name, settings, folder, here, clock, streams, speed=settings.demo_speed, embedded=embedded)
            embedded.exchange.checkpoint()
        finally:
            await server.close()


@asynccontextmanager
async def candles_venue(settings: Settings, observer: Observer, *, in_memory: bool) -> AsyncIterator[Venue]:
    """Recorded candles on a VirtualLoop, which paces them by CANDLES_SPEED; a run that was cut off goes on where it stood."""
    if settings.candles_dir is None:
        raise ConfigurationError("CANDLES_DIR is not set")
    recorded = recorded_candles(settings.candles_dir, settings)
    here = settings_for_candles(settings, recorded)
    idle = [symbol for symbol in settings.symbol_overrides if symbol not in here.trading_symbols]
    if idle:
        structlog.get_logger(component="candles").warning("SYMBOL_OVERRIDES names symbols without candles in CANDLES_DIR", symbols=idle)
    folder = settings.book_path.parent
    with opened_memory(None if in_memory else folder) as store:
        require_same_market(store, "CANDLES_DIR", description_of(recorded))
        start_ms = max(recorded.first_open_ms, store.last_time_ms)
        clock = VirtualClock(start_ms)
        embedded = _embedded(here, RecordedMarket(recorded), clock, store)
        connection = _connection(here, observer, InProcessTransport(embedded.exchange, latency_ms=here.demo_latency_ms), clock)
        yield Venue(folder.name, here, folder, connection, clock, is_virtual=True, embedded=embedded, recorded=recorded)
        embedded.exchange.checkpoint()


@asynccontextmanager
async def paper_venue(settings: Settings, observer: Observer, *, in_memory: bool) -> AsyncIterator[Venue]:
    """Real market data from Binance's public server, orders matched here against the real book as last seen.

    The market's time is that server's, so that a candle counts as closed when it is closed there.
    """
    upstream = pooled_transport(settings, observer)
    try:
        with opened_memory(None if in_memory else settings.book_path.parent) as store:
            mirror, clock = await _first_look(settings, upstream)
            venue = mirroring_venue(settings, observer, upstream, mirror, clock, store)
            connection = replace(venue.connection, ban_memory=BanFiles(settings.data_dir))
            yield replace(venue, connection=connection, stream_url=wanted_streams(settings))
            if venue.embedded is not None:
                venue.embedded.exchange.checkpoint()
    finally:
        await upstream.aclose()


def mirroring_venue(
    settings: Settings, observer: Observer, upstream: RestTransport, mirror: MirrorMarket, clock: Clock, store: ExchangeStore
) -> Venue:
    """A venue whose market data come from `upstream`, which keeps `mirror` fresh, and whose orders are matched against that here.

    `clock` is the time of the exchange behind `upstream`. There are no streams.
    """
    embedded = _embedded(settings, mirror, clock, store)
    transport = PaperTransport(
        upstream,
        settings.base_url,
        InProcessTransport(embedded.exchange, tells_weight=False),
        mirror,
        clock,
        resting_symbols=embedded.exchange.resting_symbols,
    )
    folder = settings.book_path.parent
    connection = _connection(settings, observer, transport, clock)
    return Venue(folder.name, settings, folder, connection, clock, embedded=embedded, mirror=mirror)


async def _first_look(settings: Settings, upstream: RestTransport) -> tuple[MirrorMarket, Clock]:
    """The real exchange's symbols, still without prices, and its time; asked without keys."""
    timeout_s = settings.request_timeout_seconds
    bans = BanFiles(settings.data_dir)
    public = Connection(settings.base_url, upstream, WallClock(), request_timeout_s=timeout_s, ban_memory=bans, owns_transport=False)
    async with AsyncBinanceClient(public) as client:
        offset_ms = await patiently("first contact", client.sync_clock, structlog.get_logger(component="paper"))
        if settings.symbol_selection is SymbolSelection.STATIC:
            return MirrorMarket(await client.get_exchange_info(settings.trading_symbols)), ShiftedClock(offset_ms)
        every = await client.get_exchange_info()
        quoted = {symbol: rules for symbol, rules in every.items() if rules.quote_asset == settings.accounting_asset}
        return MirrorMarket(quoted), ShiftedClock(offset_ms)


def _embedded(settings: Settings, market: Market, clock: Clock, store: ExchangeStore) -> Embedded:
    rate = settings.demo_fee_rate
    exchange = SimulatedExchange(market, clock, maker_rate=rate, taker_rate=rate, store=store, seed=settings.demo_seed)
    exchange.open_account(API_KEY, API_SECRET, {settings.accounting_asset: starting_cash(settings)})
    return Embedded(exchange, API_KEY)


def _connection(settings: Settings, observer: Observer, transport: RestTransport, clock: Clock, speed: float = 1.0) -> Connection:
    """In scaled time a request ages `speed` times faster, so its window is as much wider. The exchange reads the same clock as we do."""
    return Connection(
        base_url=settings.base_url,
        transport=transport,
        clock=clock,
        api_key=API_KEY,
        api_secret=API_SECRET,
        observer=observer,
        recv_window_ms=min(LONGEST_RECV_WINDOW_MS, round(settings.recv_window_ms * max(1.0, speed))),
        request_timeout_s=settings.request_timeout_seconds,
        max_clock_error_ms=settings.max_clock_error_ms,
        shares_clock=True,
        market_speed=speed,
        circuit_rules=circuit_rules(settings),
    )
