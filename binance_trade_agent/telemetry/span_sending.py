"""SpanSending: a thread that sends spans in batches, so that no pass waits for a service of traces, and none ends with it."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import structlog

from binance_trade_agent.telemetry.span import Span

MOST_WAITING = 4_096
MOST_A_BATCH = 512
GATHER_S = 2.0
"""How long spans are gathered before they are sent together."""

CLOSE_WAIT_S = 2.0
_LOOK_S = 0.02


class SpanSending:
    """Takes spans from the event loop and gives them to `export` in its own thread; `export` raises when they could not be sent.

    What cannot be sent is thrown away, and so is what is too much to wait: that is told once when it begins, and once when it is over.
    """

    def __init__(self, export: Callable[[Sequence[Span]], None], address: str, *, gather_s: float = GATHER_S) -> None:
        self._export = export
        self._address = address
        self._gather_s = gather_s
        self._log = structlog.get_logger(component="traces")
        self._waiting: deque[Span] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._lost = 0
        self._is_failing = False
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)

    @property
    def lost(self) -> int:
        """Spans that were thrown away since sending last went well."""
        return self._lost

    def take(self, spans: Sequence[Span]) -> None:
        """Have spans sent; never waits. Called from the event loop alone."""
        room = MOST_WAITING - len(self._waiting)
        self._lost += max(0, len(spans) - room)
        self._waiting.extend(spans[:room])
        if len(self._waiting) >= MOST_A_BATCH:
            self._wake.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sends as long as it is open, and then for CLOSE_WAIT_S at most what is left."""
        self._thread.start()
        try:
            yield
        finally:
            self._stopping = True
            self._wake.set()
            until = time.monotonic() + CLOSE_WAIT_S
            while self._thread.is_alive() and time.monotonic() < until:  # noqa: ASYNC110 - the end of a thread sets no event of the loop
                await asyncio.sleep(_LOOK_S)

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(self._gather_s)
            self._wake.clear()
            self._send_waiting()
        self._send_waiting()

    def _send_waiting(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_A_BATCH))]
            try:
                self._export(batch)
            except Exception as error:  # traces are for looking on: whatever is wrong with them, trading goes on
                self._lost += len(batch)
                self._tell_failure(error)
                if self._stopping:
                    return
            else:
                self._tell_recovery()

    def _tell_failure(self, error: Exception) -> None:
        if not self._is_failing:
            self._is_failing = True
            why = str(error) or type(error).__name__
            self._log.warning(f"Traces cannot be sent to {self._address} ({why}); they are thrown away until it takes them again")

    def _tell_recovery(self) -> None:
        lost, self._lost = self._lost, 0
        if self._is_failing or lost:
            self._is_failing = False
            self._log.info(f"Traces are sent again; {lost} spans were lost", lost=lost)
