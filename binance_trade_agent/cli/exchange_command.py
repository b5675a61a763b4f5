"""`exchange`: the simulated exchange as a server of its own, REST and WebSocket, for trying clients against Binance's wire."""

import asyncio
import math
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from binance_trade_agent.cli.served_exchange import ServedExchange, open_exchange
from binance_trade_agent.settings import load_settings
from binance_trade_agent.simulation.control.server import ControlServer
from binance_trade_agent.simulation.faults.weather import drawn_weather
from binance_trade_agent.simulation.rest.http_server import LOOPBACK, serve

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

DEFAULT_PORT = 8090
MOST_SPEED = 10_000.0  # a server cannot run as fast as the machine goes, because its clients run in real time


def _market_options(command: Decorated) -> Decorated:
    """What is traded, and how fast its time passes."""
    options = (
        click.option("--seed", type=int, help="Seed of the synthetic market (DEMO_SEED)."),
        click.option("--symbols", help="Symbols of the synthetic market, comma separated (TRADING_SYMBOLS)."),
        click.option(
            "--candles", type=click.Path(path_type=Path), help="Play the Binance kline files in this folder in place of a synthetic market."
        ),
        click.option(
            "--trades",
            type=click.Path(path_type=Path),
            help="Play the Binance trades or aggTrades files in this folder in place of a synthetic market.",
        ),
        click.option(
            "--speed",
            type=click.FloatRange(0, MOST_SPEED, min_open=True),
            default=1.0,
            show_default=True,
            help="How many times faster than real time the market runs.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.option("--host", default=LOOPBACK, show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=DEFAULT_PORT, show_default=True, help="Port to listen on; 0 takes any free one."
)
@_market_options
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Folder for a memory that survives; without it none does.")
@click.option("--accounts", type=click.Path(dir_okay=False, path_type=Path), help="JSON file of accounts, in place of the one account.")
@click.option("--history", type=click.Path(dir_okay=False, path_type=Path), help="File to write the complete history to at the end.")
@click.option("--weather", type=int, help="Let things go wrong from the start: faults and incidents drawn from this seed.")
@click.option("--control-port", type=click.IntRange(0, 65_535), help="Port on loopback for faults and control; 0 takes any free one.")
def exchange(
    host: str,
    port: int,
    seed: int | None,
    symbols: str | None,
    candles: Path | None,
    trades: Path | None,
    speed: float,
    data: Path | None,
    accounts: Path | None,
    history: Path | None,
    weather: int | None,
    control_port: int | None,
) -> None:
    """Serve a simulated Binance Spot until Ctrl-C.

    REST is at /api/v3, market streams at /stream?streams=btcusdt@kline_1m/... and /ws/btcusdt@trade, the WebSocket API with account events
    at /ws-api/v3, all on one port.

    It has one account, whose key is BINANCE_API_KEY with BINANCE_API_SECRET when both are set (HMAC, or RSA or Ed25519 in PEM without a
    passphrase), else one that is shown. A file of --accounts holds
    [{"key": "...", "secret": "...", "balances": {"USDT": "1000"}}] instead, and what docs/exchange.md names beside. At a speed above 1 the
    exchange's clock runs ahead of its clients' clocks, so that signed requests need a recvWindow to match. What the control address takes
    is in docs/exchange-faults.md.
    """
    if math.isnan(speed):
        raise click.UsageError("--speed is no number")
    _require_one_market(candles, trades, is_made_up=seed is not None or symbols is not None)
    # An .env beside it may be made for an agent that trades on this server; the mode in there is not ours.
    settings = load_settings(
        trading_mode="demo", demo_mode=True, demo_seed=seed, trading_symbols=symbols, candles_dir=None if candles is None else str(candles)
    )
    with open_exchange(settings, speed, trades=trades, data=data, accounts=accounts, history=history) as served:
        if weather is not None:
            served.exchange.let_break(drawn_weather(weather))
        asyncio.run(_serve(served, host, port, control_port))


def _require_one_market(candles: Path | None, trades: Path | None, *, is_made_up: bool) -> None:
    if candles is not None and trades is not None:
        raise click.UsageError("--candles and --trades are two markets: give one of them")
    if (candles or trades) is not None and is_made_up:
        raise click.UsageError("--candles and --trades bring their own market: --seed and --symbols do not go with them")


async def _serve(served: ServedExchange, host: str, port: int, control_port: int | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    server = await serve(served.exchange, host, port)
    control = ControlServer(served.exchange, server.sockets)
    try:
        place = f"{f'[{host}]' if ':' in host else host}:{server.port}"
        click.echo(
            f"The simulated exchange listens on http://{place}; Ctrl-C ends it. Market streams: ws://{place}/stream, WebSocket API: ws://{place}/ws-api/v3"
        )
        click.echo(served.key_notice)
        if control_port is not None:
            await control.open(control_port)
            click.echo(f"Faults and control: http://{LOOPBACK}:{control.port}")
        await stop.wait()
    finally:
        await control.close()
        await server.close()
