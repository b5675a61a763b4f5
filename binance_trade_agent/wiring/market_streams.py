"""Market streams of a venue, opened for the market data agent and closed before everything else."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from random import Random

import structlog

from binance_trade_agent.async_binance_client import AsyncBinanceClient
from binance_trade_agent.async_market_data_agent import AsyncMarketDataAgent
from binance_trade_agent.binance.streams.market_streams import MarketStreams
from binance_trade_agent.domain.errors import AgentError
from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.wiring.venue import Venue

KLINE_PERIOD_S = 2.0
"""How far apart the events of an open candle are, in market time (web-socket-streams.md, "Kline/Candlestick Streams for UTC")."""

LEAST_PATIENCE_S = 0.25
"""Real time that streams are given in any case: where market time runs fast, its seconds are too short for a socket."""


def close_wait_s(venue: Venue) -> float:
    """How long a pass waits, in real time, for candles that are just closing: a little longer than the exchange may take to tell."""
    return max(1.25 * KLINE_PERIOD_S / max(1.0, venue.speed), LEAST_PATIENCE_S)


def max_price_age_ms(venue: Venue) -> int:
    """How old a streamed price may be, in market time."""
    return round(max(venue.settings.max_price_age_seconds, LEAST_PATIENCE_S * venue.speed) * 1000)


@asynccontextmanager
async def open_market_streams(
    venue: Venue, market: AsyncMarketDataAgent, client: AsyncBinanceClient, observer: Observer, symbols: Collection[str]
) -> AsyncIterator[MarketStreams | None]:
    """`symbols` come from the venue's streams while this is open, where it has any (else None).

    Whatever goes wrong with them costs requests by REST and keeps nobody from trading.
    """
    if not venue.stream_url:
        yield None
        return
    streams = MarketStreams(
        venue.stream_url,
        market.listener,
        server_ms=client.server_time_ms,
        random=Random(venue.clock.now_ms()),  # noqa: S311 - spreads reconnections, guards nothing
        observer=observer,
        open_socket=venue.connection.open_socket,
    )
    try:
        await follow_streams(market, streams, symbols)
        yield streams
    finally:
        await streams.close()


async def follow_streams(market: AsyncMarketDataAgent, streams: MarketStreams, symbols: Collection[str]) -> None:
    """Take `symbols`, and no others, from `streams`; what cannot be had there is told in the log."""
    try:
        await market.follow(streams, symbols)
    except AgentError as error:
        structlog.get_logger(component="market streams").warning("some symbols are asked for by REST", error=str(error))
