"""NoticeLane: what waits to be sent to one address: gathered, spaced, tried again, and bounded."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.notice_facts import NoticesDropped, NoticesSent
from binance_trade_agent.ports.observer import Observer

GATHER_S = 2.0
"""What comes within this time of the first line goes into the same message."""

MOST_LINES = 50
"""Lines that wait, and the most that one message has; when more come the oldest are dropped and counted."""

FIRST_PAUSE_S = 15.0
LONGEST_PAUSE_S = 600.0
"""Pauses after a message that could not be sent; they double."""

Send = Callable[[str], Awaitable[bool]]
"""Sends a text; False when that failed. Takes no longer than some seconds, and raises nothing."""


class NoticeLane:
    """The lane to one address. `name` says which, without anything secret; two messages are `spacing_s` apart at least."""

    def __init__(self, name: str, send: Send, observer: Observer, spacing_s: float) -> None:
        self.name = name
        self._send = send
        self._observer = observer
        self._spacing_s = spacing_s
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._wanted = asyncio.Event()
        self._sending: asyncio.Task[bool] | None = None
        self._log = structlog.get_logger(component="notices", service=name)

    def put(self, line: str) -> None:
        """Let `line` be sent when its turn comes."""
        if len(self._lines) >= MOST_LINES:
            self._lines.popleft()
            self._dropped += 1
            self._observer.observe(NoticesDropped(self.name, 1))
        self._lines.append(line)
        self._wanted.set()

    async def run(self) -> None:
        """Send what comes; ends when it is cancelled."""
        pause_s = FIRST_PAUSE_S
        while True:
            await self._wanted.wait()
            await asyncio.sleep(GATHER_S)
            if await self.send_all():
                pause_s = FIRST_PAUSE_S
                await asyncio.sleep(self._spacing_s)
            else:
                self._log.warning(f"A message could not be sent; it is tried again in {pause_s:.0f} s")
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def send_all(self) -> bool:
        """Send every line that waits as one message; what could not be sent waits on. A message under way comes to its end first."""
        if self._sending is not None and not self._sending.done():
            await asyncio.shield(self._sending)
        self._sending = asyncio.create_task(self._send_once())
        return await asyncio.shield(self._sending)

    async def _send_once(self) -> bool:
        lines, left_out = tuple(self._lines), self._dropped
        if not lines:
            return True
        first = [f"({counted(left_out, 'earlier line')} left out)"] if left_out else []
        was_sent = await self._send("\n".join([*first, *lines]))
        self._observer.observe(NoticesSent(self.name, len(lines), was_sent=was_sent))
        if was_sent:
            # What came meanwhile may have pushed lines out that have now been sent.
            pushed_out = self._dropped - left_out
            self._dropped = max(0, pushed_out - len(lines))
            for _ in range(len(lines) - pushed_out):
                self._lines.popleft()
        if not self._lines:
            self._wanted.clear()
        return was_sent
