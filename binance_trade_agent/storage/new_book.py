"""A new book in the place of one whose exchange has forgotten everything: the old one is kept, and halts go on."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, ModeChange, RiskRule, TradingMode
from binance_trade_agent.storage.backup import connect, restore
from binance_trade_agent.storage.book_state import read_epoch
from binance_trade_agent.storage.faults import book_error
from binance_trade_agent.storage.rows import mode_from_row, mode_to_row
from binance_trade_agent.storage.sqlite_file import open_writer

_OF_THE_OLD_BOOK = frozenset({RiskRule.EXCHANGE_RESET, RiskRule.UNSETTLED_ORDER, RiskRule.UNPROTECTED})
"""These speak of orders and positions that are gone."""


def begin_anew(book: Path) -> Path:
    """Put an empty book in the place of `book`, and return where the old one is kept.

    The old one must say of its account that the exchange was reset, or BookError is raised. The new one begins with a record of that,
    and with every mode that was stricter than ACTIVE by another rule than those about orders and positions. Cut off at any
    point, `book` is the old one or the new one. Raises BookLockedError while a daemon has it.
    """
    try:
        with closing(connect(book, "rw")) as connection:
            connection.row_factory = sqlite3.Row
            epoch = read_epoch(connection)
            changes = [mode_from_row(row) for row in connection.execute("SELECT * FROM mode_changes ORDER BY id")]
    except sqlite3.Error as error:
        raise book_error(error, f"reading {book}") from error
    last = next((change for change in reversed(changes) if change.scope == ACCOUNT_SCOPE), None)
    if last is None or last.rule != RiskRule.EXCHANGE_RESET:
        raise BookError(f"{book} does not say that its exchange was reset, so nothing is put in its place")
    fresh = book.with_name(f"{book.name}.fresh")
    try:
        fresh.unlink(missing_ok=True)
        with closing(open_writer(str(fresh))) as connection:
            told = f"the exchange was reset; the book of epoch {epoch} is kept beside this one"
            begin = ModeChange(last.time_ms, ACCOUNT_SCOPE, TradingMode.ACTIVE, RiskRule.EXCHANGE_RESET, told)
            for change in (begin, *_kept(changes)):
                connection.execute(
                    "INSERT INTO mode_changes (time_ms, scope, mode, rule, reason) VALUES (:time_ms, :scope, :mode, :rule, :reason)",
                    mode_to_row(change),
                )
        kept = restore(fresh, book, aside=f"epoch-{epoch}")
    except sqlite3.Error as error:
        raise book_error(error, f"making {fresh}") from error
    finally:
        for left in fresh.parent.glob(f"{fresh.name}*"):
            left.unlink()
    if kept is None:
        raise BookError(f"{book} has vanished while a new book was made")
    return kept


def _kept(changes: list[ModeChange]) -> Iterator[ModeChange]:
    """The last change of each scope by a rule that holds whatever the exchange forgets, where it is not ACTIVE."""
    standing = {change.scope: change for change in changes if change.rule not in _OF_THE_OLD_BOOK}
    for change in standing.values():
        if change.mode is not TradingMode.ACTIVE:
            yield change
