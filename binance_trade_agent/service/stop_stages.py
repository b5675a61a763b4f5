"""StopStages: what a stop consists of, in order, and how long each stage may take: the one table that the daemon walks.

The last three are walked by what closes the stations after the daemon. docker-compose.yml waits for all of them, which tests check.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from enum import StrEnum
from typing import Any

from binance_trade_agent.binance.websocket import FAREWELL_S
from binance_trade_agent.settings import Settings
from binance_trade_agent.storage.database import CLOSE_TIMEOUT_S as BOOK_CLOSE_S
from binance_trade_agent.telemetry.notifier import LAST_WORD_S

PARTS_CLOSE_S = 5.0
"""How long cancelled parts may take to end before they are left behind."""

FACE_CLOSE_S = 2.0
"""How long answers of the HTTP face that are under way may take."""


class StopStage(StrEnum):
    """The stages, in the order in which they are walked."""

    FINISH = "the running pass finishes, and no new one begins"
    CANCEL = "a pass that was cancelled comes to its end"
    END_PARTS = "the other parts end: timers, streams, account events"
    DRAIN_ORDERS = "orders in flight are answered and booked"
    LEAVE_ORDERS = "orders that stand on the exchange are left as the settings want them"
    CLOSE_FACE = "answers of the HTTP face that are under way end"
    FAREWELL = "WebSocket connections say farewell"
    CLOSE_BOOK = "the book takes its last writes and is closed"
    LAST_WORDS = "the last messages go out, where NOTIFY_URLS is set"


def stop_bounds(settings: Settings) -> dict[StopStage, float]:
    """How many seconds of the event loop each stage may take at most."""
    return {
        StopStage.FINISH: settings.shutdown_timeout_seconds,
        StopStage.CANCEL: PARTS_CLOSE_S,
        StopStage.END_PARTS: PARTS_CLOSE_S,
        StopStage.DRAIN_ORDERS: settings.order_bound_seconds,
        StopStage.LEAVE_ORDERS: settings.request_timeout_seconds,
        StopStage.CLOSE_FACE: FACE_CLOSE_S,
        StopStage.FAREWELL: FAREWELL_S,
        StopStage.CLOSE_BOOK: BOOK_CLOSE_S,
        StopStage.LAST_WORDS: LAST_WORD_S,
    }


class StopWalk:
    """Walks stages, each within its bound."""

    def __init__(self, bounds: Mapping[StopStage, float], log: Any) -> None:
        self._bounds = bounds
        self._log = log

    async def through(self, stage: StopStage, work: Awaitable[object]) -> None:
        """Return when `work` is done; when its time is over it is cancelled and left behind, and the log says so.

        Not by a timeout around it: work that holds a cancellation back, such as a write to a disk that hangs, would hold up the stop.
        """
        task = asyncio.ensure_future(work)
        bound_s = self._bounds[stage]
        done, _ = await asyncio.wait((task,), timeout=bound_s)
        if done:
            task.result()
            return
        task.cancel()
        task.add_done_callback(lambda late: late.cancelled() or late.exception())
        self._log.error("a stage of the stop took too long and was left behind", stage=stage.name, what=stage.value, bound_s=bound_s)
