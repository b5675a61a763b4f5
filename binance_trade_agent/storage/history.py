"""What people ask of the book: the newest orders, fills, decisions and equity, each with a limit."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from binance_trade_agent.domain.decision import Verdict
from binance_trade_agent.domain.money import money
from binance_trade_agent.domain.order import Fill, JournaledOrder, OrderEvent, OrderState
from binance_trade_agent.domain.portfolio import EquityPoint
from binance_trade_agent.domain.position import Position
from binance_trade_agent.ports.book import MOST_NEVER_PLACED
from binance_trade_agent.storage.rows import fill_from_row, order_from_row, point_from_row, position_from_row

ROWS_AT_MOST = 10_000
"""The largest limit that these queries serve; more than that is an export."""


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A decision as it was recorded, for people; `refused_by` is the risk rule that stopped it, `outcome` what the exchange made of it."""

    time_ms: int
    symbol: str
    correlation_id: str
    verdict: Verdict
    explanation: str
    price: Decimal | None
    strategy: str | None
    action: str | None
    confidence: float | None
    refused_by: str | None
    client_order_id: str | None
    outcome: str | None
    execution_duration_ms: float


def find_order(connection: sqlite3.Connection, client_order_id: str) -> JournaledOrder | None:
    """The order by id, in whatever state."""
    row = connection.execute("SELECT * FROM orders WHERE client_order_id = ?", (client_order_id,)).fetchone()
    return None if row is None else order_from_row(row)


def never_placed(connection: sqlite3.Connection, since_ms: int) -> tuple[JournaledOrder, ...]:
    """The newest MOST_NEVER_PLACED orders that count as never placed since `since_ms`, oldest first."""
    query = "SELECT * FROM orders WHERE state = ? AND updated_ms >= ? ORDER BY sequence DESC LIMIT ?"
    rows = connection.execute(query, (OrderState.NEVER_PLACED.value, since_ms, MOST_NEVER_PLACED)).fetchall()
    return tuple(order_from_row(row) for row in reversed(rows))


def asked_to_cancel(connection: sqlite3.Connection, open_ids: Sequence[str]) -> tuple[str, ...]:
    """Those of `open_ids` whose cancellation was asked for."""
    query = "SELECT 1 FROM order_events WHERE client_order_id = ? AND event = ? LIMIT 1"
    return tuple(name for name in open_ids if connection.execute(query, (name, OrderEvent.ASK_CANCEL.value)).fetchone())


def unbooked(connection: sqlite3.Connection, fills: Sequence[Fill]) -> tuple[Fill, ...]:
    """Those of `fills`, which are of one symbol, that are not booked."""
    ids = [fill.trade_id for fill in fills]
    query = "SELECT trade_id FROM fills WHERE symbol = ? AND trade_id BETWEEN ? AND ?"
    booked = {row[0] for row in connection.execute(query, (fills[0].symbol, min(ids), max(ids)))}
    return tuple(fill for fill in fills if fill.trade_id not in booked)


def contradicted(connection: sqlite3.Connection, fills: Sequence[Fill]) -> tuple[Fill, ...]:
    """Those of `fills` whose trade ids are booked as other trades; what a trade is, its order, side, price and quantity say."""
    found = []
    for fill in fills:
        row = connection.execute("SELECT * FROM fills WHERE symbol = ? AND trade_id = ?", (fill.symbol, fill.trade_id)).fetchone()
        booked = None if row is None else fill_from_row(row)
        if booked is not None and not is_same_trade(booked, fill):
            found.append(fill)
    return tuple(found)


def is_same_trade(booked: Fill, told: Fill) -> bool:
    """Time and maker flag may differ with the source (order answers carry neither); what was traded may not."""
    return (booked.order_id, booked.side, booked.price, booked.quantity) == (told.order_id, told.side, told.price, told.quantity)


def order_of_trade(connection: sqlite3.Connection, symbol: str, trade_id: int) -> JournaledOrder | None:
    """The order that a booked trade was of, where it is ours."""
    query = "SELECT o.* FROM fills f JOIN orders o ON o.client_order_id = f.client_order_id WHERE f.symbol = ? AND f.trade_id = ?"
    row = connection.execute(query, (symbol, trade_id)).fetchone()
    return None if row is None else order_from_row(row)


def newest_orders(connection: sqlite3.Connection, limit: int) -> tuple[JournaledOrder, ...]:
    """The newest orders, oldest first."""
    rows = connection.execute("SELECT * FROM orders ORDER BY sequence DESC LIMIT ?", (_bounded(limit),))
    return tuple(order_from_row(row) for row in _oldest_first(rows))


def newest_fills(connection: sqlite3.Connection, limit: int) -> tuple[Fill, ...]:
    """The fills booked last, oldest first."""
    rows = connection.execute("SELECT * FROM fills ORDER BY id DESC LIMIT ?", (_bounded(limit),))
    return tuple(fill_from_row(row) for row in _oldest_first(rows))


def all_orders(connection: sqlite3.Connection) -> tuple[JournaledOrder, ...]:
    """Every order, oldest first."""
    return tuple(order_from_row(row) for row in connection.execute("SELECT * FROM orders ORDER BY sequence"))


def all_fills(connection: sqlite3.Connection) -> tuple[Fill, ...]:
    """Every fill, by symbol and trade id."""
    return tuple(fill_from_row(row) for row in connection.execute("SELECT * FROM fills ORDER BY symbol, trade_id"))


def newest_decisions(connection: sqlite3.Connection, limit: int) -> tuple[DecisionRecord, ...]:
    """The newest decisions, oldest first."""
    rows = connection.execute("SELECT * FROM decisions ORDER BY id DESC LIMIT ?", (_bounded(limit),))
    return tuple(decision_from_row(row) for row in _oldest_first(rows))


def newest_points(connection: sqlite3.Connection, limit: int) -> tuple[EquityPoint, ...]:
    """The newest equity points, oldest first."""
    rows = connection.execute("SELECT * FROM equity_points ORDER BY time_ms DESC LIMIT ?", (_bounded(limit),))
    return tuple(point_from_row(row) for row in _oldest_first(rows))


def equity_curve(connection: sqlite3.Connection, since_ms: int, points: int) -> tuple[EquityPoint, ...]:
    """At most `points` points from `since_ms` on, evenly spread over the time that there is, oldest first; the newest is always one.

    Each is looked up by its key, so that it costs the same whatever the book's length. What lies between two points is not looked at.
    """
    # One by one: SQLite looks up a single min or max by the key, and reads everything through for both together.
    first = connection.execute("SELECT min(time_ms) FROM equity_points WHERE time_ms >= ?", (since_ms,)).fetchone()[0]
    last = connection.execute("SELECT max(time_ms) FROM equity_points").fetchone()[0]
    if first is None or points < 1:
        return ()
    steps = max(1, min(points, ROWS_AT_MOST) - 1)
    times = dict.fromkeys(first + (last - first) * step // steps for step in range(steps + 1))
    query = "SELECT * FROM equity_points WHERE time_ms >= ? ORDER BY time_ms LIMIT 1"
    found = [point_from_row(connection.execute(query, (time_ms,)).fetchone()) for time_ms in times]
    return tuple({point.time_ms: point for point in found}.values())[-points:]


def all_positions(connection: sqlite3.Connection) -> tuple[Position, ...]:
    """All positions by symbol; there is one for each symbol that was ever traded."""
    return tuple(position_from_row(row) for row in connection.execute("SELECT * FROM positions ORDER BY symbol"))


def _bounded(limit: int) -> int:
    if limit < 0:
        raise ValueError(f"a limit is not negative: {limit}")
    return min(limit, ROWS_AT_MOST)


def _oldest_first(rows: Iterable[sqlite3.Row]) -> list[sqlite3.Row]:
    return list(rows)[::-1]


def decision_from_row(row: sqlite3.Row) -> DecisionRecord:
    """A row of `decisions`."""
    return DecisionRecord(
        time_ms=row["time_ms"],
        symbol=row["symbol"],
        correlation_id=row["correlation_id"],
        verdict=Verdict(row["verdict"]),
        explanation=row["explanation"],
        price=None if row["price"] is None else money(row["price"]),
        strategy=row["strategy"],
        action=row["action"],
        confidence=row["confidence"],
        refused_by=row["refused_by"],
        client_order_id=row["client_order_id"],
        outcome=row["outcome"],
        execution_duration_ms=row["execution_duration_ms"],
    )
