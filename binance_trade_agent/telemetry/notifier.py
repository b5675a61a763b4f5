"""Notifier: the Observer that has messages sent; no pass ever waits for one, and none is worth more than a log line when it fails."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import structlog

from binance_trade_agent.domain.facts import Fact
from binance_trade_agent.domain.notice import Notice, NoticeKind
from binance_trade_agent.ports.observer import Listener
from binance_trade_agent.telemetry.notice_lane import NoticeLane
from binance_trade_agent.telemetry.notices import NoticeWriter

REPEAT_S = 900.0
"""A notice on the same topic is not repeated within this time."""

MOST_TOPICS = 500
LAST_WORD_S = 3.0
"""How long the end of the daemon waits for its last messages."""


class Notifier:
    """Without lanes it tells nobody. `masked` hides secrets in a text; `kinds` are those that are wanted."""

    def __init__(
        self, lanes: Sequence[NoticeLane], writer: NoticeWriter, kinds: frozenset[NoticeKind], masked: Callable[[str], str]
    ) -> None:
        self._lanes = tuple(lanes)
        self._writer = writer
        self._kinds = kinds
        self._masked = masked
        self._told_s: dict[str, float] = {}
        self._log = structlog.get_logger(component="notices")

    def observe(self, fact: Fact) -> None:
        """Put what is worth telling into every lane."""
        if not self._lanes:
            return
        try:
            for notice in self._writer.notices(fact):
                self.tell(notice)
        except Exception as error:  # the Observer port promises never to raise
            self._log.error(f"A fact of kind {type(fact).__name__} could not be told", error_class=type(error).__name__)

    def listener(self, kind: type[Fact]) -> Listener | None:
        """See ChoosyObserver; without lanes there is nobody to tell."""
        return self.observe if self._lanes and self._writer.tells_of(kind) else None

    def tell(self, notice: Notice) -> None:
        """Have the notice sent, unless its kind is not wanted or it repeats itself."""
        if notice.kind not in self._kinds or self._is_repeated(notice):
            return
        for lane in self._lanes:
            lane.put(self._masked(notice.text))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Messages are sent as long as this lasts; at its end what waits is sent once more, within LAST_WORD_S."""
        tasks = [asyncio.create_task(lane.run(), name=f"notices to {lane.name}") for lane in self._lanes]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._lanes:
                await self._say_the_last_word()

    async def _say_the_last_word(self) -> None:
        words = [asyncio.create_task(lane.send_all()) for lane in self._lanes]
        _, late = await asyncio.wait(words, timeout=LAST_WORD_S)
        for word in late:
            word.cancel()

    def _is_repeated(self, notice: Notice) -> bool:
        if not notice.topic:
            return False
        now_s = time.monotonic()
        told_s = self._told_s.get(notice.topic)
        if told_s is not None and now_s - told_s < REPEAT_S:
            return True
        if len(self._told_s) >= MOST_TOPICS:
            self._told_s.clear()
        self._told_s[notice.topic] = now_s
        return False
