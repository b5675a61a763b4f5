"""BookFailures: the stop of entries that a failing book could not be asked to remember, and how it becomes a record all the same."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, ModeChange, RiskRule, TradingMode
from binance_trade_agent.storage.failure_note import FailureNote

NOTE_FILE = "book_failed.note"

Record = Callable[[ModeChange], Awaitable[None]]


class BookFailures:
    """Keeps a change of mode until the book takes it: in this process, and by a note beside the book for the next one."""

    def __init__(self, folder: Path | None) -> None:
        """`folder` is the book's; None for a book in memory, which no process outlives."""
        self._note = None if folder is None else FailureNote(folder / NOTE_FILE)
        if self._note is not None:
            self._note.prepare()
        self._unwritten: ModeChange | None = None

    def remember(self, change: ModeChange) -> None:
        """The book failed, and `change` is in force without it."""
        self._unwritten = change
        if self._note is not None:
            self._note.write(change)

    async def journal(self, record: Record) -> None:
        """Write what is not written yet, before anything newer is. Raises BookError while the book fails."""
        if self._unwritten is not None:
            await record(self._unwritten)
            self._forget()

    async def journal_earlier(self, record: Record, standing: ModeChange | None, now_ms: int) -> None:
        """At a start: write what an earlier process could not, and that this start has found the book sound. Raises BookError.

        `standing` is the account's last change in the book; where that stopped entries already, there is nothing to add.
        """
        change = self._note.read() if self._note is not None else None
        if change is None:
            return
        if standing is None or standing.mode is TradingMode.ACTIVE:
            await record(change)
            reason = "the book was opened again and found sound"
            await record(ModeChange(now_ms, ACCOUNT_SCOPE, TradingMode.ACTIVE, RiskRule.BOOK_FAILED, reason))
        self._forget()

    def _forget(self) -> None:
        self._unwritten = None
        if self._note is not None:
            self._note.clear()
