"""Venue: what a trading mode gives the stations, whatever the mode: a connection, a clock, and the folder of its book."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from binance_trade_agent.binance.connection import Connection
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.settings import Settings
from binance_trade_agent.storage.database import SqlDatabase, open_database

if TYPE_CHECKING:
    from binance_trade_agent.simulation.exchange import SimulatedExchange
    from binance_trade_agent.simulation.markets.candle_files import RecordedCandles
    from binance_trade_agent.simulation.markets.mirror import MirrorMarket


class OpenDatabase(Protocol):
    """How the book's database is opened; see storage/database.py."""

    def __call__(self, path: str, *, inline: bool, clock: Clock, observer: Observer | None) -> AbstractAsyncContextManager[SqlDatabase]:
        """The database in the file `path`, closed when the block ends."""
        ...


@dataclass(frozen=True, slots=True)
class Venue:
    """One place to trade at.

    `settings` are those that hold here (recorded candles bring their own symbols and interval). `folder` holds the book. `stream_url` is
    the server of the market streams, empty where there are none or none are wanted. `speed` is how many market milliseconds pass in a
    real one. `is_virtual`: time jumps, so that no thread may work. `embedded` is the exchange in the box, None when orders go to a
    server; `mirror` is the real market that it shows, which has to be told of symbols; `recorded` are the candles that are played.
    `open_database` is the disk that the book is kept on.
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
    mirror: "MirrorMarket | None" = None
    recorded: "RecordedCandles | None" = None
    open_database: OpenDatabase = open_database


@dataclass(frozen=True, slots=True)
class Embedded:
    """The exchange in the box and the key of the one account that the daemon has there; it is no secret, it opens nothing else."""

    exchange: "SimulatedExchange"
    api_key: str
