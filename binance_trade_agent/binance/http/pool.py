"""The bounds of a connection pool: how many connections, who gets the next one, and which idle ones are kept.

It knows no sockets. A slot is the right to have one connection in use; the slots in use and the idle connections together never pass
`max_connections`. Some slots are reserved for the lane of orders: market data never has more than the rest of them, and orders take any.
Slots are handed over directly, orders first, and first come first served within a lane, so nobody is overtaken by his own kind and no slot
that somebody waits for, and may have, is ever free.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from binance_trade_agent.binance.route import Origin
from binance_trade_agent.domain.errors import NotSentError, PoolTimeoutError
from binance_trade_agent.domain.facts import PoolAcquired, PoolChanged, PoolTimedOut
from binance_trade_agent.domain.lane import Lane
from binance_trade_agent.ports.observer import NullObserver, Observer, is_heard

# More callers than this at once are a runaway loop; they are refused instead of queued.
MAX_WAITING: Final = 10_000

REPORT_INTERVAL_S: Final = 0.1
"""Counts change twice and more with every request, and are looked at every few seconds: they are reported at most this often."""


class PooledConnection(Protocol):
    """What the pool needs to know of a connection."""

    @property
    def origin(self) -> Origin:
        """Where it leads."""
        ...

    def usable(self) -> bool:
        """Whether it may be kept for another request."""
        ...

    def is_silent(self) -> bool:
        """Whether one that was kept is still open, and nothing has come on it meanwhile."""
        ...

    def abort(self) -> None:
        """Close it at once; closing it twice is fine."""
        ...


@dataclass(frozen=True, slots=True)
class PoolBounds:
    """How many connections at once, how many of them idle, how long an idle one is kept, and how many slots only orders may have."""

    max_connections: int
    max_keepalive: int
    keepalive_expiry_s: float
    order_connections: int = 0


C = TypeVar("C", bound=PooledConnection)


class _Wish(msgspec.Struct, frozen=True, gc=False):
    """Where the connection should lead that somebody waits for, and until when (loop time)."""

    origin: Origin
    due_s: float


class _Queue(Generic[C]):
    """One lane: how many slots it may have, how many it has, and who waits for one."""

    __slots__ = ("in_use", "limit", "waiting")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_use = 0
        self.waiting: OrderedDict[asyncio.Future[C | None], _Wish] = OrderedDict()


class ConnectionPool(Generic[C]):
    """Lends slots and idle connections; belongs to one event loop.

    Who has acquired owes exactly one `keep` or `release` for the same lane. Every grant is reported as PoolAcquired, every refusal for
    want of a slot as PoolTimedOut; what the counts are is reported as PoolChanged within REPORT_INTERVAL_S of a change.
    """

    def __init__(self, bounds: PoolBounds, observer: Observer | None = None) -> None:
        self._bounds = bounds
        self._observer = observer or NullObserver()
        self._is_heard = is_heard(self._observer)
        most = bounds.max_connections
        self._queues: Mapping[Lane, _Queue[C]] = {
            Lane.ORDERS: _Queue(most),
            Lane.MARKET_DATA: _Queue(most - bounds.order_connections),
        }
        self._in_use = 0
        self._reused = 0
        self._idle: dict[C, float] = {}  # when each was laid aside, oldest first
        self._loop: asyncio.AbstractEventLoop | None = None  # once it is known: to ask for it takes a system call
        self._expiry_timer: asyncio.TimerHandle | None = None
        self._waiting_timer: asyncio.TimerHandle | None = None
        self._waiting_timer_due_s = 0.0
        self._report_timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def in_use(self) -> int:
        """Slots that are lent."""
        return self._in_use

    @property
    def idle(self) -> int:
        """Connections kept for later."""
        return len(self._idle)

    @property
    def waiting(self) -> int:
        """Callers that wait for a slot."""
        return sum([len(queue.waiting) for queue in self._queues.values()])

    @property
    def reused(self) -> int:
        """How often an idle or handed-over connection served again."""
        return self._reused

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def has_room(self, lane: Lane) -> bool:
        """Whether `take` may be called. Nobody is overtaken by it: while anyone of the lane waits, there is no room."""
        queue = self._queues[lane]
        return queue.in_use < queue.limit and self._in_use < self._bounds.max_connections

    def take(self, lane: Lane, origin: Origin) -> C | None:
        """A slot of a lane that has room, with an idle connection to `origin`, or None when the caller has to open one.

        Raises NotSentError when the pool is closed.
        """
        if self._closed:
            raise NotSentError("the connection pool is closed")
        connection = self._take_idle(origin)
        if connection is None and self._in_use + len(self._idle) >= self._bounds.max_connections:
            self._abort_oldest()  # it leads elsewhere, and makes way for a new one
        self._queues[lane].in_use += 1
        self._in_use += 1
        self._granted(lane, connection, 0.0)
        return connection

    async def wait(self, lane: Lane, origin: Origin, timeout_s: float) -> C | None:
        """The same for a lane without room, as soon as it is the caller's turn.

        Raises PoolTimeoutError when that does not come within `timeout_s` or too many wait already, NotSentError when the pool is closed.
        A caller that is cancelled keeps nothing.
        """
        if self._closed:
            raise NotSentError("the connection pool is closed")
        loop = self._loop = self._loop or asyncio.get_running_loop()
        started_s = loop.time()
        if self.waiting >= MAX_WAITING:
            self._observer.observe(PoolTimedOut(lane, 0.0))
            raise PoolTimeoutError(f"{MAX_WAITING} requests wait for a connection already")
        future: asyncio.Future[C | None] = loop.create_future()
        due_s = started_s + timeout_s
        self._queues[lane].waiting[future] = _Wish(origin, due_s)
        if self._waiting_timer is None or due_s < self._waiting_timer_due_s:
            self._watch(due_s)
        if self._report_timer is None:
            self._changed()
        try:
            connection = await future
        except BaseException as error:
            self._stop_waiting(lane, future)
            if isinstance(error, PoolTimeoutError):
                self._observer.observe(PoolTimedOut(lane, (loop.time() - started_s) * 1000))
            raise
        if connection is not None and not connection.is_silent():
            connection.abort()
            connection = None
        self._granted(lane, connection, (loop.time() - started_s) * 1000)
        return connection

    def keep(self, lane: Lane, connection: C) -> None:
        """Give back the slot together with its connection, for the next caller or for later."""
        if self._closed or not connection.usable():
            connection.abort()
            self._pass_on(lane, None)
        else:
            self._pass_on(lane, connection)

    def release(self, lane: Lane) -> None:
        """Give back the slot; its connection, if there was one, is gone."""
        self._pass_on(lane, None)

    def discard(self, connection: C) -> None:
        """Forget an idle connection that has ended; one that is not idle is left alone."""
        if self._idle.pop(connection, None) is not None:
            self._changed()

    def close(self) -> None:
        """Close the idle connections and refuse all who wait; connections in use are their users' affair."""
        self._closed = True
        for timer in (self._expiry_timer, self._waiting_timer):
            if timer is not None:
                timer.cancel()
        self._expiry_timer = self._waiting_timer = None
        for queue in self._queues.values():
            for future in queue.waiting:
                if not future.done():
                    future.set_exception(NotSentError("the connection pool was closed"))
        while self._idle:
            self._idle.popitem()[0].abort()
        self.report()

    def report(self) -> None:
        """Report the counts now."""
        if self._report_timer is not None:
            self._report_timer.cancel()
            self._report_timer = None
        for lane, queue in self._queues.items():
            self._observer.observe(PoolChanged(lane, queue.limit, queue.in_use, len(queue.waiting), len(self._idle)))

    def _watch(self, due_s: float) -> None:
        """Have an eye on who waits too long. One timer serves all: it comes when the first of them may be due, and looks at each."""
        if self._waiting_timer is not None:
            self._waiting_timer.cancel()
        self._waiting_timer_due_s = due_s
        self._waiting_timer = asyncio.get_running_loop().call_at(due_s, self._look_at_waiting)

    def _look_at_waiting(self) -> None:
        self._waiting_timer = None
        now_s, next_due_s = asyncio.get_running_loop().time(), math.inf
        for queue in self._queues.values():
            for future, wish in queue.waiting.items():
                if wish.due_s > now_s:
                    next_due_s = min(next_due_s, wish.due_s)
                elif not future.done():
                    future.set_exception(PoolTimeoutError("no connection became free in time"))
        if next_due_s < math.inf:
            self._watch(next_due_s)

    def _stop_waiting(self, lane: Lane, future: "asyncio.Future[C | None]") -> None:
        """Leave the queue; what was handed over while the caller was being cancelled goes to the next."""
        if self._queues[lane].waiting.pop(future, None) is not None:
            self._changed()
        elif not future.cancelled() and future.exception() is None:
            connection = future.result()
            if connection is None:
                self.release(lane)
            else:
                self.keep(lane, connection)

    def _pass_on(self, lane: Lane, connection: C | None) -> None:
        """Take back a slot of `lane` and give it, with its connection, to the first who waits and may have it."""
        self._queues[lane].in_use -= 1
        for queue in self._queues.values():
            while queue.waiting and queue.in_use < queue.limit:
                future, wish = queue.waiting.popitem(last=False)
                if future.done():
                    continue
                if connection is not None and connection.origin != wish.origin:
                    connection.abort()
                    connection = None
                queue.in_use += 1
                future.set_result(connection)
                if self._report_timer is None:
                    self._changed()
                return
        self._in_use -= 1
        if connection is not None:
            self._lay_aside(connection)
        if self._report_timer is None:
            self._changed()

    def _take_idle(self, origin: Origin) -> C | None:
        """The freshest idle connection to `origin`: the least likely to have been closed by the server."""
        while True:
            for connection in reversed(self._idle):
                if connection.origin == origin:
                    break
            else:
                return None
            del self._idle[connection]
            if connection.is_silent():
                return connection
            connection.abort()

    def _lay_aside(self, connection: C) -> None:
        bounds = self._bounds
        if bounds.max_keepalive == 0:
            connection.abort()
            return
        if len(self._idle) >= bounds.max_keepalive:
            self._abort_oldest()
        loop = self._loop = self._loop or asyncio.get_running_loop()
        self._idle[connection] = loop.time()
        if self._expiry_timer is None:
            self._expiry_timer = loop.call_later(bounds.keepalive_expiry_s, self._expire)

    def _abort_oldest(self) -> None:
        connection = next(iter(self._idle))
        del self._idle[connection]
        connection.abort()

    def _expire(self) -> None:
        """Close what has been idle for too long, and come back when the next one will have been."""
        loop = asyncio.get_running_loop()
        self._expiry_timer = None
        expired = 0
        while self._idle:
            due_s = next(iter(self._idle.values())) + self._bounds.keepalive_expiry_s
            if due_s > loop.time():
                self._expiry_timer = loop.call_at(due_s, self._expire)
                break
            self._abort_oldest()
            expired += 1
        if expired:
            self._changed()

    def _granted(self, lane: Lane, connection: C | None, wait_ms: float) -> None:
        reused = connection is not None
        self._reused += reused
        if self._is_heard:
            self._observer.observe(PoolAcquired(lane, wait_ms, reused))
        if self._report_timer is None:
            self._changed()

    def _changed(self) -> None:
        if self._report_timer is None and not self._closed:
            self._report_timer = asyncio.get_running_loop().call_later(REPORT_INTERVAL_S, self.report)
        elif self._closed:
            self.report()
