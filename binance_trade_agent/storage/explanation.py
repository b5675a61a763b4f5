"""Explanation: all that the book knows of one pass or one order: decisions, orders with their events and fills, modes at the time."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.domain.money import money
from binance_trade_agent.domain.order import Fill, JournaledOrder
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, EntryLock, ModeChange
from binance_trade_agent.storage.faults import book_error
from binance_trade_agent.storage.history import DecisionRecord, decision_from_row
from binance_trade_agent.storage.migrations import MIGRATIONS, refuse_unknown, schema_version
from binance_trade_agent.storage.risk_memory import lock_from_row
from binance_trade_agent.storage.rows import fill_from_row, mode_from_row, order_from_row
from binance_trade_agent.storage.sqlite_file import open_reader

MOST_ROWS = 1_000
"""Rows of one kind that are told of one id; a pass has one decision and at most one order for each symbol."""


@dataclass(frozen=True, slots=True)
class OrderStep:
    """One event in the life of an order: what it was, the states around it, and what the exchange said with it, None where it did not."""

    time_ms: int
    client_order_id: str
    event: str
    from_state: str
    to_state: str
    detail: str
    exchange_status: str | None
    exchange_order_id: int | None
    reported_quantity: Decimal | None


@dataclass(frozen=True, slots=True)
class OrderStory:
    """An order with the money that was reserved for it, its events and its fills, each in the order in which they were booked."""

    order: JournaledOrder
    reserved_quote: Decimal
    steps: tuple[OrderStep, ...]
    fills: tuple[Fill, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What belongs to one id. `modes` are those in force when it began, then the changes until it ended, of the account and its symbols.

    `locks` are the rests of entries that held in that time, of the same.
    """

    decisions: tuple[DecisionRecord, ...]
    orders: tuple[OrderStory, ...]
    modes: tuple[ModeChange, ...]
    locks: tuple[EntryLock, ...] = ()

    @property
    def ids(self) -> frozenset[str]:
        """Correlation ids, client order ids and list ids by which other records, such as log lines, speak of the same."""
        found = {decision.correlation_id for decision in self.decisions}
        for story in self.orders:
            intent = story.order.intent
            found |= {intent.client_order_id, intent.correlation_id, *({intent.list_id} if intent.list_id else ())}
        return frozenset(found)


def explain(path: Path, wanted: str) -> Explanation:
    """What the book at `path` knows of `wanted`: a correlation id, a client order id, or the id of an order list; empty when nothing.

    May be read while a daemon writes. The ids have no index of their own, so the book is read through: 0.1 s for a million decisions.
    Raises BookError for a file that cannot be read, is none of ours, or is of another version than this program's.
    """
    try:
        with closing(open_reader(str(path))) as connection:
            connection.execute("BEGIN")  # all that follows sees one moment of the book
            refuse_unknown(connection, str(path))
            if (version := schema_version(connection)) != MIGRATIONS[-1].version:
                raise BookError(f"{path} has schema version {version}; the next start of the daemon brings it up to date")
            return _explained(connection, wanted)
    except sqlite3.Error as error:
        raise book_error(error, f"reading {path}") from error


def _explained(connection: sqlite3.Connection, wanted: str) -> Explanation:
    query = "SELECT * FROM orders WHERE ? IN (client_order_id, correlation_id, list_id) ORDER BY sequence LIMIT ?"
    rows = connection.execute(query, (wanted, MOST_ROWS)).fetchall()
    orders = tuple(_story(connection, row) for row in rows)
    decisions = _decisions(connection, wanted, {row["client_order_id"]: row["correlation_id"] for row in rows})
    times = [decision.time_ms for decision in decisions]
    for story in orders:
        times += [story.order.intent.created_ms, story.order.updated_ms, *(step.time_ms for step in story.steps)]
    symbols = {decision.symbol for decision in decisions} | {story.order.intent.symbol for story in orders}
    if not times:
        return Explanation(decisions, orders, ())
    scopes, begin_ms, end_ms = {ACCOUNT_SCOPE, *symbols}, min(times), max(times)
    return Explanation(decisions, orders, _modes(connection, scopes, begin_ms, end_ms), _locks(connection, scopes, begin_ms, end_ms))


def _decisions(connection: sqlite3.Connection, wanted: str, orders: dict[str, str]) -> tuple[DecisionRecord, ...]:
    """Those of the pass that is wanted, or those that led to the orders."""
    passes = sorted({wanted, *orders.values()})
    marks = ", ".join("?" * len(passes))
    rows = connection.execute(
        f"SELECT * FROM decisions WHERE correlation_id IN ({marks}) ORDER BY id LIMIT ?",  # noqa: S608 - only question marks are put in
        (*passes, MOST_ROWS),
    ).fetchall()
    return tuple(decision_from_row(row) for row in rows if row["correlation_id"] == wanted or row["client_order_id"] in orders)


def _story(connection: sqlite3.Connection, row: sqlite3.Row) -> OrderStory:
    order = order_from_row(row)
    name = order.intent.client_order_id
    steps = connection.execute("SELECT * FROM order_events WHERE client_order_id = ? ORDER BY id LIMIT ?", (name, MOST_ROWS))
    fills: Iterable[sqlite3.Row] = ()
    if order.order_id is not None:
        query = "SELECT * FROM fills WHERE symbol = ? AND order_id = ? ORDER BY id LIMIT ?"
        fills = connection.execute(query, (order.intent.symbol, order.order_id, MOST_ROWS))
    return OrderStory(order, money(row["reserved_quote"]), tuple(map(_step, steps)), tuple(map(fill_from_row, fills)))


def _step(row: sqlite3.Row) -> OrderStep:
    quantity = row["reported_quantity"]
    return OrderStep(
        time_ms=row["time_ms"],
        client_order_id=row["client_order_id"],
        event=row["event"],
        from_state=row["from_state"],
        to_state=row["to_state"],
        detail=row["detail"],
        exchange_status=row["exchange_status"],
        exchange_order_id=row["exchange_order_id"],
        reported_quantity=None if quantity is None else money(quantity),
    )


def _modes(connection: sqlite3.Connection, scopes: set[str], begin_ms: int, end_ms: int) -> tuple[ModeChange, ...]:
    found: list[sqlite3.Row] = []
    for scope in sorted(scopes):
        before = connection.execute(
            "SELECT * FROM mode_changes WHERE scope = ? AND time_ms <= ? ORDER BY id DESC LIMIT 1", (scope, begin_ms)
        )
        found += before.fetchall()
        query = "SELECT * FROM mode_changes WHERE scope = ? AND time_ms > ? AND time_ms <= ? ORDER BY id LIMIT ?"
        found += connection.execute(query, (scope, begin_ms, end_ms, MOST_ROWS)).fetchall()
    return tuple(mode_from_row(row) for row in sorted(found, key=lambda row: int(row["id"])))


def _locks(connection: sqlite3.Connection, scopes: set[str], begin_ms: int, end_ms: int) -> tuple[EntryLock, ...]:
    marks = ", ".join("?" * len(scopes))
    rows = connection.execute(
        f"SELECT * FROM entry_locks WHERE scope IN ({marks}) AND since_ms <= ? AND until_ms > ? ORDER BY id LIMIT ?",  # noqa: S608 - only question marks are put in
        (*sorted(scopes), end_ms, begin_ms, MOST_ROWS),
    )
    return tuple(lock_from_row(row) for row in rows)
