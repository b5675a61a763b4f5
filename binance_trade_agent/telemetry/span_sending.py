"""SpanSending: a thread that sends spans in batches, so that no pass waits for a service of traces, and none ends with it."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import structlog

from binance_trade_agent.domain.notice_facts import SpansSent
from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.telemetry.span import Span

MOST_WAITING = 4_096
MOST_A_BATCH = 512
REPORT_S = 5.0
GATHER_S = 2.0
"""How long spans are gathered before they are sent together."""

CLOSE_WAIT_S = 2.0
_LOOK_S = 0.02


class SpanSending:
    """Takes spans from the event loop and gives them to `export` in its own thread; `export` raises when they could not be sent.

    What cannot be sent is thrown away, and so is what is too much to wait: that is told once when it begins, and once when it is over.
    `observer` is told every REPORT_S, and at the end, how much was sent and lost.
    """

    def __init__(self, export: Callable[[Sequence[Span]], None], address: str, observer: Observer, *, gather_s: float = GATHER_S) -> None:
        self._export = export
        self._address = address
        self._gather_s = gather_s
        self._log = structlog.get_logger(component="traces")
        self._waiting: deque[Span] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._observer = observer
        # Each is changed by one thread alone: the first by the loop's, the others by ours.
        self._overflowed = 0
        self._sent = self._failed = 0
        self._reported = SpansSent(0, 0)
        self._lost_before = 0
        self._is_failing = False
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)

    @property
    def lost(self) -> int:
        """Spans that were thrown away since sending last went well."""
        return self._overflowed + self._failed - self._lost_before

    def take(self, spans: Sequence[Span]) -> None:
        """Have spans sent; never waits. Called from the event loop alone."""
        room = MOST_WAITING - len(self._waiting)
        self._overflowed += max(0, len(spans) - room)
        self._waiting.extend(spans[:room])
        if len(self._waiting) >= MOST_A_BATCH:
            self._wake.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sends as long as it is open, and then for CLOSE_WAIT_S at most what is left."""
        self._thread.start()
        reporting = asyncio.create_task(self._report_again_and_again(), name="spans sent")
        try:
            yield
        finally:
            reporting.cancel()
            self._stopping = True
            self._wake.set()
            until = time.monotonic() + CLOSE_WAIT_S
            while self._thread.is_alive() and time.monotonic() < until:  # noqa: ASYNC110 - the end of a thread sets no event of the loop
                await asyncio.sleep(_LOOK_S)
            self._overflowed += len(self._waiting)  # nobody sends them any more
            self._report()

    async def _report_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(REPORT_S)
            self._report()

    def _report(self) -> None:
        now, before = SpansSent(self._sent, self._overflowed + self._failed), self._reported
        if now != before:
            self._reported = now
            self._observer.observe(SpansSent(now.sent - before.sent, now.lost - before.lost))

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
                self._failed += len(batch)
                self._tell_failure(error)
                if self._stopping:
                    return
            else:
                self._sent += len(batch)
                self._tell_recovery()

    def _tell_failure(self, error: Exception) -> None:
        if not self._is_failing:
            self._is_failing = True
            why = str(error) or type(error).__name__
            self._log.warning(f"Traces cannot be sent to {self._address} ({why}); they are thrown away until it takes them again")

    def _tell_recovery(self) -> None:
        lost = self.lost
        self._lost_before += lost
        if self._is_failing or lost:
            self._is_failing = False
            self._log.info(f"Traces are sent again; {lost} spans were lost", lost=lost)
