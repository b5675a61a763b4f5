"""Download of histories from the public files: what a store lacks is fetched, by months where they are whole, by days elsewhere.

Every file goes into the store as soon as it is checked, so a download that was cut off, at whatever moment, goes on where it stood.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from binance_trade_agent.backtest.candles.public_files import PublicFile, PublicFiles
from binance_trade_agent.domain.candle_intervals import DAY_MS, INTERVALS_MS, SECOND_MS
from binance_trade_agent.domain.errors import CandleFileError, CandleStoreError, ExchangeError
from binance_trade_agent.storage.candles.calendar import Span, days_of, missing_spans, months_of
from binance_trade_agent.storage.candles.store import CandleStore, SeriesName

MONTHS_APPEAR_MS = 40 * DAY_MS
"""The file of a month that ended longer ago has appeared, if there is ever to be one."""

FAILURES_IN_A_ROW = 5
"""So many files that the server failed to give, one after the other, and the rest is not asked for."""


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What came of a download: files, their candles, and what went wrong, a text for each file. What has no file the store still lacks."""

    files: int
    candles: int
    faults: tuple[str, ...]


Show = Callable[[int, str], None]
"""Told how many more candles of what was wanted are settled, and the name of the file."""


def wanted_files(store: CandleStore, name: SeriesName, span: Span, now_ms: int) -> Iterator[PublicFile]:
    """The files that have what `store` lacks of `span`, whole days: of months that are over and lack as a whole, else of days.

    There are none of days for candles longer than a day, so of these every month that lacks anything is fetched whole; a month of 1-second
    candles is too long to be read at once. A file that has several of the stretches is named once.
    """
    interval_ms, named_until_ms = INTERVALS_MS[name.interval], 0
    for part in missing_spans(span, store.covered(name)):
        for month in months_of(part):
            within = span if interval_ms > DAY_MS else part
            is_whole = within.start_ms <= month.span.start_ms and month.span.end_ms <= min(within.end_ms, now_ms)
            if is_whole and interval_ms > SECOND_MS:
                if named_until_ms < month.span.end_ms:
                    named_until_ms = month.span.end_ms
                    yield PublicFile(name, month.span, is_monthly=True)
            elif interval_ms <= DAY_MS:
                inside = Span(max(part.start_ms, month.span.start_ms, named_until_ms), min(part.end_ms, month.span.end_ms))
                for day in days_of(inside):
                    named_until_ms = day.end_ms
                    yield PublicFile(name, day, is_monthly=False)


async def download(
    store: CandleStore, source: PublicFiles, files: Iterable[PublicFile], *, now_ms: int, parallel: int, show: Show
) -> Downloaded:
    """Fetch `files` into `store`, `parallel` at a time. What is wrong with one file stops no other.

    Raises ExchangeError when the server does not answer, or fails, for FAILURES_IN_A_ROW files, and CandleStoreError when the store
    cannot be written.
    """
    work = _Work(store, source, deque(files), now_ms, show)
    async with asyncio.TaskGroup() as group:
        for _ in range(parallel):
            group.create_task(work.run())
    if work.gave_up is not None:
        raise work.gave_up
    return Downloaded(work.files, work.candles, tuple(work.faults))


class _Work:
    """Files that wait to be fetched, and what came of the others; shared by workers of one loop."""

    def __init__(self, store: CandleStore, source: PublicFiles, waiting: deque[PublicFile], now_ms: int, show: Show) -> None:
        self._store = store
        self._source = source
        self._waiting = waiting
        self._now_ms = now_ms
        self._show = show
        self._failures = 0
        self.files = self.candles = 0
        self.faults: list[str] = []
        self.gave_up: ExchangeError | CandleStoreError | None = None

    async def run(self) -> None:
        """Fetch what waits until nothing does."""
        while self._waiting and self.gave_up is None:
            file = self._waiting.popleft()
            try:
                await self._take(file)
                self._failures = 0
            except CandleFileError as error:
                self._settle(file, str(error))
            except CandleStoreError as error:
                self.gave_up = error
            except ExchangeError as error:
                self._failures += 1
                self._settle(file, str(error))
                if self._failures == FAILURES_IN_A_ROW:
                    self.gave_up = error

    async def _take(self, file: PublicFile) -> None:
        columns = await self._source.fetch(file)
        if columns is None:
            await self._do_without(file)
            return
        self._store.add(columns, file.span)
        self.files += 1
        self.candles += len(columns)
        self._show(file.most_candles, file.file_name)

    async def _do_without(self, file: PublicFile) -> None:
        """Ask for the days of a month that has no file; of one long past only the last day, for a whole month rarely lacks its file."""
        days = [PublicFile(file.name, day, is_monthly=False) for day in days_of(file.span)]
        if file.is_monthly and INTERVALS_MS[file.name.interval] <= DAY_MS:
            is_old = file.span.end_ms < self._now_ms - MONTHS_APPEAR_MS
            if not is_old or await self._source.fetch(days[-1]) is not None:
                self._waiting.extendleft(reversed(days))
                return
        self._show(file.most_candles, f"no {file.file_name}")

    def _settle(self, file: PublicFile, fault: str) -> None:
        self.faults.append(fault)
        self._show(file.most_candles, file.file_name)
