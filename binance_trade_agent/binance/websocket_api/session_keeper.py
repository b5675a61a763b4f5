"""SessionKeeper: keeps one WebSocket API session alive for good: it connects again, and changes over in time without an interruption.

A successor is opened and prepared while the old session still serves, before the exchange would end it after 24 hours and when the
server announces that it goes away. The old one is kept a little longer, so that what it still has to bring arrives. A session that is
silent, or ends by itself, is an interruption: the watcher is told when it begins and when it is over.

Source: web-socket-api.md, "General API Information" (24 hours, pings every 20 s) and "Connection events".
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

from binance_trade_agent.binance.reconnection import STEADY_S, Backoff
from binance_trade_agent.binance.websocket_api.access import ApiAccess
from binance_trade_agent.binance.websocket_api.messages import AccountMessage
from binance_trade_agent.binance.websocket_api.session import Session
from binance_trade_agent.domain.errors import ExchangeError, NotSentError, RateLimitedError
from binance_trade_agent.domain.facts import ApiSessionChanged, ApiSessionFailed, ApiSessionHeard

ROTATE_AFTER_S = 23 * 3_600.0
ROTATION_SPREAD_S = 1_800.0
"""Sessions that began together are not renewed together."""

STALL_S = 65.0
"""The server pings every 20 s; after three that did not come nothing comes any more."""

CHECK_S = 5.0
OVERLAP_S = 10.0
"""How long an old session is kept beside its successor: answers and events that are under way arrive within it.

It is kept longer until anything has come on it since, a ping at the latest, because that proves that all before it has come, too."""


class SessionWatcher(Protocol):
    """Who is told how the keeping goes. Calls come in the event loop's thread and must not raise."""

    def on_event(self, session: Session, message: AccountMessage) -> None:
        """An event came on the current session, or on the one before or after it during a change-over."""
        ...

    def on_live(self, reason: str) -> None:
        """A session is live after none was, for `reason`; also when the first one is."""
        ...

    def on_loss(self, reason: str) -> None:
        """An old session ended before its time during a change-over, or was dead: what it still had to bring is lost."""
        ...


class SessionKeeper:
    """Runs until cancelled; `current` is the live session, None while there is none. `name` labels metrics."""

    def __init__(self, access: ApiAccess, name: str, prepare: Callable[[Session], Awaitable[None]], watcher: SessionWatcher) -> None:
        """`prepare` makes a connected session ready (logs on, subscribes); it raises ExchangeError when that fails."""
        self._access = access
        self._name = name
        self._prepare = prepare
        self._watcher = watcher
        self._backoff = Backoff(access.random)
        self._loop = asyncio.get_running_loop()
        self._due = asyncio.Event()
        self._retiring: dict[Session, float] = {}  # since when, by the event loop's clock
        self._farewells: set[asyncio.Task[None]] = set()
        self._lost_because = "all before the beginning"
        self._check_timer: asyncio.TimerHandle | None = None
        self.current: Session | None = None

    async def run(self) -> None:
        """Keep a session live; an ExchangeError is met by trying again, so this ends by cancellation alone."""
        try:
            self._check()
            while True:
                fresh = await self._open_patiently()
                old, self.current = self.current, fresh
                self._due.clear()
                if old is None:
                    self._access.observer.observe(ApiSessionChanged(self._name, is_live=True, reason=self._lost_because))
                    self._watcher.on_live(self._lost_because)
                else:
                    self._retire(old)
                await self._until_due(fresh)
                await self._rest_after(fresh)
        finally:
            await self._close_all()

    async def _open_patiently(self) -> Session:
        while True:
            try:
                return await self._opened()
            except RateLimitedError as error:
                failure: ExchangeError = error
                wait_s = max(error.retry_after_s, self._backoff.next_s())
            except ExchangeError as error:
                failure = error
                wait_s = self._backoff.next_s()
            self._access.observer.observe(ApiSessionFailed(self._name, str(failure)))
            await asyncio.sleep(wait_s)

    async def _opened(self) -> Session:
        await asyncio.sleep(self._access.connects.take())
        session = Session(self._access, self)
        try:
            await self._access.ensure_synced()
            await session.open()
            await self._prepare(session)
            if not session.is_open:
                raise NotSentError(f"the session ended while it was prepared: {session.end_reason}")
        except BaseException:
            session.close("it could not be prepared")
            await session.wait_closed()
            raise
        return session

    async def _rest_after(self, session: Session) -> None:
        """A server that ends sessions as soon as they are open is not asked again at once."""
        lifetime_s = self._loop.time() - session.opened_s
        self._backoff.note_lifetime(lifetime_s)
        if lifetime_s < STEADY_S:
            await asyncio.sleep(self._backoff.next_s())

    async def _until_due(self, session: Session) -> None:
        """Return when a successor is due: the session ended, stalled or is old, or the server goes away."""
        if session.is_leaving:
            return
        retire_s = session.opened_s + ROTATE_AFTER_S - self._access.random.uniform(0, ROTATION_SPREAD_S)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(retire_s):
                await self._due.wait()

    def _check(self) -> None:
        """Give up the session in use when it is silent, also while its successor will not come up; then look again in a while."""
        self._check_timer = self._loop.call_later(CHECK_S, self._check)
        session = self.current
        if session is None:
            return
        silence_s = session.silence_s()
        self._access.observer.observe(ApiSessionHeard(self._name, silence_s * 1_000))
        if silence_s > STALL_S:
            session.close(f"nothing came for {silence_s:.0f} s, not even a ping")

    def _retire(self, session: Session) -> None:
        self._retiring[session] = self._loop.time()
        self._loop.call_later(OVERLAP_S, self._dismiss, session)

    def _dismiss(self, session: Session) -> None:
        since_s = self._retiring.get(session)
        if since_s is None:
            return
        silence_s = session.silence_s()
        was_heard = silence_s < self._loop.time() - since_s
        # Each request has its own deadline, and silence has a bound, so this ends.
        if session.outstanding or (not was_heard and silence_s <= STALL_S):
            self._loop.call_later(OVERLAP_S, self._dismiss, session)
            return
        del self._retiring[session]
        session.close("its successor has taken over")
        farewell = self._loop.create_task(session.wait_closed())
        self._farewells.add(farewell)
        farewell.add_done_callback(self._farewells.discard)
        if not was_heard:
            self._watcher.on_loss(f"nothing came for {silence_s:.0f} s, not even a ping")

    async def _close_all(self) -> None:
        if self._check_timer is not None:
            self._check_timer.cancel()
        last, self.current = self.current, None
        left = [*self._retiring, *([last] if last is not None else [])]
        self._retiring.clear()
        for session in left:
            session.close("we are stopping")
        for session in left:
            await session.wait_closed()
        if self._farewells:
            await asyncio.wait(self._farewells)

    # -- what sessions call ---------------------------------------------------------------------------------------------------

    def on_event(self, session: Session, message: AccountMessage) -> None:
        """Hand it on."""
        self._watcher.on_event(session, message)

    def on_shutdown(self, session: Session) -> None:
        """A successor is due, if this is the session in use."""
        if session is self.current:
            self._due.set()

    def on_end(self, session: Session, reason: str) -> None:
        """An interruption, unless the session was still being prepared or had served its time."""
        if session is self.current:
            self.current = None
            self._lost_because = reason
            self._due.set()
            self._access.observer.observe(ApiSessionChanged(self._name, is_live=False, reason=reason))
        elif self._retiring.pop(session, None) is not None:
            self._watcher.on_loss(reason)
