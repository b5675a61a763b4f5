"""ModeJournal: writes changes of mode in the order in which they came into force, also past a book that failed in between."""

import asyncio
from collections import deque

from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.domain.facts import ModeChanged
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, ModeChange
from binance_trade_agent.portfolio_manager import PortfolioManager
from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.wiring.book_failures import BookFailures


class ModeJournal:
    """The one way by which a change of mode gets into the book; each is reported once it is there."""

    def __init__(self, portfolio: PortfolioManager, failures: BookFailures, observer: Observer) -> None:
        self._portfolio = portfolio
        self._failures = failures
        self._observer = observer
        self._owed: dict[str, ModeChange] = {}
        # Whoever writes what is owed would otherwise write it once more after somebody else has written what came later.
        self._turn = asyncio.Lock()

    async def begin(self, now_ms: int) -> None:
        """At a start, before modes are read from the book: write what an earlier process could not. Raises BookError."""
        await self._failures.journal_earlier(self._write, self._portfolio.modes.get(ACCOUNT_SCOPE), now_ms)

    async def record(self, *changes: ModeChange) -> None:
        """Make changes that are in force durable, in this order; call it at once when they are.

        Raises BookError; then those that are not written are owed.
        """
        left = deque(changes)
        try:
            async with self._turn:
                await self._write_what_is_owed()
                while left:
                    await self._write(left[0])
                    left.popleft()
        except (BookError, asyncio.CancelledError):
            for change in left:
                self.owe(change)
            raise

    def owe(self, change: ModeChange) -> None:
        """Have `change` written again, as what its scope stands at: a write that failed may have left another one in the book."""
        self._owed[change.scope] = change

    async def catch_up(self) -> None:
        """Write that the book had failed, and what is owed since, if it takes it now. Raises BookError."""
        async with self._turn:
            await self._write_what_is_owed()

    async def _write_what_is_owed(self) -> None:
        await self._failures.journal(self._write)
        for change in tuple(self._owed.values()):
            await self._write(change)
            if self._owed.get(change.scope) is change:  # a newer one may be owed meanwhile
                del self._owed[change.scope]

    async def _write(self, change: ModeChange) -> None:
        await self._portfolio.record_mode(change)
        self._observer.observe(ModeChanged(change))
