"""Shard: the streams of one connection, kept live: it connects, connects again, and changes over to a new connection in time.

A connection is replaced before it is cut (after 23 hours and some, or when the server announces its shutdown): the new one is subscribed
and confirmed while the old one still serves, both bring events for a moment, and a Handover for each stream sees to it that none is lost,
doubled or out of order. Every other end is an interruption, and is followed by one `on_gap` when the streams are live again.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from binance_trade_agent.binance.reconnection import Backoff, ConnectBudget
from binance_trade_agent.binance.streams.bounds import StreamBounds
from binance_trade_agent.binance.streams.event_routes import EventRoute
from binance_trade_agent.binance.streams.events import MarketEvent
from binance_trade_agent.binance.streams.handover import Handover
from binance_trade_agent.binance.streams.link import Link, Opener, Tally
from binance_trade_agent.binance.streams.subscription_talk import Refusal
from binance_trade_agent.domain.errors import ExchangeRefusedError, NotSentError
from binance_trade_agent.domain.stream_facts import (
    RotationReason,
    StreamEnd,
    StreamRefused,
    StreamsConnected,
    StreamsInterrupted,
    StreamsRotated,
    StreamsSilent,
)
from binance_trade_agent.ports.observer import Observer


class ShardListener(Protocol):
    """Who is told what is special; must not raise."""

    def on_timed_event(self, event_time_ms: int) -> None:
        """An event with this stamp has just come."""
        ...

    def on_gap(self, streams: Collection[str]) -> None:
        """These are live again, and may have missed events."""
        ...

    def on_death(self, error: BaseException) -> None:
        """A defect has ended what keeps the shard's streams live: once its connection is lost none will follow."""
        ...


@dataclass(frozen=True, slots=True)
class ShardParts:
    """What all shards share."""

    on_event: Callable[[str, MarketEvent], None]
    listener: ShardListener
    opener: Opener
    bounds: StreamBounds
    budget: ConnectBudget
    random: Random
    observer: Observer
    tally: Tally


class Shard:
    """Streams that share a connection. It works from construction until `close`, without a connection while nothing is wanted."""

    def __init__(self, parts: ShardParts) -> None:
        self._parts = parts
        self._bounds = parts.bounds
        self._loop = asyncio.get_running_loop()
        self._backoff = Backoff(parts.random)
        self._wanted: dict[str, None] = {}
        self._some_wanted = asyncio.Event()
        self._waiters: dict[asyncio.Future[None], set[str]] = {}
        self._gap: dict[str, None] = {}
        self._link: Link | None = None
        self._successor: Link | None = None
        self._parting: Link | None = None
        self._handovers: list[Handover] = []
        self._failing = False
        self._was_connected = False
        self._tried_s = self._loop.time()
        self._greeted: Link | None = None
        self._run_task = self._loop.create_task(self._run())
        self._run_task.add_done_callback(self._note_death)

    @property
    def room(self) -> int:
        """How many more streams fit in."""
        return self._bounds.streams_per_connection - len(self._wanted)

    @property
    def wanted(self) -> Collection[str]:
        """The streams that were asked for."""
        return self._wanted

    @property
    def links(self) -> Iterable[Link]:
        """The connections that are up: none, one, or two during a change-over."""
        return [link for link in (self._link, self._successor) if link is not None and link.is_up]

    def is_live(self, stream: str) -> bool:
        """Whether `stream` is confirmed and its listener knows of all that it may have missed."""
        return self._link is not None and stream not in self._gap and self._link.is_live(stream)

    def reserve(self, stream: str) -> None:
        """Take up room for `stream`, which is about to be added."""
        self._wanted[stream] = None

    def add(self, streams: Collection[str]) -> asyncio.Future[None]:
        """Want these; done when all are confirmed, or when connecting has failed and is being tried again.

        Ends in ExchangeRefusedError when the exchange refuses one of them, which is not wanted any more then.
        """
        self._wanted.update(dict.fromkeys(streams))
        self._some_wanted.set()
        for link in (self._link, self._successor):
            if link is not None:
                link.want(streams)
        waiter: asyncio.Future[None] = self._loop.create_future()
        waiter.add_done_callback(lambda done: self._waiters.pop(done, None))
        pending = {name for name in streams if self._link is None or name not in self._link.confirmed}
        if self._failing:
            self._gap.update(dict.fromkeys(pending))
            pending.clear()
        if pending:
            self._waiters[waiter] = pending
        else:
            waiter.set_result(None)
        return waiter

    def drop(self, streams: Collection[str]) -> None:
        """Want these no more; nothing of them is delivered from now on."""
        for name in streams:
            self._wanted.pop(name, None)
            self._gap.pop(name, None)
        for link in (self._link, self._successor):
            if link is not None:
                link.drop(streams)
        self._resolve(streams)
        if not self._wanted:
            self._some_wanted.clear()

    def check(self) -> None:
        """Look for silence; to be called every `check_interval_s`."""
        for link in (self._link, self._successor):
            silent = link.check() if link is not None else []
            if silent and link is self._link:
                self._parts.observer.observe(StreamsSilent(tuple(silent), self._bounds.silent_stream_s))

    async def close(self) -> None:
        """End; neither task nor socket is left."""
        self._run_task.cancel()
        links = [link for link in (self._link, self._successor, self._parting) if link is not None]
        for link in links:
            link.end(StreamEnd.LOST, "the streams were closed")
        await asyncio.wait([self._run_task])
        for link in links:
            await link.wait_closed()
        self._resolve(tuple(self._wanted))

    # What links call.

    def on_timed_event(self, event_time_ms: int) -> None:
        """An event with this stamp has just come."""
        self._parts.listener.on_timed_event(event_time_ms)

    def on_route(self, link: Link, route: EventRoute) -> None:
        """A new connection will bring this stream; while the old one still does, each of its events is looked at."""
        if link is not self._successor or self._link is None:
            return
        old_route = self._link.route_of(route.name)
        if old_route is None:
            return
        if self._link.is_live(route.name):
            self._handovers.append(Handover(old_route, route))
        else:
            self._link.forget(route.name)
            self._gap[route.name] = None

    def on_confirmed(self, link: Link, streams: Collection[str]) -> None:
        """Whoever waits for these on the present connection waits no more."""
        if link is self._link:
            self._resolve(streams)

    def on_refused(self, link: Link, stream: str, refusal: Refusal) -> None:
        """Tell whoever waits for it. A stream that was accepted before stays wanted, and is asked for again from time to time."""
        code, message = refusal
        self._parts.observer.observe(StreamRefused(stream, code, message))
        waiting = [waiter for waiter, names in self._waiters.items() if stream in names and not waiter.done()]
        for waiter in waiting:
            waiter.set_exception(ExchangeRefusedError(code, f"{stream}: {message}", 400))
        if waiting:
            self.drop([stream])

    def on_settled(self, link: Link) -> None:
        """All that is wanted is answered: the streams are live, and what was missed is told."""
        if link is not self._link:
            return
        if self._greeted is not link:
            self._greeted = link
            duration_ms = (self._loop.time() - self._tried_s) * 1000
            self._parts.observer.observe(StreamsConnected(len(link.confirmed), duration_ms, not self._was_connected))
            self._was_connected = True
        self._tell_gaps(link)

    def on_return(self, link: Link, stream: str) -> None:
        """A silent stream speaks again; what it brought meanwhile, if anything, is unknown."""
        if link is self._link:
            self._gap.pop(stream, None)
            self._parts.listener.on_gap((stream,))

    # The life of the connection.

    async def _run(self) -> None:
        while True:
            await self._some_wanted.wait()
            self._tried_s = self._loop.time()
            link = self._link = self._new_link()
            if await self._opened(link):
                self._failing = False
                await self._tend(link)
            await self._recover()

    def _note_death(self, run_task: asyncio.Task[None]) -> None:
        if run_task.cancelled() or (error := run_task.exception()) is None:
            return
        self._let_waiters_go()
        self._parts.listener.on_death(error)

    def _new_link(self) -> Link:
        return Link(self, self._wanted, self._bounds, self._parts.tally, self._parts.on_event)

    async def _opened(self, link: Link) -> bool:
        wait_s = self._parts.budget.take()
        if wait_s > 0 and link is self._link:
            self._let_waiters_go()  # so many attempts have failed that nobody should wait for this one
        await asyncio.sleep(wait_s)
        try:
            await link.open(self._parts.opener)
        except NotSentError as error:
            link.end(StreamEnd.NOT_OPENED, str(error))
            return False
        return True

    async def _recover(self) -> None:
        """After an interruption: say so, and pause."""
        link = self._link
        if link is None:
            return
        end, detail = await link.ended
        self._backoff.note_lifetime(self._loop.time() - link.opened_s)
        pause_s = self._backoff.next_s()
        self._parts.observer.observe(StreamsInterrupted(end, detail, len(self._wanted), pause_s * 1000))
        self._let_waiters_go()
        await link.wait_closed()
        await asyncio.sleep(pause_s)
        if not self._wanted:
            self._failing = False  # the next attempt is for new streams, and they can wait for it

    def _let_waiters_go(self) -> None:
        """There is no connection: nobody waits for one, and all are told later that they may have missed something."""
        self._failing = True
        self._gap.update(self._wanted)
        self._resolve(tuple(self._wanted))

    async def _tend(self, link: Link) -> None:
        """Until the connection, or the one that has replaced it, ends by itself."""
        while True:
            reason = await self._until_due(link)
            if reason is None:
                return
            replaced = await self._rotate(link, reason)
            if replaced is None:
                pause_s = self._backoff.next_s()
                await asyncio.wait([link.ended], timeout=pause_s)
            else:
                link = replaced

    async def _until_due(self, link: Link) -> RotationReason | None:
        """When the connection is to be replaced, and why; None when it has ended before."""
        bounds = self._bounds
        due_s = link.opened_s + bounds.rotate_after_s + self._parts.random.uniform(0, bounds.rotate_jitter_s)
        await self._first(link.shutdown_announced, [link.ended], timeout_s=due_s - self._loop.time())
        if link.ended.done():
            return None
        return RotationReason.SHUTDOWN_ANNOUNCED if link.shutdown_announced.is_set() else RotationReason.AGE

    async def _first(self, event: asyncio.Event, others: list[asyncio.Future[Any]], timeout_s: float | None = None) -> None:
        """Return when the event or one of the others has come, or after `timeout_s`."""
        waiting = self._loop.create_task(event.wait())
        try:
            await asyncio.wait([waiting, *others], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()

    async def _rotate(self, old: Link, reason: RotationReason) -> Link | None:
        """The connection that has replaced `old`; None when it did not come up, and `old` serves on, if it still can."""
        old.talk.is_frozen = True
        began_s = self._loop.time()
        new = self._successor = self._new_link()
        if not await self._opened(new) or not await self._overlapped(old, new):
            await self._abandon(new)
            old.talk.is_frozen = False
            old.talk.poke()
            return None
        gaps = self._change_over(old, new)
        overlap_ms = (self._loop.time() - began_s) * 1000
        self._parts.observer.observe(StreamsRotated(reason, len(new.confirmed), gaps, overlap_ms))
        self._parting = old
        await old.wait_closed()
        self._parting = None
        return new

    async def _overlapped(self, old: Link, new: Link) -> bool:
        """Wait until `new` can take over; whether it still can."""
        await self._first(new.settled, [old.ended, new.ended])
        longest_s = self._loop.time() + self._bounds.longest_overlap_s
        while not (old.ended.done() or new.ended.done()):
            await asyncio.wait([old.ended, new.ended], timeout=self._bounds.overlap_s, return_when=asyncio.FIRST_COMPLETED)
            if _is_continued(old, new) or self._loop.time() >= longest_s:
                break
        return not new.ended.done()

    def _change_over(self, old: Link, new: Link) -> int:
        """From now on `new` is the connection; how many streams may have missed something."""
        missed = {name for name in old.confirmed if name not in new.confirmed}
        held: dict[str, Sequence[MarketEvent]] = {}
        handovers, self._handovers = self._handovers, []
        for handover in handovers:
            name = handover.new.name
            held[name], has_missed = handover.finish(is_certain=_is_continued(old, new))
            if has_missed:
                missed.add(name)
        self._gap.update((name, None) for name in self._wanted if name in missed)
        self._link, self._successor, self._greeted = new, None, new
        old.end(StreamEnd.LOST, "the connection was replaced")
        for name, events in held.items():
            new.deliver(name, events)
        self._resolve(new.confirmed)
        if new.settled.is_set():
            self._tell_gaps(new)
        return len(missed)

    async def _abandon(self, new: Link) -> None:
        handovers, self._handovers = self._handovers, []
        for handover in handovers:
            handover.abandon()
        new.end(StreamEnd.LOST, "the connection was given up")
        await new.wait_closed()
        self._successor = None

    def _tell_gaps(self, link: Link) -> None:
        told = [name for name in self._gap if link.is_live(name)]
        for name in told:
            del self._gap[name]
        if told:
            self._parts.listener.on_gap(told)

    def _resolve(self, streams: Collection[str]) -> None:
        """Nobody waits for these any more."""
        for waiter, names in list(self._waiters.items()):
            names.difference_update(streams)
            if not names and not waiter.done():
                waiter.set_result(None)


def _is_continued(old: Link, new: Link) -> bool:
    """Whether `old` has brought something since `new` was settled, and so all that happened before."""
    return new.settled_s is not None and old.received_s > new.settled_s
