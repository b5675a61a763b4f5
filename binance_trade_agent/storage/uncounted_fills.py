"""Uncounted fills: what is booked and risk has not counted, because its process ended between the two writes.

With what risk remembers the book keeps how many fills that has counted. At a start the others are found, and what they realised is reckoned
again from the fills and write-downs of their symbols.
"""

import sqlite3
from collections import deque
from decimal import Decimal

import msgspec

from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.risk import RiskState, UncountedFill
from binance_trade_agent.storage.audit import write_downs_in
from binance_trade_agent.storage.rows import fill_from_row, order_from_row, position_from_row

_KEY = "risk_counted"


class _Kept(msgspec.Struct, frozen=True):
    """`closed` is the number of the newest closing order: where it is another, a version that does not keep this has counted since."""

    booked: int
    closing: tuple[str, ...]
    closed: int


def write_counted(connection: sqlite3.Connection, state: RiskState) -> None:
    """Keep what `state`, whose closing orders are written already, has counted; nothing where it does not say."""
    if state.counted is not None:
        kept = _Kept(state.counted.booked, state.counted.closing, _newest_closed(connection))
        text = msgspec.json.encode(kept).decode("ascii")
        connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (_KEY, text))


def read_uncounted(connection: sqlite3.Connection) -> tuple[UncountedFill, ...]:
    """The sales that the kept state has not counted, in the order in which they were booked; none where nothing is known of it.

    Raises BookError for a note that cannot be read, ValueError or MoneyError where fills, write-downs and positions contradict each other.
    """
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (_KEY,)).fetchone()
    if row is None:
        return ()
    try:
        kept = msgspec.json.decode(row[0], type=_Kept)
    except msgspec.MsgspecError:
        raise BookError(f"the book's note {_KEY} cannot be read") from None
    if kept.closed != _newest_closed(connection):
        return ()
    newer = connection.execute("SELECT * FROM fills WHERE id > ? AND side = 'SELL'", (kept.booked,)).fetchall()
    for order_id in kept.closing:
        newer += connection.execute("SELECT * FROM fills WHERE client_order_id = ? AND side = 'SELL'", (order_id,)).fetchall()
    found = {row["id"]: row for row in newer}
    realized: dict[int, Decimal] = {}
    for symbol in {row["symbol"] for row in newer}:
        realized |= _realized(connection, symbol)
    return tuple(_uncounted(connection, found[number], realized[number]) for number in sorted(found))


def _uncounted(connection: sqlite3.Connection, row: sqlite3.Row, realized: Decimal) -> UncountedFill:
    order = connection.execute("SELECT * FROM orders WHERE client_order_id = ?", (row["client_order_id"],)).fetchone()
    return UncountedFill(fill_from_row(row), realized, None if order is None else order_from_row(order).intent)


def _realized(connection: sqlite3.Connection, symbol: str) -> dict[int, Decimal]:
    """What each fill of `symbol` realised, by its number in the book."""
    kept = connection.execute("SELECT * FROM positions WHERE symbol = ?", (symbol,)).fetchone()
    if kept is None:
        raise ValueError(f"there are fills of {symbol}, but no position")
    held = position_from_row(kept)
    position = Position(symbol, held.base_asset, held.quote_asset)
    write_downs = deque(each for each in write_downs_in(connection) if each.symbol == symbol)
    realized = {}
    for row in connection.execute("SELECT * FROM fills WHERE symbol = ? ORDER BY id", (symbol,)):
        while write_downs and write_downs[0].fills_before < row["id"]:
            each = write_downs.popleft()
            position = position.written_down(each.quantity, each.time_ms)
        after = position.apply(fill_from_row(row))
        realized[row["id"]], position = after.realized - position.realized, after
    return realized


def _newest_closed(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(number), 0) FROM closed_orders").fetchone()[0])
