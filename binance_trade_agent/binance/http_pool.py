"""The bounds of a connection pool: how many connections, who gets the next one, and which idle ones are kept.

It knows no sockets. A slot is the right to have one connection in use; the slots in use and the idle connections together never pass
`max_connections`. Slots are handed over directly, first come first served, so nobody is overtaken and a slot is never free while someone
waits for it.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from binance_trade_agent.binance.route import Origin
from binance_trade_agent.domain.errors import NotSentError, PoolTimeoutError
from binance_trade_agent.domain.facts import PoolAcquired, PoolChanged, PoolTimedOut
from binance_trade_agent.ports.observer import NullObserver, Observer

# More callers than this at once are a runaway loop; they are refused instead of queued.
MAX_WAITING: Final = 10_000


class PooledConnection(Protocol):
    """What the pool needs to know of a connection."""

    @property
    def origin(self) -> Origin:
        """Where it leads."""
        ...

    def usable(self) -> bool:
        """Whether another request may be sent on it."""
        ...

    def abort(self) -> None:
        """Close it at once; closing it twice is fine."""
        ...


@dataclass(frozen=True, slots=True)
class PoolBounds:
    """How many connections at once, how many of them idle, and how long an idle one is kept."""

    max_connections: int
    max_keepalive: int
    keepalive_expiry_s: float


C = TypeVar("C", bound=PooledConnection)


class ConnectionPool(Generic[C]):
    """Lends slots and idle connections; belongs to one event loop.

    Who has acquired owes exactly one `keep` or `release`. Every change is reported as PoolChanged, every grant as PoolAcquired, every
    refusal for want of a slot as PoolTimedOut.
    """

    def __init__(self, bounds: PoolBounds, observer: Observer | None = None) -> None:
        self._bounds = bounds
        self._observer = observer or NullObserver()
        self._in_use = 0
        self._reused = 0
        self._idle: dict[C, float] = {}  # when each was laid aside, oldest first
        self._waiting: OrderedDict[asyncio.Future[C | None], Origin] = OrderedDict()
        self._expiry_timer: asyncio.TimerHandle | None = None
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
        return len(self._waiting)

    @property
    def reused(self) -> int:
        """How often an idle or handed-over connection served again."""
        return self._reused

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    async def acquire(self, origin: Origin, timeout_s: float) -> C | None:
        """A slot, with a usable connection to `origin`, or None when the caller has to open one.

        Raises PoolTimeoutError when no slot became free within `timeout_s` or too many wait already, NotSentError when the pool is closed.
        A caller that is cancelled keeps nothing.
        """
        if self._closed:
            raise NotSentError("the connection pool is closed")
        # Nobody is overtaken here: while anyone waits, every slot is lent and no connection is idle.
        connection = self._take_idle(origin)
        if connection is not None or self._make_room():
            self._in_use += 1
            self._granted(connection, 0.0)
            return connection
        return await self._wait(origin, timeout_s)

    def keep(self, connection: C) -> None:
        """Give back the slot together with its connection, for the next caller or for later."""
        if self._closed or not connection.usable():
            connection.abort()
            self.release()
        elif self._waiting:
            self._hand_over(connection)
        else:
            self._in_use -= 1
            self._lay_aside(connection)
            self._changed()

    def release(self) -> None:
        """Give back the slot; its connection, if there was one, is gone."""
        if self._waiting:
            self._hand_over(None)
        else:
            self._in_use -= 1
            self._changed()

    def discard(self, connection: C) -> None:
        """Forget an idle connection that has ended; one that is not idle is left alone."""
        if self._idle.pop(connection, None) is not None:
            self._changed()

    def close(self) -> None:
        """Close the idle connections and refuse all who wait; connections in use are their users' affair."""
        self._closed = True
        if self._expiry_timer is not None:
            self._expiry_timer.cancel()
            self._expiry_timer = None
        for future in self._waiting:
            if not future.done():
                future.set_exception(NotSentError("the connection pool was closed"))
        while self._idle:
            self._idle.popitem()[0].abort()
        self._changed()

    async def _wait(self, origin: Origin, timeout_s: float) -> C | None:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        if len(self._waiting) >= MAX_WAITING:
            self._observer.observe(PoolTimedOut(0.0))
            raise PoolTimeoutError(f"{MAX_WAITING} requests wait for a connection already")
        future: asyncio.Future[C | None] = loop.create_future()
        self._waiting[future] = origin
        timer = loop.call_later(timeout_s, self._time_out, future, timeout_s)
        self._changed()
        try:
            connection = await future
        except BaseException as error:
            self._stop_waiting(future)
            if isinstance(error, PoolTimeoutError):
                self._observer.observe(PoolTimedOut((loop.time() - started_s) * 1000))
            raise
        finally:
            timer.cancel()
        self._granted(connection, (loop.time() - started_s) * 1000)
        return connection

    def _time_out(self, future: "asyncio.Future[C | None]", timeout_s: float) -> None:
        if not future.done():
            future.set_exception(PoolTimeoutError(f"no connection became free within {timeout_s:g} s"))

    def _stop_waiting(self, future: "asyncio.Future[C | None]") -> None:
        """Leave the queue; what was handed over while the caller was being cancelled goes to the next."""
        if self._waiting.pop(future, None) is not None:
            self._changed()
        elif not future.cancelled() and future.exception() is None:
            connection = future.result()
            if connection is None:
                self.release()
            else:
                self.keep(connection)

    def _hand_over(self, connection: C | None) -> None:
        """Pass the slot to the first who still waits; a connection that leads elsewhere is closed in favour of a new one."""
        while self._waiting:
            future, origin = self._waiting.popitem(last=False)
            if future.done():
                continue
            if connection is not None and connection.origin != origin:
                connection.abort()
                connection = None
            future.set_result(connection)
            self._changed()
            return
        if connection is None:
            self.release()
        else:
            self.keep(connection)

    def _take_idle(self, origin: Origin) -> C | None:
        """The freshest idle connection to `origin`: the least likely to have been closed by the server."""
        for connection in list(reversed(self._idle)):
            if connection.origin == origin:
                del self._idle[connection]
                if connection.usable():
                    return connection
                connection.abort()
        return None

    def _make_room(self) -> bool:
        """Whether a new connection may be opened; one that is idle elsewhere has to make way when there are too many."""
        if self._in_use + len(self._idle) < self._bounds.max_connections:
            return True
        if self._idle:
            self._abort_oldest()
            return True
        return False

    def _lay_aside(self, connection: C) -> None:
        if self._bounds.max_keepalive == 0:
            connection.abort()
            return
        if len(self._idle) >= self._bounds.max_keepalive:
            self._abort_oldest()
        loop = asyncio.get_running_loop()
        self._idle[connection] = loop.time()
        if self._expiry_timer is None:
            self._expiry_timer = loop.call_later(self._bounds.keepalive_expiry_s, self._expire)

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

    def _granted(self, connection: C | None, wait_ms: float) -> None:
        reused = connection is not None
        self._reused += reused
        self._observer.observe(PoolAcquired(wait_ms, reused))
        self._changed()

    def _changed(self) -> None:
        self._observer.observe(PoolChanged(self._in_use, len(self._idle), len(self._waiting)))
