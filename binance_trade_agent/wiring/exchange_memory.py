"""The memory of an exchange in the box: its file in a folder, and the one market that it belongs to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.simulation.history.store import ExchangeStore
from binance_trade_agent.simulation.markets.candle_files import RecordedCandles

STORE_FILE = "exchange.sqlite"


@contextmanager
def opened_memory(folder: Path | None) -> Iterator[ExchangeStore]:
    """The memory in `folder`, or one that is forgotten when it is None."""
    store = ExchangeStore(":memory:" if folder is None else folder / STORE_FILE)
    try:
        yield store
    finally:
        store.close()


def require_same_market(store: ExchangeStore, setting: str, description: str) -> None:
    """A book belongs to one market: going on with another one would value it at prices it was never traded at (ConfigurationError)."""
    known = store.meta.get(setting)
    if known is None:
        store.meta.set(setting, description)
    elif known != description:
        raise ConfigurationError(
            f"{setting} is {description}, but the data folder was made with {known}; set it back or choose another DATA_DIR"
        )


def description_of(recorded: RecordedCandles) -> str:
    """What tells one recording from another."""
    rows = sum(len(candles) for candles in recorded.by_symbol.values())
    return f"{len(recorded.by_symbol)} symbols, {rows} candles from {recorded.first_open_ms} to {recorded.last_close_ms}"
