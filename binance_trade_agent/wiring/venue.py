"""Venue: what a trading mode gives the stations, whatever the mode: a connection, a clock, and the folder of its book."""

from dataclasses import dataclass
from pathlib import Path

from binance_trade_agent.binance.connection import Connection
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.settings import Settings
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.markets.candle_files import RecordedCandles


@dataclass(frozen=True, slots=True)
class Venue:
    """One place to trade at.

    `settings` are those that hold here (recorded candles bring their own symbols and interval). `folder` holds the book. `stream_url` is
    the server of the market streams, empty where there are none or none are wanted. `speed` is how many market milliseconds pass in a
    real one. `is_virtual`: time jumps, so that no thread may work. `embedded` is the exchange in the box, None when orders go to a
    server; `recorded` are the candles that are played.
    """

    name: str
    settings: Settings
    folder: Path
    connection: Connection
    clock: Clock
    stream_url: str = ""
    speed: float = 1.0
    is_virtual: bool = False
    embedded: "Embedded | None" = None
    recorded: RecordedCandles | None = None


@dataclass(frozen=True, slots=True)
class Embedded:
    """The exchange in the box and the key of the one account that the daemon has there; it is no secret, it opens nothing else."""

    exchange: SimulatedExchange
    api_key: str
