"""Whole transactions on one connection: several pieces of work share one BEGIN and one COMMIT without spoiling each other."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from binance_trade_agent.storage.faults import BatchLostError, note_damage

Work = Callable[[sqlite3.Connection], Any]


@dataclass(frozen=True, slots=True)
class Done:
    """The work was carried out and is committed; `value` is what it returned."""

    value: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """The work raised `error` and left nothing behind."""

    error: Exception


def write_together(connection: sqlite3.Connection, works: Sequence[Work], *, durable: bool) -> list[Done | Failed]:
    """Carry out `works` in order in one transaction and commit what did not raise.

    `durable` waits until the disk has it (synchronous=FULL); otherwise a power cut may lose it, but never tear it.
    Raises sqlite3.Error or BatchLostError when nothing of the batch was written.
    """
    _set_synchronous(connection, durable)
    connection.execute("BEGIN IMMEDIATE")
    try:
        results = [_attempt(connection, work) for work in works]
        connection.execute("COMMIT")
    except BaseException as error:
        _roll_back(connection)
        note_damage(connection, error.__cause__ or error)
        raise
    return results


def read_consistently(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], Any]) -> Any:
    """What `work` returns, every query of it seeing the book at one and the same moment."""
    connection.execute("BEGIN")
    try:
        value = work(connection)
    except BaseException as error:
        _roll_back(connection)
        note_damage(connection, error)
        raise
    _roll_back(connection)
    return value


def _roll_back(connection: sqlite3.Connection) -> None:
    # SQLite ends the transaction by itself after some faults, and a second end would hide what the first was for.
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _attempt(connection: sqlite3.Connection, work: Work) -> Done | Failed:
    connection.execute("SAVEPOINT work")
    try:
        value = work(connection)
    except Exception as error:
        if not connection.in_transaction:
            raise BatchLostError from error
        connection.execute("ROLLBACK TO work")
        connection.execute("RELEASE work")
        note_damage(connection, error)
        return Failed(error)
    connection.execute("RELEASE work")
    return Done(value)


def _set_synchronous(connection: sqlite3.Connection, durable: bool) -> None:
    # 1 is NORMAL, 2 is FULL. SQLite ignores the change inside a transaction, so it is made here and nowhere else.
    wanted = 2 if durable else 1
    if connection.execute("PRAGMA synchronous").fetchone()[0] != wanted:
        connection.execute(f"PRAGMA synchronous = {wanted}")
