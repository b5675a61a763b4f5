"""A run over recorded candles: finished runs are set aside before the next begins, cut-off ones are gone on with."""

import time
from pathlib import Path

import structlog

from binance_trade_agent.settings import Settings
from binance_trade_agent.simulation.history.store import ExchangeStore
from binance_trade_agent.storage.data_lock import data_folder_lock
from binance_trade_agent.wiring.exchange_memory import STORE_FILE
from binance_trade_agent.wiring.venue import Venue

_FINISHED = "finished"


def begin_recorded_run(settings: Settings, *, fresh: bool) -> None:
    """Set the folder of the last run aside when it was finished, or when a fresh start is wanted; never deletes anything."""
    folder = settings.book_path.parent
    if not (folder / STORE_FILE).exists():
        return
    with data_folder_lock(folder):
        if fresh or _is_finished(folder):
            aside = folder.with_name(f"{folder.name}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{time.time_ns() % 1_000_000:06d}")
            folder.rename(aside)
            structlog.get_logger().info("the last run was set aside", folder=str(aside))


def mark_finished(venue: Venue) -> None:
    """Remember that this run has come to its end and was reported."""
    store = ExchangeStore(venue.folder / STORE_FILE)
    try:
        store.meta.set(_FINISHED, "yes")
    finally:
        store.close()


def _is_finished(folder: Path) -> bool:
    store = ExchangeStore(folder / STORE_FILE)
    try:
        return store.meta.get(_FINISHED) is not None
    finally:
        store.close()
