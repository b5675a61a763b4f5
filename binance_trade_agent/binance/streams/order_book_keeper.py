"""OrderBookKeeper: local order books that follow depth streams, each started from a snapshot by REST and restarted after every loss.

Source: web-socket-streams.md, "How to manage a local order book correctly".
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Final

from binance_trade_agent.binance.reconnection import Backoff
from binance_trade_agent.binance.streams.events import DepthEvent, MarketEvent
from binance_trade_agent.binance.streams.local_order_book import LocalOrderBook, SnapshotFate
from binance_trade_agent.binance.streams.market_stream import MarketStream
from binance_trade_agent.binance.streams.stream_names import depth_stream
from binance_trade_agent.domain.errors import AgentError, ConfigurationError
from binance_trade_agent.domain.market import OrderBook
from binance_trade_agent.domain.stream_facts import BookLoss, OrderBookLost, OrderBooksKept, OrderBookSynced
from binance_trade_agent.ports.observer import NullObserver, Observer

FetchBook = Callable[[str, int], Awaitable[OrderBook]]

# A snapshot of 1,000 levels weighs 50, one of 5,000 weighs 250 (rest-api.md, "Order book").
DEFAULT_LEVELS: Final = 1_000
MOST_LEVELS: Final = 5_000
# Snapshots asked for at the same time, over all symbols.
MOST_FETCHES: Final = 4
# How long an event is waited for before the snapshot is asked for: without one there is nothing to judge it by.
FIRST_EVENT_S: Final = 5.0


@dataclass(slots=True)
class _Kept:
    """A book and what is going on about it."""

    stream: str
    book: LocalOrderBook
    backoff: Backoff
    event_came: asyncio.Event = field(default_factory=asyncio.Event)
    syncing: asyncio.Task[None] | None = None
    snapshots: int = 0
    began_s: float = 0.0
    synced_s: float | None = None


class OrderBookKeeper:
    """Keeps books of `levels` a side, on depth streams at 100 ms, or 1 s unless `is_fast`.

    It is the listener of the market streams given to `follow_on`; events of other streams are passed over. `fetch(symbol, levels)` asks
    for a snapshot and may raise ExchangeError. A book out of sync shows nothing at all. When a side has lost half of its levels a new
    snapshot is taken, because the exchange tells nothing of levels beyond the last one until they change.
    """

    def __init__(
        self,
        fetch: FetchBook,
        *,
        random: Random,
        observer: Observer | None = None,
        levels: int = DEFAULT_LEVELS,
        is_fast: bool = True,
    ) -> None:
        if not 1 <= levels <= MOST_LEVELS:
            raise ConfigurationError(f"levels is {levels}; allowed is 1 to {MOST_LEVELS}")
        self._fetch = fetch
        self._random = random
        self._observer = observer if observer is not None else NullObserver()
        self._levels = levels
        self._is_fast = is_fast
        self._streams: MarketStream | None = None
        self._kept: dict[str, _Kept] = {}
        self._fetching = asyncio.Semaphore(MOST_FETCHES)

    def follow_on(self, streams: MarketStream) -> None:
        """Use these streams, whose listener this keeper is."""
        self._streams = streams

    def book(self, symbol: str) -> LocalOrderBook | None:
        """The book of `symbol`, to be read and not changed; None when it is not kept. Ask it whether it is in sync."""
        kept = self._kept.get(symbol)
        return kept.book if kept is not None else None

    def is_live(self, symbol: str) -> bool:
        """Whether the book of `symbol` is in sync and its stream still brings what happens."""
        kept = self._kept.get(symbol)
        return kept is not None and kept.book.is_in_sync and self._require_streams().is_live(kept.stream)

    async def keep(self, symbols: Collection[str]) -> None:
        """Begin to keep the books of these; they are in sync some time after this has returned.

        Raises what `subscribe` raises; then, and when it is cancelled, none of them is kept that was not before.
        """
        streams = self._require_streams()
        fresh: dict[str, _Kept] = {}
        for symbol in dict.fromkeys(symbols):
            if symbol not in self._kept:
                book = LocalOrderBook(symbol, most_levels=self._levels)
                fresh[symbol] = _Kept(depth_stream(symbol, is_fast=self._is_fast), book, Backoff(self._random))
        self._kept.update(fresh)
        try:
            await streams.subscribe([kept.stream for kept in fresh.values()])
        except BaseException:
            await self.drop(fresh)
            raise
        for symbol, kept in fresh.items():
            if self._kept.get(symbol) is kept:
                self._sync(symbol, kept)
        self._tell_count()

    async def drop(self, symbols: Collection[str]) -> None:
        """Keep these no more; unknown ones are passed over."""
        streams = self._require_streams()
        dropped = [kept for symbol in symbols if (kept := self._kept.pop(symbol, None)) is not None]
        await streams.unsubscribe([kept.stream for kept in dropped])
        await _end([kept.syncing for kept in dropped])
        self._tell_count()

    async def close(self) -> None:
        """Keep nothing more; no task is left. The streams are not closed."""
        kept, self._kept = list(self._kept.values()), {}
        await _end([each.syncing for each in kept])

    # What the streams call.

    def on_event(self, stream: str, event: MarketEvent) -> None:
        """Apply an event to its book."""
        kept = self._kept.get(event.symbol)
        if kept is None or kept.stream != stream or not isinstance(event, DepthEvent):
            return
        was_in_sync = kept.book.is_in_sync
        loss = kept.book.apply(event)
        kept.event_came.set()
        if loss is None and kept.book.is_in_sync:
            if not was_in_sync:
                self._note_sync(event.symbol, kept)
            if kept.book.known_levels * 2 >= self._levels:
                return
            loss = BookLoss.TOO_FEW_LEVELS
            kept.book.restart()
        if loss is not None:
            self._note_loss(event.symbol, kept, loss)

    def on_gap(self, streams: Collection[str]) -> None:
        """Events may have been missed: the books of these start over."""
        interrupted = frozenset(streams)
        for symbol, kept in self._kept.items():
            if kept.stream in interrupted:
                kept.book.restart()
                self._note_loss(symbol, kept, BookLoss.STREAM_INTERRUPTED)

    def _require_streams(self) -> MarketStream:
        if self._streams is None:
            raise ConfigurationError("no streams were given to follow_on")
        return self._streams

    def _note_loss(self, symbol: str, kept: _Kept, loss: BookLoss) -> None:
        if kept.synced_s is not None:
            kept.backoff.note_lifetime(asyncio.get_running_loop().time() - kept.synced_s)
            kept.synced_s = None
        self._observer.observe(OrderBookLost(symbol, loss))
        self._tell_count()
        self._sync(symbol, kept, pause_s=kept.backoff.next_s())

    def _note_sync(self, symbol: str, kept: _Kept) -> None:
        kept.synced_s = asyncio.get_running_loop().time()
        self._observer.observe(OrderBookSynced(symbol, kept.snapshots, (kept.synced_s - kept.began_s) * 1000))
        self._tell_count()

    def _tell_count(self) -> None:
        in_sync = sum(kept.book.is_in_sync for kept in self._kept.values())
        self._observer.observe(OrderBooksKept(len(self._kept), in_sync))

    def _sync(self, symbol: str, kept: _Kept, pause_s: float = 0.0) -> None:
        """See to it that somebody works on getting the book in sync; one task for each symbol at most."""
        if kept.syncing is None or kept.syncing.done():
            loop = asyncio.get_running_loop()
            kept.snapshots, kept.began_s = 0, loop.time()
            kept.syncing = loop.create_task(self._bring_into_sync(symbol, kept, pause_s))

    async def _bring_into_sync(self, symbol: str, kept: _Kept, pause_s: float) -> None:
        """Ask for snapshots until one joins on, or waits for the event that shows it."""
        await asyncio.sleep(pause_s)
        while kept.book.is_waiting_for_snapshot:
            kept.event_came.clear()
            if not kept.book.has_events:
                # In a quiet market none comes, and the snapshot then waits for the first one.
                with suppress(TimeoutError):
                    await asyncio.wait_for(kept.event_came.wait(), FIRST_EVENT_S)
            if await self._load(symbol, kept) is SnapshotFate.IN_SYNC:
                self._note_sync(symbol, kept)
            elif kept.book.is_waiting_for_snapshot:
                await asyncio.sleep(kept.backoff.next_s())

    async def _load(self, symbol: str, kept: _Kept) -> SnapshotFate | None:
        """What became of one snapshot; None when none came."""
        kept.snapshots += 1
        try:
            async with self._fetching:
                snapshot = await self._fetch(symbol, self._levels)
        except AgentError:
            return None
        return kept.book.load(snapshot, self._levels)


async def _end(tasks: Collection[asyncio.Task[None] | None]) -> None:
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)
