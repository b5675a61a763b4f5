"""`exchange`: the simulated exchange as a server of its own, REST and WebSocket, for trying clients against Binance's wire."""

import asyncio
import math
import signal
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import click

from binance_trade_agent.settings import Settings, load_settings
from binance_trade_agent.simulation.clocks import ScaledClock
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.markets.candle_files import load_candles
from binance_trade_agent.simulation.markets.market import Market
from binance_trade_agent.simulation.markets.recorded import RecordedMarket
from binance_trade_agent.simulation.rest.http_server import LOOPBACK, serve
from binance_trade_agent.wiring.embedded_venue import API_KEY, API_SECRET, starting_cash, synthetic_market
from binance_trade_agent.wiring.recorded_settings import settings_for_candles

DEFAULT_PORT = 8090
MOST_SPEED = 10_000.0  # a server cannot run as fast as the machine goes, because its clients run in real time


@click.command()
@click.option("--host", default=LOOPBACK, show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=DEFAULT_PORT, show_default=True, help="Port to listen on; 0 takes any free one."
)
@click.option("--seed", type=int, help="Seed of the synthetic market (DEMO_SEED).")
@click.option("--symbols", help="Symbols of the synthetic market, comma separated (TRADING_SYMBOLS).")
@click.option(
    "--candles", type=click.Path(path_type=Path), help="Play the Binance kline files in this folder in place of a synthetic market."
)
@click.option(
    "--speed",
    type=click.FloatRange(0, MOST_SPEED, min_open=True),
    default=1.0,
    show_default=True,
    help="How many times faster than real time the market runs.",
)
def exchange(host: str, port: int, seed: int | None, symbols: str | None, candles: Path | None, speed: float) -> None:
    """Serve a simulated Binance Spot until Ctrl-C, with one account; nothing is kept afterwards.

    REST is at /api/v3, market streams at /stream?streams=btcusdt@kline_1m/... and /ws/btcusdt@trade, the WebSocket API with account events
    at /ws-api/v3, all on one port.

    Its key is BINANCE_API_KEY with BINANCE_API_SECRET when both are set (HMAC, or RSA or Ed25519 in PEM without a passphrase), else one
    that is shown. At a speed above 1 the exchange's
    clock runs ahead of its clients' clocks, so that signed requests need a recvWindow to match.
    """
    if math.isnan(speed):
        raise click.UsageError("--speed is no number")
    if candles is not None and (seed is not None or symbols is not None):
        raise click.UsageError("--candles brings its own market: --seed and --symbols do not go with it")
    # An .env beside it may be made for an agent that trades on this server; the mode in there is not ours.
    settings = load_settings(
        trading_mode="demo", demo_mode=True, demo_seed=seed, trading_symbols=symbols, candles_dir=None if candles is None else str(candles)
    )
    key = _key(settings)
    market, start_ms, cash = _market(settings)
    simulated = SimulatedExchange(
        market,
        ScaledClock(speed, start_ms),
        maker_rate=settings.demo_fee_rate,
        taker_rate=settings.demo_fee_rate,
        seed=settings.demo_seed,
    )
    simulated.open_account(*key, cash)
    try:
        asyncio.run(_serve(simulated, host, port, key))
    finally:
        simulated.close()


def _key(settings: Settings) -> tuple[str, str]:
    if settings.binance_api_key is None or settings.binance_api_secret is None:
        return API_KEY, API_SECRET
    return settings.binance_api_key.get_secret_value(), settings.binance_api_secret.get_secret_value()


def _market(settings: Settings) -> tuple[Market, int, Mapping[str, Decimal]]:
    """The market, the time it starts at, and what the account begins with."""
    if settings.candles_dir is None:
        market = synthetic_market(settings)
        return market, time.time_ns() // 1_000_000, _cash(settings)
    recorded = load_candles(settings.candles_dir)
    return RecordedMarket(recorded), recorded.first_open_ms, _cash(settings_for_candles(settings, recorded))


def _cash(settings: Settings) -> Mapping[str, Decimal]:
    return {settings.accounting_asset: starting_cash(settings)}


async def _serve(simulated: SimulatedExchange, host: str, port: int, key: tuple[str, str]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    server = await serve(simulated, host, port)
    try:
        place = f"{f'[{host}]' if ':' in host else host}:{server.port}"
        click.echo(
            f"The simulated exchange listens on http://{place}; Ctrl-C ends it. Market streams: ws://{place}/stream, WebSocket API: ws://{place}/ws-api/v3"
        )
        # Only the built-in key is shown: it is in the source anyway, and opens nothing else.
        click.echo(f"Key {API_KEY}, secret {API_SECRET}" if key == (API_KEY, API_SECRET) else "Key and secret are those of the settings.")
        await stop.wait()
    finally:
        await server.close()
